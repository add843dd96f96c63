"""Reading weight files of others: no code from them runs, and no array is made that the file has no bytes for."""

from __future__ import annotations

import argparse
import io
import json
import math
import pickle
import pickletools
import re
import struct
import warnings
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from safetensors.torch import load_file

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.zoo.file_kinds import LEGACY, NPZ, SAFETENSORS, TORCH, kind_of

# What official files carry beside tensors: DINO, MAE and Scale-MAE their command line as an argparse.Namespace, SimMIM its
# configuration as a dictionary class of the package yacs, which is read as a plain one and need not be installed. The
# restricted unpickler only sets items and attributes on them: neither has a __setstate__ that could run code.
_HARMLESS = [argparse.Namespace, (OrderedDict, "yacs.config.CfgNode")]
# Weights hardly compress. Zeros do, a thousandfold: in a small file they may.
_RATIO = 20
_LEAST_LIMIT = 16_000_000
# The pickle of a training record with optimizer, a thousand tensors, has some 300 000 parts in 200 kB.
_MOST_PICKLE = 2_000_000
_MOST_HEADER = 10_000_000
_SUFFIXES = {".safetensors": (SAFETENSORS,), ".npz": (NPZ,)}


def read_weights(path: Path) -> Any:
    """Return what a weight file holds: a mapping of tensors, or the training record around it, on the CPU.

    ``.safetensors`` and ``.npz`` go by suffix, everything else is a PyTorch file. Tensors of a newer PyTorch file are views of
    the file, which is read where they are used.

    Raises:
        AtlasError: no such file, something else than a weight file, cut short, a name twice, content out of all proportion to
            the file's size, or a pickle that would run code.
    """
    if not path.is_file():
        there = "a folder, not a file" if path.is_dir() else "no such file"
        raise AtlasError(f"{path}: no checkpoint there: {there}; correct the path")
    wanted = _SUFFIXES.get(path.suffix, (TORCH, LEGACY))
    kind = kind_of(path)
    if kind and kind.reader not in wanted:
        raise AtlasError(f"{path}: refused, this is {kind.what}; {kind.advice}")
    reader = {SAFETENSORS: _read_safetensors, NPZ: _read_npz, LEGACY: _read_legacy}.get(kind.reader if kind else wanted[0])
    try:
        return (reader or _read_zipped)(path)
    except AtlasError:
        raise
    except (MemoryError, RecursionError) as error:
        raise AtlasError(f"{path}: refused, it asks for more memory than there is ({_said(error)}); {_ELSEWHERE}") from None
    except Exception as error:
        # The readers raise what their parsers stumble over, and one line is owed for any of it.
        raise _damaged(path, wanted[0], error) from None


_ELSEWHERE = "get it again from its official source"


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > min(_MOST_HEADER, path.stat().st_size):
            raise EOFError(f"its header should have {length} bytes")
        names = [name for name, _ in json.loads(file.read(length), object_pairs_hook=lambda pairs: pairs)]
    _refuse_twice(path, names)
    return load_file(path)


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        _check_sizes(path, archive.infolist())
        return {info.filename.removesuffix(".npy"): _array(path, archive, info) for info in archive.infolist()}


def _array(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    """Return one array of an .npz, once its header agrees with the size of its member."""
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        headers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in headers:
            raise ValueError(f"'{info.filename}' is of version {version}")
        shape, _, dtype = headers[version](file)
        if dtype.hasobject:
            raise AtlasError(f"{path}: refused, '{info.filename}' is a pickle, which could run code; {_ELSEWHERE}")
        size = math.prod(shape) * dtype.itemsize
        if size != info.file_size - file.tell():
            raise ValueError(
                f"'{info.filename}' says it is {shape} of {dtype}, {size} bytes, and has {info.file_size - file.tell()}"
            )
    with archive.open(info) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _read_zipped(path: Path) -> Any:
    """Read a PyTorch zip through a map of the file, which bounds every tensor: the reader trusts the pickle's own sizes."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        _check_sizes(path, members)
        packed = [info.filename for info in members if info.compress_type != zipfile.ZIP_STORED]
        if packed:
            raise AtlasError(f"{path}: refused, '{packed[0]}' is compressed, which torch.save never does; {_ELSEWHERE}")
        for info in members:
            if info.filename.endswith(".pkl") and info.file_size > _MOST_PICKLE:
                raise _too_long(path, f"{info.file_size} bytes")
    return _load(path, path, mmap=True)


def _read_legacy(path: Path) -> Any:
    with _Rationed(path) as file:
        return _load(path, file)


class _Rationed(io.BufferedReader):
    """A file that is read in so many pieces and no more: the unpickler asks for every part of a pickle singly."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self.path, self.left = path, _MOST_PICKLE

    def read(self, size: int | None = -1) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise _too_long(self.path, f"more than {_MOST_PICKLE} parts")
        return super().read(size)


def _load(path: Path, file: Path | IO[bytes], **options: Any) -> Any:
    try:
        with torch.serialization.safe_globals(_HARMLESS), warnings.catch_warnings():
            # They announce what becomes an error below.
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(file, map_location="cpu", weights_only=True, **options)
    except pickle.UnpicklingError as error:
        refused = re.search(r"GLOBAL (\S+)", str(error))
        if refused:
            raise AtlasError(
                f"{path}: refused, its pickle asks for '{refused[1]}', which could run code; get the weights from "
                "their official source, or as safetensors"
            ) from None
        operand = re.search(r"Unsupported operand (\d+)", str(error))
        if operand:
            code = pickletools.code2op.get(chr(int(operand[1])))
            if code is None:
                raise ValueError("its pickle has a byte that means nothing") from None
            raise AtlasError(
                f"{path}: refused, its pickle uses {code.name} (protocol {code.proto}), which is not read from strangers; "
                "save it anew with torch.save and its own pickle_protocol, or as safetensors"
            ) from None
        raise


def _check_sizes(path: Path, members: Iterable[zipfile.ZipInfo]) -> None:
    """Refuse a zip with a name twice, or with much more in it than the file's size lets expect."""
    members = list(members)
    _refuse_twice(path, [info.filename for info in members])
    size = path.stat().st_size
    limit = max(_RATIO * size, _LEAST_LIMIT)
    total = sum(info.file_size for info in members)
    if total > limit:
        raise AtlasError(
            f"{path}: refused, {total} bytes are packed into its {size}, and weights do not compress like that; {_ELSEWHERE}"
        )


def _refuse_twice(path: Path, names: list[str]) -> None:
    name, count = Counter(names).most_common(1)[0] if names else ("", 1)
    if count > 1:
        raise AtlasError(
            f"{path}: refused, '{name}' is in it {count} times, and readers differ in which they take; {_ELSEWHERE}"
        )


def _too_long(path: Path, found: str) -> AtlasError:
    return AtlasError(f"{path}: refused, its pickle has {found}; that of the largest training record has a tenth; {_ELSEWHERE}")


def _damaged(path: Path, kind: str, error: Exception) -> AtlasError:
    size = path.stat().st_size
    return AtlasError(
        f"{path}: not a readable {kind} checkpoint ({size} bytes; {_said(error)}); it may be cut short: get it again"
    )


def _said(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
