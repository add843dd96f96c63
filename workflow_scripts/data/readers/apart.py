"""Reading in a process of its own, where a damaged file may crash the library, fill the memory or never come to an end.

What ends there ends as an error here. The process is started at the first call and serves all that follow.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import sys
from collections.abc import Callable
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

_SECONDS = 120  # for one file; the largest of a benchmark takes less than one
_BYTES = 2 * 2**30  # of memory that one file may take beyond what the process has when it begins


class ReadingError(Exception):
    """A file could not be read; the text says why."""


def read_apart(read: Callable[..., Any], *args: Any, seconds: float = _SECONDS) -> Any:
    """Return ``read(*args)``, called in another process.

    Args:
        read: a function of a module.
        args: its arguments, which are sent there.
        seconds: after which the process is ended.

    Raises:
        ReadingError: `read` raised, whatever it was, or the process crashed or took too long.
    """
    child = _child()
    if not child.is_alive():
        _child.cache_clear()
        child = _child()
    try:
        succeeded, result = child.call(read, args, seconds)
    except BaseException:  # also when the user interrupts: its answer must not be taken for that of the next call
        child.end()
        raise
    if not succeeded:
        raise ReadingError(result)
    return result


@cache
def _child() -> _Child:
    return _Child()


class _Child:
    def __init__(self) -> None:
        # A fresh interpreter: a copy of this one could hang on locks that its threads hold.
        context = multiprocessing.get_context("spawn")
        self._connection, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there,), daemon=True)
        self._process.start()
        there.close()

    def is_alive(self) -> bool:
        return self._process.is_alive()

    def call(self, read: Callable[..., Any], args: tuple[Any, ...], seconds: float) -> tuple[bool, Any]:
        try:
            self._connection.send((read, args))
            if not self._connection.poll(seconds):
                raise ReadingError(f"reading it took more than {seconds:g} s")
            return self._connection.recv()
        except (EOFError, ConnectionError):
            raise ReadingError("it crashes the library that reads it") from None

    def end(self) -> None:
        self._process.kill()
        self._process.join()


def _serve(connection: Connection) -> None:
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            read, args = connection.recv()
            _bound_memory()
            try:
                connection.send((True, read(*args)))
            except Exception as error:  # as text: what an exception holds may not be fit to be sent
                connection.send((False, " ".join(str(error).split()) or type(error).__name__))


def _bound_memory() -> None:
    """Refuse this process more memory than it has and `_BYTES`; only Linux says how much it has."""
    if sys.platform == "linux":
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        wanted = pages * resource.getpagesize() + _BYTES
        resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
