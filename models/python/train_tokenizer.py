"""Trains the vocabulary of the `zlm` tokenizer and writes catalogue/src/zlm-vocabulary.generated.ts.

The tokenizer takes the longest piece that matches, left to right. So the pieces are chosen for that: byte pair
encoding proposes more than are wanted, and rounds of segmenting the corpus drop those whose absence costs least.

    python3 models/python/train_tokenizer.py --data DIR
"""

import argparse
import heapq
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

import corpora

SIZE = 32_000
CANDIDATES = 44_000
WHOLE_WORDS = 30_000
LONGEST_PIECE = 16
WIKI_EVERY = 6
SHRINK = 0.9
# The other languages have 120 kB each beside 60 MB of English; at this weight they get about a third of the pieces.
LANGUAGES = {"deu": 60, "fra": 60, "spa": 60, "ita": 60, "por": 60, "nld": 30, "pol": 30}

LETTERS = "A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0370-\u03ff\u0400-\u04ff"
UNIT = re.compile(
    rf"['\u2019](?:s|t|re|ve|m|ll|d)(?![{LETTERS}])| ?[{LETTERS}]+| ?[0-9]{{1,4}}| ?[^\s0-9{LETTERS}]{{1,4}}"
)
# A word at the start of a line, after a bracket or in an identifier has no space before it; the corpus has few.
BARE_SHARE = 0.08

ALPHABET = (
    [chr(c) for c in range(0x20, 0x7F)]
    + list("\n\t\r")
    + [chr(c) for c in range(0xA0, 0x180)]
    + [chr(c) for c in range(0x391, 0x3CA) if c != 0x3A2]
    + [chr(c) for c in range(0x400, 0x460)]
    + list("–—‘’“”„…•€™′″→−×≤≥≈")
)
WHITESPACE = [" " * n for n in (2, 3, 4, 6, 8, 12, 16)] + ["\n" * n for n in (2, 3, 4)] + ["\t" * n for n in (2, 3, 4)]
WHITESPACE += ["\n" + " " * n for n in (2, 4, 6, 8, 12)] + ["\n\t", "\n\t\t", "\r\n", "\r\n\r\n", " \n"]
NUMBERS = [str(n) for n in range(10, 1000)] + [f"{n:02}" for n in range(10)] + [f" {n}" for n in range(100)]
NUMBERS += [f"{pad}{year}" for year in range(1900, 2031) for pad in ("", " ")] + ["00", "000"]
CODE = (
    "abstract and array as assert async await bool boolean break byte case catch char class const continue data def "
    "default del delete do double elif else enum except export extends false False final finally float fn for from "
    "func function get global goto if implements import in include index instanceof int interface is key lambda let "
    "length list long map match mut namespace new nil node none None not null number object of or override package "
    "pass private protected pub public raise range readonly ref register require return Return select self set short "
    "signed sizeof state static str string String struct super switch symbol template test this throw throws true "
    "True try type typedef typeof undefined union unsafe unsigned use using value var virtual void volatile where "
    "while with yield args kwargs init main print printf println console log error Error src html http https href "
    "div span style script json JSON api id name path file line end start text width height color px rgb"
).split()
CODE_MARKS = (
    "() (); () { => -> == === != !== <= >= && || += -= *= /= ++ -- // /* */ /** <!-- --> </ /> :: := ?. ?? ... ... "
    "): ), ); )) ], }, }; }) }); [] {} ([ ]) (\" \") '( ') (' \"> =\" =' \": ', \", \"\" '' ## ### ``` ** __ "
    "https:// http:// www. .com .org .net .html .js .ts .py .json {{ }} << >> ;\n {\n }\n >\n .\n ,\n :\n );\n },\n "
    ".\n\n"
).split(" ")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", default=corpora.REPOSITORY / "catalogue/src/zlm-vocabulary.generated.ts", type=Path)
    options = parser.parse_args()
    words = count_words(options.data)
    say(f"{len(words)} distinct words")
    always = set(ALPHABET + WHITESPACE + NUMBERS) | {m for m in CODE_MARKS if m} | set(CODE) | {f" {w}" for w in CODE}
    candidates = byte_pairs(words, CANDIDATES)
    candidates |= {w for w, _ in most_common(words, WHOLE_WORDS) if len(w) <= LONGEST_PIECE}
    vocabulary = prune(candidates | always, always, words)
    write_module(options.out, sorted(vocabulary, key=utf16))
    say(f"{len(vocabulary)} pieces, {options.out.stat().st_size} bytes")


