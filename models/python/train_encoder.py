"""Trains zlm-v1-embed-edge and writes models/weights/zlm-v1-embed-edge/model.zlm.

1. words and pairs of neighbours get vectors from the paragraphs of Wikipedia and Wikinews (tf-idf, truncated SVD);
2. they are trained so that two parts of one article meet and parts of different articles do not: title and heading
   with paragraph, two spans of one paragraph, neighbouring paragraphs, a few words with the rest of their paragraph;
3. the dimensions are turned so that the leading ones say most;
4. buckets of runs of characters learn to stand in for words that are not known.

    python3 models/python/train_encoder.py --data DIR
"""

import argparse
import json
import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # sums in one order, so that two runs write the same bytes

import time
from dataclasses import dataclass

import encoder
import encoder_corpus
import numpy as np
import scipy.sparse as sp

DIM = 256
WORDS = 45_000
PAIRS = 7_000
BUCKETS = 8_192
SVD_PARAGRAPHS = 150_000
POWER_ROUNDS = 3
STEPS = 1500
BATCH = 2048
TEMPERATURE = 0.06
RATE = 0.012
NEWS_WEIGHT = 4
SEED = 1
VERSION = "1"


def log(message):
    print(f"{time.process_time():7.1f} s  {message}", flush=True)


class Positions:
    """For each place of the corpus: the feature of its word, and of the pair that begins there; -1 for none."""

    def __init__(self, corpus, features):
        word = np.array([features.find(word) for word in corpus.words], np.int32)
        self.word = word[corpus.flat]
        size = len(features.words)
        keys = np.array([a * size + b for a, b in features.pairs], np.int64)
        order = np.argsort(keys)
        wanted = self.word[:-1].astype(np.int64) * size + self.word[1:]
        wanted[(self.word[:-1] < 0) | (self.word[1:] < 0)] = -1
        at = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
        found = np.where(keys[order][at] == wanted, order[at] + size, -1)
        self.pair = np.append(found, -1).astype(np.int32)

    def spans(self, rows, starts, lengths):
        """(rows, features) of spans, each of which belongs to a row."""
        inside, row = _expand(starts, lengths), np.repeat(rows, lengths)
        pair_inside, pair_row = _expand(starts, np.maximum(lengths - 1, 0)), np.repeat(rows, np.maximum(lengths - 1, 0))
        row = np.concatenate([row, pair_row])
        feature = np.concatenate([self.word[inside], self.pair[pair_inside]])
        return row[feature >= 0], feature[feature >= 0]


