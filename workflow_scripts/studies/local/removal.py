"""What is said of the features that are removed: which vary how much, how many there are, and that some must be left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.studies.local.conditions import NN, setting
from workflow_scripts.studies.rows import Row


def variance_rows(variance: np.ndarray, n: int, removed: int, said: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the variance [D] of every feature over `n` patches, and the number of features that are removed."""
    for feature, value in enumerate(variance):
        yield {**said, "metric": "variance", "setting": setting(NN, features=str(feature)), "value": value, "n": n}
    yield {**said, "metric": "removed_main", "setting": setting(NN), "value": removed, "n": len(variance)}


def require_fewer(removed: int, width: int) -> None:
    """Refuse to remove all features of a model of `width` features.

    Raises:
        AtlasError: nothing would be left.
    """
    if removed >= width:
        raise AtlasError(f"removed: {removed} of {width} features are all of them; name fewer")
