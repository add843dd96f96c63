"""Outputs that appear whole or not at all: a temporary file in the same folder, then a rename.

A job that is killed cannot remove its temporary file. The writer holds a lock on that file, which dies with it, so that a
file without a holder is known to be left over: the next write of the same output removes it, and `clear_stale` those of
outputs that nobody will write again.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from workflow_scripts.common.disk import naming_a_full_disk

_TEMPORARY = re.compile(r"(\..+\.)[a-z0-9_]{8}\.partial(\.[^.]*)?", re.DOTALL)
# A folder that holds one of these was unpacked from archives: of its many files none was written here.
DATASET_RECORDS = (".complete.json", ".unpacked.json")


@contextmanager
def atomic_path(path: str | Path, size: int | None = None) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block ends well, remove it if not.

    The temporary name keeps the suffix of `path`, because several libraries choose the file format by it. The data is
    synchronised to disk before the rename, so a power cut cannot leave an empty file under the final name.

    Args:
        path: the output.
        size: bytes that it will have, where that is known; for the message of a full disk.

    Raises:
        AtlasError: the disk is full.
        OSError: the folder cannot be created or written.
    """
    path = Path(path)
    # Of a long name the beginning, in bytes: the system counts those.
    prefix = f".{os.fsencode(path.name)[:100].decode('utf-8', 'ignore')}."
    with naming_a_full_disk(path, size):
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.scandir(path.parent) as entries:
            _remove_left_over(entry for entry in entries if entry.name.startswith(prefix))
        temporary, handle = _claim(path, prefix)
    try:
        with naming_a_full_disk(path, size, temporary):
            yield temporary
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        os.close(handle)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def clear_stale(folder: str | Path, closed: Collection[str] = DATASET_RECORDS) -> list[Path]:
    """Remove the temporary files of `atomic_path` below `folder` whose writers are gone, and return their paths.

    Reads names alone, and does not go into the subfolders of folders that were unpacked from archives: what grows with the
    number of images is not walked through. Where the file system has no locks nothing is removed.

    Args:
        folder: may be missing.
        closed: names of files whose folder's subfolders are left alone.
    """
    removed: list[Path] = []
    waiting = [os.fspath(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as found:
                entries = list(found)
        except OSError:
            continue
        if not any(entry.name in closed for entry in entries):
            waiting += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        removed += _remove_left_over(entries)
    return sorted(removed)


def _claim(path: Path, prefix: str) -> tuple[Path, int]:
    """Make a temporary file and lock it; return its path and the handle that holds the lock."""
    while True:
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=f".partial{path.suffix[:20]}", dir=path.parent)
        # Between the two calls another job may have taken it for left over.
        if _lock(handle) is not False and _is_at(handle, name):
            return Path(name), handle
        os.close(handle)


def _remove_left_over(entries: Iterable[os.DirEntry[str]]) -> list[Path]:
    names = [entry.path for entry in entries if _TEMPORARY.fullmatch(entry.name)]
    return [Path(name) for name in names if _remove_if_left_over(name)]


def _remove_if_left_over(name: str) -> bool:
    try:
        handle = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        left_over = stat.S_ISREG(os.fstat(handle).st_mode) and _lock(handle) is True and _is_at(handle, name)
        if left_over:
            Path(name).unlink()
        return left_over
    except OSError:
        return False
    finally:
        os.close(handle)


def _lock(handle: int) -> bool | None:
    """Return whether the file could be locked; None if its file system has no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_at(handle: int, name: str) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), Path(name).lstat())
    except FileNotFoundError:
        return False


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
