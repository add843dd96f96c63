"""What a run says about itself: the command that makes it again, and its last lines when a job has failed."""

from __future__ import annotations

import atexit
import csv
import json
import os
import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

MOST_FAILED = 5  # jobs whose last words are shown: with --keep-going all may have failed for one reason


def command_text(files: Iterable[str | Path], config: Mapping[str, Any]) -> str:
    """Return the command that makes a run again, to be pasted into a shell in the project's folder.

    Args:
        files: its configuration files; those in the current folder are named relative to it.
        config: what ``--config`` set.
    """
    words = ["uv", "run", "snakemake"]
    if named := [from_here(file) for file in files]:
        words += ["--configfile", *named]
    if config:
        words += ["--config", *(f"{key}={_value(value)}" for key, value in config.items())]
    return shlex.join(words)


def from_here(path: str | Path) -> str:
    """Return `path` relative to the current folder if it lies in it: what names no machine."""
    return os.path.relpath(path) if Path(path).absolute().is_relative_to(Path.cwd()) else str(path)


def with_targets(command: str, *targets: str) -> str:
    """Return `command` for `targets` alone; they come first, or Snakemake takes them for configuration files."""
    start = "uv run snakemake"
    return f"{start} {shlex.join(targets)}{command.removeprefix(start)}"


def say_at_exit(failed: Iterable[tuple[str, str]]) -> None:
    """Have the last words on the screen be those of the jobs that failed, not Snakemake's.

    Args:
        failed: name and log file of each job; none if the run was stopped from outside.
    """
    failed = list(failed)
    what = "A job failed. Mend what it says and give" if failed else "Stopped before the end. Give"
    lines = ["", f"{what} the same command again: it resumes."]
    if len(failed) > MOST_FAILED:
        lines.append(f"{len(failed) - MOST_FAILED} more failed beside these:")
    for name, log in failed[:MOST_FAILED]:
        lines += [_last_error(name, Path(log)), f"log: {log}"]
    atexit.register(print, "\n".join(lines), file=sys.stderr, flush=True)


def published_line(scorecard: str | Path) -> str:
    """Return how many published numbers a run matches, for the screen; "" if the scorecard, a .csv, cannot be read.

    With the standard library alone: the process that runs the workflow imports nothing that computes.
    """
    try:
        with open(scorecard, encoding="utf-8", newline="") as file:
            found = Counter(row["verdict"] for row in csv.DictReader(file))
    except (OSError, ValueError, KeyError, csv.Error):
        return ""
    words = {"match": "match", "differs": "differ", "not comparable": "not comparable", "not run": "not run"}
    return f"published numbers: {', '.join(f'{found[verdict]} {said}' for verdict, said in words.items())}"


def _last_error(name: str, log: Path) -> str:
    """Return the line with which a job ended, or that it did not say why."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    errors = [line for line in lines if line.startswith("error: ")]
    if errors:
        return errors[-1]
    last = next((f"; its last words: {line.strip()}" for line in reversed(lines) if line.strip()), "")
    return f"error: {name}: ended without saying why (killed, or out of memory or time?){last}"


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=dict)
