"""How a model, and a model without its features of largest variance, look in all of the study's figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from matplotlib.lines import Line2D

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.style import ModelStyle, model_styles
from workflow_scripts.studies.local.methods import reconstructs, without

COLUMNS = ("model", "analysis", "dataset", "layer", "facet", "metric", "setting", "value", "ci_low", "ci_high", "n", "unit")
_DOTS = (0, (1.2, 1.2))


@dataclass(frozen=True)
class Look:
    """How one is drawn, and what it is called: a model as it is, or, with `removed`, without so many features."""

    model: RunModel
    name: str
    style: ModelStyle
    removed: int = 0

    @property
    def hollow(self) -> bool:
        """Return whether its markers are hollow: those of a model without features are."""
        return bool(self.removed)

    def handle(self, line: bool = True) -> Line2D:
        """Return its entry in a legend."""
        return Line2D([], [], label=self.name, **self.drawn(), **({} if line else {"linestyle": ""}))

    def drawn(self) -> dict[str, Any]:
        """Return how its line is drawn, as matplotlib's keywords but for the dash of a legend without lines."""
        faces = {"markerfacecolor": "white", "markeredgecolor": self.style.colour, "markeredgewidth": 0.8}
        whole = {"markeredgecolor": "white", "markeredgewidth": 0.3}
        return {
            "color": self.style.colour,
            "marker": self.style.marker or None,
            "markersize": 3.6,
            "linewidth": 1.2,
            **(faces if self.hollow else whole),
        }


def looks(models: Iterable[RunModel], removed: Mapping[str, int | None], every: bool = False) -> list[Look]:
    """Return how models are drawn, each that reconstructs followed by itself without features.

    Args:
        models: in order.
        removed: the number of features that the study removes, by id of the model; None where it is not known.
        every: whether all models are shown without features, too.
    """
    models = list(models)
    styles, found = model_styles(models), []
    for model in models:
        found.append(Look(model, model.display_name, styles[model.id]))
        if (count := removed.get(model.id)) and (every or reconstructs(model)):
            style = replace(styles[model.id], dash=_DOTS)
            found.append(Look(model, without(model.display_name, count), style, count))
    return found


def drawn_rows(rows: Iterable[Mapping[str, Any]], more: Iterable[str] = ()) -> pd.DataFrame:
    """Return rows of tables as they go into a figure's CSV, each once, with `more` columns that a figure adds to them."""
    columns = [*COLUMNS, *more]
    frame = pd.DataFrame(list(rows))
    return pd.DataFrame(columns=columns) if frame.empty else frame[columns].drop_duplicates(ignore_index=True)
