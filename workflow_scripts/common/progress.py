"""Progress of long work: one line that rewrites itself on a terminal, a plain line now and then in a log file."""

from __future__ import annotations

import sys
import time


class Progress:
    """Count items done and print items per second and the time left."""

    def __init__(self, what: str, total: int, unit: str, every: float = 10.0) -> None:
        """Start the clock.

        Args:
            what: what is being done, printed in front.
            total: number of items.
            unit: what an item is called, in the plural.
            every: seconds between plain lines when the output is not a terminal.
        """
        self.what, self.total, self.unit = what, total, unit
        self.terminal = sys.stderr.isatty()
        self.every = 0.2 if self.terminal else every
        self.start = self.last = time.monotonic()

    def __call__(self, done: int) -> None:
        """Report that `done` items are through."""
        now = time.monotonic()
        if done < self.total and now - self.last < self.every:
            return
        self.last = now
        rate = done / max(now - self.start, 1e-9)
        left = f"{_clock((self.total - done) / max(rate, 1e-9))} left" if done < self.total else f"{_clock(now - self.start)}"
        line = f"{self.what}: {done} of {self.total} {self.unit}, {rate:.{0 if rate >= 10 else 1}f} {self.unit}/s, {left}"
        if self.terminal:
            print(f"\r\033[K{line}", end="\n" if done >= self.total else "", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
