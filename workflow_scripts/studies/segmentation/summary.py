"""The study's Table 4: what the final norm does to the segmentation by the last layer's tokens.

Yu et al. (arXiv 2605.29691v1), section A.11.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.study import Score
from workflow_scripts.common.table import make_table, of_score
from workflow_scripts.report.fragments import MISSING, Cell, Column, Fragment

DIFFERENCE = "after minus before"
_SIDES = {"before": "miou_token_raw", "after": "miou_token"}


def tables(
    table: pd.DataFrame, models: Sequence[RunModel], scores: Mapping[str, Score]
) -> Iterator[tuple[pd.DataFrame, Fragment]]:
    """Yield each table of the study with its layout for reading; arguments as `final_norm`."""
    norm = final_norm(table, models, scores)
    yield norm, final_norm_fragment(norm, models)


def final_norm(table: pd.DataFrame, models: Sequence[RunModel], scores: Mapping[str, Score]) -> pd.DataFrame:
    """Return the mean IoU of the last layer's tokens before and after the final norm, and their difference.

    Args:
        table: rows of the analyses, in the table contract.
        models: the models of the run; noise, which has no norm, is left out.
        scores: the study's, by name.

    Returns:
        The table contract: rows of setting "before", "after" and "after minus before", in the order of `models`.
    """
    rows = []
    for model in models:
        own = table[table["model"] == model.id]
        sides = {side: of_score(own, scores[name]) for side, name in _SIDES.items()}
        sides = {side: found[found["layer"] == model.layers] for side, found in sides.items()}
        if model.random or any(found.empty for found in sides.values()):
            continue
        both = {side: found.iloc[0].to_dict() for side, found in sides.items()}
        rows += [row | {"setting": side} for side, row in both.items()]
        difference = both["after"]["value"] - both["before"]["value"]
        rows.append(both["after"] | {"setting": DIFFERENCE, "value": difference})
    return make_table([row | {"study": "segmentation", "analysis": "final_norm"} for row in rows])


def final_norm_fragment(table: pd.DataFrame, models: Sequence[RunModel]) -> Fragment:
    """Lay out `final_norm`: models down; before, after, difference across, in percent as the study prints them."""
    rows = []
    for model in models:
        own = table[table["model"] == model.id].set_index("setting")["value"]
        if not model.random:
            texts = [_text(own, setting) for setting in (*_SIDES, DIFFERENCE)]
            rows.append((Cell(model.display_name, dot=model.supervision), *map(Cell, texts)))
    datasets = ", ".join(dict.fromkeys(table["dataset"])) or "none"
    demo = " In the demo world." if any(model.demo for model in models) else ""
    caption = (
        "Mean IoU of clusters of the last layer's tokens with classes, in percent, before and after the final norm. Codebooks "
        f"are fitted to each. Dataset: {datasets}.{demo}"
    )
    columns = (Column("Model"), *(Column(name, number=True) for name in ("Before", "After", "Difference")))
    return Fragment(label="final_norm", caption=caption, columns=columns, rows=tuple(rows))


def _text(values: pd.Series, setting: str) -> str:
    if setting not in values.index:
        return MISSING
    sign = "+" if setting == DIFFERENCE else ""
    return f"{100 * values[setting]:{sign}.1f}".replace("-", "\N{MINUS SIGN}")
