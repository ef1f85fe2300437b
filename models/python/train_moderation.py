"""Trains zlm-v1-moderation-edge and writes models/weights/zlm-v1-moderation-edge/model.zlm.

The knowledge is written by hand: words (models/data/moderation-words.tsv), what they say together
(moderation-patterns.tsv, each pattern with its strength) and labelled sentences (moderation-sentences.tsv). Training
moves the strengths as far as the sentences, and sentences of Wikinews and Wikipedia that must not be flagged, ask for,
and no further: a logistic regression per category whose penalty pulls each weight to its hand-written strength.

    python3 models/python/train_moderation.py --data DIR
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

# One thread: the same sums in the same order on every machine. Must be set before numpy loads.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from scipy.optimize import minimize

import corpora
from zlm_format import write_weights

MODEL = "zlm-v1-moderation-edge"
VERSION = "1"
SEED = 20_000
DATA = corpora.REPOSITORY / "models/data"
OUT = corpora.REPOSITORY / "models/weights" / MODEL / "model.zlm"
PREPARE = corpora.REPOSITORY / "models/src/prepare-moderation.ts"
CATEGORIES = {
    "har": "harassment", "hth": "harassment/threatening", "hat": "hate", "htt": "hate/threatening", "ill": "illicit",
    "ilv": "illicit/violent", "shf": "self-harm", "shi": "self-harm/intent", "shx": "self-harm/instructions",
    "sex": "sexual", "min": "sexual/minors", "vio": "violence", "gra": "violence/graphic",
}  # fmt: skip
CODES = list(CATEGORIES)
PARENT = {"hth": "har", "htt": "hat", "ilv": "ill", "shi": "shf", "shx": "shf", "min": "sex", "gra": "vio"}

# A sentence of the first category teaches nothing on whether it is of the others.
OPEN = {"hat": ["har"], "htt": ["har", "hth"], "hth": ["vio", "ilv"], "sex": ["har"], "har": ["hat"], "ilv": ["vio"], "shf": ["shi"]}

# Valence in VADER's word list from which a word speaks ill or well.
ILL, WELL = -1.4, 1.7
NEWS_SENTENCES, WIKI_SENTENCES = 24_000, 12_000
# All corpus sentences together weigh so much, in hand-written sentences.
CORPUS_WEIGHT = 400
PENALTY = 0.35
BIAS, BIAS_RANGE = -5.0, (-6.0, -4.4)
# Harassment and hate have many words for few sentences here, so their scores are too low. Their weights are
# scaled until this share of the corpus sentences would be flagged, but by no more than this.
FALSE_ALARMS = {"har": 0.004, "hat": 0.0015}
LARGEST_SCALE = 2.8
# No weight changes its sign, or moves further than half of itself and this, or than that.
NEAREST, FARTHEST = 0.3, 2.0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", default=OUT, type=Path)
    options = parser.parse_args()
    words = word_lines(options.data)
    patterns, priors = read_patterns()
    tables = {
        "categories": "\n".join(CATEGORIES.values()),
        "words": "\n".join(words),
        "patterns": "\n".join(patterns),
    }
    texts, labels, weights = training_texts(options.data)
    with tempfile.TemporaryDirectory() as folder:
        names, features, rows = features_of(Path(folder), tables, texts)
    say(f"{len(words)} words, {len(patterns)} patterns, {len(names)} features, {len(features)} units")
    prior = np.array([[priors[name].get(code, 0.0) for code in CODES] for name in names])
    trained, bias = train(features, labels[rows], weights[rows], prior)
    tables["weights"] = trained.astype(np.float32)
    tables["bias"] = bias.astype(np.float32)
    meta = {"program": "moderation", "trainer": "models/python/train_moderation.py"}
    digest = write_weights(options.out, MODEL, VERSION, meta, tables)
    say(f"{options.out.stat().st_size} bytes, SHA-256 {digest}")
    report(texts, labels, features, rows, trained, bias)


def word_lines(data):
    """class<TAB>phrase, sorted and without doubles."""
    lines = set()
    for line in read_lines(DATA / "moderation-words.tsv"):
        name, entries = line.split("\t")
        for entry in entries.split("; "):
            lines.update(f"{name}\t{fold(form)}" for form in forms(entry))
    for line in (Path(data) / "train/nltk/vader_lexicon/vader_lexicon.txt").read_text(encoding="utf-8").splitlines():
        word, valence = line.split("\t")[:2]
        if re.fullmatch(r"[a-z']{3,}", word) and not ILL < float(valence) < WELL:
            lines.add(f"{'vneg' if float(valence) < 0 else 'vpos'}\t{word}")
    return sorted(lines)


def read_lines(path):
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


def forms(entry):
    """cat(s) → cat, cats; mak[e,ing] → make, making."""
    found = re.search(r"\(([^)]*)\)|\[([^\]]*)\]", entry)
    if not found:
        return [entry]
    endings = ["", *found[1].split(",")] if found[1] is not None else found[2].split(",")
    return [form for end in endings for form in forms(entry[: found.start()] + end + entry[found.end() :])]


def fold(phrase):
    """As runtimes/src/zlm/moderation/fold.ts, for the letters that hand-written entries have."""
    plain = "".join(c for c in unicodedata.normalize("NFD", phrase.lower()) if not unicodedata.combining(c))
    return " ".join(plain.replace("ß", "ss").replace("-", " ").split())


def read_patterns():
    patterns, priors = [], {}
    for line in read_lines(DATA / "moderation-patterns.tsv"):
        name, strengths, sequence = line.split("\t")
        own = priors.setdefault(name.removeprefix("!"), {})
        for part in strengths.split():
            code, value = part.split(":")
            assert code in CATEGORIES, line
            own[code] = float(value)
        patterns.append(f"{name}\t{sequence}")
    return patterns, priors


def training_texts(data):
    texts, labels, weights = [], [], []
    for line in read_lines(DATA / "moderation-sentences.tsv"):
        codes, text = line.split("\t")
        row = np.zeros(len(CODES))
        for code in codes.split():
            if code == "-":
                continue
            row[CODES.index(code)] = 1
            if code in PARENT:
                row[CODES.index(PARENT[code])] = 1
        texts.append(text)
        labels.append(row)
        weights.append(1.0)
    say(f"{len(texts)} hand-written sentences")
    plain = corpus_sentences(data)
    texts += plain
    labels += [np.zeros(len(CODES))] * len(plain)
    weights += [CORPUS_WEIGHT / len(plain)] * len(plain)
    return texts, np.array(labels), np.array(weights)


def corpus_sentences(data):
    """Pieces of articles of the length of a post. None is to be flagged: an encyclopedia and a news site."""
    chance = random.Random(SEED)
    news = [piece for _, title, text in corpora.wikinews_articles(data) for piece in pieces(f"{title}. {text}")]
    wiki = [piece for _, text in corpora.wiki_articles(data, every=40) for piece in pieces(text)]
    return chance.sample(news, NEWS_SENTENCES) + chance.sample(wiki, min(WIKI_SENTENCES, len(wiki)))


def pieces(text):
    for paragraph in text.split("\n"):
        paragraph = " ".join(paragraph.split())
        if len(paragraph) >= 60:
            yield paragraph[:300]


def features_of(folder, tables, texts):
    provisional = folder / "tables.zlm"
    write_weights(provisional, MODEL, VERSION, {}, tables)
    with (folder / "texts.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for text in texts:
            file.write(json.dumps({"text": text}) + "\n")
    node = os.environ.get("npm_node_execpath", "node")
    subprocess.run([node, str(PREPARE), str(provisional), str(folder / "texts.jsonl"), str(folder)], check=True)
    names = json.loads((folder / "features.json").read_text())
    features = np.fromfile(folder / "features.f32", np.float32).reshape(-1, len(names)).astype(np.float64)
    return names, features, np.fromfile(folder / "texts.i32", np.int32)


def train(features, labels, weights, prior):
    """One regression per category over the features that have a strength there; returns (weights, bias)."""
    trained, bias = np.zeros_like(prior), np.zeros(len(CODES))
    for c in range(len(CODES)):
        used = np.flatnonzero(prior[:, c])
        inputs, start = features[:, used], prior[used, c]
        counts = weights * ~is_open(labels, c)

        def loss(theta, c=c, inputs=inputs, start=start, counts=counts):
            z = inputs @ theta[:-1] + theta[-1]
            wrong = counts * (1 / (1 + np.exp(-z)) - labels[:, c])
            value = np.sum(counts * (np.logaddexp(0, z) - labels[:, c] * z))
            away = theta - np.append(start, BIAS)
            gradient = np.append(inputs.T @ wrong, wrong.sum()) + 2 * PENALTY * away
            return value + PENALTY * away @ away, gradient

        reach = np.minimum(FARTHEST, NEAREST + np.abs(start) / 2)
        low = np.where(start > 0, np.maximum(0, start - reach), start - reach)
        high = np.where(start > 0, start + reach, np.minimum(0, start + reach))
        bounds = [*zip(low, high), BIAS_RANGE]
        result = minimize(loss, np.append(start, BIAS), jac=True, method="L-BFGS-B", bounds=bounds)
        sums = inputs @ result.x[:-1]
        trained[used, c], bias[c] = result.x[:-1] * scale(CODES[c], sums[weights < 1], result.x[-1]), result.x[-1]
    # Coarser than any rounding of sums: so that other builds of numpy give the same file.
    return np.round(trained, 2), np.round(bias, 2)


def is_open(labels, c):
    """Rows that say nothing on category c, because they have one beside which it may stand or not."""
    beside = [CODES.index(code) for code, others in OPEN.items() if CODES[c] in others]
    return (labels[:, c] == 0) & (labels[:, beside] > 0).any(1)


def scale(code, sums, bias):
    """By how much the weights of a category are multiplied. sums: of the corpus sentences, without the bias."""
    if code not in FALSE_ALARMS:
        return 1.0
    highest = np.sort(sums)[int(len(sums) * (1 - FALSE_ALARMS[code]))]
    say(f"{code} could be scaled by {-bias / highest:.2f}")
    return min(max(1.0, -bias / highest), LARGEST_SCALE)


def report(texts, labels, features, rows, weights, bias):
    scores = np.full((len(texts), len(CODES)), -np.inf)
    np.maximum.at(scores, rows, features @ weights + bias)
    found = scores > 0
    for c, code in enumerate(CODES):
        hits = found[:, c] & (labels[:, c] > 0)
        say(f"{code}: {int(labels[:, c].sum())} sentences, {int(hits.sum())} found, {int((found[:, c] & (labels[:, c] == 0)).sum())} falsely")
    flagged, wanted = found.any(1), labels.any(1)
    own = len(read_lines(DATA / "moderation-sentences.tsv"))
    say(f"own: {int(wanted[:own].sum())} to be flagged, {int((wanted & flagged)[:own].sum())} are; {int((flagged & ~wanted)[:own].sum())} falsely")
    say(f"corpus: {int(flagged[own:].sum())} of {len(texts) - own} flagged")
    if os.environ.get("MODERATION_SHOW"):
        for i, text in enumerate(texts):
            wrong = [f"{'+' if found[i, c] else '-'}{code}" for c, code in enumerate(CODES) if found[i, c] != labels[i, c]]
            if wrong:
                say(f"{' '.join(wrong)}\t{text}")


def say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
