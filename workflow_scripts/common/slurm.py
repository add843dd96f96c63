"""What must be so that a run through Slurm learns of its jobs' ends; else it would wait for ever."""

from __future__ import annotations

import re
import subprocess

from workflow_scripts.common.errors import AtlasError

LONGEST_SILENCE = 180  # seconds between two looks of the Slurm plugin at its jobs


def check_slurm(status_command: str) -> None:
    """Check that the controller answers, and that ``status_command`` (squeue, sacct) will say how jobs have ended.

    Raises:
        AtlasError: it does not, or would not.
    """
    try:
        made = subprocess.run(["scontrol", "show", "config"], capture_output=True, text=True, timeout=60, check=False)
        problem = (made.stderr.strip().splitlines() or ["scontrol failed"])[-1] if made.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        problem = str(error)
    if problem:
        raise AtlasError(f"Slurm's controller does not answer ({problem}); on a login node, wait until `scontrol ping` says UP")
    settings = dict(re.findall(r"^(\w+)\s*= (.*?)\s*$", made.stdout, re.M))
    if settings.get("AccountingStorageType", "").endswith("/none"):
        if status_command == "sacct":
            raise AtlasError(
                "this cluster keeps no accounts of jobs, so sacct never says that one has ended; set "
                "slurm-status-command: squeue in the profile"
            )
        age = re.match(r"\d+", settings.get("MinJobAge", ""))
        if age and int(age[0]) < LONGEST_SILENCE:
            raise AtlasError(
                f"this cluster keeps no accounts and forgets jobs {age[0]} s after their end (MinJobAge), before they are "
                f"looked at; ask its administrators for {LONGEST_SILENCE} s, or use profiles/cluster"
            )
