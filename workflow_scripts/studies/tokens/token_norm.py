"""Table 1: the feed-forward output before and after the final norm, and the best token, as hyperplanes find classes by them.

Kaltampanidis et al. (arXiv 2509.15272v1), section 4.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.table import make_table
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.report.fragments import MISSING, Cell, Column, Fragment
from workflow_scripts.studies.tokens.decisions import HYPERPLANE, TOKENS
from workflow_scripts.studies.tokens.measured import METRICS, Measured

NAME, ANALYSIS = "token_norm", "classification"
BEST = "best token"
ROWS = {"token": TOKENS["token"], "token_normed": TOKENS["token_normed"], "": BEST}  # facet, "" for the best -> setting
_PUBLISHED = Path(__file__).with_name("published.yaml")


def token_norm(table: pd.DataFrame, models: Sequence[RunModel]) -> pd.DataFrame:
    """Return the four metrics of every model's x, LN(x) and best token, with hyperplanes on CLS tokens.

    The best token is that of the highest accuracy of the five, LN(x) not among them.

    Args:
        table: rows of the analysis, in the table contract.
        models: the models of the run; noise, which has no norm, is left out.

    Returns:
        The table contract: rows of setting "x", "LN(x)" and "best token", in the order of `models`; what was not measured is
        left out.
    """
    rows = []
    for model in models:
        if model.random:
            continue
        measured = Measured.of(table, model.id, ANALYSIS)
        best = measured.best_token(HYPERPLANE, "accuracy")
        for facet, said in ROWS.items():
            found = [measured.row(metric, facet or best, HYPERPLANE) for metric in METRICS]
            rows += [{**row, "setting": said, "study": "tokens", "analysis": NAME} for row in found if row is not None]
    return make_table(rows)


def token_norm_fragment(table: pd.DataFrame, models: Sequence[RunModel]) -> Fragment:
    """Lay out `token_norm`: three rows a measured model; below a model that the paper has, its numbers as published."""
    known = {(row.model, row.setting, row.metric): row for row in table.itertuples()}
    columns = (Column("Model"), Column("Token"), *(Column(name, number=True) for name in METRICS.values()))
    rows, printed = [], False
    measured = set(table["model"])
    for model in models:
        if model.id not in measured:
            continue
        for said in ROWS.values():
            own = {metric: known.get((model.id, said, metric)) for metric in METRICS}
            there = next((row for row in own.values() if row is not None), None)
            token = f"{TOKENS[there.facet]}, the best" if said == BEST and there is not None else said
            first = Cell(model.display_name, dot=model.supervision)
            rows.append((first, Cell(token), *(_cell(None if row is None else row.value) for row in own.values())))
        published = [one for one in _published() if (one["method"], one["architecture"]) == (model.method, model.architecture)]
        printed = printed or bool(published)
        rows += [_as_published(model, row, published) for row in dict.fromkeys(map(_row_of, published))]
    caption = (
        "Classes told by hyperplanes on CLS tokens: the feed-forward output x, the same after the final norm, LN(x), and the "
        "best of q, k, v, a and x by its accuracy. All metrics give equal weight to images with and without the class."
    )
    if printed:
        caption += " As published: numbers of the paper, whose signs of tokens are lost; those named here are inferred."
    datasets = ", ".join(dict.fromkeys(table["dataset"])) or "none"
    caption += f" Dataset: {datasets}." + (" In the demo world." if any(model.demo for model in models) else "")
    return Fragment(label=NAME, caption=caption, columns=columns, rows=tuple(rows))


def _published() -> list[Mapping[str, Any]]:
    return read_yaml(_PUBLISHED)["tables"]["1"]


def _row_of(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Return which row of the paper's table a number is of: what it says of the token, and the facet that we infer."""
    return entry["token"], entry.get("facet", "")


def _as_published(model: RunModel, row: tuple[str, str], published: Sequence[Mapping[str, Any]]) -> tuple[Cell, ...]:
    said, facet = row
    values = {one["metric"]: one["value"] for one in published if _row_of(one) == row}
    token = Cell(TOKENS[facet], note="inferred") if facet else Cell(f"{said}, not readable")
    name = Cell(f"{model.method} {model.architecture}, as published", dot=model.supervision)
    return (name, token, *(_cell(values.get(metric)) for metric in METRICS))


def _cell(value: float | None) -> Cell:
    return Cell(MISSING if value is None else f"{value:.3f}")
