"""What an analysis reads: the passes it asked for, under the names it gave them, each with its dataset's files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from safetensors import safe_open
from safetensors.numpy import load_file

from workflow_scripts.common.errors import AtlasError, nearest
from workflow_scripts.data.crop_files import read_crops
from workflow_scripts.data.reader import Reader, open_reader
from workflow_scripts.data.views import View, parse_view
from workflow_scripts.onepass.names import owned
from workflow_scripts.onepass.states import FileRows, array_names, mapped_rows, read_metadata, read_state


@dataclass(frozen=True)
class Passed:
    """One pass over one view of a dataset, as one ask of an analysis sees it.

    Attributes:
        dataset: id.
        view_name: name of the view.
        files: paths by kind: pass and samples, and what the ask declares under `files`: crops, or a kind of ground truth.
        opening: name, path and options of the dataset's reader, where the ask declares it.
        owner: what the pass calls the ask's own collectors by; "" where they are shared.
    """

    dataset: str
    view_name: str
    files: Mapping[str, str]
    opening: Mapping[str, Any] | None = None
    owner: str = ""

    @cached_property
    def made(self) -> dict[str, Any]:
        """Metadata of the pass, of this view."""
        made = read_metadata(self.files["pass"])
        return made | made["views"][self.view_name]

    @property
    def model(self) -> str:
        """Id of the model."""
        return self.made["model"]

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, columns) of the patch grid of a crop."""
        rows, columns = self.made["grid"]
        return rows, columns

    @property
    def view(self) -> View:
        """The view itself."""
        return parse_view(self.view_name)

    @cached_property
    def samples(self) -> pd.DataFrame:
        """One row per image of the pass (`data.crops.SAMPLE_COLUMNS`)."""
        return pd.read_parquet(self.files["samples"])

    @cached_property
    def reader(self) -> Reader:
        """The dataset itself."""
        assert self.opening is not None, "the ask does not declare that it reads the dataset"
        return open_reader(self.opening["reader"], self.opening["path"], self.opening["options"])

    def state(self, collector: str) -> dict[str, np.ndarray]:
        """Return all arrays of a collector."""
        return read_state(self.files["pass"], self.view_name, self._called(collector))

    def rows(self, collector: str, key: str) -> FileRows:
        """Return one array of a collector, to be read slice by slice."""
        return FileRows(self.files["pass"], self.view_name, self._called(collector), key)

    def arrays(self, collector: str) -> list[str]:
        """Return the names of the arrays of a collector."""
        return array_names(self.files["pass"], self.view_name, self._called(collector))

    def mapped(self, collector: str, key: str) -> np.ndarray:
        """Return one array of features of a collector as a memory map."""
        return mapped_rows(self.files["pass"], self.view_name, self._called(collector), key)

    def _called(self, collector: str) -> str:
        return owned(collector, self.owner) if self.owner else collector

    def crops(self, start: int, stop: int) -> np.ndarray:
        """Return the crops `start` to `stop` (exclusive), [n, rows, columns, 3] uint8."""
        return read_crops(self.files["crops"], start, stop)

    def truth(self, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the arrays and the metadata of a kind of ground truth (`data.ground_truth`)."""
        with safe_open(self.files[kind], framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 not a mapping
            return arrays, {key: json.loads(value) for key, value in (file.metadata() or {}).items()}


class Passes(Mapping[str, Passed]):
    """The passes of one model by the names of an analysis' asks; `fits` are the files of the fits that it reads, by name.

    Attributes:
        kept: what the rows of an analysis leave for its maps, so that it is not computed twice.
    """

    def __init__(self, asked: Mapping[str, Passed], fits: Mapping[str, str] | None = None) -> None:
        self._asked = dict(asked)
        self._fits = dict(fits or {})
        self.kept: dict[str, Any] = {}

    @classmethod
    def from_json(cls, described: Mapping[str, Mapping[str, Any]]) -> Passes:
        """Return what the option ``--passes`` of `tabulate` describes: asks (dataset, view, files, reader), and fits' files."""
        asks = described["asks"].items()
        asked = {
            name: Passed(one["dataset"], one["view"], one["files"], one.get("reader"), one.get("owner", ""))
            for name, one in asks
        }
        return cls(asked, described["fits"])

    @property
    def made_by_model(self) -> list[str]:
        """Files of all passes and fits that are read."""
        return list(dict.fromkeys([*(one.files["pass"] for one in self._asked.values()), *self._fits.values()]))

    def fit(self, name: str) -> dict[str, np.ndarray]:
        """Return the result of a fit that the analysis names.

        Raises:
            AtlasError: it names no such fit.
        """
        if name not in self._fits:
            raise AtlasError(f"no fit '{name}' (named: {', '.join(self._fits) or 'none'}){nearest(name, self._fits)}")
        return load_file(self._fits[name])

    def __getitem__(self, name: str) -> Passed:
        """Return the pass of the ask `name`.

        Raises:
            AtlasError: the analysis did not ask for it, or this run leaves it out.
        """
        if name not in self._asked:
            raise AtlasError(f"no pass '{name}' (asked for: {', '.join(self._asked)}){nearest(name, self._asked)}")
        return self._asked[name]

    def __contains__(self, name: object) -> bool:
        """Return whether this run has the ask `name`."""
        return name in self._asked

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the asks."""
        return iter(self._asked)

    def __len__(self) -> int:
        """Return the number of asks."""
        return len(self._asked)
