"""One run at a time in a folder: two would delete each other's outputs."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path

from workflow_scripts.common.errors import AtlasError

LOCK = ".run.lock"
_held: list[int] = []  # kept open to the end of the process, which gives the locks back however it ends


def hold_folders(folders: Iterable[str | Path]) -> None:
    """Hold `folders` for this run, to the end of the process; they are made where they do not exist.

    The lock file of a folder stays; only who has it open holds it, so a killed run leaves nothing to clean up. A file system
    without locks (some network file systems) holds nothing, and says nothing.

    Raises:
        AtlasError: another run holds one of the folders, or it cannot be written to.
    """
    for folder in map(Path, folders):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        except OSError as error:
            raise AtlasError(
                f"{folder}: cannot be written to ({error.strerror}); choose another folder, or its rights"
            ) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 100, 0).decode(errors="replace").strip()
            os.close(handle)
            raise AtlasError(
                f"{folder}: another run ({holder or 'just starting'}) is using this folder; wait for its end, or give this one "
                "another folder"
            ) from None
        except OSError:
            os.close(handle)
            continue
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {os.uname().nodename}\n".encode(), 0)
        _held.append(handle)
