"""Table 3: the best correspondence of every model and embedding.

Yu et al. (arXiv 2605.29691v1), section A.7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.study import Score
from workflow_scripts.common.table import make_table, of_score
from workflow_scripts.report.fragments import MISSING, Cell, Column, Fragment
from workflow_scripts.studies.segmentation.clustering import FACETS
from workflow_scripts.studies.segmentation.table_text import PER_POINT, datasets_text, percent_text

NAME = "best_key_points"


def best_key_points(table: pd.DataFrame, models: Sequence[RunModel], scores: Mapping[str, Score]) -> pd.DataFrame:
    """Return the highest PCK over layers of every model and embedding, with its layer, the earliest of equal ones.

    Args:
        table: rows of the analyses, in the table contract.
        models: the models of the run; noise, which has no best layer, is left out.
        scores: the study's, by name.

    Returns:
        The table contract, a row per model and embedding, in the order of `models`; what was not measured is left out.
    """
    rows = []
    for model in models:
        own = table[table["model"] == model.id]
        for facet in () if model.random else FACETS:
            curve = of_score(own, scores[f"pck_{facet}"]).sort_values("layer", kind="stable")
            if not curve.empty:
                rows.append(curve.iloc[int(curve["value"].to_numpy().argmax())].to_dict())
    return make_table([row | {"study": "segmentation", "analysis": NAME} for row in rows])


def best_key_points_fragment(table: pd.DataFrame, models: Sequence[RunModel]) -> Fragment:
    """Lay out `best_key_points`: models down, embeddings across, in percent; last the best layer of the best embedding.

    Beside a number of a large model (L) stands what it gains over the model of size B of its method, where the run has one.
    """
    known = {(row.model, row.facet): row for row in table.itertuples()}
    rows = []
    for model in models:
        if model.random:
            continue
        own = {facet: known[model.id, facet] for facet in FACETS if (model.id, facet) in known}
        best = max(own.values(), key=lambda row: row.value, default=None)
        base = _base(model, models)
        cells = []
        for facet in FACETS:
            gain = ""
            if facet in own and base and (base.id, facet) in known:
                gain = percent_text(own[facet].value - known[base.id, facet].value, signed=True)
            text = percent_text(own[facet].value if facet in own else None)
            cells.append(Cell(text, note=gain, strong=best is not None and best.facet == facet))
        layer = f"{best.layer}/{model.layers}" if best else MISSING
        rows.append((Cell(model.display_name, dot=model.supervision), *cells, Cell(layer)))
    gains = (
        " In parentheses the gain of size L over size B of the same method."
        if any(_base(model, models) for model in models)
        else ""
    )
    caption = (
        f"Keypoints found by the best layer of each embedding, in percent, by the per-point rule. {PER_POINT} Best layer: "
        f"that of the best embedding, in bold, of all the model's layers.{gains} {datasets_text(table, models)}"
    )
    columns = (
        Column("Model"),
        *(Column(facet.capitalize(), number=True) for facet in FACETS),
        Column("Best layer", number=True),
    )
    return Fragment(label=NAME, caption=caption, columns=columns, rows=tuple(rows))


def _base(model: RunModel, models: Sequence[RunModel]) -> RunModel | None:
    """Return the one model of size B of the method of a model of size L; None if there is none, or several."""
    same = [other for other in models if other.method == model.method and other.size == "B"]
    return same[0] if model.size == "L" and len(same) == 1 else None
