"""What a look at a file tells without any digest: a web page or a pointer in its place, or only its beginning.

Owners publish no digest for half of the files, and the first one fetched is what later ones are compared with.
"""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path, PurePosixPath

from workflow_scripts.common.stand_ins import HEAD, pointer, web_page

_MARKUP = {".html", ".htm", ".xhtml", ".xml", ".svg"}


def page_instead(head: bytes, name: str) -> str | None:
    """Return what a file's first bytes show to be a web page, None if they are none.

    Args:
        head: the first bytes, a few hundred at least.
        name: what the file should be; markup is never called a page.

    Returns:
        ``a web page ('Sign in')`` with its title, where it has one.
    """
    return None if PurePosixPath(name).suffix.lower() in _MARKUP else web_page(head)


def visible_fault(path: Path, name: str) -> str | None:
    """Return what is plainly wrong with the file at `path`, which should be `name`; None if nothing is."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
    page = page_instead(head, name)
    if page:
        return f"{page} in place of the file, as servers send to who is not logged in"
    points = pointer(head)
    if points:
        return f"{points[0]} in place of the file: {points[1]}, or take the address of the file itself"
    suffix = PurePosixPath(name).suffix.lower()
    # Zips, and so PyTorch's and NumPy's files, have their list of members at the end.
    if (head.startswith(b"PK\x03\x04") or suffix in (".zip", ".npz")) and not zipfile.is_zipfile(path):
        return "not a whole zip"
    if suffix == ".safetensors" and _safetensors_size(path) != path.stat().st_size:
        return "not a whole safetensors file"
    return None


def _safetensors_size(path: Path) -> int:
    """Return the size that a safetensors file should have by its header, -1 if it has none."""
    with open(path, "rb") as file:
        try:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length) if length <= path.stat().st_size else b"")
            return 8 + length + max((v["data_offsets"][1] for k, v in header.items() if k != "__metadata__"), default=0)
        except (struct.error, ValueError, TypeError, KeyError, AttributeError):
            return -1
