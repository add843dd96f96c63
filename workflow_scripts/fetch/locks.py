"""One job at a time: a lock that a killed job gives back, and that leaves no file behind."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: str | Path, waiting: str = "") -> Iterator[None]:
    """Hold the lock file `path` for the duration of the block; wait while another process has it.

    The lock belongs to the process: when it dies, however it dies, the lock is free.

    Args:
        path: lock file, made and removed here.
        waiting: printed once if there is something to wait for.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with open(path, "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waiting:
                    print(waiting, file=sys.stderr, flush=True)
                fcntl.flock(file, fcntl.LOCK_EX)
            # The holder before removed the file: then this is a lock on a name that is gone, and others take the new one.
            if not _is_at(file.fileno(), path):
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
