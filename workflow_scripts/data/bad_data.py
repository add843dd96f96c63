"""Errors of a dataset's files, with advice that fits a file that was fetched and one's own."""

from __future__ import annotations

from pathlib import Path

from workflow_scripts.common.errors import AtlasError


def bad_data(problem: str) -> AtlasError:
    """Return the error of a file that holds something else than expected; `problem` names it and says what."""
    return AtlasError(f"{problem}; correct the files, or fetch the dataset again if it was downloaded")


def no_file(path: Path, what: str) -> AtlasError:
    """Return the error of a file or folder that is not there, which should be `what`."""
    return AtlasError(
        f"{path}: expected {what}, but nothing is there; correct the dataset's path, or fetch the dataset again if it was "
        "downloaded"
    )
