"""Models compared by one number each, or by one in each of several places: who is highest, who is lowest, in words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from workflow_scripts.report.words import counted, in_words, spoken

MODEL = "model"


@dataclass(frozen=True)
class Order:
    """How ends are called: the one that is said first, then the other; the first is the small end where less is better."""

    first: str = "highest"
    last: str = "lowest"
    small_first: bool = False


HIGHEST_FIRST = Order()
LOWEST_FIRST = Order("lowest", "highest", small_first=True)


@dataclass(frozen=True)
class Models:
    """A run's models: display names by id, and those without training, which are named apart.

    A series that they are compared by has the model as the first level of its index; further levels are places, such as a
    layer, and are named unless they are the same everywhere.
    """

    names: Mapping[str, str]
    controls: Collection[str] = ()

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of models of the run."""
        return frame[frame[MODEL].isin(list(self.names))]

    def trained(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of models with training; all rows if there are no such."""
        rows = frame[~frame[MODEL].isin(list(self.controls))]
        return frame if rows.empty else rows

    def untrained(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of models without training; none if there are no others."""
        return frame.drop(self.trained(frame).index)

    def compare(self, values: pd.Series, said: Callable[[float], str] = spoken, order: Order = HIGHEST_FIRST) -> str:
        """Return who is at the ends: ``highest in A, layer 3 (0.6), lowest in B, layer 1 (0.2)``; empty if there is none."""
        entries = values.dropna().rename("value").reset_index()
        if entries.empty:
            return ""
        places = [column for column in entries.columns.drop([MODEL, "value"]) if entries[column].nunique() > 1]
        entries = entries.assign(said=entries["value"].map(said), place=[_place(row, places) for _, row in entries.iterrows()])
        entries = entries.sort_values("value", ascending=order.small_first, kind="stable")
        own, without = self.trained(entries), self.untrained(entries)
        text = self._ends(own, order)
        if len(without):
            best = without.iloc[0]
            bound = "" if len(without) == 1 else "at least " if order.small_first else "at most "
            text += f"; without training {bound}{best['said']} ({self.names[best[MODEL]]})"
        return text

    def _ends(self, entries: pd.DataFrame, order: Order) -> str:
        """Return what is at the ends of entries in order."""
        first, last = entries.iloc[0], entries.iloc[-1]
        if len(entries) == 1:
            return f"{first['said']} in {self._whose(first)}"
        number = entries[MODEL].nunique()
        if first["said"] == last["said"]:
            all_models = "both models" if number == 2 else f"all of {number} models"
            return f"{first['said']} {f'in {all_models}' if number > 1 else f'everywhere in {self.names[first[MODEL]]}'}"
        if number == 1:
            low, high = (last, first) if not order.small_first else (first, last)
            return f"in {self.names[first[MODEL]]} from {self._at(low)} to {self._at(high)}"
        return f"{order.first} in {self._all_at(entries, first)}, {order.last} in {self._all_at(entries, last)}"

    def _all_at(self, entries: pd.DataFrame, end: pd.Series) -> str:
        """Return who is at an end, with the number of others that read alike, so that no tie looks like a lead."""
        alike = entries[entries["said"] == end["said"]].drop(end.name)
        whose = self._whose(end)
        if len(alike) == 1 and not end["place"]:
            whose += f" and {self._whose(alike.iloc[0])}"
        elif len(alike):
            whose += f"{',' * bool(end['place'])} and {counted(len(alike), 'other')}"
        return f"{whose} ({end['said']})"

    def _whose(self, entry: pd.Series) -> str:
        return f"{self.names[entry[MODEL]]}{', ' * bool(entry['place'])}{entry['place']}"

    def _at(self, entry: pd.Series) -> str:
        return f"{entry['said']} ({entry['place']})" if entry["place"] else entry["said"]

    def whose(self, frame: pd.DataFrame) -> str:
        """Return the models of a frame by name, or how many they are if they are more than a few."""
        models = list(dict.fromkeys(frame[MODEL]))
        return self.names[models[0]] if len(models) == 1 else counted(len(models), "model")


def splitting(frame: pd.DataFrame, columns: Sequence[str], within: Sequence[str] = (MODEL,)) -> list[str]:
    """Return those of `columns` that tell rows of one model apart, without such as follow from others."""
    found: list[str] = []
    for column in columns:
        if column in frame and (frame.groupby([*within, *found], dropna=False)[column].nunique() > 1).any():
            found.append(column)
    return found


def _place(entry: pd.Series, places: Sequence[str]) -> str:
    known = {column: entry[column] for column in places if pd.notna(entry[column])}
    numbered = ("layer", "band", "rank")
    return ", ".join(f"{column} {int(value)}" if column in numbered else in_words(value) for column, value in known.items())
