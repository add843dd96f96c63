"""The file of a pass: every collector's named arrays in one safetensors file, for each view, with metadata.

Array names are ``<view>/<collector>/<array>``. Rows that wait on disk are streamed, so they are never all in memory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from workflow_scripts.common.arrays import Streamed, mapped_arrays, write_arrays
from workflow_scripts.common.errors import made_here


def write_states(
    path: str | Path,
    views: Mapping[str, Mapping[str, Mapping[str, np.ndarray | Streamed]]],
    metadata: Mapping[str, str],
) -> None:
    """Write the states of all collectors, {view: {collector: {array: values}}}, to `path`, whole or not at all."""
    arrays = {
        f"{view}/{name}/{key}": value
        for view, states in views.items()
        for name, state in states.items()
        for key, value in state.items()
    }
    write_arrays(path, arrays, metadata)


def read_state(path: str | Path, view: str, collector: str) -> dict[str, np.ndarray]:
    """Return the arrays of one collector of a view from a pass file.

    Raises:
        AtlasError: the file is not a pass file, or the pass did not run that collector over that view.
    """
    prefix = f"{view}/{collector}/"
    with _open(path) as file:
        names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 not a mapping
        if not names:
            found = sorted({name.rsplit("/", 1)[0] for name in file.keys()})  # noqa: SIM118
            fault = f"no statistics '{prefix[:-1]}' in this pass, which holds {', '.join(found)}"
            raise made_here(path, "the pass that is planned now", fault)
        return {name.removeprefix(prefix): file.get_tensor(name) for name in names}


def array_names(path: str | Path, view: str, collector: str) -> list[str]:
    """Return the names of the arrays of one collector of a view, without reading them."""
    prefix = f"{view}/{collector}/"
    with _open(path) as file:
        return [name.removeprefix(prefix) for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 not a mapping


class FileRows:
    """One array of a pass file, read slice by slice along its first axis: for features that do not fit in memory."""

    def __init__(self, path: str | Path, view: str, collector: str, key: str) -> None:
        """Open the array.

        Raises:
            AtlasError: the file is not a pass file or does not hold the array.
        """
        file = _open(path)
        name = f"{view}/{collector}/{key}"
        names = list(file.keys())
        if name not in names:
            fault = f"no '{name}' in this pass, which holds {', '.join(names)}"
            raise made_here(path, "the pass that is planned now", fault)
        self._slice = file.get_slice(name)
        self.shape = tuple(self._slice.get_shape())

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Return the rows as an array; as with arrays, a slice may reach beyond the end."""
        start, stop, _ = rows.indices(self.shape[0])
        return self._slice[start:stop]


def mapped_rows(path: str | Path, view: str, collector: str, key: str) -> np.ndarray:
    """Return one array of a pass file as a memory map, for what reads rows in any order of features that fill no memory.

    Raises:
        AtlasError: the file is not a pass file or does not hold the array.
    """
    FileRows(path, view, collector, key)  # names what is wrong
    return mapped_arrays(path)[f"{view}/{collector}/{key}"]


def mapped_states(path: str | Path) -> dict[str, dict[str, dict[str, np.ndarray]]]:
    """Return all arrays of a pass file as memory maps, {view: {collector: {array: values}}}.

    Raises:
        AtlasError: the file is not a pass file.
    """
    _open(path)  # names what is wrong
    states: dict[str, dict[str, dict[str, np.ndarray]]] = {}
    for name, values in mapped_arrays(path).items():
        view, collector, key = name.split("/")
        states.setdefault(view, {}).setdefault(collector, {})[key] = values
    return states


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Return the metadata of a pass file, `run_pass.pass_metadata`."""
    with _open(path) as file:
        made = file.metadata() or {}
    return made | {key: json.loads(made[key]) for key in ("views", "versions") if key in made}


def _open(path: str | Path) -> safe_open:
    try:
        return safe_open(path, framework="numpy")
    except (SafetensorError, FileNotFoundError) as error:
        raise made_here(path, "a readable pass file", error) from None
