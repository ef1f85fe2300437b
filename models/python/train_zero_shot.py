"""Trains zlm-v1-zeroshot-edge and writes models/weights/zlm-v1-zeroshot-edge/model.zlm.

1. Affect: words and signs with their strengths on the axes of data/zero-shot-affect.tsv (by hand), their valence from
   the VADER and opinion lexicons.
2. Topics: names and typical terms of data/zero-shot-topics.tsv and data/iab-terms.tsv (by hand);
   intents of CLINC150 and BANKING77 with some of their sentences.
3. Kinds of documents: names, cues and weights of forms of data/zero-shot-genres.tsv (by hand).
4. Other languages: words of SIB-200's sentences, which are the same sentences in every language.

    python3 models/python/train_zero_shot.py --data DIR
"""

import argparse
import csv
import json
import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # sums in one order, so that two runs write the same bytes

from collections import defaultdict
from pathlib import Path

import corpora
import numpy as np
import zlm_format
from zlm_words import words_of

MODEL = "zlm-v1-zeroshot-edge"
VERSION = "1"
TABLES = corpora.REPOSITORY / "models" / "data"
WEIGHTS = corpora.REPOSITORY / "models" / "weights" / MODEL / "model.zlm"
# Strength of a word by hand, and about the mean rating of VADER's strongest words.
STRONGEST = 3
# The axis of phrases that express nothing, though one of their words alone does.
NONE = "none"
VADER_SHARE = 0.7
OPINION = 0.5
IMPLIED = 0.7
UNIT = 127
ENGLISH = "eng_Latn"
LANGUAGES = ("deu_Latn", "fra_Latn", "spa_Latn", "ita_Latn", "por_Latn", "nld_Latn", "pol_Latn")
# Sentences, of about 700, that have a word which tells the language.
COMMON = 25
# A word of more sentences says nothing of a topic.
MOST_SENTENCES = 60
LONGEST_WORD = 32
# Of an intent.
SENTENCES = 16
SIGNS = dict(
    joy=1, optimism=1, love=1, calm=1, gratitude=1, pride=1, praise=1,
    anger=-1, sadness=-1, fear=-1, disgust=-1, toxicity=-1, complaint=-1, boredom=-1, shame=-1, envy=-1,
)  # fmt: skip


def table(name):
    lines = (TABLES / name).read_text(encoding="utf-8").splitlines()[1:]
    return [line.split("\t") for line in lines]


def listed(cell):
    return [item.strip() for item in cell.split(", ") if item.strip()]


def affect_rows():
    """word -> axis -> strength, 0 to 1; and the axes in their order."""
    rows, axes = defaultdict(dict), []
    for axis, strength, words in table("zero-shot-affect.tsv"):
        if axis not in axes and axis != NONE:
            axes.append(axis)
        for word in listed(words):
            rows[word][axis] = max(rows[word].get(axis, 0), float(strength) / STRONGEST)
    return rows, axes


def vader(data):
    path = Path(data) / "train" / "nltk" / "vader_lexicon" / "vader_lexicon.txt"
    entries = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line)
    return {entry[0].lower(): float(entry[1]) / STRONGEST for entry in entries}


def opinions(data):
    ratings = {}
    for name, sign in (("positive", 1), ("negative", -1)):
        path = Path(data) / "train" / "nltk" / "opinion_lexicon" / f"{name}-words.txt"
        for line in path.read_text(encoding="latin-1").splitlines():
            if line and not line.startswith(";"):
                ratings[line.strip().lower().replace("-", " ")] = sign * OPINION
    return ratings


def valence(word, row, rated, opinion):
    """-1 to 1, or a little beyond; for a word in neither lexicon what its axes imply."""
    if word in rated and word in opinion:
        return VADER_SHARE * rated[word] + (1 - VADER_SHARE) * opinion[word]
    if word in rated or word in opinion:
        return rated.get(word, opinion.get(word))
    if not row or "positive" in row or "negative" in row:
        return 0
    return IMPLIED * sum(SIGNS.get(axis, 0) * strength for axis, strength in row.items()) / len(row)


def affect_tensors(data):
    rows, axes = affect_rows()
    rated, opinion = vader(data), opinions(data)
    words = sorted(set(rows) | set(rated) | set(opinion))
    matrix = np.zeros((len(words), len(axes)))
    for place, word in enumerate(words):
        row = rows[word]
        if NONE in row:
            continue
        polarity = valence(word, row, rated, opinion)
        side = "positive" if polarity > 0 else "negative"
        row[side] = max(row.get(side, 0), abs(polarity))
        for axis, strength in row.items():
            matrix[place, axes.index(axis)] = strength
    levels = np.clip(np.rint(matrix * UNIT), 0, UNIT).astype(np.int8)
    return axes, {"affect.words": "\n".join(words), "affect.rows": levels}


