"""The text encoder zlm-v1-embed-edge in Python: the same features, and the same vectors to the last bit, as
runtimes/src/zlm/encoder/sentence-encoder.ts, for trainings that build on it.

    encoder = Encoder.load()
    vectors = encoder.embed(["first text", "second text"])   # float64, one row of unit length a text
"""

import json
import sys
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import zlm_format
from zlm_words import words_of

MODEL = "zlm-v1-embed-edge"
WEIGHTS = Path(__file__).resolve().parents[1] / "weights" / MODEL / "model.zlm"
RUN = 4
MOST_RUNS = 24
ZERO = 128


def bare_words(text):
    return [plain(word) for word in words_of(text)]


def plain(word):
    """A straight apostrophe, no possessive."""
    straight = word.replace("’", "'")
    return straight.removesuffix("'s")


def fnv(text):
    """FNV-1a over UTF-16 code units, with the high bits stirred into the low ones; 32 bits without sign."""
    h = 0x811C9DC5
    for unit in np.frombuffer(text.encode("utf-16-le", "surrogatepass"), "<u2").tolist():
        h = ((h ^ unit) * 0x01000193) & 0xFFFFFFFF
    return h ^ (h >> 15)


def runs_of(word):
    """Four neighbouring characters of a word that is unknown, its ends marked."""
    marked = f"<{word}>"
    count = min(max(len(marked) - RUN + 1, 1), MOST_RUNS)
    return [marked[at : at + RUN] for at in range(count)]


class Features:
    """The features of a text as rows of the vectors: words, then pairs of neighbours, then buckets of runs."""

    def __init__(self, words, pairs, buckets):
        self.words, self.buckets = list(words), buckets
        self.place = {word: i for i, word in enumerate(self.words)}
        self.pairs = {(int(a), int(b)): i for i, (a, b) in enumerate(pairs)}
        self.first_bucket = len(self.words) + len(self.pairs)
        self.size = self.first_bucket + buckets

    def find(self, word):
        """An unknown plural counts as what it is the plural of; -1 for a word that is not known."""
        place = self.place.get(word, -1)
        if place >= 0 or len(word) <= 3 or not word.endswith("s"):
            return place
        return self.place.get(word[:-1], -1)

    def of(self, text):
        """Every occurrence; `matrix` damps them."""
        found, previous = [], -1
        for word in bare_words(text):
            place = self.find(word)
            found += [place] if place >= 0 else [self.first_bucket + fnv(run) % self.buckets for run in runs_of(word)]
            pair = self.pairs.get((previous, place), -1)
            if pair >= 0:
                found.append(len(self.words) + pair)
            previous = place
        return found

    def matrix(self, texts):
        """Texts x features, sparse: how often each counts."""
        bags = [self.of(text) for text in texts]
        rows = np.repeat(np.arange(len(bags)), [len(bag) for bag in bags])
        columns = np.fromiter((feature for bag in bags for feature in bag), np.int64)
        return damped(sp.csr_matrix((np.ones(len(rows)), (rows, columns)), (len(bags), self.size)))


def damped(matrix):
    """Counts become 1 + floor(log2(count)): the first, second, fourth, eighth … occurrence counts."""
    matrix.sum_duplicates()
    matrix.data = 1 + np.floor(np.log2(matrix.data)).astype(matrix.dtype)
    return matrix


class Encoder:
    def __init__(self, features, vectors):
        """vectors: whole numbers, features x dimensions"""
        self.features, self.vectors = features, vectors

    @staticmethod
    def load(path=WEIGHTS):
        tensors = zlm_format.read_weights(path)["tensors"]
        words = tensors["words"].split("\n")
        vectors = tensors["vectors"].astype(np.float64) - ZERO
        features = Features(words, tensors["pairs"], len(vectors) - len(words) - len(tensors["pairs"]))
        return Encoder(features, vectors)

    @property
    def dimensions(self):
        return self.vectors.shape[1]

    def sums(self, texts):
        """Whole numbers, texts x dimensions: the sums of the features' rows."""
        return self.features.matrix(texts) @ self.vectors

    def embed(self, texts):
        """Unit lengths, texts x dimensions; zeros for a text of which nothing is known."""
        sums = self.sums(texts)
        lengths = np.sqrt((sums * sums).sum(axis=1, keepdims=True))
        return sums / np.where(lengths == 0, 1, lengths)


def save(features, vectors, path=WEIGHTS, version="1"):
    """Writes rows of bytes, scaled so that few numbers leave their range. Returns the file's SHA-256."""
    scale = 127 / np.quantile(np.abs(vectors).max(axis=1), 0.995)
    rows = np.clip(np.rint(vectors * scale), -127, 127) + ZERO
    pairs = np.array(list(features.pairs), np.uint16).reshape(-1, 2)
    tensors = {"words": "\n".join(features.words), "pairs": pairs, "vectors": rows.astype(np.uint8)}
    return zlm_format.write_weights(path, MODEL, version, {"program": "sentence-encoder"}, tensors)


if __name__ == "__main__":
    # Texts come as a JSON array on the standard input; their vectors leave as one.
    encoder = Encoder.load(Path(sys.argv[1]) if len(sys.argv) > 1 else WEIGHTS)
    json.dump(encoder.embed(json.load(sys.stdin)).tolist(), sys.stdout)
