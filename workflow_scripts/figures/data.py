"""What a figure is drawn from: models' tidy tables, their maps (safetensors), and tables of comparisons."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from safetensors import SafetensorError, safe_open

from workflow_scripts.common.errors import AtlasError, nearest
from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.study import Score

CURVE_COLUMNS = (
    "model", "dataset", "metric", "facet", "setting", "layer", "head", "value", "ci_low", "ci_high", "n", "unit",
)  # fmt: skip
PAIR_COLUMNS = (
    "dataset", "model", "layer", "facet", "other_model", "other_layer", "other_facet", "metric", "setting", "value",
    "ci_low", "ci_high", "n",
)  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """A figure and exactly the numbers that it shows, one row a number.

    Attributes:
        figure: its first page.
        data: the rows.
        more: further pages, of what would exceed one.
        note: what the reader must know of this drawing, for the foot of each page: models left out, for example.
    """

    figure: Figure
    data: pd.DataFrame
    more: tuple[Figure, ...] = ()
    note: str = ""

    @property
    def pages(self) -> tuple[Figure, ...]:
        """Return all pages."""
        return (self.figure, *self.more)


@dataclass(frozen=True)
class ModelTable:
    """One model's tidy table: the rows of all analyses given for it. `files` names the file of each analysis."""

    model: RunModel
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
    """One model's maps: arrays that are no number per row, and the facts that reading them needs, as text."""

    path: Path
    model: RunModel
    facts: Mapping[str, str]

    @property
    def n_prefix(self) -> int:
        """Number of prefix tokens, which come before the patch tokens."""
        return int(self._fact("n_prefix"))

    @property
    def rows(self) -> int:
        """Rows of the patch grid."""
        return int(self._fact("rows"))

    @property
    def columns(self) -> int:
        """Columns of the patch grid."""
        return int(self._fact("cols"))

    @property
    def n_images(self) -> int:
        """Number of images that an average is over."""
        return int(self._fact("n_images"))

    @property
    def image_ids(self) -> tuple[str, ...]:
        """Ids of the single images."""
        return tuple(map(str, json.loads(self._fact("image_ids"))))

    def _fact(self, name: str) -> str:
        if name not in self.facts:
            raise AtlasError(f"{self.path}: its metadata do not say {name}; delete it and run again")
        return self.facts[name]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the stored arrays."""
        with safe_open(self.path, framework="numpy") as file:
            return tuple(file.keys())

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
class PairTable:
    """Numbers about two representations, within and between models.

    Attributes:
        path: the file.
        models: those to draw, in order.
        frame: the rows. A pair without a row is undefined: a representation is the same for all images.
    """

    path: Path
    models: tuple[RunModel, ...]
    frame: pd.DataFrame = field(repr=False)

    def select(self, metric: str, setting: str, facets: Sequence[str], other_facets: Sequence[str]) -> pd.DataFrame:
        """Return the rows between `models` that compare one of `facets` with one of `other_facets`.

        Args:
            metric: name in the table.
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
        kept = (frame["metric"] == metric) & (frame["setting"] == setting)
        kept &= frame["facet"].isin(facets) & frame["other_facet"].isin(other_facets)
        kept &= frame["model"].isin(ids) & frame["other_model"].isin(ids)
        if not kept.any():
            raise AtlasError(
                f"{self.path}: no rows of '{metric}' for {' and '.join(facets)} with {' and '.join(other_facets)}, "
                f"setting '{setting}'; run the comparison again"
            )
        rows = frame.loc[kept, list(PAIR_COLUMNS)]
        return rows.assign(layer=rows["layer"].astype(int), other_layer=rows["other_layer"].astype(int))

    def of(self, models: Sequence[RunModel]) -> PairTable:
        """Return the same table with other models to draw."""
        return replace(self, models=tuple(models))

    def without_random(self) -> PairTable:
        """Return the same table without the random baseline."""
        return self.of([model for model in self.models if not model.random])


@dataclass(frozen=True)
class FigureData:
    """Everything a figure may draw. `models` has every model once, in the order of drawing.

    Attributes:
        models: in order.
        tables: of each model, merged over the analyses that the figure reads.
        maps: by analysis, those of each model. Random baselines have none.
        pairs: by analysis, its table of comparisons.
        scores: by name, those that the figure shows.
    """

    models: tuple[RunModel, ...]
    tables: tuple[ModelTable, ...] = ()
    maps: Mapping[str, tuple[ModelMaps, ...]] = field(default_factory=dict)
    pairs: Mapping[str, PairTable] = field(default_factory=dict)
    scores: Mapping[str, Score] = field(default_factory=dict)

    def table(self, model: RunModel) -> ModelTable:
        """Return the table of `model`.

        Raises:
            AtlasError: no table of this model was given.
        """
        for table in self.tables:
            if table.model.id == model.id:
                return table
        raise AtlasError(f"no table of model '{model.id}' among the {len(self.tables)} given; add it to --tables")

    def of(self, models: Sequence[RunModel]) -> FigureData:
        """Return the same data of some of the models."""
        ids = {model.id for model in models}
        return replace(
            self,
            models=tuple(model for model in self.models if model.id in ids),
            tables=tuple(table for table in self.tables if table.model.id in ids),
            maps={name: tuple(item for item in items if item.model.id in ids) for name, items in self.maps.items()},
            pairs={name: table.of([model for model in table.models if model.id in ids]) for name, table in self.pairs.items()},
        )

    def without_random(self) -> FigureData:
        """Return the same data without the random baseline."""
        return self.of([model for model in self.models if not model.random])
