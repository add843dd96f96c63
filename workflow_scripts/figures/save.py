"""Draw a figure and save it: the same input gives the same bytes."""

from __future__ import annotations

import textwrap
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.transforms import Bbox
from PIL import Image

from workflow_scripts.common.atomic import atomic_path
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.cap import cap_note, capped
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.drawing import Drawing
from workflow_scripts.figures.origin import Origin
from workflow_scripts.figures.png import write_png
from workflow_scripts.figures.style import DPI, PAGE_HEIGHT, QUIET, Look, atlas_style

_COMPRESSED = 0.6  # of the bytes of a photograph that are left in a PDF
_TALLEST = 4 / 3 * PAGE_HEIGHT  # inches, above which nobody sees a figure whole
_APART = "Ranges of colours and axes that models share are those of a page."
_FORMULA = ("=", "+", "-", "@", "\t")  # how a spreadsheet tells a formula in a CSV file


def draw(drawing: Drawing, data: FigureData, look: Look | None = None) -> Drawn:
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
    with atlas_style(look):
        return _within_pages(drawing, data)


def _within_pages(drawing: Drawing, data: FigureData) -> Drawn:
    """Draw a figure; one that would be taller than `_TALLEST` on several pages, of as many models each as are not.

    A figure that compares models in pairs has all pairs on one page or none: of as many models as a page holds, with a note.
    """
    whole = drawing.draw(data)
    trained = [model for model in data.models if not model.random]
    if _height(whole) <= _TALLEST:
        return whole
    if drawing.pairs:
        drawn, kept = _lower(drawing, data, trained, whole, capped)
        return replace(drawn, note=" ".join(filter(None, [drawn.note, cap_note(len(kept), len(trained))])))
    drawn, kept = _lower(drawing, data, trained, whole, _first)
    if _height(drawn) >= _height(whole):
        return whole  # however few models it has
    parts, left = [drawn], trained[len(kept) :]
    while left:
        models = left[: len(kept)]
        drawn, kept = _lower(drawing, data, models, drawing.draw(_of(data, models)), _first)
        parts.append(drawn)
        left = left[len(kept) :]
    parts = [part for part in parts if len(part.data)] or parts[:1]
    first, *more = [page for part in parts for page in part.pages]
    rows = pd.concat([part.data for part in parts]).drop_duplicates(ignore_index=True)  # baselines are on every page
    return Drawn(first, rows, tuple(more), " ".join(dict.fromkeys([*(part.note for part in parts if part.note), _APART])))


def _lower(
    drawing: Drawing,
    data: FigureData,
    models: Sequence[RunModel],
    drawn: Drawn,
    chosen: Callable[[Sequence[RunModel], int], Sequence[RunModel]],
) -> tuple[Drawn, Sequence[RunModel]]:
    """Return a drawing of `models` (as is, `drawn`) or of as many `chosen` of them as are not too tall, and which these are."""
    kept = models
    while _height(drawn) > _TALLEST and len(kept) > 1:
        kept = chosen(models, max(1, min(len(kept) - 1, int(len(kept) * PAGE_HEIGHT / _height(drawn)))))
        drawn = drawing.draw(_of(data, kept))
    return drawn, kept


def _first(models: Sequence[RunModel], count: int) -> Sequence[RunModel]:
    return models[:count]


def _of(data: FigureData, models: Sequence[RunModel]) -> FigureData:
    """Return the data of `models` and of the random baselines."""
    return data.of([model for model in data.models if model.random or model in models])


def _height(drawn: Drawn) -> float:
    """Return the inches of the tallest page."""
    return max(page.get_size_inches()[1] for page in drawn.pages)


def save_figure(figure: Figure, pdf: Path, png: Path) -> None:
    """Save a figure of one page as PDF and PNG."""
    save_pages(Drawn(figure, pd.DataFrame()), pdf, png)


