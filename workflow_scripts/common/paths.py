"""Paths that users write: one spelling for each, and what neither Snakemake nor a file system can carry is said."""

from __future__ import annotations

import os
from pathlib import Path

LONGEST_NAME = 200  # bytes; file systems take 255, and temporary names are made of names
LONGEST_PATH = 3000  # bytes; Linux takes 4096, and results lie some folders below what users name


def tidy(path: str) -> str:
    """Return `path` in the one way it is spelled from here on: no ``./``, ``//`` or last slash, ``~`` spelled out.

    A name that begins with a dash, which commands would take for an option, becomes absolute.
    """
    spelled = str(Path(os.path.expanduser(path)))  # noqa: PTH111 it leaves the ~ of a user who is not known
    spelled = "/" + spelled.lstrip("/") if spelled.startswith("/") else spelled
    return str(Path.cwd() / spelled) if spelled.startswith("-") else spelled


def path_problem(path: str) -> str:
    """Return what is wrong with `path` and what to do, "" if nothing is."""
    if not path.strip():
        return "is empty; name a path"
    if not path.isprintable():
        return "has a character that cannot be printed (a line break, say); rename it"
    if "{" in path or "}" in path:
        return "has a brace, which Snakemake takes for a wildcard; rename it"
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        return "is not text that UTF-8 can spell; rename it"
    if len(encoded) > LONGEST_PATH or max(map(len, encoded.split(b"/"))) > LONGEST_NAME:
        return f"is too long (allowed: {LONGEST_NAME} bytes a name, {LONGEST_PATH} in all); choose a shorter one"
    return ""
