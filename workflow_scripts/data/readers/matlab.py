"""MATLAB 5 files as scipy reads them without squeezing: structs are [1, n] arrays of records, also where n is 1 or 0."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import loadmat

from workflow_scripts.common.errors import AtlasError


def read_mat(path: Path, variable: str, what: str) -> np.ndarray:
    """Return a variable of a MATLAB file.

    Raises:
        AtlasError: the file is missing, is not a MATLAB file or lacks the variable; the message says that it is `what`.
    """
    if not path.is_file():
        raise AtlasError(f"{path}: {what} is missing; fetch the dataset again or correct its path")
    try:
        return loadmat(path)[variable]
    except KeyError:
        raise AtlasError(f"{path}: no variable '{variable}'; expected {what}; fetch the dataset again") from None
    except Exception as error:  # scipy raises whatever a damaged byte leads to
        raise AtlasError(f"{path}: {what} is not a MATLAB file ({' '.join(str(error).split())}); fetch it again") from None
