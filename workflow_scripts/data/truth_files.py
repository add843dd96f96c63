"""Files of ground truth reduced for a pass: their kinds and names. Imports neither NumPy nor PIL."""

from __future__ import annotations

ON_GRID = ("masks", "labels", "concepts")  # the kinds that are reduced to a model's patch grid


def truth_file(kind: str, grid: str) -> str:
    """Return the file name of a kind of ground truth: masks, labels, concepts (on a grid as ``14x14``), or one in pixels."""
    return f"{kind}_{grid}.safetensors" if kind in ON_GRID else f"{kind}.safetensors"