def count_words(data):
    """Weighted counts of units (a word with the space before it, a number, a run of marks)."""
    counts = Counter()
    for _, text in corpora.wiki_articles(data, WIKI_EVERY):
        counts.update(UNIT.findall(text))
    for _, title, text in corpora.wikinews_articles(data):
        counts.update(UNIT.findall(title))
        counts.update(UNIT.findall(text))
    counts = Counter({w: n for w, n in counts.items() if n >= 3})
    for language, weight in LANGUAGES.items():
        for text in corpora.sib200_texts(data, f"{language}_Latn"):
            for unit in UNIT.findall(text):
                counts[unit] += weight
    for word, n in list(counts.items()):
        if word[0] == " " and len(word) > 2 and int(n * BARE_SHARE):
            counts[word[1:]] += int(n * BARE_SHARE)
    alphabet = set(ALPHABET)
    return {w: n for w, n in counts.items() if alphabet.issuperset(w)}


def byte_pairs(words, size):
    """Pieces that byte pair encoding makes of the words, ties broken by the pair itself."""
    names = sorted(words)
    parts = [list(w) for w in names]
    weights = [words[w] for w in names]
    pairs, where = Counter(), defaultdict(set)
    for i, part in enumerate(parts):
        for pair in zip(part, part[1:]):
            pairs[pair] += weights[i]
            where[pair].add(i)
    heap = [(-n, pair) for pair, n in pairs.items()]
    heapq.heapify(heap)
    pieces = set()
    while heap and len(pieces) < size:
        n, pair = heapq.heappop(heap)
        if pairs.get(pair, 0) != -n or n == 0:
            continue
        merged = pair[0] + pair[1]
        touched = where.pop(pair)
        del pairs[pair]
        if len(merged) > LONGEST_PIECE:
            continue
        pieces.add(merged)
        changed = set()
        for i in touched:
            merge(parts, i, pair, merged, weights[i], pairs, where, changed)
        for other in changed:
            if pairs[other] > 0:
                heapq.heappush(heap, (-pairs[other], other))
    return pieces


def merge(parts, i, pair, merged, weight, pairs, where, changed):
    part = parts[i]
    new = []
    at = 0
    while at < len(part):
        if at + 1 < len(part) and part[at] == pair[0] and part[at + 1] == pair[1]:
            new.append(merged)
            at += 2
        else:
            new.append(part[at])
            at += 1
    for old in zip(part, part[1:]):
        if old != pair:
            pairs[old] -= weight
            changed.add(old)
    for fresh in zip(new, new[1:]):
        pairs[fresh] += weight
        where[fresh].add(i)
        changed.add(fresh)
    parts[i] = new


def prune(vocabulary, always, words):
    """Drops the pieces that save the fewest tokens, a tenth at a time, until SIZE are left."""
    while len(vocabulary) > SIZE:
        uses, total = Counter(), 0
        for word, n in words.items():
            pieces = segment(word, vocabulary)
            total += n * len(pieces)
            for piece in pieces:
                uses[piece] += n
        say(f"{len(vocabulary)} pieces: {total} tokens")
        droppable = [p for p in vocabulary if p not in always]
        saved = {p: uses[p] * (len(segment(p, vocabulary, skip=p)) - 1) for p in droppable}
        droppable.sort(key=lambda p: (saved[p], p))
        keep = max(SIZE, int(len(vocabulary) * SHRINK))
        vocabulary = vocabulary - set(droppable[: len(vocabulary) - keep])
    return vocabulary


def segment(word, vocabulary, skip=None):
    pieces = []
    at = 0
    while at < len(word):
        end = min(len(word), at + LONGEST_PIECE)
        while end > at + 1 and (word[at:end] not in vocabulary or word[at:end] == skip):
            end -= 1
        pieces.append(word[at:end])
        at = end
    return pieces


def most_common(words, n):
    return sorted(words.items(), key=lambda item: (-item[1], item[0]))[:n]


def utf16(text):
    return text.encode("utf-16-be")


def write_module(path, pieces):
    """Front-coded: each line is the length shared with the line before (one base-36 digit) and the rest."""
    lines, previous = [], ""
    for piece in pieces:
        shared = 0
        while shared < min(len(piece), len(previous)) and piece[shared] == previous[shared]:
            shared += 1
        rest = piece[shared:].translate({0x20: "␣", 0x0A: "␊", 0x09: "␉", 0x0D: "␍", 0x60: "␀", 0xA0: "␢"})
        lines.append("0123456789abcdefghijklmnopqrstuvwxyz"[shared] + rest)
        previous = piece
    body = "\n".join(lines)
    assert "${" not in body and "`" not in body and not body.endswith("\\")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "// Written by models/python/train_tokenizer.py; tokenizer.ts reads it.\n"
        f"export const VOCABULARY: string = String.raw`{body}`;\n",
        encoding="utf-8",
        newline="\n",
    )


def say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
