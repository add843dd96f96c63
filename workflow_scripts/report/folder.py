"""The report's folder: built whole beside its place and then swapped in, so that there is never half a report."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workflow_scripts.common.errors import AtlasError

PAGES = ("index.html", "run.html", "glossary.html", "scorecard.html", "explore.html")
FOLDERS = ("assets", "data", "models", "studies")
KEPT = ("latex",)  # of another job, which writes into the same folder


@contextmanager
def whole(output: Path) -> Iterator[Path]:
    """Give an empty folder to build the report in; afterwards it stands at `output` instead of an earlier report.

    If the block fails, the earlier report stays as it was.

    Raises:
        AtlasError: `output` holds files that are not a report's, or may not be written.
    """
    output = Path(output)
    _refuse_foreign(output)
    building, previous = (output.parent / f".{output.name}.{word}" for word in ("partial", "previous"))
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        for stale in (building, previous):  # left by a run that was killed
            shutil.rmtree(stale, ignore_errors=True)
        for name in FOLDERS:
            (building / name).mkdir(parents=True)
        if output.exists() and not os.access(output, os.W_OK | os.X_OK):
            raise PermissionError
    except PermissionError:
        raise AtlasError(
            f"{output}: the report may not be written there; mend the permissions of {output.parent}, or set another `results`"
        ) from None
    try:
        yield building
        for name in KEPT:
            if (output / name).exists():
                (output / name).replace(building / name)
        if output.exists():
            output.replace(previous)
        building.replace(output)
    finally:
        if previous.exists() and not output.exists():  # stopped between the two
            previous.replace(output)
        shutil.rmtree(building, ignore_errors=True)
        shutil.rmtree(previous, ignore_errors=True)


def _refuse_foreign(output: Path) -> None:
    if output.is_file():
        raise AtlasError(f"{output}: is a file; name a folder for the report")
    ours = {*PAGES, *FOLDERS, *KEPT}
    foreign = sorted(p.name for p in output.iterdir() if p.name not in ours) if output.exists() else []
    foreign = [name for name in foreign if not name.startswith(".")]
    if foreign:
        raise AtlasError(
            f"{output}: holds '{foreign[0]}', which is not of a report, and would be replaced; name an empty folder"
        )
