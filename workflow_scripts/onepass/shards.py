"""Parts of a pass that are jobs of their own, and one state made of them.

A shard takes a run of whole batches of every view, the same ones as the whole pass would make, so that rows are the same bytes
and sums differ by rounding alone. A view with a collector that takes images in their order (`Collector.ordered`) goes wholly
into one shard; several such views go round the shards.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.common.errors import AtlasError, made_here
from workflow_scripts.onepass.collector import Collector, PassFacts, Rows
from workflow_scripts.onepass.collectors import collector_class, make_collectors
from workflow_scripts.onepass.names import cannot_be_cut, kind_of
from workflow_scripts.onepass.states import mapped_states, read_metadata

State = Mapping[str, np.ndarray | Rows]
OWN = ("shard", "asked")  # metadata that a shard has and the pass has not


@dataclass(frozen=True)
class Shard:
    """One of several parts: `number` counts from 1."""

    number: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Return the shard that ``2/5`` stands for.

        Raises:
            AtlasError: it stands for none.
        """
        found = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", text)
        if not found or int(found[1]) > int(found[2]):
            raise AtlasError(f"--shard {text}: expected NUMBER/OF, 1/5 for the first of five")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        """Return the shard as `parse` takes it."""
        return f"{self.number}/{self.of}"

    def takes(self, place: int) -> bool:
        """Return whether a view goes wholly into this shard, the `place`-th of those that cannot be cut, from 0."""
        return place % self.of == self.number - 1

    def part(self, n_images: int, step: int, before: int = 0, of_images: int | None = None) -> range:
        """Return the positions of this shard among `n_images`.

        Cuts are at the multiples of `step` that are nearest to equal parts. Of images that come group by group (of one size
        each), `n_images` are those of the group, `before` those of the groups before it, `of_images` those of all.
        """
        total = n_images if of_images is None else of_images

        def cut(number: int) -> int:
            ideal = min(max(number * total // self.of - before, 0), n_images)
            return n_images if ideal == n_images else min((ideal + step // 2) // step * step, n_images)

        return range(cut(self.number - 1), cut(self.number))


def merged_states(
    paths: Sequence[str | Path], plan: Mapping[str, Mapping[str, Mapping[str, Any]]], folder: Path | None = None
) -> tuple[dict[str, dict[str, State]], dict[str, str]]:
    """Return the states and the metadata of the pass that shards are of, as if it had been one.

    Sums are added in the order of the shards. Rows stay where they are until they are written, so that memory does not grow
    with them.

    Args:
        paths: the shards' files, in any order.
        plan: view -> collector -> options, with the paths of fits, as the shards were given it.
        folder: where rows wait that collectors make only now.

    Raises:
        AtlasError: a shard is missing, comes twice, or is of another pass.
    """
    shards = _checked(paths)
    facts = _view_facts(shards, plan)
    opened = {path: mapped_states(path) for path in shards}
    states: dict[str, dict[str, State]] = {}
    for view, wanted in plan.items():
        files = [path for path, made in shards.items() if view in made["views"]]
        if cannot_be_cut(wanted):
            states[view] = dict(opened[files[0]][view])
            continue
        pass_facts = PassFacts(*(facts[view][key] for key in ("n_images", "n_classes", "n_layers")))
        collectors = make_collectors(wanted, pass_facts, folder)
        for name, collector in zip(wanted, collectors, strict=True):
            _add_shards(name, collector, {path: opened[path][view][name] for path in files}, facts[view]["n_images"])
        states[view] = {name: collector.state() for name, collector in zip(wanted, collectors, strict=True)}
    made = next(iter(shards.values()))
    metadata = {key: value if isinstance(value, str) else json.dumps(value, sort_keys=True) for key, value in made.items()}
    kept = {key: value for key, value in metadata.items() if key not in OWN}
    return states, kept | {"views": json.dumps(facts, sort_keys=True)}


def _add_shards(name: str, total: Collector, states: Mapping[str | Path, dict[str, np.ndarray]], n_images: int) -> None:
    for state in states.values():
        total.merge(collector_class(kind_of(name)).from_state(state, total.folder, **total.options))
    if total.n_images != n_images:
        first = next(iter(states))
        fault = f"{name}: {total.n_images} images in all shards together, of {n_images}"
        raise made_here(first, "shards of one pass", fault)


def _checked(paths: Sequence[str | Path]) -> dict[str | Path, dict[str, Any]]:
    """Return the metadata of shards by file, in their order, if they are all those of one pass."""
    found: dict[int, tuple[str | Path, dict[str, Any]]] = {}
    shards: dict[str | Path, Shard] = {}
    for path in paths:
        made = read_metadata(path)
        if "shard" not in made:
            raise made_here(path, "a shard of a pass", "its metadata name no shard")
        shard = shards[path] = Shard.parse(made["shard"])
        if shard.number in found:
            raise made_here(path, "shards of one pass", f"shard {shard} is also {found[shard.number][0]}")
        found[shard.number] = (path, made)
    first, expected = found[min(found)]
    for path, made in found.values():
        for key in ("of", *sorted({*expected, *made} - {"shard", "views"})):
            values = [shards[one].of if key == "of" else its.get(key) for one, its in ((first, expected), (path, made))]
            if values[0] != values[1]:
                raise made_here(path, "shards of one pass", f"{key} is {values[1]!r}, but {values[0]!r} in {first}")
    of = shards[first].of
    if missing := sorted(set(range(1, of + 1)) - set(found)):
        raise made_here(first, "all shards of a pass", f"shard {missing[0]}/{of} is missing")
    return {found[number][0]: found[number][1] for number in sorted(found)}


def _view_facts(shards: Mapping[str | Path, Mapping[str, Any]], plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of every planned view, if the shards agree on them."""
    facts: dict[str, Any] = {}
    for path, made in shards.items():
        for view, its in made["views"].items():
            if facts.setdefault(view, its) != its:
                raise made_here(path, "shards of one pass", f"other facts of {view} than in the shards before it")
    if missing := [view for view in plan if view not in facts]:
        raise made_here(next(iter(shards)), "the pass that is planned now", f"no view {missing[0]} in any shard")
    return {view: facts[view] for view in plan}
