"""Trains zlm-v1-embed-edge and writes models/weights/zlm-v1-embed-edge/model.zlm.

1. words and pairs of neighbours get vectors from the paragraphs of Wikipedia and Wikinews (tf-idf, truncated SVD);
2. they are trained so that two parts of one article meet and parts of different articles do not: title and heading
   with paragraph, two spans of one paragraph, neighbouring paragraphs, a word with its neighbours, a few words with
   the rest of their paragraph; so do, less often, utterances of one intent (CLINC150, BANKING77, training parts), and
   one direction learns to tell praise from blame (sentence polarity set, VADER, opinion lexicon);
3. the dimensions are turned so that the leading ones say most;
4. buckets of runs of characters learn to stand in for words that are not known.

    python3 models/python/train_encoder.py --data DIR
"""

import argparse
import csv
import json
import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # sums in one order, so that two runs write the same bytes

import time
from dataclasses import dataclass
from pathlib import Path

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
STEPS = 1400
BATCH = 2048
TEMPERATURE = 0.06
RATE = 0.012
NEWS_WEIGHT = 4
CONTEXT = 6
STRICT_SHARE = 0.5
INTENT_BATCH = 256
INTENT_EVERY = 4
JUDGED_BATCH = 512
JUDGED_EVERY = 4
JUDGED_SHARE = 0.3
PROBE_RATE = 0.5
INFORMAL_WEIGHT = 20
LEXICON_WEIGHT = 150
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
        rng = self.rng
        p = np.minimum(np.searchsorted(self.chance, rng.random(count)), len(self.corpus.start) - 1)
        kinds = self._kinds(p, rng.random(count))
        a, b = self._spans(p, kinds)
        rows_a, features_a = self._features(a)
        rows_b, features_b = self._features(b)
        picked_rows, picked = self._keywords(rows_b, features_b, kinds["keywords"], count)
        rows_a, features_a = np.concatenate([rows_a, picked_rows]), np.concatenate([features_a, picked])
        strict = kinds["keywords"] | kinds["context"] | (rng.random(count) < STRICT_SHARE)
        keep = self._without_shared(rows_a, features_a, rows_b, features_b, strict)
        shape = (count, self.size)
        article = self.corpus.article[p]
        return matrix(rows_a, features_a, shape), matrix(rows_b[keep], features_b[keep], shape), article

    def _kinds(self, p, dice):
        """What the two texts of each pair are to each other; exactly one for each."""
        title = dice < 0.3
        near = (dice >= 0.3) & (dice < 0.55) & self.next_is_near[p]
        context = (dice >= 0.7) & (dice < 0.8)
        keywords = (dice >= 0.8) & (dice < 0.9)
        return {
            "title": title,
            "near": near,
            "context": context,
            "keywords": keywords,
            "split": ~(title | near | context | keywords),
        }

    def _spans(self, p, kinds):
        """Spans of the first and of the second texts."""
        c, rng = self.corpus, self.rng
        start, length = c.start[p], c.length[p]
        title, near, context, keywords, split = kinds.values()
        rows = {kind: np.flatnonzero(chosen) for kind, chosen in kinds.items()}
        cut = np.minimum((length * (0.25 + 0.5 * rng.random(len(p)))).astype(np.int64), length - 3)
        other = np.minimum(p + 1, len(c.start) - 1)
        with_heading = title & (rng.random(len(p)) < 0.7)
        word = self._telling_word(start[context], length[context])
        first = np.maximum(word - CONTEXT, start[context])
        a = [
            self._part(rows["split"], start[split], cut[split]),
            self._part(rows["near"], start[near], length[near]),
            (rows["title"], c.title_start[c.article[p]][title], c.title_length[c.article[p]][title]),
            (np.flatnonzero(with_heading), c.heading_start[p][with_heading], c.heading_length[p][with_heading]),
            (rows["context"], word, np.ones(len(word), np.int64)),
        ]
        b = [
            self._part(rows["split"], (start + cut)[split], (length - cut)[split]),
            self._part(rows["near"], c.start[other][near], c.length[other][near]),
            self._part(rows["title"], start[title], length[title]),
            (rows["keywords"], start[keywords], length[keywords]),
            (rows["context"], first, np.minimum(word + CONTEXT + 1, (start + length)[context]) - first),
        ]
        return a, b

    def _part(self, rows, start, length):
        """A random part: of most spans all, of the others a sentence's length."""
        rng = self.rng
        shorter = np.minimum(length, 4 + (rng.random(len(rows)) ** 2 * 60).astype(np.int64))
        shorter = np.where(rng.random(len(rows)) < 0.3, length, shorter)
        offset = (rng.random(len(rows)) * (length - shorter + 1)).astype(np.int64)
        return rows, start + offset, shorter

    def _telling_word(self, start, length):
        """A place in each span: of three drawn, the one whose word is rarest."""
        places = start + (self.rng.random((3, len(start))) * length).astype(np.int64)
        word = self.positions.word[places]
        rarity = np.where(word >= 0, self.idf[word], 0)
        return places[rarity.argmax(axis=0), np.arange(len(start))]

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


