"""python3 -m unittest discover models/python"""

import unittest

import numpy as np

from zlm_format import from_bytes, to_bytes

TENSORS = {
    "words": "ein\nzwei",
    "scale": np.array([[1, -2, 3], [4, 5, 0.5]], "float32"),
    "codes": np.array([-1, 127, -128], "int8"),
    "empty": np.zeros((0, 3), "int16"),
}


class ZlmFormat(unittest.TestCase):
    def test_reads_what_it_wrote(self):
        read = from_bytes(to_bytes("example", "1", {"program": "test"}, TENSORS))
        self.assertEqual((read["model"], read["version"], read["meta"]), ("example", "1", {"program": "test"}))
        self.assertEqual(list(read["tensors"]), list(TENSORS))
        self.assertEqual(read["tensors"]["words"], "ein\nzwei")
        for name in ("scale", "codes", "empty"):
            np.testing.assert_array_equal(read["tensors"][name], TENSORS[name])
            self.assertEqual(read["tensors"][name].dtype, TENSORS[name].dtype)

    def test_refuses_every_flipped_byte(self):
        data = to_bytes("example", "1", {}, TENSORS)
        for at in range(len(data)):
            damaged = bytearray(data)
            damaged[at] ^= 0x20
            with self.assertRaises(ValueError):
                from_bytes(bytes(damaged))

    def test_refuses_to_lose_precision(self):
        with self.assertRaises(TypeError):
            to_bytes("example", "1", {}, {"double": np.zeros(2)})


if __name__ == "__main__":
    unittest.main()
