"""The ZLM1 weight container: writer and reader. The layout is told in runtimes/src/zlm/weights.ts."""

import hashlib
import json
import struct
import zlib
from pathlib import Path

import numpy as np

MAGIC = b"ZLM1"
FORMAT_VERSION = 1
ALIGNMENT = 16
DTYPES = {
    "i8": np.dtype("<i1"),
    "u8": np.dtype("<u1"),
    "i16": np.dtype("<i2"),
    "u16": np.dtype("<u2"),
    "i32": np.dtype("<i4"),
    "f32": np.dtype("<f4"),
}


def write_weights(path, model, version, meta, tensors):
    """Writes a container and returns the file's SHA-256 in lower-case hexadecimal.

    tensors: name -> numpy array of a supported type, or str (stored as utf8). The order is kept. No type is
    converted: an int64 or float64 array is refused, so that a loss of precision is always the trainer's decision.
    """
    data = to_bytes(model, version, meta, tensors)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def to_bytes(model, version, meta, tensors):
    entries = []
    body = bytearray()
    for name, value in tensors.items():
        dtype, shape, raw = _raw(name, value)
        body += b"\0" * (-len(body) % ALIGNMENT)
        entries.append({"name": name, "dtype": dtype, "shape": shape, "offset": len(body), "bytes": len(raw)})
        body += raw
    header = json.dumps(
        {"model": model, "version": version, "meta": meta, "tensors": entries},
        ensure_ascii=False,
        separators=(",", ":"),
        allow_nan=False,
    ).encode()
    data = MAGIC + struct.pack("<II", FORMAT_VERSION, len(header)) + header
    data += b"\0" * (-len(data) % ALIGNMENT) + bytes(body)
    return data + struct.pack("<I", zlib.crc32(data))


def _raw(name, value):
    if isinstance(value, str):
        raw = value.encode()
        return "utf8", [len(raw)], raw
    for dtype, numpy_dtype in DTYPES.items():
        if value.dtype == numpy_dtype:
            return dtype, list(value.shape), np.ascontiguousarray(value).astype(numpy_dtype).tobytes()
    raise TypeError(f"Tensor {name!r} has type {value.dtype}; supported are {', '.join(DTYPES)} and str")


def read_weights(path):
    """Returns {model, version, meta, tensors: name -> array or str}. Raises ValueError on a damaged file."""
    return from_bytes(Path(path).read_bytes())


def from_bytes(data):
    if data[:4] != MAGIC:
        raise ValueError("Not a ZLM1 weight file")
    version, header_bytes = struct.unpack_from("<II", data, 4)
    if version != FORMAT_VERSION:
        raise ValueError(f"File has format version {version}, and this reader knows {FORMAT_VERSION}")
    if zlib.crc32(data[:-4]) != struct.unpack("<I", data[-4:])[0]:
        raise ValueError("File is truncated or damaged: the checksum does not match")
    header = json.loads(data[12 : 12 + header_bytes].decode())
    start = -(-(12 + header_bytes) // ALIGNMENT) * ALIGNMENT
    tensors = {}
    for entry in header["tensors"]:
        raw = data[start + entry["offset"] : start + entry["offset"] + entry["bytes"]]
        if entry["dtype"] == "utf8":
            tensors[entry["name"]] = raw.decode()
        else:
            tensors[entry["name"]] = np.frombuffer(raw, DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return {"model": header["model"], "version": header["version"], "meta": header["meta"], "tensors": tensors}