def _expand(starts, lengths):
    """The places of all spans, one after the other."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - lengths), lengths)


def matrix(rows, features, shape):
    return encoder.damped(sp.csr_matrix((np.ones(len(rows), np.float32), (rows, features)), shape))


def build_features(corpus, extra):
    """Frequent words by falling frequency; pairs whose words meet more often than chance would have it."""
    counts = np.bincount(corpus.flat, minlength=len(corpus.words)).astype(np.float64)
    index = {word: i for i, word in enumerate(corpus.words)}
    score = counts.copy()
    for word, weight in extra.items():
        if word in index:
            score[index[word]] += weight
    order = np.argsort(-score, kind="stable")
    usable = [i for i in order[: WORDS * 2] if len(corpus.words[i]) <= 24 and _wordlike(corpus.words[i])][:WORDS]
    usable.sort(key=lambda i: (-counts[i], corpus.words[i]))
    words = [corpus.words[i] for i in usable]
    pairs = _pairs(corpus, counts, usable)
    return encoder.Features(words, pairs, BUCKETS)


def _wordlike(word):
    return not word[0].isdigit() or len(word) <= 4


def _pairs(corpus, counts, usable):
    place = np.full(len(corpus.words), -1, np.int64)
    place[usable] = np.arange(len(usable))
    flat = place[corpus.flat]
    known = (flat[:-1] >= 0) & (flat[1:] >= 0)
    keys, together = np.unique((flat[:-1] * len(usable) + flat[1:])[known], return_counts=True)
    keys, together = keys[together >= 60], together[together >= 60]
    a, b = keys // len(usable), keys % len(usable)
    frequency = counts[usable]
    lift = np.log(together * len(flat) / (frequency[a] * frequency[b]))
    # A pair with one of the commonest words says nothing by itself, whatever its lift.
    telling = (np.minimum(a, b) >= 40) & (np.maximum(a, b) >= 150) & (lift > 2)
    score = np.where(telling, lift * np.sqrt(together), 0)
    best = np.sort(np.argsort(-score, kind="stable")[:PAIRS])
    return np.stack([a[best], b[best]], axis=1)


def svd_vectors(corpus, positions, size, rng):
    """Vectors from the truncated SVD of the tf-idf matrix of paragraphs; rarer features are longer."""
    chosen = np.sort(rng.permutation(len(corpus.start))[:SVD_PARAGRAPHS])
    rows, features = positions.spans(np.arange(len(chosen)), corpus.start[chosen], corpus.length[chosen])
    counts = matrix(rows, features, (len(chosen), size))
    df = np.bincount(counts.indices, minlength=size)
    idf = np.log((len(chosen) + 1) / (df + 1)).astype(np.float32)
    scaled = sp.csr_matrix(counts.multiply(idf[None, :]), dtype=np.float32)
    norms = np.sqrt(np.asarray(scaled.multiply(scaled).sum(axis=1)).ravel())
    scaled = (sp.diags(1 / np.maximum(norms, 1e-6).astype(np.float32)) @ scaled).tocsr()
    transposed = scaled.T.tocsr()
    basis = rng.standard_normal((size, DIM + 16)).astype(np.float32)
    for _ in range(POWER_ROUNDS):
        basis = np.linalg.qr(transposed @ (scaled @ basis))[0]
    projected = scaled @ basis
    values, turn = np.linalg.eigh((projected.T @ projected).astype(np.float64))
    order = np.argsort(-values)[:DIM]
    # The strongest directions are too general, the weakest noise.
    vectors = basis @ turn[:, order].astype(np.float32) * (values[order] ** 0.2).astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, 1e-9) * np.clip(idf / 8, 0.05, 1.2)[:, None]).astype(np.float32), idf


class Pairs:
    """Draws pairs of texts that belong together, as two matrices texts x features, and the article of each."""

    def __init__(self, corpus, positions, size, idf, rng):
        self.corpus, self.positions, self.size, self.idf, self.rng = corpus, positions, size, idf, rng
        weight = np.where(corpus.article < corpus.news_articles, NEWS_WEIGHT, 1.0)
        self.chance = np.cumsum(weight / weight.sum())
        same = (corpus.article[1:] == corpus.article[:-1]) & (corpus.heading_start[1:] == corpus.heading_start[:-1])
        self.next_is_near = np.append(same, False)

    def draw(self, count):
        c, rng = self.corpus, self.rng
        p = np.minimum(np.searchsorted(self.chance, rng.random(count)), len(c.start) - 1)
        kind = rng.random(count)
        title = kind < 0.3
        near = (kind >= 0.3) & (kind < 0.55) & self.next_is_near[p]
        words = kind >= 0.8
        split = ~(title | near | words)
        start, length = c.start[p], c.length[p]
        # Where a paragraph is cut in two, for spans of it.
        cut = np.minimum((length * (0.25 + 0.5 * rng.random(count))).astype(np.int64), length - 3)
        a = [self._span(np.flatnonzero(split), start[split], cut[split])]
        b = [self._span(np.flatnonzero(split), (start + cut)[split], (length - cut)[split])]
        other = np.minimum(p + 1, len(c.start) - 1)
        a.append(self._span(np.flatnonzero(near), start[near], length[near]))
        b.append(self._span(np.flatnonzero(near), c.start[other][near], c.length[other][near]))
        a.append((np.flatnonzero(title), c.title_start[c.article[p]][title], c.title_length[c.article[p]][title]))
        with_heading = title & (rng.random(count) < 0.7)
        a.append((np.flatnonzero(with_heading), c.heading_start[p][with_heading], c.heading_length[p][with_heading]))
        b.append(self._span(np.flatnonzero(title), start[title], length[title]))
        b.append((np.flatnonzero(words), start[words], length[words]))
        rows_a, features_a = self._features(a)
        rows_b, features_b = self._features(b)
        picked_rows, picked = self._keywords(rows_b, features_b, words, count)
        rows_a, features_a = np.concatenate([rows_a, picked_rows]), np.concatenate([features_a, picked])
        keep = self._without_shared(rows_a, features_a, rows_b, features_b, words | (rng.random(count) < 0.5))
        shape = (count, self.size)
        return matrix(rows_a, features_a, shape), matrix(rows_b[keep], features_b[keep], shape), c.article[p]

    def _span(self, rows, start, length):
        """A random part: of most spans all, of the others a sentence's length."""
        rng = self.rng
        shorter = np.minimum(length, 4 + (rng.random(len(rows)) ** 2 * 60).astype(np.int64))
        shorter = np.where(rng.random(len(rows)) < 0.3, length, shorter)
        offset = (rng.random(len(rows)) * (length - shorter + 1)).astype(np.int64)
        return rows, start + offset, shorter

    def _features(self, spans):
        rows, starts, lengths = (np.concatenate(part) for part in zip(*spans))
        return self.positions.spans(rows, starts, lengths)

    def _keywords(self, rows, features, wanted, count):
        """One to four of a text's features, the telling ones more likely."""
        rng = self.rng
        at = np.flatnonzero(wanted[rows])
        # The largest of u^(1/weight) is a draw in proportion to the weights.
        key = np.log(rng.random(len(at))) / (np.maximum(self.idf[features[at]] - 1.5, 0.02) ** 1.5)
        order = at[np.lexsort((-key, rows[at]))]
        row = rows[order]
        first = np.searchsorted(row, np.arange(count))
        rank = np.arange(len(order)) - first[row]
        take = rng.integers(1, 5, count)
        chosen = order[rank < take[row]]
        return rows[chosen], features[chosen]

    def _without_shared(self, rows_a, features_a, rows_b, features_b, strict):
        """Which features of b stay: in strict rows, only what a does not have."""
        keys = rows_a.astype(np.int64) * self.size + features_a
        shared = np.isin(rows_b.astype(np.int64) * self.size + features_b, keys)
        return ~(shared & strict[rows_b])