def intents(data):
    """(utterance, intent) of the training parts of CLINC150 and BANKING77."""
    train = Path(data) / "train"
    rows = json.loads((train / "clinc150" / "data_full.json").read_text(encoding="utf-8"))["train"]
    with (train / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
        return [*rows, *((row["text"], "banking " + row["category"]) for row in csv.DictReader(file))]


def opinions(data):
    """(sentence, 1 for praise or -1) of the sentence polarity set."""
    folder = Path(data) / "train" / "nltk" / "sentence_polarity"
    return [
        (line, sign)
        for name, sign in (("rt-polarity.pos", 1), ("rt-polarity.neg", -1))
        for line in (folder / name).read_text(encoding="latin-1").splitlines()
    ]


def valences(data):
    """Word -> valence from -1 to 1, by VADER and the opinion lexicon."""
    folder = Path(data) / "train" / "nltk"
    found = {}
    for name, valence in (("positive", 0.5), ("negative", -0.5)):
        for line in (folder / "opinion_lexicon" / f"{name}-words.txt").read_text(encoding="latin-1").splitlines():
            if line and not line.startswith(";"):
                found[line] = valence
    for line in (folder / "vader_lexicon" / "vader_lexicon.txt").read_text(encoding="utf-8").splitlines():
        word, mean, *_ = line.split("\t")
        if word.isalpha():
            found[word] = float(np.clip(float(mean) / 3, -1, 1))
    return found


class Given:
    """Texts whose labels are given: utterances with their intent, and praise and blame."""

    def __init__(self, data, features, rng):
        self.rng, self.size = rng, features.first_bucket
        self.features = features
        utterances = intents(data)
        names = sorted({intent for _, intent in utterances})
        self.intent = np.array([names.index(intent) for _, intent in utterances])
        self.utterances = self._matrix([text for text, _ in utterances])
        by_intent = np.argsort(self.intent, kind="stable")
        self.by_intent = by_intent
        self.first = np.searchsorted(self.intent[by_intent], np.arange(len(names) + 1))
        lexicon = [(word, value) for word, value in sorted(valences(data).items()) if features.find(word) >= 0]
        judged = opinions(data) + lexicon
        self.judged = self._matrix([text for text, _ in judged])
        self.judgement = np.array([value for _, value in judged], np.float32)

    def _matrix(self, texts):
        return self.features.matrix(texts)[:, : self.size].astype(np.float32).tocsr()

    def draw_intents(self, count):
        """Two matrices of utterances, those of a row with one intent, and the intents."""
        a = self.rng.integers(len(self.intent), size=count)
        intent = self.intent[a]
        first, last = self.first[intent], self.first[intent + 1]
        b = self.by_intent[first + (self.rng.random(count) * (last - first)).astype(np.int64)]
        return self.utterances[a], self.utterances[b], intent

    def draw_judged(self, count):
        rows = self.rng.integers(len(self.judgement), size=count)
        return self.judged[rows], self.judgement[rows]


@dataclass
class Trainer:
    """Each row of the vectors has its own falling rate (Adagrad by row)."""

    vectors: np.ndarray
    squares: np.ndarray
    probe: np.ndarray

    def meet(self, a, b, groups, rate):
        """InfoNCE over a batch, both ways."""
        count = a.shape[0]
        return self._step(sp.vstack([a, b]).tocsr(), lambda unit: contrast(unit[:count], unit[count:], groups), rate)

    def judge(self, texts, valence, rate):
        """One direction of the vectors tells praise from blame."""
        return self._step(texts, lambda unit: self._error_of_judgement(unit, valence), rate)

    def _error_of_judgement(self, unit, valence):
        judgement = np.tanh(unit @ self.probe)
        error = judgement - valence
        slope = error * (1 - judgement**2)
        gradient = slope[:, None] * self.probe[None, :]
        self.probe -= PROBE_RATE * (slope @ unit) / len(unit)
        return float((error * error).mean()), gradient

    def _step(self, texts, loss_of, rate):
        used = np.unique(texts.indices)
        place = np.zeros(len(self.vectors), np.int64)
        place[used] = np.arange(len(used))
        small = sp.csr_matrix((texts.data, place[texts.indices], texts.indptr), (texts.shape[0], len(used)))
        rows = self.vectors[used]
        sums = small @ rows
        lengths = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-6)
        unit = sums / lengths
        loss, gradient = loss_of(unit)
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


