"""Trains zlm-v1-pii-edge.

Two steps:

    names.tsv, words.tsv   first names, surnames, places and common words, counted in Wikipedia, Wikinews and SIB-200
    model.zlm              models/src/train-pii.ts: gazetteer and tagger, on generated texts in six languages and on
                           gold English entities

    python3 train_pii.py --data DIR
"""

import argparse
import collections
import os
import re
import subprocess
from pathlib import Path

import corpora
from zlm_words import SMALL, WORD

FOLDER = corpora.CACHE / "pii"
TRAIN = corpora.REPOSITORY / "models/src/train-pii.ts"
LANGUAGES = ["deu_Latn", "fra_Latn", "spa_Latn", "ita_Latn", "por_Latn"]

BORN = re.compile(r"\((?:[^()]{0,120}\b)?(?:born |b\. |\d{1,2} \w+ \d{3,4}|\w+ \d{1,2}, \d{4}|c\. \d{3,4})")
PLACE = re.compile(
    r"\b(?:is|was) (?:a|an|the|one of the)\b[^.]{0,80}?\b(?:city|town|village|commune|municipality|comune|borough|suburb|capital)\b"
)
PERSON_TITLE = re.compile(r"^[^\W\d_][\w.'’-]+(?: [^\W\d_][\w.'’-]*){1,3}$")
PLACE_TITLE = re.compile(r"^[^\W\d_][\w.'’-]+(?: [\w.'’-]+){0,3}$")
SENTENCE_END = re.compile(r"[.!?:\n]\W*$")
PARTICLES = {"of", "the", "de", "von", "van", "di", "da", "la", "le", "ibn", "bin", "al", "II", "III", "IV", "V", "VI", "Jr.", "Sr."}
# Of every 4 Wikipedia files, one is counted for common words.
WORDS_EVERY = 4
FEWEST = 12


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--step", choices=["names", "words", "model"], action="append")
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    steps = arguments.step or ["names", "words", "model"]
    if "names" in steps:
        write_names(arguments.data)
    if "words" in steps:
        write_words(arguments.data)
    if "model" in steps:
        node = os.environ.get("npm_node_execpath", "node")
        subprocess.run([node, str(TRAIN), arguments.data, str(FOLDER)], check=True)


def write_names(data):
    """Lines `kind<TAB>name<TAB>count`: first and last words of articles on people, titles of articles on places."""
    counts = {kind: collections.Counter() for kind in ("first", "surname", "city")}
    for title, text in corpora.wiki_articles(data):
        lead = text[len(title) : len(title) + 400] if text.startswith(title) else text[:400]
        name = re.sub(r" \([^)]*\)$", "", title)
        words = name.split(" ")
        if PERSON_TITLE.match(name) and BORN.search(lead[:260]) and not PARTICLES & {words[0], words[-1]}:
            counts["first"][words[0]] += 1
            counts["surname"][words[-1]] += 1
        elif PLACE_TITLE.match(name.split(",")[0]) and PLACE.search(lead[:260].replace("\n", " ")):
            counts["city"][name.split(",")[0]] += 1
    with (FOLDER / "names.tsv").open("w", encoding="utf-8") as file:
        for kind, names in counts.items():
            for name, count in sorted(names.items()):
                file.write(f"{kind}\t{name}\t{count}\n")
    print({kind: len(names) for kind, names in counts.items()}, flush=True)


def texts(data):
    for _, text in corpora.wiki_articles(data, WORDS_EVERY):
        yield text
    for _, title, text in corpora.wikinews_articles(data):
        yield f"{title}\n{text}"


def write_words(data):
    """Lines `word<TAB>count<TAB>share`: how often a word is there, and how often without a capital."""
    small, capital = collections.Counter(), collections.Counter()
    for text in texts(data):
        count_words(text, small, capital)
    english = {word for word in small if small[word] + capital[word] >= FEWEST}
    others = collections.Counter(), collections.Counter()
    for language in LANGUAGES:
        for text in corpora.sib200_texts(data, language):
            count_words(text, *others)
    with (FOLDER / "words.tsv").open("w", encoding="utf-8") as file:
        for word in sorted(english | {word for word in others[0] if others[0][word] >= 2}):
            low, high = small[word] + 20 * others[0][word], capital[word] + 20 * others[1][word]
            file.write(f"{word}\t{low + high}\t{low / (low + high):.3f}\n")


def count_words(text, small, capital):
    for match in WORD.finditer(text):
        word = match.group()
        low = word.translate(SMALL)
        if low == word:
            small[word] += 1
        elif (before := text[max(0, match.start() - 4) : match.start()]) and not SENTENCE_END.search(before):
            capital[low] += 1


if __name__ == "__main__":
    main()
