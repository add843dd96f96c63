"""The measured numbers of a run, as claims ask for them: by method, score and layer.

Methods and kinds of supervision are the registry's; no claim knows a model's id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.run_model import NOISE_LAYERS, SIZES, RunModel
from workflow_scripts.common.study import Score
from workflow_scripts.figures.data import ModelMaps
from workflow_scripts.studies.verdict import CannotTestError, Number, Part, clearly_above, mean

_SCORE = ("analysis", "model", "metric", "facet", "head", "setting")


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

    def from_which_at_least(self, value: float) -> int:
        """Return the layer from which on no number is below `value`; the depth and one more if the last one is."""
        below = np.flatnonzero(self.values < value)
        return int(self.layers[below[-1]]) + 1 if len(below) else int(self.layers[0])

    def middle(self, name: str) -> Number:
        """Return the median number, the lower of two middle ones: at least half of the layers reach it."""
        return self._number(int(self.values.argsort(kind="stable")[(len(self.values) - 1) // 2]), name)

    def minus(self, level: float) -> Curve:
        """Return the curve above an exact level."""
        return replace(self, values=self.values - level, low=self.low - level, high=self.high - level)

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
        main_models: ids of those that stand for their method in the comparisons of the study's main part.
        table: rows of all analyses of single models, in the table contract.
        scores: the study's scores by name.
        pairs: by analysis, rows that compare two representations, in the table contract.
        maps: by analysis, maps by model id.
    """

    models: tuple[RunModel, ...]
    main_models: frozenset[str]
    table: pd.DataFrame = field(repr=False)
    scores: Mapping[str, Score] = field(default_factory=dict, repr=False)
    pairs: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    maps: Mapping[str, Mapping[str, ModelMaps]] = field(default_factory=dict, repr=False)

    def main(self, *methods: str) -> list[RunModel]:
        """Return the main model of each method, in that order.

        Raises:
            CannotTestError: a method has no main model, or several.
        """
        found = []
        for method in methods:
            own = [model for model in self.models if model.id in self.main_models and model.method == method]
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

    def curves(self, score: str) -> list[Curve]:
        """Return a score of every model but noise that was measured by it, in the order of the run.

        Raises:
            CannotTestError: no model was.
        """
        found = []
        for model in self.models:
            with suppress(CannotTestError):
                found += [] if model.random else [self.score(model, score)]
        if not found:
            raise CannotTestError(f"needs the score '{score}' of a model; this run has none")
        return found

    def score(self, model: RunModel, score: str) -> Curve:
        """Return a score of a model by layer.

        Raises:
            CannotTestError: it was not measured.
        """
        of = self.scores[score]
        return self.curve(model, of.analysis, of.metric, of.facet, of.setting, of.head)

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

    def noise(self, score: str) -> Curve:
        """Return a score of the random baseline by layer.

        Raises:
            CannotTestError: the run has no random baseline, or it was not measured.
        """
        noise = [model for model in self.models if model.random]
        if not noise:
            raise CannotTestError("needs the random baseline as the chance level; this run has none")
        return self.score(noise[0], score)

    def chance(self, score: str) -> Number:
        """Return a score of noise: the mean of its first layers.

        Raises:
            CannotTestError: the run has no random baseline, or it was not measured.
        """
        return self.noise(score).mean(range(1, NOISE_LAYERS + 1), "chance")

    def above_noise(self, model: RunModel, score: str) -> Part:
        """Return whether most layers of `model` score above every layer of noise: no best layer of many can do that by chance.

        Raises:
            CannotTestError: the run has no random baseline, or one of the two was not measured.
        """
        middle = self.score(model, score).middle(f"median layer of {model.display_name}")
        return clearly_above(middle, self.noise(score).best(f"best layer of noise, {score}"))

    @cached_property
    def _scores(self) -> dict[tuple[str, ...], pd.DataFrame]:
        return dict(iter(self.table.groupby(list(_SCORE), sort=False)))


def late_layers(depth: int) -> range:
    """Return the mid-to-late layers: those past the middle (7 to 12 of 12)."""
    return range(depth // 2 + 1, depth + 1)


def layers_like(first: int, last: int, depth: int) -> range:
    """Return the layers of a network of `depth` at the relative depth of `first` to `last` of 12, the study's depth."""
    return range(-(-first * depth // 12), last * depth // 12 + 1)


def listed(models: Sequence[RunModel]) -> str:
    """Return the models' names in a row."""
    return ", ".join(model.display_name for model in models)
