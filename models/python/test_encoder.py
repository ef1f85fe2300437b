"""python3 -m unittest discover models/python"""

import tempfile
import unittest
from pathlib import Path

try:
    import numpy as np
    from encoder import Encoder, Features, fnv, runs_of, save
except ModuleNotFoundError as missing:
    if missing.name != "scipy":
        raise
    raise unittest.SkipTest("needs scipy") from missing


class EncoderOfSmallWeights(unittest.TestCase):
    def setUp(self):
        features = Features(["the", "river", "bank", "run"], [(1, 2)], 8)
        vectors = np.zeros((features.size, 4))
        vectors[:5] = [[1, 0, 0, 0], [0, 100, 0, 0], [0, 0, 100, 0], [0, 0, 0, 100], [0, 50, 50, 0]]
        vectors[features.first_bucket :, 3] = 7
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.zlm"
            save(features, vectors, file)
            self.encoder = Encoder.load(file)

    def test_finds_words_pairs_and_plurals(self):
        self.assertEqual(self.encoder.features.of("The River’s BANK"), [0, 1, 2, 4])
        self.assertEqual(self.encoder.features.of("rivers"), [1])
        self.assertEqual(self.encoder.features.of("bank river"), [2, 1])

    def test_makes_unknown_words_of_runs(self):
        found = self.encoder.features.of("brook")
        self.assertEqual(len(found), 4)
        self.assertTrue(all(5 <= feature < 13 for feature in found))
        self.assertEqual(runs_of("brook"), ["<bro", "broo", "rook", "ook>"])
        self.assertEqual(runs_of("中"), ["<中>"])

    def test_counts_first_second_fourth_occurrence(self):
        counts = self.encoder.features.matrix(["run " * n for n in (1, 2, 3, 4, 100)]).toarray()[:, 3]
        self.assertEqual(counts.tolist(), [1, 2, 2, 3, 7])

    def test_gives_unit_lengths_and_zeros(self):
        river, nothing = self.encoder.embed(["river", "…"])
        self.assertEqual(river.tolist(), [0, 1, 0, 0])
        self.assertEqual(nothing.tolist(), [0, 0, 0, 0])

    def test_hashes_as_fnv_does(self):
        self.assertEqual(fnv(""), 0x811C9DC5 ^ (0x811C9DC5 >> 15))
        self.assertEqual(fnv("a"), 0xE40C292C ^ (0xE40C292C >> 15))
