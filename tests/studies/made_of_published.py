"""A run that measured just what the studies published: models and tables made of the published numbers themselves."""

from __future__ import annotations

from functools import cache

import yaml

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.table import make_table
from workflow_scripts.studies.found import ROOT, find_study, study_names
from workflow_scripts.studies.published import BEST, LAST, read_published

REGISTRY = yaml.safe_load((ROOT / "config/models.yaml").read_text(encoding="utf-8"))["models"]
LARGE = 1000  # features counted, pixels and patches: the whole of which a share is


@cache
def published(study):
    """Return the published numbers of a study."""
    return read_published(study, ROOT / find_study(study).claims)


def all_published():
    """Return the published numbers of all studies."""
    return [number for study in study_names() for number in published(study)]


def joinable(numbers):
    """Return the numbers that a run can match."""
    return [number for number in numbers if not number.reason]


def run_models():
    """Return all models of the registry that are none of the demo."""
    from workflow_scripts.common.run_model import described

    entries = {name: entry for name, entry in REGISTRY.items() if entry["checkpoint"]["source"]["type"] != "demo"}
    return tuple(RunModel(**item | {"patch": tuple(item["patch"])}) for item in described(entries))


def stands_for(number, models):
    """Return the first model that a number is of, by its definition."""
    return next(
        model
        for model in models
        if number.method in ("", model.method) and number.architecture in ("", model.architecture) and not (
            number.method == "" and (model.random or number.patch not in (None, model.patch[0]))
        )
    )  # fmt: skip


def rows_of(number, model, value, spread=None):
    """Return the row of a table that a number is, and a lower one of another layer or facet where it is the best."""
    layer = {LAST: model.layers, BEST: number.best_layer or max(1, model.layers - 1)}.get(number.layer, number.layer)
    facet = number.facets[0] if number.facet == BEST else number.facet
    row = {"study": number.study, "analysis": number.analysis, "dataset": number.dataset, "model": model.id, "facet": facet}
    row |= {"metric": number.metric, "setting": number.setting, "layer": layer, "unit": number.unit, "head": "", "n": LARGE}
    if number.counted:
        row["unit"] = ""
    row |= {"value": value, "ci_low": value - spread if spread else None, "ci_high": value + spread if spread else None}
    rows = [row]
    if number.layer == BEST and model.layers > 1 and not model.random:
        other = {"layer": 1 if layer != 1 else 2, "value": 0.5 * value, "ci_low": None, "ci_high": None}
        rows.append(row | other)
    if number.facet == BEST:
        rows.append(row | {"facet": number.facets[1], "value": 0.9 * value, "ci_low": None, "ci_high": None})
    if number.best_by and number.best_by != number.metric:  # the metric that says which facet it is, unless it is published too
        low = {"metric": number.best_by, "ci_low": None, "ci_high": None}
        rows += [row | low | {"facet": facet, "value": -place} for place, facet in enumerate(number.facets[:2])]
    return rows


def table_of(numbers, models, shift=lambda number: 0.0, spread=None):
    """Return the table of a run that measured the numbers, each moved by its `shift`."""
    rows = {}
    for number in numbers:
        value = (number.value + shift(number)) / (LARGE if number.counted else 1)
        for row in rows_of(number, stands_for(number, models), value, spread):
            key = tuple(row[name] for name in ("study", "analysis", "dataset", "model", "facet", "metric", "setting", "layer"))
            if key not in rows or rows[key]["value"] < row["value"]:
                rows[key] = row
    return make_table(list(rows.values()))
