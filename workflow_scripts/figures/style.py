"""The one look of all figures: a colour per kind of supervision, a dash and marker per model, sizes, layer axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.font_manager import findfont as find_font
from matplotlib.lines import Line2D

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.run_model import RunModel

PAGE_WIDTH = 7.16  # inches: the text width of a two-column page
COLUMN_WIDTH = 3.5  # inches: one of its columns
WIDTHS = ("page", "column")
FONT = "DejaVu Sans"
PAGE_HEIGHT = 9.3  # inches
DPI = 300  # PAGE_WIDTH at this resolution is 2148 pixels

# Told apart by lightness as well as by hue: `tests/figures/test_style.py` measures them under colour-blindness.
FAMILY_COLOURS = {
    "supervised": "#cf3a20",
    "language": "#e69f00",
    "contrastive": "#2f7fc1",
    "reconstruction": "#005f52",
    "none": "#9a9a9a",
}
FAMILY_NAMES = {
    "supervised": "Labels",
    "language": "Captions",
    "contrastive": "Contrastive",
    "reconstruction": "Reconstruction",
    "none": "Untrained",
}
FAMILIES = tuple(FAMILY_COLOURS)
FAMILY_TEXT_COLOURS = FAMILY_COLOURS | {"language": "#996600", "none": "#666666"}  # light colours darkened for names

INK = "#222222"
QUIET = "#6b6b6b"
GRID = "#e4e4e4"
MARK = "#ff3b30"  # the red mid-lines, against every colour of COLOUR_MAP
COLOUR_MAP = "viridis"

_DASHES = ("-", (0, (4, 1.4)), (0, (6, 1.2, 1.2, 1.2)), (0, (2, 1.1)), (0, (8, 1.4, 1.2, 1.4, 1.2, 1.4)), (0, (10, 2)))
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

_RC = {
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.titlepad": 4,
    "axes.labelsize": 7.5,
    "axes.labelpad": 3,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "legend.columnspacing": 1.2,
    "lines.linewidth": 1.4,
    "lines.markersize": 3.4,
    "hatch.linewidth": 0.5,
    "hatch.color": "white",
    "text.color": INK,
    "text.parse_math": False,  # names are drawn as they are: a `$` in one begins no formula
    "pdf.fonttype": 42,
    "savefig.dpi": DPI,
    "figure.dpi": DPI,
}


@dataclass(frozen=True)
class ModelStyle:
    """How one model is drawn: matplotlib colour, dash and marker ("" for none); `text` is the colour of its name."""

    colour: str
    text: str
    dash: str | tuple
    marker: str


@dataclass(frozen=True)
class Look:
    """What an author chooses of all figures: how wide they may be, and the type.

    Attributes:
        width: "page" for the text width of a two-column page, or "column" for one of its columns.
        font: a font family of this machine.
    """

    width: str = "page"
    font: str = FONT


_DEFAULT = Look()
_LOOK: ContextVar[Look] = ContextVar("look", default=_DEFAULT)


def page_width() -> float:
    """Return how wide a figure may be, in inches."""
    return COLUMN_WIDTH if is_narrow() else PAGE_WIDTH


def is_narrow() -> bool:
    """Return whether figures are drawn for one column, where panels stand below each other."""
    return _LOOK.get().width == "column"


@contextmanager
def atlas_style(look: Look | None = None) -> Iterator[None]:
    """Apply the style within the block, on top of matplotlib's own defaults and not of the user's settings.

    Args:
        look: what the author chooses; that of the block around this one if it is not given.

    Raises:
        AtlasError: this machine has no such font.
    """
    chosen = look or _LOOK.get()
    try:
        find_font(chosen.font, fallback_to_default=False)
    except ValueError:
        raise AtlasError(f"font '{chosen.font}': this machine has none of that name; install it or name another") from None
    token = _LOOK.set(chosen)
    try:
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(_RC | {"font.family": list(dict.fromkeys((chosen.font, FONT)))})
            yield
    finally:
        _LOOK.reset(token)


def model_styles(models: Sequence[RunModel]) -> dict[str, ModelStyle]:
    """Return the style of each model by id: the colour of its supervision, dash and marker by its place within it."""
    styles: dict[str, ModelStyle] = {}
    seen = dict.fromkeys(FAMILIES, 0)
    for model in models:
        family = model.supervision if model.supervision in FAMILIES else "none"
        if model.random:
            styles[model.id] = ModelStyle(QUIET, QUIET, (0, (1, 1.3)), "")
            continue
        place = seen[family]
        seen[family] += 1
        styles[model.id] = ModelStyle(
            FAMILY_COLOURS[family],
            FAMILY_TEXT_COLOURS[family],
            _DASHES[place % len(_DASHES)],
            _MARKERS[place % len(_MARKERS)],
        )
    return styles


def legend_handle(model: RunModel, style: ModelStyle) -> Line2D:
    """Return the legend entry of `model`."""
    return Line2D(
        [], [], color=style.colour, linestyle=style.dash, marker=style.marker or None, label=model.display_name,
        markeredgecolor="white", markeredgewidth=0.3,
    )  # fmt: skip


def legend_columns(names: Sequence[str], inches: float) -> int:
    """Return how many legend columns fit side by side into `inches`, given the entries' names."""
    return max(1, min(len(names), int(inches * 72 / (36 + 4.4 * max(map(len, names))))))


def layer_axis(axes: Axes, n_layers: int, label: str | None = "Layer", at_most: int = 12) -> None:
    """Number the x axis by layer, from 1, with `at_most` ticks."""
    axes.set_xticks(layer_ticks(n_layers, at_most))
    axes.set_xlim(1 - max(0.25, 0.03 * n_layers), n_layers + max(0.25, 0.03 * n_layers))
    if label:
        axes.set_xlabel(label)


def layer_ticks(n_layers: int, at_most: int = 12) -> list[int]:
    """Return 1 and the multiples of a step, at most `at_most` ticks, ending on `n_layers` if a step allows it."""
    short = []
    for step in (1, 3, 4, 6, 8, 12, 16, 24, 32):
        ticks = [1] * (step > 1) + list(range(step, n_layers + 1, step))
        if len(ticks) <= at_most:
            short.append(ticks)
    ending = [ticks for ticks in short if ticks[-1] == n_layers]
    return (ending or short or [[1, n_layers]])[0]


def text_on(colour: str | Sequence[float]) -> str:
    """Return the colour, white or ink, in which text on `colour` has the higher contrast (WCAG 2)."""

    def luminance(rgb: tuple[float, ...]) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    behind, ink = luminance(to_rgb(colour)), luminance(to_rgb(INK))
    return "white" if 1.05 / (behind + 0.05) > (behind + 0.05) / (ink + 0.05) else INK


def grid_lines(axes: Axes) -> None:
    """Draw quiet horizontal lines behind the data."""
    axes.grid(axis="y")
