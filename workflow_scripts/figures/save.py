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
from workflow_scripts.figures.data import Drawn, FigureData, load
from workflow_scripts.figures.style import DPI, atlas_style


def draw(entry: FigureEntry, tables: Sequence[Path], maps: Sequence[Path]) -> Drawn:
    """Draw `entry` from the files it needs; only the module of this figure is imported.

    Raises:
        AtlasError: files that it needs are not given or do not hold what it draws.
    """
    for needed, files, option in ((entry.needs_tables, tables, "--tables"), (entry.needs_maps, maps, "--maps")):
        if needed and not files:
            raise AtlasError(f"figure '{entry.key}' is drawn from {entry.inputs}: give {option} one file per model")
    data = load(tables if entry.needs_tables else (), maps if entry.needs_maps else ())
    return draw_data(entry, data)


def draw_data(entry: FigureEntry, data: FigureData) -> Drawn:
    """Draw `entry` from data already read."""
    if not any(not model.is_random for model in data.models):
        raise AtlasError(f"figure '{entry.key}': no model but the random baseline is given; add a model's file")
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
