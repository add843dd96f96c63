"""Jobs in a Slurm queue that outlived the run which submitted them: two would write the same outputs.

A run writes the name that its jobs have in the queue beside its outputs. The next one there looks for them by it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from workflow_scripts.common.atomic import write_text
from workflow_scripts.common.errors import AtlasError

RECORD = ".run.jobs"


def note_jobs(folders: Iterable[str | Path], name: str) -> None:
    """Write down that jobs called `name` fill `folders`; "" for a run that submits none."""
    for record in (Path(folder) / RECORD for folder in folders):
        if name:
            write_text(record, f"{name}\n")
        else:
            record.unlink(missing_ok=True)


def wait_for_left_jobs(folders: Iterable[str | Path], poll: float = 10.0) -> bool:
    """Wait until no job of an earlier run that fills one of `folders` waits or runs, and return whether there were any.

    Raises:
        AtlasError: Slurm does not say.
    """
    found = False
    for record in (Path(folder) / RECORD for folder in folders):
        name = record.read_text(encoding="utf-8").strip() if record.is_file() else ""
        while name and (jobs := _queued(name, record)):
            if not found:
                what = "1 job of an earlier run is" if len(jobs) == 1 else f"{len(jobs)} jobs of an earlier run are"
                say = f"{what} still at work here; waiting for the end, so that nothing is made twice"
                print(f"note: {say} (to stop them: scancel --name={name})", file=sys.stderr, flush=True)
            found = True
            time.sleep(poll)
    return found


def _queued(name: str, record: Path) -> list[str]:
    try:
        made = subprocess.run(
            ["squeue", "--noheader", f"--name={name}", "--format=%i"], capture_output=True, text=True, timeout=60, check=False
        )
        problem = made.stderr.strip().splitlines()[-1:] if made.returncode else []
    except (OSError, subprocess.TimeoutExpired) as error:
        problem = [str(error)]
    if problem:
        raise AtlasError(
            f"{record}: jobs of an earlier run may still be at work here, and squeue does not say ({problem[0]}); try again "
            "where squeue answers, or remove this file if they are gone"
        )
    return made.stdout.split()
