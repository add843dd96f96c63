"""The measured numbers of a run, as claims ask for them: by method, metric and layer.

Methods and kinds of supervision are the registry's; no claim knows a model's id. The study compares six methods, so models of
other methods take no part, and neither do models without training, except noise as the chance level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.studies.run_models import SIZES, RunModel
from workflow_scripts.studies.thesis_claims.verdict import CannotTestError, Number, mean
from workflow_scripts.studies.thesis_summary import CHANCE_LAYERS

FS, CLIP, DINO, MOCO, MAE, BEIT = "FS", "CLIP", "DINO", "MoCo-v3", "MAE", "BEiT"
EXPLICIT, CONTRASTIVE, RECONSTRUCTION = (FS, CLIP), (DINO, MOCO), (MAE, BEIT)
SELF_SUPERVISED = CONTRASTIVE + RECONSTRUCTION
METHODS = EXPLICIT + SELF_SUPERVISED

_SCORE = ("analysis", "model", "metric", "facet", "head", "setting")


@dataclass(frozen=True)
class AttentionMaps:
    """CLS attention over the patch grid: average_cls [L, H, R, C] over all, single_cls [I, L, H, R, C] of chosen images."""

    average_cls: np.ndarray
    single_cls: np.ndarray


@dataclass(frozen=True)
class Curve:
    """A number per layer, sorted by layer. Layers count from 1; `depth` is the model's number of layers."""

    name: str
    layers: np.ndarray
    values: np.ndarray
    low: np.ndarray
    high: np.ndarray
    unit: str
    depth: int

    def at(self, layer: int, name: str = "") -> Number:
        """Return the number at `layer`, named `name` or after the layer.

        Raises:
            CannotTestError: the curve has no such layer.
        """
        return self._number(self.between(layer, layer)[0], name or f"{self.name}, layer {layer}")

    def best(self, name: str = "") -> Number:
        """Return the highest number, the earliest of equal ones."""
        return self._number(int(self.values.argmax()), name or f"{self.name}, best layer")

    @property
    def best_layer(self) -> int:
        """Return the layer of the highest number, the earliest of equal ones."""
        return int(self.layers[self.values.argmax()])

    def first_reaching(self, value: float) -> int:
        """Return the first layer whose number is at least `value`, which the highest one must be."""
        return int(self.layers[np.flatnonzero(self.values >= value)[0]])

    def mean(self, layers: range, name: str) -> Number:
        """Return the mean over the layers in `layers`."""
        return mean(name, [self._number(place, "") for place in self.between(layers.start, layers.stop - 1)])

    def lowest(self, layers: range, name: str) -> Number:
        """Return the lowest number within `layers`."""
        places = self.between(layers.start, layers.stop - 1)
        return self._number(places[int(self.values[places].argmin())], name)

    def between(self, first: int, last: int) -> np.ndarray:
        """Return the places of layers `first` to `last`.

        Raises:
            CannotTestError: there is none.
        """
        places = np.flatnonzero((self.layers >= first) & (self.layers <= last))
        if not len(places):
            raise CannotTestError(f"needs layers {first} to {last} of {self.name}, which were not measured")
        return places

    def _number(self, place: int, name: str) -> Number:
        return Number(name, *(float(column[place]) for column in (self.values, self.low, self.high)), unit=self.unit)


