"""How much of a file or an archive is there: progress in bytes."""

from __future__ import annotations

import sys
import time

from workflow_scripts.common.disk import size_text
from workflow_scripts.common.progress import Progress


class Meter:
    """Progress in MB (kB where there is little), counted from what is there already."""

    def __init__(self, what: str, total: int | None, have: int = 0) -> None:
        """Start the clock.

        Args:
            what: what is being done.
            total: bytes in all, None if nobody knows.
            have: bytes that were there before, so that the speed is that of now.
        """
        self.what, self.have, self.total = what + (f" (from {size_text(have)} on)" if have else ""), have, total
        self.unit, name = (1_000_000, "MB") if (total or 0) >= 10_000_000 else (1000, "kB")
        self.progress = Progress(self.what, -(-((total or 0) - have) // self.unit), name)
        self.said = time.monotonic()

    def __call__(self, done: int) -> None:
        """Report that `done` bytes of all are there."""
        count = (done - self.have) // self.unit
        if self.total is None:
            if time.monotonic() - self.said > self.progress.every:
                self.said = time.monotonic()
                print(f"{self.what}: {size_text(done)}", file=sys.stderr, flush=True)
        elif count < self.progress.total:  # the closing line is `end`'s
            self.progress(count)

    def end(self) -> None:
        """Report that all is there."""
        if self.total is not None:
            self.progress(self.progress.total)
