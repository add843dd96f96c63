"""The order of models in which twins, which differ in registers alone, stand one below the other."""

from __future__ import annotations

from collections.abc import Sequence

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.studies.registers.methods import twins


def beside_twins(models: Sequence[RunModel]) -> list[RunModel]:
    """Return the models in the order of the run, each with registers after its twin without, where it has one."""
    after = _after(models)
    moved = {other.id for others in after.values() for other in others}
    return [one for model in models if model.id not in moved for one in (model, *after.get(model.id, ()))]


def twin_spans(models: Sequence[RunModel]) -> list[tuple[int, int]]:
    """Return the first and the last place of every set of twins in models that stand as `beside_twins` puts them."""
    places = {model.id: place for place, model in enumerate(models)}
    return [(places[first], places[others[-1].id]) for first, others in _after(models).items()]


def _after(models: Sequence[RunModel]) -> dict[str, list[RunModel]]:
    """Return {id of a model without registers: its twins}; a model is the twin of the first that it has."""
    found: dict[str, list[RunModel]] = {}
    seen = set()
    for plain, other in twins(models):
        if other.id not in seen:
            seen.add(other.id)
            found.setdefault(plain.id, []).append(other)
    return found
