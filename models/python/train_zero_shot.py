"""Trains zlm-v1-zeroshot-edge and writes models/weights/zlm-v1-zeroshot-edge/model.zlm.

1. Affect: words and signs with their strengths on the axes of data/zero-shot-affect.tsv (by hand), their valence from
   the VADER and opinion lexicons.
2. Topics: names and typical terms of data/zero-shot-topics.tsv and data/iab-terms.tsv (by hand).

    python3 models/python/train_zero_shot.py --data DIR
"""

import argparse
import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # sums in one order, so that two runs write the same bytes

from collections import defaultdict
from pathlib import Path

import corpora
import numpy as np
import zlm_format

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
IMPLIED = 0.5
UNIT = 127
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


def topic_tensors():
    """Terms stay text: the runtime makes vectors of them, so that they are always those of its text encoder."""
    entries = topics()
    owners = [(name, topic) for topic, (names, _) in enumerate(entries) for name in names]
    return {
        "topics.names": "\n".join(name for name, _ in owners),
        "topics.owners": np.array([topic for _, topic in owners], np.uint16),
        "topics.terms": "\n".join(", ".join(terms) for _, terms in entries),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True, help="folder of the corpora: it holds train/")
    data = parser.parse_args().data
    axes, affect = affect_tensors(data)
    tensors = affect | topic_tensors()
    meta = {"program": "zero-shot", "axes": axes}
    print(zlm_format.write_weights(WEIGHTS, MODEL, VERSION, meta, tensors))


if __name__ == "__main__":
    main()
