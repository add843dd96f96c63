"""Draw a figure and save it: the same input gives the same bytes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from workflow_scripts.common.atomic import atomic_path
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.drawing import Drawing
from workflow_scripts.figures.style import DPI, atlas_style

_FORMULA = ("=", "+", "-", "@", "\t")  # how a spreadsheet tells a formula in a CSV file


def draw(drawing: Drawing, data: FigureData) -> Drawn:
    """Draw a figure; of the studies' modules only that of this figure is imported.

    Raises:
        AtlasError: there is nothing to draw, or a file that the figure reads was not given.
    """
    if not any(not model.random for model in data.models):
        raise AtlasError(f"figure '{drawing.key}': no model but the random baseline is given; add a model's file")
    for option, wanted, given in (("--maps", drawing.maps, data.maps), ("--pairs", drawing.pairs, data.pairs)):
        for analysis in wanted:
            if not given.get(analysis):
                raise AtlasError(f"figure '{drawing.key}' is drawn from the {option[2:]} of {analysis}: give {option}")
    for model in data.models if drawing.tables else ():
        lacking = [analysis for analysis in drawing.tables if analysis not in data.table(model).files]
        if lacking:
            raise AtlasError(
                f"figure '{drawing.key}': no table of analysis '{lacking[0]}' of model '{model.id}' is given (only "
                f"{data.table(model).source}); add it to --tables"
            )
    with atlas_style():
        return drawing.draw(data)


def save_figure(figure: Figure, pdf: Path, png: Path) -> None:
    """Save `figure` as PDF and PNG, each whole or not at all and without dates or program versions."""
    images = figure.findobj(AxesImage)
    with atlas_style():
        for image in images:  # a PDF keeps the patches themselves; a PNG with fewer pixels than patches averages them
            image.set_interpolation("none")
        with atomic_path(pdf) as path:
            figure.savefig(path, dpi=DPI, metadata={"CreationDate": None, "Creator": None, "Producer": None})
        figure.set_layout_engine("none")  # everything has its place now
        for image in images:
            image.set_interpolation("auto")
        with atomic_path(png) as path:
            figure.savefig(path, dpi=DPI, metadata={"Software": None})


def save_drawn(drawn: Drawn, pdf: Path, png: Path, csv: Path) -> None:
    """Save a drawn figure with the numbers it shows; float32 numbers (maps) with 6 significant digits.

    A text that a spreadsheet would take for a formula gets an apostrophe in front: a display name is anybody's to choose.
    """
    save_figure(drawn.figure, pdf, png)
    data = without_formulas(drawn.data)
    is_map = "value" in data and data["value"].dtype == "float32"
    with atomic_path(csv) as path:
        data.to_csv(path, index=False, lineterminator="\n", float_format="%.6g" if is_map else None)


def without_formulas(data: pd.DataFrame) -> pd.DataFrame:
    """Return `data` with an apostrophe before every text that begins as a formula does (=, +, -, @, tab); numbers stay."""
    texts = data.select_dtypes(exclude="number")
    return data.assign(**{name: texts[name].map(_guarded, na_action="ignore") for name in texts})


def _guarded(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
