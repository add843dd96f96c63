"""Where a result comes from: versions and digests that are the same whenever the same thing is run again."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def code_fingerprint(paths: list[str]) -> str:
    """Return one short digest of the named source files' contents, in the given order."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()[:16]


def versions(*packages: str) -> dict[str, str]:
    """Return the installed version of each package, leaving out what this environment does not have.

    A rule's conda environment holds what its job imports and nothing else, not even this project as a package.
    """
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
