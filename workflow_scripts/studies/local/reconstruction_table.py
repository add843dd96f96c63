"""Table 4: reconstruction with features at zero. The paper's numbers are lost in the stored text.

Vanyan et al. (arXiv 2401.00463v2), section A.5.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.table import make_table
from workflow_scripts.report.fragments import Cell, Column, Fragment
from workflow_scripts.studies.local.conditions import DECODER
from workflow_scripts.studies.local.measured import Measured
from workflow_scripts.studies.local.table_cells import as_table, datasets_text, row_cell

NAME, ANALYSIS = "reconstructed", "reconstruction"
ZEROED = {"": "all features", "top": "largest variance at zero", "lowest": "smallest variance at zero"}
METRICS = {"mse": ("MSE", 5), "psnr": ("PSNR, dB", 2), "ssim": ("SSIM", 4)}


def reconstruction_table(table: pd.DataFrame, models: Sequence[RunModel]) -> tuple[pd.DataFrame, Fragment]:
    """Return the rows of Table 4 and their layout: three rows a model with a decoder.

    Args:
        table: rows of the analysis, in the table contract.
        models: of the run.
    """
    rows, lines = [], []
    every = {model: Measured.of(table, model.id, ANALYSIS) for model in models if not model.random}
    shares = sorted({share for measured in every.values() for share in measured.masked("mse")})
    for model, measured in every.items():
        for zeroed, said in ZEROED.items():
            found = [
                (measured.row(metric, DECODER, zeroed=zeroed, masked=masked), decimals)
                for masked in shares
                for metric, (_, decimals) in METRICS.items()
            ]
            if not any(row for row, _ in found):
                continue
            rows += [row for row, _ in found if row is not None]
            first = Cell(model.display_name, dot=model.supervision)
            lines.append((first, Cell(said), *(row_cell(row, decimals) for row, decimals in found)))
    made = make_table(as_table(rows, NAME))
    columns = [Column("Model"), Column("Features")]
    columns += [Column(f"{name}, {masked} % masked", number=True) for masked in shares for name, _ in METRICS.values()]
    caption = (
        "Images reconstructed by the decoder from tokens whose features of largest or of smallest variance are 0, pixels from "
        "0 to 1: over all patches where none is masked, else over the masked ones. The paper's own numbers are lost in "
        f"the stored text.{datasets_text(made, models)}"
    )
    return made, Fragment(label=NAME, caption=caption, columns=tuple(columns), rows=tuple(lines))
