"""Named arrays in a safetensors file, written whole, streamed, and with the same bytes for the same content.

The safetensors library reads these files. It does not write them here because it orders metadata at random, which would
make equal results look different, and because it needs every array in memory.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from workflow_scripts.common.atomic import atomic_path

_DTYPES = {
    np.dtype(np.float64): "F64",
    np.dtype(np.float32): "F32",
    np.dtype(np.float16): "F16",
    np.dtype(np.int64): "I64",
    np.dtype(np.int32): "I32",
    np.dtype(np.int16): "I16",
    np.dtype(np.uint16): "U16",
    np.dtype(np.uint8): "U8",
    np.dtype(np.bool_): "BOOL",
}


@runtime_checkable
class Streamed(Protocol):
    """An array that hands out its bytes in blocks because it may be larger than memory."""

    shape: tuple[int, ...]
    dtype: np.dtype

    def blocks(self) -> Iterator[bytes]:
        """Yield the array's bytes in row-major order."""


def write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray | Streamed], metadata: Mapping[str, str]) -> None:
    """Write `arrays` and text `metadata` to a safetensors file, whole or not at all."""
    header: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))}
    offset = 0
    # Wide types first, so that every array starts at a multiple of its item size.
    names = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    for name in names:
        value = arrays[name]
        size = math.prod(value.shape) * value.dtype.itemsize
        header[name] = {
            "dtype": _DTYPES[value.dtype],
            "shape": list(value.shape),
            "data_offsets": [offset, offset + size],
        }
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with atomic_path(path, 8 + len(text) + offset) as temporary, open(temporary, "wb") as file:
        # The format: 8 bytes of little-endian header length, the JSON header, the data.
        file.write(struct.pack("<Q", len(text)) + text)
        for name in names:
            value = arrays[name]
            if isinstance(value, np.ndarray):
                file.write(np.ascontiguousarray(value).data)
            else:
                file.writelines(value.blocks())


def mapped_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """Return all arrays of a file of `write_arrays` by name, as memory maps: for what does not fit in memory."""
    types = {name: dtype for dtype, name in _DTYPES.items()}
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    arrays: dict[str, np.ndarray] = {}
    for name, described in header.items():
        dtype, shape, (start, stop) = types[described["dtype"]], tuple(described["shape"]), described["data_offsets"]
        # Nothing cannot be mapped.
        arrays[name] = np.memmap(path, dtype, "r", 8 + length + start, shape) if stop > start else np.empty(shape, dtype)
    return arrays
