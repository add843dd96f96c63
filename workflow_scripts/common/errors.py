"""The one exception a user is meant to read, and the frame that prints it."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Iterable


class AtlasError(Exception):
    """A problem that the user can act on, said in one line.

    The text names the file, key or option at fault, what was expected, and what to do.
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known name closest to `name`, or an empty string."""
    match = difflib.get_close_matches(str(name), [str(k) for k in known], n=1, cutoff=0.5)
    return f"; did you mean '{match[0]}'?" if match else ""


def run_command(main: Callable[[], None]) -> None:
    """Run a command's `main` so that a failure the user can act on ends in one line.

    An `AtlasError` or a file system error is printed as ``error: ...`` with exit status 1. Anything else is a defect of
    the project and keeps its traceback. ``ATLAS_TRACEBACK=1`` in the environment shows the traceback in every case.
    """
    try:
        main()
    except (AtlasError, OSError) as error:
        if os.environ.get("ATLAS_TRACEBACK"):
            raise
        print(f"error: {_one_line(error)}", file=sys.stderr)
        raise SystemExit(1) from None


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, AtlasError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}; free space or change permissions there, then run the same command again"
    return " ".join(str(error).split())
