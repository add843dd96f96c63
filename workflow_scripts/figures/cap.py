"""At most so many models where a figure cannot hold all: as many of each kind of supervision as of the others."""

from __future__ import annotations

from collections.abc import Sequence

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.families import by_family


def capped(models: Sequence[RunModel], at_most: int) -> list[RunModel]:
    """Return `at_most` of the models in their order: in turns the first left of each kind of supervision."""
    groups = [list(own) for own in by_family(models).values()]
    kept: list[RunModel] = []
    while len(kept) < at_most and any(groups):
        for own in groups:
            if own and len(kept) < at_most:
                kept.append(own.pop(0))
    return [model for model in models if model in kept]


def cap_note(shown: int, count: int) -> str:
    """Return what a figure says of the models that it leaves out; nothing if it has all."""
    if shown == count:
        return ""
    return f"{shown} of {count} models, in turns of each kind of supervision; draw_figure --models draws others."