@dataclass
class Trainer:
    """InfoNCE over a batch, both ways; each row of the vectors has its own falling rate (Adagrad by row)."""

    vectors: np.ndarray
    squares: np.ndarray

    def step(self, a, b, groups, rate):
        used = np.unique(np.concatenate([a.indices, b.indices]))
        place = np.zeros(len(self.vectors), np.int64)
        place[used] = np.arange(len(used))
        both = sp.vstack([a, b]).tocsr()
        small = sp.csr_matrix((both.data, place[both.indices], both.indptr), (both.shape[0], len(used)))
        rows = self.vectors[used]
        sums = small @ rows
        lengths = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-6)
        unit = sums / lengths
        loss, gradient = contrast(unit[: a.shape[0]], unit[a.shape[0] :], groups)
        gradient -= unit * (gradient * unit).sum(axis=1, keepdims=True)
        gradient /= lengths
        change = small.T.tocsr() @ gradient
        self.squares[used] += (change * change).mean(axis=1)
        self.vectors[used] = rows - rate * change / np.sqrt(self.squares[used])[:, None]
        return loss


def contrast(a, b, groups):
    """Loss and gradient with respect to both, one after the other. Other texts of one group are no negatives."""
    logits = (a @ b.T) / TEMPERATURE
    same = groups[:, None] == groups[None, :]
    np.fill_diagonal(same, False)
    logits[same] = -1e9
    n = len(a)
    loss, total = 0.0, np.zeros_like(logits)
    for axis in (1, 0):
        p = np.exp(logits - logits.max(axis=axis, keepdims=True))
        p /= p.sum(axis=axis, keepdims=True)
        loss -= float(np.log(np.maximum(p.diagonal(), 1e-30)).mean()) / 2
        total += p
    total[np.arange(n), np.arange(n)] -= 2
    # The loss is a mean over the batch; its size does not matter to Adagrad.
    return loss, np.concatenate([total @ b, total.T @ a])


def train(vectors, pairs, steps):
    trainer = Trainer(vectors, np.full(len(vectors), 1e-8, np.float32))
    losses = []
    for step in range(steps):
        a, b, groups = pairs.draw(BATCH)
        losses.append(trainer.step(a, b, groups, RATE * (1 - step / steps) + RATE / 50))
        if (step + 1) % 100 == 0:
            log(f"step {step + 1}: loss {np.mean(losses[-100:]):.4f}")
    return trainer.vectors


def turned(vectors, pairs):
    """The same vectors in the principal axes of texts' embeddings, the strongest first."""
    texts = pairs.draw(8192)[1] @ vectors
    texts /= np.maximum(np.linalg.norm(texts, axis=1, keepdims=True), 1e-6)
    values, axes = np.linalg.eigh((texts.T @ texts).astype(np.float64))
    axes = axes[:, np.argsort(-values)]
    # The sign of an axis is arbitrary; this one does not depend on the library.
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(DIM)])[None, :]
    return (vectors @ axes.astype(np.float32)).astype(np.float32)


def bucket_vectors(features, vectors):
    """Ridge regression of the words' vectors on the runs of their characters; frequent words follow no rule."""
    taught = list(range(2000, len(features.words)))
    bags = [[encoder.fnv(run) % BUCKETS for run in encoder.runs_of(features.words[i])] for i in taught]
    rows = np.repeat(np.arange(len(bags)), [len(bag) for bag in bags])
    runs = sp.csr_matrix((np.ones(len(rows)), (rows, np.concatenate(bags))), (len(bags), BUCKETS))
    normal = (runs.T @ runs).toarray() + 3.0 * np.eye(BUCKETS)
    return np.linalg.solve(normal, runs.T @ vectors[taught]).astype(np.float32)


def informal_words(data):
    """Words of everyday texts, which encyclopedias have few of: they get a row more readily."""
    return {}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", default=encoder.WEIGHTS)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    rng = np.random.default_rng(SEED)
    corpus = encoder_corpus.read_corpus(options.data, options.every)
    log(f"{len(corpus.start)} paragraphs, {len(corpus.flat)} words, {corpus.news_articles} news")
    features = build_features(corpus, informal_words(options.data))
    positions = Positions(corpus, features)
    log(f"{len(features.words)} words, {len(features.pairs)} pairs")
    vectors, idf = svd_vectors(corpus, positions, features.first_bucket, rng)
    log("vectors")
    pairs = Pairs(corpus, positions, features.first_bucket, idf, rng)
    vectors = train(vectors, pairs, options.steps)
    vectors = turned(vectors, pairs)
    vectors = np.concatenate([vectors, bucket_vectors(features, vectors)])
    print(encoder.save(features, vectors, options.out, VERSION))


if __name__ == "__main__":
    main()
