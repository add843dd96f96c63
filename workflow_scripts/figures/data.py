"""What a figure is drawn from: models' tidy tables, attention maps (safetensors), and one table of comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from safetensors import SafetensorError, safe_open

from workflow_scripts.common.errors import AtlasError, nearest

RANDOM_PREFIX = "random_"  # ids of random baselines begin so; `studies.settings` sees to it
CURVE_COLUMNS = (
    "model", "dataset", "metric", "facet", "setting", "layer", "head", "value", "ci_low", "ci_high", "n", "unit",
)  # fmt: skip
PAIR_COLUMNS = (
    "dataset", "model", "layer", "facet", "other_model", "other_layer", "other_facet", "metric", "setting", "value",
    "ci_low", "ci_high", "n",
)  # fmt: skip
CKA_METRIC = "cka_minmax"  # the study's variant: each batch's Gram matrix is scaled to [0, 1] first


@dataclass(frozen=True)
class Model:
    """A model as figures name and colour it. `supervision` is one of `style.FAMILIES`."""

    id: str
    display_name: str
    supervision: str

    @property
    def is_random(self) -> bool:
        """Return whether this is the random baseline, which has no maps and no layers of its own."""
        return self.id.startswith(RANDOM_PREFIX)


@dataclass(frozen=True)
class Drawn:
    """A figure and exactly the numbers that it shows, one row a number."""

    figure: Figure
    data: pd.DataFrame


@dataclass(frozen=True)
class ModelTable:
    """One model's tidy table: the rows of all analyses given for it. `files` names the file of each analysis."""

    model: Model
    files: Mapping[str, Path]
    frame: pd.DataFrame = field(repr=False)

    @property
    def source(self) -> str:
        """Return the files' names, for messages."""
        return ", ".join(map(str, dict.fromkeys(self.files.values())))

    def select(
        self,
        metric: str,
        heads: str = "",
        *,
        facet: str | None = None,
        setting: str | None = None,
        dataset: str | None = None,
    ) -> pd.DataFrame:
        """Return the rows of `metric`, sorted by layer and head, with columns `CURVE_COLUMNS`.

        Args:
            metric: name in the table.
            heads: "" for metrics that know no heads, "each" for single heads (`head` becomes a 1-based int), else what
                pools the heads: "mean" or "best".
            facet: keep only this facet.
            setting: keep only this setting.
            dataset: keep only this dataset.

        Raises:
            AtlasError: there are no such rows, or several for one layer and head.
        """
        rows = self.frame[self.frame["metric"] == metric]
        if rows.empty:
            known = sorted(set(self.frame["metric"]))
            raise AtlasError(f"{self.source}: no metric '{metric}'{nearest(metric, known)}; run this model's analysis again")
        rows = rows[rows["head"].str.isdigit()] if heads == "each" else rows[rows["head"] == heads]
        wanted = {"facet": facet, "setting": setting, "dataset": dataset}
        for column, name in wanted.items():
            if name is not None:
                rows = rows[rows[column] == name]
        if rows.empty:
            what = {"head": heads or None} | wanted
            said = ", ".join(f"{column} '{name}'" for column, name in what.items() if name is not None) or "all heads together"
            raise AtlasError(f"{self.source}: metric '{metric}' has no rows for {said}; run this model's analysis again")
        rows = rows.assign(layer=rows["layer"].astype(int))
        if heads == "each":
            rows = rows.assign(head=rows["head"].astype(int))
        twice = rows[rows.duplicated(["layer", "head"])]
        if not twice.empty:
            kinds = ("dataset", "facet", "setting")
            found = ", ".join(" / ".join(kind) for kind in rows[list(kinds)].drop_duplicates().itertuples(index=False))
            raise AtlasError(
                f"{self.source}: metric '{metric}' has several values for layer {twice['layer'].iloc[0]}, "
                f"head '{twice['head'].iloc[0]}' ({found}); keep one dataset, facet and setting in the table"
            )
        return rows.sort_values(["layer", "head"]).reset_index(drop=True)[list(CURVE_COLUMNS)]

    def datasets(self, metric: str, facet: str | None = None) -> list[str]:
        """Return the datasets that `metric` (of `facet`) was measured on, in the order of the table."""
        rows = self.frame[self.frame["metric"] == metric]
        return list(dict.fromkeys((rows if facet is None else rows[rows["facet"] == facet])["dataset"]))

    def settings(self, metric: str) -> list[str]:
        """Return the settings in which `metric` was measured, in the order of the table."""
        return list(dict.fromkeys(self.frame.loc[self.frame["metric"] == metric, "setting"]))


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
class CkaTable:
    """Similarities of representations within and between models.

    Attributes:
        path: the file.
        models: those to draw, in order.
        layers: number of layers of each model, by id.
        frame: the rows. A pair without a row is undefined: a representation is the same for all images.
    """

    path: Path
    models: tuple[Model, ...]
    layers: Mapping[str, int]
    frame: pd.DataFrame = field(repr=False)

    def select(self, setting: str, facets: Sequence[str], other_facets: Sequence[str]) -> pd.DataFrame:
        """Return the similarities between `models` that compare one of `facets` with one of `other_facets`.

        Args:
            setting: which tokens are compared: "cls", "spatial" or "all".
            facets: of the first representation.
            other_facets: of the second.

        Returns:
            The rows in the order of the file, with columns `PAIR_COLUMNS`.

        Raises:
            AtlasError: there are none.
        """
        frame = self.frame
        ids = [model.id for model in self.models]
        kept = (frame["metric"] == CKA_METRIC) & (frame["setting"] == setting)
        kept &= frame["facet"].isin(facets) & frame["other_facet"].isin(other_facets)
        kept &= frame["model"].isin(ids) & frame["other_model"].isin(ids)
        if not kept.any():
            raise AtlasError(
                f"{self.path}: no rows of '{CKA_METRIC}' for {' and '.join(facets)} with {' and '.join(other_facets)}, "
                f"setting '{setting}'; run the comparison again"
            )
        rows = frame.loc[kept, list(PAIR_COLUMNS)]
        return rows.assign(layer=rows["layer"].astype(int), other_layer=rows["other_layer"].astype(int))

    def of(self, models: Sequence[Model]) -> CkaTable:
        """Return the same table with other models to draw."""
        return replace(self, models=tuple(models))

    def without_random(self) -> CkaTable:
        """Return the same table without the random baseline."""
        return self.of([model for model in self.models if not model.is_random])


@dataclass(frozen=True)
class FigureData:
    """Everything a figure may draw. `models` has every model once, in the order of drawing.

    Random baselines are in `models`, `tables` and `cka`, never in `maps`.
    """

    models: tuple[Model, ...]
    tables: tuple[ModelTable, ...] = ()
    maps: tuple[ModelMaps, ...] = ()
    cka: CkaTable | None = None

    def table(self, model: Model) -> ModelTable:
        """Return the table of `model`.

        Raises:
            AtlasError: no table of this model was given.
        """
        for table in self.tables:
            if table.model.id == model.id:
                return table
        raise AtlasError(f"no table of model '{model.id}' among the {len(self.tables)} given; add it to --tables")

    def without_random(self) -> FigureData:
        """Return the same data without the random baseline."""
        return FigureData(
            tuple(model for model in self.models if not model.is_random),
            tuple(table for table in self.tables if not table.model.is_random),
            self.maps,
            self.cka.without_random() if self.cka else None,
        )
