"""Disks that run full: asked before anything is written; said with the file, what it has come to, and what is free."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workflow_scripts.common.errors import AtlasError

_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your quota on this disk is used up",
    errno.EFBIG: "File too large for this file system, or for the limit that 'ulimit -f' shows",
}


def size_text(count: float) -> str:
    """Return a number of bytes as a person says it: ``147.9 GB``."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} bytes" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def require_space(folder: Path, needed: int, what: str, key: str = "resources") -> None:
    """Stop if `folder`'s file system has less than `needed` bytes free; `key` of the configuration names the folder.

    Raises:
        AtlasError: names both numbers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise AtlasError(
            f"{folder}: {what} needs {size_text(needed)}, only {size_text(free)} are free; free space there, or let the "
            f"configuration key '{key}' name a folder on a larger disk"
        )


@contextmanager
def naming_a_full_disk(path: Path, size: int | None = None, growing: Path | None = None, kept: str = "") -> Iterator[None]:
    """Turn the system's word for a full disk, a used-up quota or a limit of sizes into a line that names the file.

    A failed write does not say which file it was for.

    Args:
        path: what is being written, a file or a folder.
        size: bytes that it will have, where that is known.
        growing: the file that grows meanwhile, `path` if None.
        kept: what is left on disk and what becomes of it.

    Raises:
        AtlasError: in place of such an `OSError`. Any other error passes.
    """
    growing = growing or path
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL or _elsewhere(error, path):
            raise
        come = f"at {size_text(growing.stat().st_size)}" if growing.is_file() else ""
        wanted = f" of {size_text(size)}" if come and size else (f"for {size_text(size)}" if size else "")
        facts = [f"{come}{wanted}"] if come or wanted else []
        if error.errno == errno.ENOSPC:
            facts.append(f"{size_text(_free(path))} are free")
        told = f" ({', '.join(facts)})" if facts else ""
        advice = "free space there" if error.errno != errno.EFBIG else "raise that limit"
        text = f"{path}: {_FULL[error.errno]}{told}; {f'{kept}; ' if kept else ''}{advice}, then run the same command again"
        raise AtlasError(text) from None


def _elsewhere(error: OSError, path: Path) -> bool:
    """Whether the error names a file that has nothing to do with `path`; one of copying names the source first."""
    if error.filename is None or error.filename2 is not None:
        return False
    return path.parent.absolute() not in Path(os.fsdecode(error.filename)).absolute().parents


def _free(path: Path) -> int:
    folder = next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())
    return shutil.disk_usage(folder).free
