"""How the thesis' summary tables are laid out for reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.study import Score
from workflow_scripts.common.table import of_score
from workflow_scripts.report.fragments import MISSING, Cell, Column, Fragment

# Heading, scale and digits of each task's score: shares, as figures and claims say them.
_HEADINGS = {
    "knn": ("k-NN top-1", 1, 3),
    "retrieval": ("Retrieval mAP", 1, 3),
    "video": ("Video J&F", 1, 3),
    "keypoints": ("Keypoints PCK@0.1", 1, 3),
}
_DEMO = " In the demo world."


def best_layers_fragment(table: pd.DataFrame, models: Sequence[RunModel], scores: Mapping[str, Score]) -> Fragment:
    """Lay out `summary.best_layers`: models down, tasks across, the random baseline last.

    A task with several datasets has a column for each; one that was not measured has a column of dashes.
    """
    tasks = [scores[name] for name in _HEADINGS]
    pairs = [(task, dataset) for task in tasks for dataset in _datasets(of_score(table, task)) or [""]]
    several = {task.analysis for task, _ in pairs if sum(task == other for other, _ in pairs) > 1}
    columns, cells = [Column("Model")], []
    for task, dataset in pairs:
        heading, scale, digits = _HEADINGS[task.name]
        columns.append(Column(f"{heading}, {dataset}" if task.analysis in several else heading, number=True))
        rows = of_score(table, task)
        rows = rows[rows["dataset"] == dataset].set_index("model")
        cells.append(_column(rows, models, scale, digits))
    ordered = sorted(range(len(models)), key=lambda place: models[place].random)
    used = "; ".join(f"{_HEADINGS[task.name][0].split(' (')[0]}: {dataset}" for task, dataset in pairs if dataset)
    caption = (
        "Score of each model on each task at its best layer. The layer stands in parentheses, the highest score of a task in "
        "bold. CLS token: k-NN (k = 20) and retrieval (medium). Patch tokens: video (dense extraction) and keypoints (thesis "
        f"rule). Random has no layers: its row is the mean of its first ten. Datasets: {used or 'none'}."
    )
    return Fragment(
        label="best_layers",
        caption=caption + _demo(models),
        columns=tuple(columns),
        rows=tuple((_name(models[place]), *(column[place] for column in cells)) for place in ordered),
    )


def dense_against_normal_fragment(table: pd.DataFrame, models: Sequence[RunModel], scores: Mapping[str, Score]) -> Fragment:
    """Lay out `summary.dense_against_normal`: models down; normal, dense, difference across."""
    used = table[table["metric"] == scores["video"].metric]
    datasets = _datasets(used)
    columns, cells = [Column("Model")], []
    for dataset in datasets or [""]:
        for setting, heading in (("normal", "Normal"), ("dense", "Dense"), ("dense minus normal", "Difference")):
            rows = used[(used["setting"] == setting) & (used["dataset"] == dataset)].set_index("model")
            columns.append(Column(f"{heading}, {dataset}" if len(datasets) > 1 else heading, number=True))
            cells.append(_column(rows, models, 1, 3, signed=heading == "Difference"))
    ordered = sorted(range(len(models)), key=lambda place: models[place].random)
    caption = (
        "Mean of J and F of video segmentation with normal and with dense feature extraction, each at its own best layer (in "
        "parentheses). Differences are of the unrounded scores. The highest of a column is in bold. "
        f"Dataset: {', '.join(datasets) or 'none'}."
    )
    return Fragment(
        label="dense_against_normal",
        caption=caption + _demo(models),
        columns=tuple(columns),
        rows=tuple((_name(models[place]), *(column[place] for column in cells)) for place in ordered),
    )


def models_fragment(table: pd.DataFrame, models: Sequence[RunModel]) -> Fragment:
    """Lay out `summary.inventory`."""
    headings = {
        "supervision": "Supervision",
        "method": "Method",
        "architecture": "Architecture",
        "layers": "Layers",
        "heads": "Heads",
        "width": "Width",
        "patch": "Patch (px)",
        "patch_grid": "Patch grid",
        "prefix_tokens": "Prefix tokens",
    }
    texts = ("supervision", "method", "architecture")
    columns = (Column("Model"), *(Column(heading, number=key not in texts) for key, heading in headings.items()))
    rows = [
        (Cell(row["display_name"], dot=row["supervision"]), *(Cell(str(row[key])) for key in headings))
        for row in table.to_dict("records")
    ]
    caption = "The networks compared. Heads are those of one layer; prefix tokens are CLS and registers."
    return Fragment("models", caption + _demo(models), columns, tuple(rows))


def _column(rows: pd.DataFrame, models: Sequence[RunModel], scale: float, digits: int, signed: bool = False) -> list[Cell]:
    compared = rows.loc[[model.id for model in models if not model.random and model.id in rows.index], "value"]
    best = compared.max()
    cells = []
    for model in models:
        if model.id not in rows.index:
            cells.append(Cell(MISSING))
            continue
        row = rows.loc[model.id]
        number = f"{scale * row['value']:{'+' if signed else ''}.{digits}f}".replace("-", "\N{MINUS SIGN}")
        layer = "" if pd.isna(row["layer"]) else str(int(row["layer"]))
        interval = ""
        if pd.notna(row["ci_low"]) and pd.notna(row["ci_high"]):
            interval = f"{scale * row['ci_low']:.{digits}f} to {scale * row['ci_high']:.{digits}f}"
        cells.append(Cell(number, layer, interval, strong=not model.random and row["value"] == best))
    return cells


def _name(model: RunModel) -> Cell:
    return Cell(model.display_name, dot=model.supervision)


def _datasets(rows: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(rows["dataset"]))


def _demo(models: Sequence[RunModel]) -> str:
    return _DEMO if any(model.demo for model in models) else ""