@dataclass(frozen=True)
class Evidence:
    """Everything measured in a run.

    Attributes:
        models: the models, in the order of the run.
        table: rows of all analyses, in the table contract.
        cka: rows that compare two representations, in the table contract.
        maps: attention maps by model id.
    """

    models: tuple[RunModel, ...]
    table: pd.DataFrame = field(repr=False)
    cka: pd.DataFrame = field(repr=False)
    maps: Mapping[str, AttentionMaps] = field(default_factory=dict, repr=False)

    def main(self, *methods: str) -> list[RunModel]:
        """Return the main model of each method, in that order.

        Raises:
            CannotTestError: a method has no main model, or several.
        """
        found = []
        for method in methods:
            own = [model for model in self.models if model.main and model.method == method]
            if len(own) != 1:
                which = "this run has none" if not own else f"this run has {len(own)}: name one of them"
                raise CannotTestError(f"needs one main model trained by {method}; {which}")
            found += own
        return found

    def trained(self, *methods: str) -> list[RunModel]:
        """Return all models of the methods, main or not, in the order of the run.

        Raises:
            CannotTestError: there is none.
        """
        found = [model for model in self.models if model.method in methods]
        if not found:
            raise CannotTestError(f"needs a model trained by {' or '.join(methods)}; this run has none")
        return found

    def variants(self, *methods: str) -> dict[str, list[RunModel]]:
        """Return the models of each method that has several."""
        by_method = {method: [model for model in self.models if model.method == method] for method in methods}
        return {method: models for method, models in by_method.items() if len(models) > 1}

    def by_size(self, *methods: str) -> list[tuple[RunModel, RunModel]]:
        """Return pairs (smaller, larger) of one method and patch size whose architectures name different sizes.

        Raises:
            CannotTestError: there is none.
        """
        pairs = [
            tuple(sorted(pair, key=lambda model: SIZES.index(model.size)))
            for pair in combinations(self.trained(*methods), 2)
            if all(model.size for model in pair) and pair[0].size != pair[1].size
            if pair[0].method == pair[1].method and pair[0].patch == pair[1].patch
        ]
        if not pairs:
            raise CannotTestError(
                f"needs models of one method and patch in several sizes ({', '.join(methods)}); this run has one size each"
            )
        return pairs

    def by_patch(self, *methods: str) -> list[tuple[RunModel, RunModel]]:
        """Return pairs (smaller patch, larger patch) of one method and size.

        Raises:
            CannotTestError: there is none.
        """
        pairs = [
            tuple(sorted(pair, key=lambda model: model.patch))
            for pair in combinations(self.trained(*methods), 2)
            if pair[0].size and pair[0].size == pair[1].size
            if pair[0].method == pair[1].method and pair[0].patch != pair[1].patch
        ]
        if not pairs:
            raise CannotTestError(
                f"needs models of one method and size with several patch sizes ({', '.join(methods)}); this run has one each"
            )
        return pairs

    def curve(self, model: RunModel, analysis: str, metric: str, facet: str, setting: str = "", head: str = "") -> Curve:
        """Return a metric by layer; where several datasets have it, the first in the table.

        Raises:
            CannotTestError: it was not measured.
            AtlasError: a layer has it twice.
        """
        rows = self._scores.get((analysis, model.id, metric, facet, head, setting))
        if rows is None:
            raise CannotTestError(f"needs the analysis '{analysis}' ({metric}) of {model.display_name}; this run has none")
        rows = rows[rows["dataset"] == rows["dataset"].iloc[0]].sort_values("layer")
        if rows["layer"].duplicated().any():
            raise AtlasError(f"{analysis} of {model.id}: a layer has {metric} twice; delete its table and run again")
        layers = rows["layer"].to_numpy(int)
        columns = (rows[name].to_numpy(float) for name in ("value", "ci_low", "ci_high"))
        return Curve(model.display_name, layers, *columns, unit=rows["unit"].iloc[0], depth=model.layers)

    def chance(self, analysis: str, metric: str, facet: str, setting: str) -> Number:
        """Return the score of noise: the mean of its first ten layers.

        Raises:
            CannotTestError: the run has no random baseline, or it was not measured.
        """
        noise = [model for model in self.models if model.random]
        if not noise:
            raise CannotTestError("needs the random baseline as the chance level; this run has none")
        return self.curve(noise[0], analysis, metric, facet, setting).mean(range(1, CHANCE_LAYERS + 1), "chance")

    def heads(self, model: RunModel, metric: str) -> pd.DataFrame:
        """Return the rows of an attention metric that are about one head each: columns layer, head, setting, value.

        Raises:
            CannotTestError: it was not measured.
        """
        rows = self.table[
            (self.table["analysis"] == "attention") & (self.table["model"] == model.id) & (self.table["metric"] == metric)
        ]
        rows = rows[rows["head"].str.isdigit()]
        if rows.empty:
            raise CannotTestError(f"needs the analysis 'attention' ({metric}) of {model.display_name}; this run has none")
        return rows.astype({"layer": int, "head": int})[["layer", "head", "setting", "value"]]

    def attention_maps(self, model: RunModel) -> AttentionMaps:
        """Return the attention maps of a model.

        Raises:
            CannotTestError: they were not given.
        """
        if model.id not in self.maps:
            raise CannotTestError(f"needs the attention maps of {model.display_name}; this run has none")
        return self.maps[model.id]

    def last_layer_cka(self, one: RunModel, other: RunModel, tokens: str) -> Number:
        """Return the CKA of the last blocks of two models (the study's variant) over `tokens`: "cls", "spatial" or "all".

        Raises:
            CannotTestError: it was not measured.
        """
        rows = self._last_layers.get(tokens, {})
        row = rows.get((one.id, other.id), rows.get((other.id, one.id)))
        names = f"{one.display_name} with {other.display_name}"
        if row is None:
            raise CannotTestError(f"needs the CKA of the last layers of {names} ({tokens} tokens); this run has none")
        return Number(f"CKA of {names}", *row, unit="CKA")

    def depth_cka(self, model: RunModel) -> np.ndarray:
        """Return the CKA [2L, 2L] of all LayerNorm outputs of a model with each other, in execution order.

        Raises:
            CannotTestError: it was not measured.
        """
        rows = self.cka[(self.cka["model"] == model.id) & (self.cka["other_model"] == model.id) & self._is("cka_minmax")]
        rows = rows[rows["facet"].isin(["norm1", "norm2"]) & rows["other_facet"].isin(["norm1", "norm2"])]
        matrix = np.full((2 * model.layers, 2 * model.layers), np.nan)
        one, other = (
            2 * (rows[f"{side}layer"].to_numpy(int) - 1) + (rows[f"{side}facet"] == "norm2").to_numpy(int)
            for side in ("", "other_")
        )
        matrix[one, other] = rows["value"].to_numpy(float)
        if np.isnan(matrix).any():
            raise CannotTestError(f"needs the CKA of all layers of {model.display_name} with each other; this run has none")
        return matrix

    def _is(self, metric: str) -> pd.Series:
        return self.cka["metric"] == metric

    @cached_property
    def _scores(self) -> dict[tuple[str, ...], pd.DataFrame]:
        return dict(iter(self.table.groupby(list(_SCORE), sort=False)))

    @cached_property
    def _last_layers(self) -> dict[str, dict[tuple[str, str], tuple[float, float, float]]]:
        rows = self.cka[(self.cka["facet"] == "token") & (self.cka["other_facet"] == "token") & self._is("cka_minmax")]
        found: dict[str, dict[tuple[str, str], tuple[float, float, float]]] = {}
        for row in rows.itertuples():
            found.setdefault(row.setting, {})[row.model, row.other_model] = (row.value, row.ci_low, row.ci_high)
        return found


def late_layers(depth: int) -> range:
    """Return the mid-to-late layers: those past the middle (7 to 12 of 12)."""
    return range(depth // 2 + 1, depth + 1)


def layers_like(first: int, last: int, depth: int) -> range:
    """Return the layers of a network of `depth` at the relative depth of `first` to `last` of 12, the study's depth."""
    return range(-(-first * depth // 12), last * depth // 12 + 1)


def listed(models: Sequence[RunModel]) -> str:
    """Return the models' names in a row."""
    return ", ".join(model.display_name for model in models)
