"""What a model's maps and table of norms say of its tokens, as figures read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.data import FigureData, ModelMaps, ModelTable
from workflow_scripts.studies.registers.conditions import CLS, CUTOFF, OF_LAST, OF_LAYER, PATCH, SHARE, register

TOKEN, NORMED = "token", "token_normed"
_CUTOFFS = {TOKEN: OF_LAST, NORMED: OF_LAYER}  # of the last layer, which is the one that has a norm after it


@dataclass(frozen=True)
class Above:
    """The cutoff of a model's last layer, None where there is no second group of norms, and the share of patches above it."""

    cutoff: float | None
    share: float

    def __str__(self) -> str:
        """Return it in a few words."""
        return "no outliers" if self.cutoff is None else f"{100 * self.share:.3g} % above {self.cutoff:.3g}"


@dataclass(frozen=True)
class Histogram:
    """How many tokens of a kind have a norm in each bin: counts [B] between edges [B + 1]."""

    kind: str
    edges: np.ndarray
    counts: np.ndarray

    def frame(self, model: RunModel, layer: int, facet: str) -> pd.DataFrame:
        """Return its bins that are not empty as rows of a figure's CSV."""
        some = np.flatnonzero(self.counts)
        bins = {"norm_from": self.edges[some], "norm_to": self.edges[some + 1], "count": self.counts[some]}
        return pd.DataFrame({"model": model.id, "layer": layer, "facet": facet, "setting": self.kind, **bins})


@dataclass(frozen=True)
class Norms:
    """One model's norms: its maps and its table."""

    maps: ModelMaps
    table: ModelTable

    @property
    def model(self) -> RunModel:
        """Return whose norms they are."""
        return self.maps.model

    @cached_property
    def edges(self) -> np.ndarray:
        """Return the ends of the bins of all histograms [B + 1]."""
        return self.maps.array("edges")

    @cached_property
    def by_layer(self) -> np.ndarray:
        """Return how many patch tokens each bin has in each layer [L, B]."""
        return self.maps.array("histogram_patch")

    @property
    def last(self) -> int:
        """Return the number of the last layer."""
        return len(self.by_layer)

    def above(self, facet: str = TOKEN) -> Above:
        """Return the cutoff of the last layer before (`TOKEN`) or after (`NORMED`) the final norm.

        Raises:
            AtlasError: the table has no share of that facet.
        """
        setting = _CUTOFFS[facet]
        share = self.table.select(SHARE, facet=facet, setting=setting).iloc[-1]
        frame = self.table.frame
        cutoffs = frame[(frame["metric"] == CUTOFF) & (frame["facet"] == facet) & (frame["setting"] == setting)]
        here = cutoffs[cutoffs["layer"] == share["layer"]]["value"]
        return Above(float(here.iloc[0]) if len(here) else None, float(share["value"]))

    def patches(self, facet: str = TOKEN) -> Histogram:
        """Return the histogram of the patch tokens of the last layer."""
        counts = self.by_layer[-1] if facet == TOKEN else self.maps.array("histogram_patch_normed")
        return Histogram(PATCH, self.edges, counts)

    def kinds(self) -> Iterator[Histogram]:
        """Yield the histograms of the last layer: of patches, CLS and each register, as far as the model has them."""
        yield self.patches()
        if "histogram_cls" in self.maps.names:
            yield Histogram(CLS, self.edges, self.maps.array("histogram_cls")[-1])
        if "histogram_register" in self.maps.names:
            for number, counts in enumerate(self.maps.array("histogram_register")[-1], 1):
                yield Histogram(register(number), self.edges, counts)


def norms_of(data: FigureData) -> list[Norms]:
    """Return the norms of every model that has maps, in the order of the run."""
    return [Norms(maps, data.table(maps.model)) for maps in data.maps["norms"]]
