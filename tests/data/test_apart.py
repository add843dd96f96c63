"""Reading in a process of its own: what ends there is an error here, and the next file is read."""

import os
import signal
import time

import numpy as np
import pytest

from workflow_scripts.data.readers.apart import ReadingError, read_apart


def double(values):
    return 2 * values


def die(how):
    os.kill(os.getpid(), how)


def wrong(text):
    raise LookupError(f"{text}\nand more")


def wordless():
    raise LookupError


def unfit():
    return lambda: None  # nothing that can be sent


def fill():
    return bytes(64 * 2**30)


def test_answers_come_back():
    assert read_apart(double, np.arange(3)).tolist() == [0, 2, 4]
    with pytest.raises(ReadingError, match=r"^it is broken and more$"):
        read_apart(wrong, "it is broken")
    with pytest.raises(ReadingError, match=r"^LookupError$"):
        read_apart(wordless)


@pytest.mark.parametrize(
    ("read", "args", "reason"),
    [
        (die, (signal.SIGSEGV,), "it crashes the library that reads it"),
        (die, (signal.SIGKILL,), "it crashes the library that reads it"),
        (fill, (), "MemoryError"),
        (unfit, (), "pickle"),
    ],
)
def test_what_ends_there_is_said_and_the_next_is_read(read, args, reason):
    with pytest.raises(ReadingError, match=reason):
        read_apart(read, *args)
    assert read_apart(double, 4) == 8


def test_what_takes_too_long_is_ended():
    read_apart(double, 1)  # so that starting the process does not count
    with pytest.raises(ReadingError, match=r"took more than 0\.2 s"):
        read_apart(time.sleep, 60, seconds=0.2)
    assert read_apart(double, 4) == 8
