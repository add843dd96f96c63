"""What a file is that should hold weights, by its first bytes and its list of members: what a user has met, and what to do."""

from __future__ import annotations

import io
import pickletools
import re
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.common.stand_ins import HEAD, pointer, web_page

TORCH, LEGACY, NPZ, SAFETENSORS = "PyTorch", "old PyTorch", "npz", "safetensors"
# The number that files of torch.save begin with where they are no zip, pickled.
_LEGACY_MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")
_MAGICS = {
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ\x00": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file, as Keras writes",
    b"\x93NUMPY": "a single NumPy array",
    b"GGUF": "a GGUF file",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
}
_OFFICIAL = "get the weights from their official source"


@dataclass(frozen=True)
class FileKind:
    """What a file is.

    Attributes:
        reader: TORCH, LEGACY, NPZ or SAFETENSORS; None if no reader takes it.
        what: in words, with its article.
        advice: what to do where it is not what was asked for.
    """

    reader: str | None
    what: str
    advice: str


def kind_of(path: Path) -> FileKind | None:
    """Return what the file at `path` is, None if that cannot be told."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
    if not head:
        return FileKind(None, "an empty file (0 bytes)", "its download or copy was cut short: get it again")
    if head.startswith(b"PK\x03\x04"):
        return _zip(path)
    if head.startswith(_LEGACY_MAGIC):
        return FileKind(LEGACY, "a file of torch.save", "give it the suffix .pth")
    if head[8:9] == b"{" and struct.unpack("<Q", head[:8])[0] < 1 << 32:
        return FileKind(SAFETENSORS, "a safetensors file", "give it the suffix .safetensors")
    if head[257:262] == b"ustar":
        return FileKind(None, "a tar archive", "unpack it and name the file of weights in it")
    for magic, what in _MAGICS.items():
        if head.startswith(magic):
            unpack = "archive" in what
            return FileKind(None, what, "unpack it and name the file of weights in it" if unpack else _OFFICIAL)
    return _text(head) or _pickle(head)


def _zip(path: Path) -> FileKind | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError):
        return None
    inner = {name.partition("/")[2] for name in names}
    if "constants.pkl" in inner or any(name.startswith("code/") for name in inner):
        advice = (
            "it contains code; use the safetensors copy of the model, or, if you trust the file, save its state dict: "
            "torch.save(torch.jit.load(file).state_dict(), other_file)"
        )
        return FileKind(None, "a TorchScript archive", advice)
    if "data.pkl" in inner:
        if {"version", ".data/version"} & inner:
            return FileKind(TORCH, "a file of torch.save", "give it the suffix .pth")
        return FileKind(None, "a zip like torch.save's that has no version in it", f"something has packed it anew; {_OFFICIAL}")
    if names and all(name.endswith(".npy") for name in names):
        return FileKind(NPZ, "a NumPy archive", "give it the suffix .npz")
    listed = ", ".join(f"'{name[:40]}'" for name in names[:3])
    return FileKind(None, f"a zip archive of {len(names)} files ({listed})", "unpack it and name the file of weights in it")


def _text(head: bytes) -> FileKind | None:
    points = pointer(head)
    if points:
        return FileKind(None, f"{points[0]}, not the weights", points[1])
    page = web_page(head)
    if page:
        advice = "log in or accept the terms there, and get the file again"
        return FileKind(None, f"{page}, as servers send to who is not logged in", advice)
    if not _is_text(head):
        return None
    if re.search(rb"p\d+\n", head) and _begins_as_pickle(head):
        return FileKind(None, "a pickle written as text (protocol 0), which could run code", f"{_OFFICIAL}, or as safetensors")
    words = " ".join(head[:200].decode("utf-8", "replace").split())[:60]
    return FileKind(None, f"a text file ('{words}')", _OFFICIAL)


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return False
        text = head[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\t\r\n" for character in text)


def _begins_as_pickle(head: bytes) -> bool:
    try:
        for count, _ in enumerate(pickletools.genops(io.BytesIO(head)), start=1):
            if count == 4:
                break
    except (ValueError, UnicodeError):
        return False
    return True


def _pickle(head: bytes) -> FileKind | None:
    if len(head) < 3 or head[0] != 0x80 or not 2 <= head[1] <= 5:
        return None
    what = f"a bare pickle (protocol {head[1]}) and no file of torch.save: opening it could run code"
    return FileKind(None, what, f"{_OFFICIAL}, or as safetensors")
