"""What a figure is drawn from: the models' tidy tables (parquet) and attention maps (safetensors), in given order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from safetensors import SafetensorError, safe_open

from workflow_scripts.common.errors import AtlasError, nearest
from workflow_scripts.common.table import read_table, read_table_metadata

RANDOM_BASELINE = "random_baseline"
CURVE_COLUMNS = ("model", "dataset", "metric", "setting", "layer", "head", "value", "ci_low", "ci_high", "n", "unit")


@dataclass(frozen=True)
class Model:
    """A model as figures name and colour it. `supervision` is one of `style.FAMILIES`."""

    id: str
    display_name: str
    supervision: str

    @property
    def is_random(self) -> bool:
        """Return whether this is attention drawn at random, which has no maps and no layers of its own."""
        return self.id == RANDOM_BASELINE


@dataclass(frozen=True)
class Drawn:
    """A figure and exactly the numbers that it shows, one row a number."""

    figure: Figure
    data: pd.DataFrame


@dataclass(frozen=True)
class ModelTable:
    """One model's tidy table."""

    path: Path
    model: Model
    frame: pd.DataFrame = field(repr=False)

    def select(self, metric: str, heads: str, setting: str | None = None, dataset: str | None = None) -> pd.DataFrame:
        """Return the rows of `metric`, sorted by layer and head, with columns `CURVE_COLUMNS`.

        Args:
            metric: name in the table.
            heads: "each" for single heads (`head` becomes a 1-based int), else what pools them: "mean" or "best".
            setting: keep only this setting.
            dataset: keep only this dataset.

        Raises:
            AtlasError: there are no such rows, or several for one layer and head.
        """
        rows = self.frame[self.frame["metric"] == metric]
        if rows.empty:
            known = sorted(set(self.frame["metric"]))
            raise AtlasError(f"{self.path}: no metric '{metric}'{nearest(metric, known)}; run this model's analysis again")
        rows = rows[rows["head"].str.isdigit()] if heads == "each" else rows[rows["head"] == heads]
        if setting is not None:
            rows = rows[rows["setting"] == setting]
        if dataset is not None:
            rows = rows[rows["dataset"] == dataset]
        what = f"head '{heads}'" + (f" and setting '{setting}'" if setting else "")
        if rows.empty:
            raise AtlasError(f"{self.path}: metric '{metric}' has no rows for {what}; run this model's analysis again")
        rows = rows.assign(layer=rows["layer"].astype(int))
        if heads == "each":
            rows = rows.assign(head=rows["head"].astype(int))
        twice = rows[rows.duplicated(["layer", "head"])]
        if not twice.empty:
            found = ", ".join(f"{d} / {s}" for d, s in sorted(set(zip(rows["dataset"], rows["setting"], strict=True))))
            raise AtlasError(
                f"{self.path}: metric '{metric}' has several values for layer {twice['layer'].iloc[0]}, "
                f"head {twice['head'].iloc[0]} ({found}); keep one dataset and setting in the table"
            )
        return rows.sort_values(["layer", "head"]).reset_index(drop=True)[list(CURVE_COLUMNS)]

    def datasets(self, metric: str) -> list[str]:
        """Return the datasets that `metric` was measured on, in the order of the table."""
        return list(dict.fromkeys(self.frame.loc[self.frame["metric"] == metric, "dataset"]))


@dataclass(frozen=True)
class ModelMaps:
    """One model's attention maps. `n_prefix` prefix tokens come first, then `rows` x `columns` patch tokens."""

    path: Path
    model: Model
    n_prefix: int
    rows: int
    columns: int
    n_images: int
    image_ids: tuple[str, ...]

    def array(self, name: str) -> np.ndarray:
        """Return the stored array `name`.

        Raises:
            AtlasError: the file has no such array or cannot be read.
        """
        try:
            with safe_open(self.path, framework="numpy") as file:
                names = list(file.keys())
                if name not in names:
                    raise AtlasError(f"{self.path}: no array '{name}'{nearest(name, names)}; run this model again")
                return file.get_tensor(name)
        except SafetensorError as error:
            raise AtlasError(f"{self.path}: cannot be read ({error}); delete it and run again") from None

    def on_grid(self, name: str) -> np.ndarray:
        """Return `name` [..., T] without its prefix tokens and on the patch grid: [..., rows, columns]."""
        array = self.array(name)
        expected = self.n_prefix + self.rows * self.columns
        if array.shape[-1] != expected:
            raise AtlasError(
                f"{self.path}: '{name}' has {array.shape[-1]} tokens, but {self.n_prefix} prefix tokens and "
                f"{self.rows} x {self.columns} patch tokens make {expected}; delete it and run again"
            )
        return array[..., self.n_prefix :].reshape(*array.shape[:-1], self.rows, self.columns)


@dataclass(frozen=True)
class FigureData:
    """Everything a figure may draw. `models` has every model once, in the order of the files given.

    Models whose id is `RANDOM_BASELINE` are in `models` and `tables`, never in `maps`.
    """

    models: tuple[Model, ...]
    tables: tuple[ModelTable, ...]
    maps: tuple[ModelMaps, ...]

    def table(self, model: Model) -> ModelTable:
        """Return the table of `model`.

        Raises:
            AtlasError: no table of this model was given.
        """
        for table in self.tables:
            if table.model.id == model.id:
                return table
        raise AtlasError(f"no table of model '{model.id}' among the {len(self.tables)} given; add it to --tables")


def load(tables: Sequence[Path] = (), maps: Sequence[Path] = ()) -> FigureData:
    """Read tables and the headers of maps.

    Raises:
        AtlasError: a file is unreadable or not of this kind, or a model occurs twice.
    """
    read_tables = tuple(read_model_table(path) for path in tables)
    read_maps = tuple(m for m in (read_maps_header(path) for path in maps) if not m.model.is_random)
    for kind in (read_tables, read_maps):
        seen: dict[str, Path] = {}
        for item in kind:
            if item.model.id in seen:
                raise AtlasError(f"{item.path}: model '{item.model.id}' is also in {seen[item.model.id]}; give it once")
            seen[item.model.id] = item.path
    models = {item.model.id: item.model for item in (*read_tables, *read_maps)}
    return FigureData(tuple(models.values()), read_tables, read_maps)


def read_model_table(path: Path) -> ModelTable:
    """Read one model's table, with the name and supervision in its metadata.

    Raises:
        AtlasError: the file is no table of the atlas, or not of one model.
    """
    frame, header = read_table(path), read_table_metadata(path)
    ids = set(frame["model"])
    if len(ids) != 1 or not {"display_name", "supervision"} <= set(header):
        raise AtlasError(f"{path}: not the table of one model (it has {len(ids)}); give one file per model")
    return ModelTable(Path(path), Model(ids.pop(), header["display_name"], header["supervision"]), frame)


def read_maps_header(path: Path) -> ModelMaps:
    """Read the names and sizes of one model's maps; the model's id is the file's name without suffix."""
    path = Path(path)
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
        model = Model(path.stem, header["display_name"], header["supervision"])
        sizes = [int(header[key]) for key in ("n_prefix", "rows", "cols", "n_images")]
        return ModelMaps(path, model, *sizes, image_ids=tuple(map(str, json.loads(header["image_ids"]))))
    except (SafetensorError, KeyError, ValueError) as error:
        raise AtlasError(f"{path}: not the attention maps of a model ({error}); delete it and run again") from None
