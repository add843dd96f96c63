"""Addresses of the explorer's views in which the numbers and maps of a figure are, found by what the figure's CSV says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

import pandas as pd

from workflow_scripts.common.study import Figure
from workflow_scripts.report.explore_pairs import KEYS as PAIR_KEYS
from workflow_scripts.report.explore_pairs import block_ids, is_of_depths
from workflow_scripts.report.explore_series import is_of_head, is_of_pair
from workflow_scripts.report.words import in_words

_SERIES = ["metric", "dataset", "facet", "head", "setting"]
_MOST = 4  # links of a figure


@dataclass(frozen=True)
class Link:
    """A view: what is seen there in a few words, and its address behind the page's name."""

    label: str
    address: str


@dataclass(frozen=True)
class Explorable:
    """What the explorer has, by ``study/analysis``.

    Attributes:
        series: metric, dataset, facet, head and setting of each -> ids of the models that have it.
        pairs: ids of the comparisons of models, and of the blocks of depths, as the matrices call them.
    """

    series: Mapping[str, Mapping[tuple[str, ...], frozenset[str]]]
    pairs: Mapping[str, tuple[frozenset[str], tuple[str, ...]]]

    @classmethod
    def of(cls, frames: Mapping[str, pd.DataFrame]) -> Explorable:
        """Return what can be seen of tables."""
        series, pairs = {}, {}
        for key, frame in frames.items():
            rows = frame[~is_of_head(frame) & ~is_of_pair(frame) & frame["value"].notna()]
            groups = _spelled(rows).groupby(_SERIES, sort=False)["model"]
            series[key] = {what: frozenset(models) for what, models in groups.unique().items()}
            rows = frame[is_of_pair(frame)]
            if len(rows):
                ids = _spelled(rows)[PAIR_KEYS].drop_duplicates().itertuples(index=False)
                pairs[key] = frozenset("|".join((key, *one)) for one in ids), tuple(block_ids(rows))
        return cls(series, pairs)

    def links(self, figure: Figure, numbers: pd.DataFrame | None) -> list[Link]:
        """Return the views of what a figure shows; none where the explorer has none of it.

        Args:
            figure: its description.
            numbers: what it shows, as in its CSV.
        """
        if numbers is None or numbers.empty or "model" not in numbers:
            return []
        found = [*self._curves(figure, numbers), *_heads(numbers), *self._matrices(figure, numbers)]
        return list({link.label: link for link in found}.values())[:_MOST]

    def _curves(self, figure: Figure, numbers: pd.DataFrame) -> Iterator[Link]:
        """Yield a view for each metric, or facet or dataset if it has one metric; of several settings of the figure's first."""
        if not {"metric", "value"} <= set(numbers):
            return
        rows = numbers[numbers["metric"].notna() & numbers["value"].notna()]
        rows = rows[rows["other_model"].isna()] if "other_model" in rows else rows
        several = (column for column in ("metric", "facet", "dataset") if column in rows and rows[column].nunique() > 1)
        apart = next(several, "metric")
        seen = set()
        for what, own in _spelled(rows).groupby(_SERIES, sort=False):
            words = dict(zip(_SERIES, what, strict=True))
            key = next((key for key in _keys(figure, own) if what in self.series.get(key, {})), None)
            if key is None or words[apart] in seen:
                continue
            seen.add(words[apart])
            chosen = {"analysis": key} | {column: word or "-" for column, word in words.items()}
            kept = dict.fromkeys(model for model in own["model"] if model in self.series[key][what])
            if len(kept) < len(self.series[key][what]):
                chosen["only"] = ",".join(kept)
            yield _link(in_words(words[apart]), "curves", chosen | ({"depth": "relative"} if _is_relative(own) else {}))

    def _matrices(self, figure: Figure, numbers: pd.DataFrame) -> Iterator[Link]:
        key = next((f"{figure.study}/{name}" for name in figure.pairs if f"{figure.study}/{name}" in self.pairs), None)
        if key is None or not {"other_model", "metric"} <= set(numbers):
            return
        comparisons, blocks = self.pairs[key]
        rows = _spelled(numbers[numbers["other_model"].notna()])
        apart = rows[rows["model"] != rows["other_model"]]
        for what, own in rows.groupby(PAIR_KEYS, sort=False):
            comparison = "|".join((key, *what))
            if comparison in comparisons and not is_of_depths(own):
                label = ", ".join(filter(None, ("matrix", in_words(what[PAIR_KEYS.index("setting")]))))
                yield _link(label, "matrix", {"comparison": comparison})
        deep = rows[rows.duplicated(["model", "other_model", *PAIR_KEYS], keep=False)]
        for facet, own in deep.groupby("facet", sort=False):
            first = own.iloc[0]
            pair = (apart if len(apart) and len(deep) == len(rows) else own).iloc[0]
            metric, dataset, setting = (first[column] for column in ("metric", "dataset", "setting"))
            block = next((one for one in blocks if _is_in(one, (metric, dataset, setting), facet, first["other_facet"])), None)
            if block:
                yield _link("depth by depth", "matrix", {"pair": f"{pair['model']}~{pair['other_model']}", "block": block})


def _heads(numbers: pd.DataFrame) -> Iterator[Link]:
    """Yield a view for each kind of map; the CSV of maps says in which file and array they are."""
    if not {"array", "file"} <= set(numbers):
        return
    rows = numbers[numbers["array"].notna() & numbers["file"].notna()]
    for array, own in rows.groupby("array", sort=False):
        first = own.iloc[0]
        key = "/".join(PurePosixPath(first["file"]).parts[-3:-1])
        yield _link(f"maps, {in_words(array)}", "heads", {"model": first["model"], "map": f"{key}|{array}"})


def _is_relative(rows: pd.DataFrame) -> bool:
    """Return whether curves of models of several depths share an axis."""
    if "layer" not in rows or "depth" not in rows:
        return False
    layers = rows.groupby("model")["layer"]
    return bool(layers.max().nunique() > 1 and layers.nunique().max() > 1)


def _keys(figure: Figure, rows: pd.DataFrame) -> list[str]:
    """Return the analyses that rows may be of: that which they name, or all that the figure reads."""
    named = [name for name in dict.fromkeys(rows["analysis"]) if name] if "analysis" in rows else []
    return [f"{figure.study}/{name}" for name in named or figure.tables]


def _is_in(block: str, words: tuple[str, ...], facet: str, other: str) -> bool:
    *own, left, right = block.split("|")
    return tuple(own) == words and facet in left.split("+") and other in right.split("+")


def _link(label: str, view: str, choices: Mapping[str, str]) -> Link:
    pairs = {"view": view} | dict(choices)
    return Link(label, "&".join(f"{key}={quote(str(value), safe='')}" for key, value in pairs.items()))


def _spelled(frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows with every word there, "" for what is missing."""
    words = [*_SERIES, "analysis", "other_facet"]
    spelled = {word: frame[word].fillna("").astype(str) if word in frame else "" for word in words}
    return frame.assign(**spelled)
