"""What stands on a figure beside the data: the dataset, at the right end of the title line."""

from __future__ import annotations

from matplotlib.axes import Axes

from workflow_scripts.figures.style import QUIET


def tag_dataset(axes: Axes, dataset: str | None) -> None:
    """Write the dataset in small type above the right end of `axes`."""
    axes.set_title(dataset or "", loc="right", fontsize=6, color=QUIET)
