"""The one exception a user is meant to read, and the frame that prints it."""

from __future__ import annotations

import difflib
import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import FrameType


class AtlasError(Exception):
    """A problem that the user can act on, said in one line.

    The text names the file, key or option at fault, what was expected, and what to do.
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known name closest to `name`, or an empty string."""
    match = difflib.get_close_matches(str(name), [str(k) for k in known], n=1, cutoff=0.5)
    return f"; did you mean '{match[0]}'?" if match else ""


def made_here(path: object, what: str, fault: object) -> AtlasError:
    """Return the error of a file that a job of this workflow makes and that cannot be used.

    Args:
        path: the file.
        what: what it should be, with its article: ``a pass file``.
        fault: what is wrong with it, in words or as the error met.
    """
    if isinstance(fault, FileNotFoundError):
        return AtlasError(f"{path}: there is no such file; ask for it as a target, and the workflow makes it")
    said = " ".join(str(fault).split()).removeprefix(f"{path}: ")[:200]
    return AtlasError(f"{path}: not {what} ({said}); delete it and run the same command again, which makes it anew")


class _Terminated(KeyboardInterrupt):
    """SIGTERM, raised where it arrives: what was begun is cleaned up, as after Ctrl-C."""


def run_command(main: Callable[[], None]) -> None:
    """Run a command's `main` so that every failure ends in one line, ``error: ...``, the last of its output.

    What the user can act on has that line alone: an `AtlasError`, a fault of the file system, too little memory, a signal to
    stop. Anything else is a defect of the project and has its traceback before it. ``ATLAS_TRACEBACK=1`` in the environment
    shows the traceback in every case.

    The exit status is 1; after SIGTERM and SIGINT it is theirs.
    """
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        main()
        sys.stdout.flush()
    except KeyboardInterrupt as stop:
        number = signal.SIGTERM if isinstance(stop, _Terminated) else signal.SIGINT
        signal.signal(number, signal.SIG_DFL)
        _say(f"stopped by {number.name}; run the same command again to go on")
        os.kill(os.getpid(), number)
    except Exception as error:  # nothing is hidden: what is not expected has its traceback, then a line
        expected = _one_line(error)
        if expected is None:
            traceback.print_exc()
        _say(expected or f"unexpected {_name_and_text(error)}; a fault of ViT Atlas: please report it with the lines above")
        if isinstance(error, BrokenPipeError):
            # Else the interpreter tries once more to write what is left, and says so.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise _Terminated


def _say(text: str) -> None:
    if os.environ.get("ATLAS_TRACEBACK"):
        traceback.print_exc()
    # In one write, so that no line of another job comes between the text and its end; and lost where nobody listens.
    with suppress(BrokenPipeError):
        sys.stderr.flush()
        sys.stderr.write(f"error: {text}\n")
        sys.stderr.flush()


_ADVICE = {
    errno.ENOSPC: "free space there",
    errno.EDQUOT: "free space there",
    errno.EACCES: "change its permissions, or name another place",
    errno.EPERM: "change its permissions, or name another place",
    errno.EROFS: "name another place",
    errno.ENOENT: "correct the path, or put the file there",
    errno.ENOTDIR: "move what is in the way",
    errno.EEXIST: "move what is in the way",
    errno.EISDIR: "move what is in the way",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.EPIPE: "whatever reads this output has ended",
}


def _one_line(error: Exception) -> str | None:
    """Return what a user can act on, None for a defect of the project."""
    if isinstance(error, AtlasError):
        return " ".join(str(error).split())
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error):
        return f"out of memory: {_name_and_text(error)}; give the job more memory, or set a smaller batch_size or fewer images"
    if not isinstance(error, OSError):
        return None
    said = error.strerror or _name_and_text(error)
    if error.filename is None:
        where = "" if error.errno in _ADVICE else " (the system does not say where: ATLAS_TRACEBACK=1 shows it)"
        said = f"{said}{where}"
    else:
        said = f"{error.filename}: {said}"
    advice = _ADVICE.get(error.errno or 0, "see to it")
    return f"{said}; {advice}, then run the same command again"


def _name_and_text(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]