def topics():
    """(names, terms) of every topic."""
    general = [(listed(names), listed(terms)) for names, terms in table("zero-shot-topics.tsv")]
    return general + [([row[2]], listed(row[4])) for row in table("iab-terms.tsv")]


def intents(data):
    """(names, sentences) of every intent of CLINC150 and BANKING77, from their training parts."""
    sentences = defaultdict(list)
    train = Path(data) / "train"
    for text, name in json.loads((train / "clinc150" / "data_full.json").read_text(encoding="utf-8"))["train"]:
        sentences[name].append(text)
    with (train / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            sentences[row["category"]].append(row["text"])
    return [
        ([name.replace("_", " ").strip("?")], [" ".join(text.replace(",", " ").split()) for text in texts[:SENTENCES]])
        for name, texts in sorted(sentences.items())
    ]


def topic_tensors(data):
    """Terms stay text: the runtime makes vectors of them, so that they are always those of its text encoder."""
    entries = topics() + intents(data)
    owners = [(name, topic) for topic, (names, _) in enumerate(entries) for name in names]
    return {
        "topics.names": "\n".join(name for name, _ in owners),
        "topics.owners": np.array([topic for _, topic in owners], np.uint16),
        "topics.terms": "\n".join(", ".join(terms) for _, terms in entries),
    }


# As `FORMS` of runtimes/src/zlm/zero-shot/genre-forms.ts.
FORMS = (
    "amountLines", "amounts", "capitalLines", "clauses", "code", "columns", "contacts", "exclaimed", "firstPerson",
    "indented", "keyValueLines", "measures", "numbers", "pictures", "prose", "questions", "ranges", "rhymes", "stamped",
    "turns", "verse", "yearRanges",
)  # fmt: skip


def genre_tensors():
    """Names of kinds of documents, cues with (genre, weight, whether at the start only), weights of forms."""
    rows = table("zero-shot-genres.tsv")
    genres = list(dict.fromkeys(row[0] for row in rows))
    names, cues, forms = [], {}, np.zeros((len(genres), len(FORMS)), np.int8)
    for genre, kind, weight, items in rows:
        place = genres.index(genre)
        for item in listed(items):
            if kind == "name":
                names.append((item, place))
            elif kind == "form":
                forms[place, FORMS.index(item)] = int(weight)
            else:
                cues.setdefault((item, place), (int(weight), int(kind == "start")))
    return {
        "genres": "\n".join(genres),
        "genres.names": "\n".join(name for name, _ in names),
        "genres.owners": np.array([place for _, place in names], np.uint8),
        "genres.cues": "\n".join(cue for cue, _ in cues),
        "genres.cueRows": np.array([(place, *row) for (_, place), row in cues.items()], np.uint8),
        "genres.forms": forms,
    }


def sib_texts(data, language):
    """index of a sentence -> its text, in the training part; the same index is the same sentence in every language."""
    path = Path(data) / "train" / "sib200" / language / "train.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {int(row["index_id"]): row["text"] for row in rows}


def sentences_of_words(texts, places):
    """word -> places of the sentences that have it"""
    found = defaultdict(set)
    for index, text in texts.items():
        for word in words_of(text) if index in places else []:
            if not word[0].isdigit() and len(word) <= LONGEST_WORD:
                found[word].add(places[index])
    return found


def foreign_tensors(data):
    """Words of other languages with the parallel sentences that have them: what their translations are about."""
    english = sib_texts(data, ENGLISH)
    places = {index: place for place, index in enumerate(sorted(english))}
    own = {word for word, found in sentences_of_words(english, places).items() if len(found) >= COMMON}
    common, found = set(), defaultdict(set)
    for language in LANGUAGES:
        for word, sentences in sentences_of_words(sib_texts(data, language), places).items():
            found[word] |= sentences
            if len(sentences) >= COMMON:
                common.add(word)
    words = sorted(word for word, sentences in found.items() if len(sentences) <= MOST_SENTENCES)
    lists = [sorted(found[word]) for word in words]
    return {
        "pivots": "\n".join(english[index].replace("\n", " ") for index in sorted(english)),
        "foreign.words": "\n".join(words),
        "foreign.counts": np.array([len(sentences) for sentences in lists], np.uint8),
        "foreign.sentences": np.array([place for sentences in lists for place in sentences], np.uint16),
        "foreign.common": "\n".join(sorted(common - own)),
        "english.common": "\n".join(sorted(own - common)),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True, help="folder of the corpora: it holds train/")
    data = parser.parse_args().data
    axes, affect = affect_tensors(data)
    tensors = affect | topic_tensors(data) | genre_tensors() | foreign_tensors(data)
    meta = {"program": "zero-shot", "axes": axes}
    print(zlm_format.write_weights(WEIGHTS, MODEL, VERSION, meta, tensors))


if __name__ == "__main__":
    main()