def save_pages(drawn: Drawn, pdf: Path, png: Path, origin: Origin | None = None, look: Look | None = None) -> None:
    """Save all pages as one PDF and the first as PNG, each whole or not at all and without dates or program versions.

    Below each page of several stands which it is, and the drawing's note; the PNG's says where the others are.
    """
    boxes = [_add_foot(page, drawn, number) for number, page in enumerate(drawn.pages, 1)]
    with atlas_style(look):
        number = drawn.figure.texts[-1] if drawn.more else None
        if number:
            number.set_text(f"page 1 of {len(drawn.pages)}; the others are in the PDF")
        _save_png(drawn.figure, boxes[0], png, origin)
        if number:
            number.set_text(f"page 1 of {len(drawn.pages)}")
        for page in drawn.more:
            page.draw_without_rendering()
        for page in drawn.pages:
            page.set_layout_engine("none")  # everything has its place now
        _save_pdf(drawn.pages, boxes, pdf, origin)


def _save_pdf(pages: Sequence[Figure], boxes: Sequence[Bbox | None], pdf: Path, origin: Origin | None) -> None:
    """Save pages with their images as they are; those finer than `DPI` would only be heavy, and get as many pixels."""
    metadata = {"CreationDate": None, "Creator": None, "Producer": None} | (origin.pdf() if origin else {})
    with atomic_path(pdf) as path, PdfPages(path, metadata=metadata) as file:
        for page, box in zip(pages, boxes, strict=True):
            for image in page.findobj(AxesImage):  # patches stay patches; fewer pixels than patches would average them
                image.set_interpolation("auto" if _is_fine(image) else "none")
            page.savefig(file, format="pdf", dpi=DPI, bbox_inches=box)


def _save_png(page: Figure, box: Bbox | None, png: Path, origin: Origin | None) -> None:
    for image in page.findobj(AxesImage):
        image.set_interpolation("auto")
    pixels = BytesIO()
    page.savefig(pixels, format="png", dpi=DPI, bbox_inches=box, pil_kwargs={"compress_level": 0})
    with atomic_path(png) as path, Image.open(pixels) as image:
        write_png(path, image, origin.png() if origin else {}, DPI)


def _is_fine(image: AxesImage) -> bool:
    """Return whether an image would be lighter with the pixels of its place on the page at `DPI` than with its own.

    A photograph would; patches of one colour are compressed well however many pixels they have.
    """
    place, own = image.get_window_extent(), np.ma.getdata(image.get_array())
    n_bytes = 3 * place.width * place.height * (DPI / image.get_figure().dpi) ** 2
    return own.size > n_bytes and len(zlib.compress(np.ascontiguousarray(own), 1)) > _COMPRESSED * n_bytes


def _add_foot(page: Figure, drawn: Drawn, number: int) -> Bbox | None:
    """Write the drawing's note and the page's number below a page; return the box of both, None if there is neither."""
    several = len(drawn.pages) > 1
    if not several and not drawn.note:
        return None
    width, height = page.get_size_inches()
    look = {"fontsize": 6, "color": QUIET, "va": "top", "in_layout": False}
    lines = textwrap.wrap(drawn.note, max(20, int((width - 0.1 - (2.0 if several else 0)) * 72 / 3.3)))
    page.text(0.04 / width, -0.03 / height, "\n".join(lines), linespacing=1.2, **look)
    if several:
        page.text(1 - 0.04 / width, -0.03 / height, f"page {number} of {len(drawn.pages)}", ha="right", **look)
    return Bbox([[0, -0.06 - 0.1 * max(1, len(lines))], [width, height]])


def save_drawn(drawn: Drawn, pdf: Path, png: Path, csv: Path, origin: Origin | None = None, look: Look | None = None) -> None:
    """Save a drawn figure with the numbers it shows, to 8 significant digits.

    A text that a spreadsheet would take for a formula gets an apostrophe in front: a display name is anybody's to choose.
    """
    save_pages(drawn, pdf, png, origin, look)
    with atomic_path(csv) as path:
        without_formulas(drawn.data).to_csv(path, index=False, lineterminator="\n", float_format="%.8g")


def without_formulas(data: pd.DataFrame) -> pd.DataFrame:
    """Return `data` with an apostrophe before every text that begins as a formula does (=, +, -, @, tab); numbers stay."""
    texts = data.select_dtypes(exclude="number")
    return data.assign(**{name: texts[name].map(_guarded, na_action="ignore") for name in texts})


def _guarded(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
