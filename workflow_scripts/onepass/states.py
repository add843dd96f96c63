"""The file of a pass: every collector's named arrays in one safetensors file, with metadata.

Array names are ``<collector>/<array>``. Rows that wait on disk are streamed, so they are never all in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from workflow_scripts.common.arrays import Streamed, write_arrays
from workflow_scripts.common.errors import AtlasError


def write_states(
    path: str | Path, states: Mapping[str, Mapping[str, np.ndarray | Streamed]], metadata: Mapping[str, str]
) -> None:
    """Write the states of all collectors, {collector: {array: values}}, to `path`, whole or not at all."""
    write_arrays(path, {f"{name}/{key}": value for name, state in states.items() for key, value in state.items()}, metadata)


def read_state(path: str | Path, collector: str) -> dict[str, np.ndarray]:
    """Return the arrays of one collector from a pass file.

    Raises:
        AtlasError: the file is not a pass file, or the pass did not run that collector.
    """
    prefix = f"{collector}/"
    with _open(path) as file:
        names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 not a mapping
        if not names:
            found = sorted({name.split("/")[0] for name in file.keys()})  # noqa: SIM118
            raise AtlasError(f"{path}: no statistics of '{collector}' in this pass, which holds {', '.join(found)}")
        return {name.removeprefix(prefix): file.get_tensor(name) for name in names}


class FileRows:
    """One array of a pass file, read slice by slice along its first axis: for features that do not fit in memory."""

    def __init__(self, path: str | Path, collector: str, key: str) -> None:
        """Open the array.

        Raises:
            AtlasError: the file is not a pass file or does not hold the array.
        """
        file = _open(path)
        name = f"{collector}/{key}"
        names = list(file.keys())
        if name not in names:
            raise AtlasError(f"{path}: no '{name}' in this pass, which holds {', '.join(names)[:200]}; run the pass again")
        self._slice = file.get_slice(name)
        self.shape = tuple(self._slice.get_shape())

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Return the rows as an array; as with arrays, a slice may reach beyond the end."""
        start, stop, _ = rows.indices(self.shape[0])
        return self._slice[start:stop]


def read_metadata(path: str | Path) -> dict[str, str]:
    """Return the metadata of a pass file."""
    with _open(path) as file:
        return file.metadata() or {}


def _open(path: str | Path) -> safe_open:
    try:
        return safe_open(path, framework="numpy")
    except (SafetensorError, FileNotFoundError) as error:
        raise AtlasError(f"{path}: not a readable pass file ({error}); delete it and run again") from None
