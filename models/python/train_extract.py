"""Trains zlm-v1-extract-edge: the named-entity tagger and the lexicons of what is called what.

Three steps, each from what the one before wrote into the cache:

    words.tsv   word, cluster, how often it has a capital (from co-occurrence in Wikipedia and Wikinews)
    kinds.tsv   name, what it is ("python\tprogramming language"), from the first sentences of Wikipedia articles
    model.zlm   models/src/train-extract.ts: tagger on gold tweets and articles, names found by a first tagger

    python3 train_extract.py --data DIR
"""

import argparse
import collections
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import scipy.sparse as sparse
from sklearn.cluster import MiniBatchKMeans
from sklearn.utils.extmath import randomized_svd

import corpora
import extract_kinds
from zlm_words import SMALL, WORD

SEED = 20260
FOLDER = corpora.CACHE / "extract"
PRODUCT = corpora.REPOSITORY / "models/weights/zlm-v1-extract-edge/model.zlm"
TRAIN = corpora.REPOSITORY / "models/src/train-extract.ts"

WIKI_EVERY = 5
VOCABULARY = 50_000
CONTEXTS = 2_000
DIMENSIONS = 80
CLUSTERS = 512
MENTIONS = 2
FEWEST_STATEMENTS = 2
FEWEST_NAMES = 3
SENTENCE_END = re.compile(r"[.!?:\n]\W*$")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--step", choices=["words", "kinds", "model"], action="append")
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    steps = arguments.step or ["words", "kinds", "model"]
    if "words" in steps:
        write_words(arguments.data)
        write_sample(arguments.data)
    if "kinds" in steps:
        write_kinds(arguments.data)
        write_mentions(arguments.data)
    if "model" in steps:
        node = os.environ.get("npm_node_execpath", "node")
        subprocess.run([node, str(TRAIN), arguments.data, str(FOLDER)], check=True)
        PRODUCT.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(FOLDER / "model.zlm", PRODUCT)


def texts(data):
    for _, text in corpora.wiki_articles(data, WIKI_EVERY):
        yield text
    for _, title, text in corpora.wikinews_articles(data):
        yield f"{title}\n{text}"


def write_sample(data):
    """Lines of prose in which the first tagger looks for names."""
    with (FOLDER / "texts.txt").open("w", encoding="utf-8") as file:
        for _, text in corpora.wiki_articles(data, 40):
            file.writelines(f"{line}\n" for line in text.split("\n") if len(line) > 80)
        for number, title, text in corpora.wikinews_articles(data):
            if number % 3 == 0:
                file.writelines(f"{line}\n" for line in text.split("\n") if len(line) > 80)


def write_mentions(data):
    """Sentences of an article that name what it is about, with a capital and not as their first word."""
    with (FOLDER / "mentions.tsv").open("w", encoding="utf-8") as file:
        for title, text in corpora.wiki_articles(data):
            name = re.sub(r" \(.*\)$", "", title)
            if len(name) < 3 or not name[0].isupper():
                continue
            found = 0
            for sentence in re.split(r"(?<=[.!?]) |\n", text[:6000]):
                at = sentence.find(name)
                behind = sentence[at + len(name) : at + len(name) + 1]
                if at > 3 and 40 < len(sentence) < 300 and not behind.isalnum() and behind != "-" and sentence[at - 1] == " ":
                    file.write(f"{name}\t{sentence}\n")
                    found += 1
                    if found == MENTIONS:
                        break


# Words: distributional clusters and capitals


def write_words(data):
    counts, capital, inside = collections.Counter(), collections.Counter(), collections.Counter()
    documents = []
    for text in texts(data):
        words = []
        for match in WORD.finditer(text):
            word = match.group()
            small = number_free(word.translate(SMALL))
            words.append(small)
            before = text[max(0, match.start() - 4) : match.start()]
            if before and not SENTENCE_END.search(before):
                inside[small] += 1
                capital[small] += word[0] != small[0]
        counts.update(words)
        documents.append(words)
    vocabulary = [word for word, count in counts.most_common(VOCABULARY) if count >= 5]
    print(f"{sum(counts.values())} words, {len(vocabulary)} kept", flush=True)
    clusters = cluster(documents, vocabulary)
    with (FOLDER / "words.tsv").open("w", encoding="utf-8") as file:
        for word, number in zip(vocabulary, clusters, strict=True):
            share = (capital[word] + 0.5) / (inside[word] + 1)
            file.write(f"{word}\t{number}\t{share:.3f}\t{counts[word]}\n")


def number_free(word):
    return re.sub("[0-9]", "0", word)


def cluster(documents, vocabulary):
    index = {word: i for i, word in enumerate(vocabulary)}
    rare = len(vocabulary)
    ids = np.fromiter((index.get(w, rare) for words in documents for w in [*words, None]), np.int32)
    blocks = []
    for offset in (-2, -1, 1, 2):
        blocks.append(ppmi(neighbours(ids, offset, rare)))
    matrix = sparse.hstack(blocks).tocsr()
    u, s, _ = randomized_svd(matrix, DIMENSIONS, n_iter=3, random_state=SEED)
    vectors = u * np.sqrt(s)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    means = MiniBatchKMeans(CLUSTERS, random_state=SEED, batch_size=4096, max_iter=60, n_init=1)
    np.save(FOLDER / "vectors.npy", vectors.astype(np.float32))
    return means.fit_predict(vectors)


def neighbours(ids, offset, rare):
    """Counts of word × context word at the offset; contexts are the most frequent words."""
    here = ids[max(0, -offset) : len(ids) - max(0, offset)]
    there = ids[max(0, offset) : len(ids) + min(0, offset)]
    keep = (here < rare) & (there < CONTEXTS)
    ones = np.ones(keep.sum(), np.float32)
    return sparse.coo_matrix((ones, (here[keep], there[keep])), shape=(rare, CONTEXTS)).tocsr()


def ppmi(counts):
    total = counts.sum()
    rows = np.asarray(counts.sum(axis=1)).ravel()
    columns = np.asarray(counts.sum(axis=0)).ravel() ** 0.75
    columns *= total / columns.sum()
    matrix = counts.tocoo()
    values = np.log(matrix.data * total / (rows[matrix.row] * columns[matrix.col]))
    keep = values > 0
    return sparse.coo_matrix((values[keep], (matrix.row[keep], matrix.col[keep])), shape=counts.shape).tocsr()


# Kinds: what a name is


def write_kinds(data):
    found = extract_kinds.collect(corpora.wiki_articles(data))
    totals = collections.Counter()
    for kinds in found.values():
        totals.update(kinds.keys())
    with (FOLDER / "kinds.tsv").open("w", encoding="utf-8") as file:
        for name, kinds in sorted(found.items()):
            for kind, count in kinds.most_common(3):
                if count >= FEWEST_STATEMENTS and totals[kind] >= FEWEST_NAMES:
                    file.write(f"{name}\t{kind}\t{count}\n")


if __name__ == "__main__":
    sys.exit(main())
