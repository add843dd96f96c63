"""CorLoc by everything one can choose: facet, layer, bias and size of the images."""

from __future__ import annotations

from dataclasses import dataclass

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.studies.registers.conditions import CORLOC, OWN_SIZE, bias_of
from workflow_scripts.studies.registers.measured import Measured, Row
from workflow_scripts.studies.registers.methods import published_facet

ANALYSIS = "choices"
FACETS = ("key", "query", "value", "token", "token_normed")  # in this order
FACET_NAMES = {
    "key": "keys",
    "query": "queries",
    "value": "values",
    "token": "block output",
    "token_normed": "after the final norm",
}


@dataclass(frozen=True)
class Choice:
    """One way to find objects; `side` is None where images keep their own size."""

    facet: str
    layer: int
    bias: float
    side: int | None

    @property
    def size(self) -> str:
        """Return the size of images in words."""
        return OWN_SIZE if self.side is None else f"{self.side} px"

    @property
    def text(self) -> str:
        """Return all four in words."""
        return f"{FACET_NAMES[self.facet]}, layer {self.layer}, bias {percent(self.bias)} %, {self.size}"


def percent(share: float) -> str:
    """Return a bias in percent of the mean size of the products, with its sign."""
    return f"{100 * share:+.3g}".replace("-", "\N{MINUS SIGN}") if share else "0"


def choices(measured: Measured, dataset: str) -> dict[Choice, Row]:
    """Return the rows of CorLoc of one model on a dataset by their choice, in the order of the table."""
    found = {}
    for row in measured.rows(CORLOC, dataset=dataset):
        if row["facet"] in FACETS:
            found[Choice(row["facet"], row["layer"], *bias_of(row["setting"]))] = row
    return found


def best(found: dict[Choice, Row]) -> Choice:
    """Return the choice of the highest CorLoc, the first of equal ones; there is one."""
    return max(found, key=lambda choice: found[choice]["value"])


def study_choice(model: RunModel, found: dict[Choice, Row]) -> Choice | None:
    """Return the study's own choice: its facet for the model, the last layer, no bias, own size; None if it is not there."""
    choice = Choice(published_facet(model), max((choice.layer for choice in found), default=0), 0.0, None)
    return choice if choice in found else None
