"""What a scheduler is asked for, job by job: the predicted time and memory with room to spare, and never less than a floor.

Rules multiply both by the attempt, so that what a prediction misses is retried with more.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

# A prediction holds within a factor of 1.5 on the machine it was fitted on; another's disk, other users' jobs, and a card that
# is slower than the configuration says come on top.
TIME_MARGIN = 3.0
MEMORY_MARGIN = 1.5
LEAST_MINUTES = 15  # a cold start of PyTorch from a shared disk, and the job's place in a queue of small ones
MOST_MINUTES = 60 * 24 * 365  # no scheduler takes more, and of a card of next to no speed the prediction is no number
LEAST_MEMORY_MB = 2000
DRIVER_MB = 4000  # what a process that uses a GPU holds of the machine's memory beside its own


@dataclass(frozen=True)
class Needs:
    """What one job is given: minutes of run time, megabytes (1e6 bytes) of memory."""

    minutes: int
    memory_mb: int


def needs_of(seconds: float, memory: float, on_device: bool = False) -> Needs:
    """Return what a job needs that is predicted to take `seconds` and `memory` bytes; on a GPU where `on_device`."""
    megabytes = MEMORY_MARGIN * memory / 1e6 + (DRIVER_MB if on_device else 0)
    minutes = ceil(min(TIME_MARGIN * seconds / 60, MOST_MINUTES))
    return Needs(max(LEAST_MINUTES, minutes), max(LEAST_MEMORY_MB, ceil(megabytes / 100) * 100))