def train(vectors, pairs, given, steps):
    trainer = Trainer(vectors, np.full(len(vectors), 1e-8, np.float32), np.zeros(DIM, np.float32))
    losses, intent_losses, judged_losses = [], [0], [0]
    for step in range(steps):
        rate = RATE * (1 - step / steps) + RATE / 50
        losses.append(trainer.meet(*pairs.draw(BATCH), rate))
        if step % INTENT_EVERY == 0:
            intent_losses.append(trainer.meet(*given.draw_intents(INTENT_BATCH), rate))
        if step % JUDGED_EVERY == 1:
            judged_losses.append(trainer.judge(*given.draw_judged(JUDGED_BATCH), rate * JUDGED_SHARE))
        if (step + 1) % 100 == 0:
            recent = [float(np.mean(part[-25:])) for part in (losses, intent_losses, judged_losses)]
            log(f"step {step + 1}: losses {', '.join(f'{loss:.3f}' for loss in recent)}")
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
    """Words of everyday texts and of feeling, which encyclopedias have few of: they get a row more readily."""
    counts = {}
    for text in [text for text, _ in intents(data)] + [text for text, _ in opinions(data)]:
        for word in encoder.bare_words(text):
            counts[word] = counts.get(word, 0) + INFORMAL_WEIGHT
    return counts | {word: counts.get(word, 0) + LEXICON_WEIGHT for word in valences(data)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    options = parser.parse_args()
    corpus = encoder_corpus.read_corpus(options.data)
    log(f"{len(corpus.start)} paragraphs, {len(corpus.flat)} words, {corpus.news_articles} news")
    print(run(options.data, corpus, STEPS, encoder.WEIGHTS))


def run(data, corpus, steps, out):
    rng = np.random.default_rng(SEED)
    features = build_features(corpus, informal_words(data))
    positions = Positions(corpus, features)
    log(f"{len(features.words)} words, {len(features.pairs)} pairs")
    vectors, idf = svd_vectors(corpus, positions, features.first_bucket, rng)
    log("vectors")
    pairs = Pairs(corpus, positions, features.first_bucket, idf, rng)
    given = Given(data, features, rng)
    vectors = train(vectors, pairs, given, steps)
    vectors = turned(vectors, pairs)
    vectors = np.concatenate([vectors, bucket_vectors(features, vectors)])
    return encoder.save(features, vectors, out, VERSION)


if __name__ == "__main__":
    main()
