"""Is it the right file? Published digests, and a lock file of digests recorded where none is published."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from workflow_scripts.common.atomic import write_text
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.fetch.contents import visible_fault
from workflow_scripts.fetch.locks import locked
from workflow_scripts.fetch.remote_file import ALGORITHMS, RemoteFile
from workflow_scripts.fetch.space import Meter

_HEAD = """\
# Digests of files whose owners publish none, as they were when the workflow first fetched them; every later fetch is
# compared with them. Commit this file to fetch the same bytes elsewhere. To accept a file that has changed, remove its entry.
# Written by the fetch rules: comments of your own are lost.
"""
_BLOCK = 1 << 20
_WORTH_A_METER = 200_000_000


class WrongFileError(AtlasError):
    """The file is not what the registry or the lock file says."""


@dataclass(frozen=True)
class Checked:
    """A file that passed.

    Attributes:
        path: where it is.
        sha256: its digest.
        size: bytes.
        by: what it was compared with, for people: ``sha256, trust B``.
        published: whether that was a published digest; if not, the lock file is to remember this one.
    """

    path: Path
    sha256: str
    size: int
    by: str
    published: bool


class DigestLock:
    """The lock file: ``<folder>/<name>: {bytes, sha256}``, one entry a file, sorted."""

    def __init__(self, path: str | Path) -> None:
        """Name the file; it need not exist."""
        self.path = Path(path)

    def recorded(self, key: str) -> str | None:
        """Return the SHA-256 recorded for `key`, None if none is.

        Raises:
            AtlasError: the file is not what this class writes.
        """
        entry = self._read().get(key)
        return entry["sha256"] if entry else None

    def record(self, key: str, sha256: str, size: int) -> None:
        """Remember the digest of `key`; other jobs may do the same at the same time.

        Raises:
            WrongFileError: another digest has been recorded meanwhile.
        """
        with locked(self.path.with_name(f".{self.path.name}.busy")):
            entries = self._read()
            if key in entries:
                self.compare(key, sha256, "just fetched")
                return
            entries[key] = {"bytes": size, "sha256": sha256}
            write_text(self.path, _HEAD + yaml.safe_dump(entries, sort_keys=True, width=1000))

    def compare(self, key: str, sha256: str, where: str) -> None:
        """Stop if another digest than `sha256` is recorded for `key`.

        Raises:
            WrongFileError: names both.
        """
        recorded = self.recorded(key)
        if recorded not in (None, sha256):
            raise WrongFileError(
                f"{where}: sha256 is {sha256}, but {self.path} recorded {recorded} for '{key}' when it was first fetched: "
                f"the file has changed or is damaged; to accept it, remove that entry from {self.path}"
            )

    def _read(self) -> dict[str, Any]:
        if not self.path.exists():
            return {}
        entries = read_yaml(self.path) or {}
        if not isinstance(entries, dict) or not all(isinstance(e, dict) and "sha256" in e for e in entries.values()):
            raise AtlasError(f"{self.path}: not a lock file of fetched files (name: {{bytes, sha256}}); mend or delete it")
        return entries


def check_file(path: Path, file: RemoteFile, key: str, lock: DigestLock, registry: str) -> Checked:
    """Compare the file at `path` with what is known of it.

    The strongest published digest decides. Where none is published, or only by a third party that turns out to differ, the
    lock file does.

    Args:
        path: the file.
        file: what the registry says.
        key: its name in the lock file.
        lock: the lock file.
        registry: the registry's file name, for messages.

    Raises:
        WrongFileError: a web page, only its beginning, another size, or another digest.
    """
    fault = visible_fault(path, file.name)
    size = path.stat().st_size
    if file.size and size != file.size:
        _differs(file, f"{path}: {size} bytes, {registry} says {file.size}", fault)
    algorithm = next((name for name in ALGORITHMS if name in file.digests), None)
    digests = _digests(path, {"sha256", algorithm or "sha256"})
    if algorithm:
        published = file.digests[algorithm]
        if digests[algorithm].startswith(published):
            by = f"{algorithm}, trust {file.trust}" if file.trust else f"{algorithm}, as published"
            return Checked(path, digests["sha256"], size, by, True)
        _differs(file, f"{path}: {algorithm} is {digests[algorithm]}, {registry} says {published}", fault)
    if fault:
        raise WrongFileError(f"{path}: {fault}")
    lock.compare(key, digests["sha256"], str(path))
    by = "sha256, as on first fetch" if lock.recorded(key) else "nothing: no digest is published, this was the first fetch"
    return Checked(path, digests["sha256"], size, by, False)


def _differs(file: RemoteFile, text: str, fault: str | None) -> None:
    if file.strict:
        raise WrongFileError(f"{text}: {fault or 'the file is damaged, cut short or another version'}")
    print(
        f"warning: {text}: taken all the same, because that figure comes from one third party only (trust C)",
        file=sys.stderr,
        flush=True,
    )


def _digests(path: Path, algorithms: set[str]) -> dict[str, str]:
    """Return the digests of a file, which is read once."""
    # md5 and sha1 tell damage, not forgery; they are here because owners publish nothing else.
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    size = path.stat().st_size
    meter = Meter(f"checking {path.name}", size) if size > _WORTH_A_METER else None
    done = 0
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            for value in hashes.values():
                value.update(block)
            done += len(block)
            if meter:
                meter(done)
    if meter:
        meter.end()
    return {name: value.hexdigest() for name, value in hashes.items()}
