"""The rows that one analysis has of one model: what rooms build their reading of tables on."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import pandas as pd


@dataclass(frozen=True)
class ModelRows:
    """The rows of one model and analysis.

    Attributes:
        frame: in the table contract.
    """

    frame: pd.DataFrame = field(repr=False)

    @classmethod
    def of(cls, table: pd.DataFrame, model: str, analysis: str) -> Self:
        """Return what `analysis` measured of a model, by its id; may be nothing."""
        return cls(table[(table["model"] == model) & (table["analysis"] == analysis)])

    @cached_property
    def last(self) -> int:
        """Return the last layer that was measured; 0 if none was."""
        highest = self.frame["layer"].max()
        return 0 if pd.isna(highest) else int(highest)

    @cached_property
    def datasets(self) -> list[str]:
        """Return the datasets that were measured on, in the order of the table."""
        return list(dict.fromkeys(self.frame["dataset"]))
