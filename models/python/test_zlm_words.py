"""python3 -m unittest discover models/python"""

import json
import unittest
from pathlib import Path

from zlm_words import words_of

CASES = Path(__file__).resolve().parents[1] / "data" / "words-cases.json"


class ZlmWords(unittest.TestCase):
    def test_cuts_texts_as_inference_does(self):
        cases = json.loads(CASES.read_text(encoding="utf-8"))
        self.assertGreater(len(cases), 200)
        for case in cases:
            self.assertEqual(words_of(case["text"]), case["words"])
