"""Draw a figure of the catalogue and save it: the same input gives the same bytes."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from workflow_scripts.common.atomic import atomic_path
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.figures.catalogue import FigureEntry
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.read import load
from workflow_scripts.figures.style import DPI, atlas_style


def draw(
    entry: FigureEntry,
    tables: Sequence[Path] = (),
    maps: Sequence[Path] = (),
    cka: Path | None = None,
    models: Sequence[str] = (),
) -> Drawn:
    """Draw `entry` from the files it needs; only the module of this figure is imported.

    Args:
        entry: which figure.
        tables: files of the models' tables.
        maps: files of the models' attention maps.
        cka: file with the similarities of all models.
        models: ids of the models to draw, in order; without it those of the files.

    Raises:
        AtlasError: files that it needs are not given or do not hold what it draws.
    """
    reads = ((entry.analyses, tables, "--tables"), (entry.maps, maps, "--maps"), (entry.cka, cka, "--cka"))
    for needed, given, option in reads:
        if needed and not given:
            what = {
                "--tables": f"the tables of {' and '.join(entry.analyses)}",
                "--maps": "attention maps",
                "--cka": "the CKA table",
            }
            raise AtlasError(f"figure '{entry.key}' is drawn from {what[option]}: give {option}")
    data = load(*(given if needed else () for needed, given, _ in reads[:2]), cka if entry.cka else None, models)
    return draw_data(entry, data)


def draw_data(entry: FigureEntry, data: FigureData) -> Drawn:
    """Draw `entry` from data already read.

    Raises:
        AtlasError: there is nothing to draw, or a model lacks an analysis or maps that the figure reads.
    """
    if not any(not model.is_random for model in data.models):
        raise AtlasError(f"figure '{entry.key}': no model but the random baseline is given; add a model's file")
    for model in data.models if entry.analyses else ():
        lacking = [analysis for analysis in entry.analyses if analysis not in data.table(model).files]
        if lacking:
            raise AtlasError(
                f"figure '{entry.key}': no table of analysis '{lacking[0]}' of model '{model.id}' is given (only "
                f"{data.table(model).source}); add it to --tables"
            )
    with atlas_style():
        return importlib.import_module(entry.module).draw(data)


def save_figure(figure: Figure, pdf: Path, png: Path) -> None:
    """Save `figure` as PDF and PNG, each whole or not at all and without dates or program versions."""
    images = figure.findobj(AxesImage)
    with atlas_style():
        for image in images:  # a PDF keeps the patches themselves; a PNG with fewer pixels than patches averages them
            image.set_interpolation("none")
        with atomic_path(pdf) as path:
            figure.savefig(path, dpi=DPI, metadata={"CreationDate": None, "Creator": None, "Producer": None})
        for image in images:
            image.set_interpolation("auto")
        with atomic_path(png) as path:
            figure.savefig(path, dpi=DPI, metadata={"Software": None})


def save_drawn(drawn: Drawn, pdf: Path, png: Path, csv: Path) -> None:
    """Save a drawn figure with the numbers it shows; float32 numbers (maps) with 6 significant digits."""
    save_figure(drawn.figure, pdf, png)
    data = drawn.data
    is_map = "value" in data and data["value"].dtype == "float32"
    with atomic_path(csv) as path:
        data.to_csv(path, index=False, lineterminator="\n", float_format="%.6g" if is_map else None)
