"""Reading a pickle from the network without running what it may contain, and in a process that may run out of memory."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.bad_data import no_file
from workflow_scripts.data.readers.apart import ReadingError, read_apart


def _latin1(text: str, encoding: str) -> bytes:
    """Stand in for `_codecs.encode`, with which old pickles write bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it encodes text as {encoding}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """Stand in for `bytes`, with which old pickles write empty ones."""
    return b""


# What a pickle of numbers, text, containers and numpy arrays refers to, in all versions of numpy and of Python.
_ALLOWED = {
    ("_codecs", "encode"): _latin1,
    ("__builtin__", "bytes"): _no_bytes,
    ("builtins", "bytes"): _no_bytes,
    **{("numpy", name): getattr(np, name) for name in ("ndarray", "dtype")},
    **{
        (f"numpy.{core}.multiarray", name): getattr(np._core.multiarray, name)
        for core in ("core", "_core")
        for name in ("_reconstruct", "scalar")
    },
    **{(f"numpy.{core}.numeric", "_frombuffer"): np._core.numeric._frombuffer for core in ("core", "_core")},
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it refers to {module}.{name}")
        return _ALLOWED[module, name]


def load_plain_pickle(path: Path, what: str) -> Any:
    """Return the content of a pickle of plain containers, text, numbers and numpy arrays.

    Raises:
        AtlasError: the file is missing, is damaged, or refers to anything else; nothing of that is imported or called. The
            message says that it should be `what`.
    """
    if not path.is_file():
        raise no_file(path, what)
    try:
        return read_apart(_load, str(path))
    except ReadingError as error:
        raise AtlasError(
            f"{path}: not a pickle of plain data ({error}), expected {what}; do not use it, fetch it again"
        ) from None


def _load(path: str) -> Any:
    with open(path, "rb") as file:
        return _Unpickler(file, encoding="latin1").load()
