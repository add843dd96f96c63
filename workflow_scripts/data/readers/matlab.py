"""MATLAB 5 files as scipy reads them without squeezing: structs are [1, n] arrays of records, also where n is 1 or 0."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workflow_scripts.data.bad_data import bad_data, no_file
from workflow_scripts.data.readers.apart import ReadingError, read_apart


def read_mat(path: Path, variable: str, what: str) -> np.ndarray:
    """Return a variable of a MATLAB file. It is read in another process, because some damaged files crash scipy.

    Raises:
        AtlasError: the file is missing, is not a MATLAB file or lacks the variable; the message says that it should be `what`.
    """
    if not path.is_file():
        raise no_file(path, what)
    try:
        found = read_apart(_load, str(path), variable)
    except ReadingError as error:
        raise bad_data(f"{path}: not a MATLAB file ({error}), expected {what}") from None
    if found is None:
        raise bad_data(f"{path}: no variable '{variable}', expected {what}")
    return found


def _load(path: str, variable: str) -> np.ndarray | None:
    from scipy.io import loadmat  # here, so that only the process that reads imports it

    found = loadmat(path, variable_names=[variable]).get(variable)
    return None if found is None else np.asarray(found)
