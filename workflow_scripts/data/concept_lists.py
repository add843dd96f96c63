"""Concepts as a pass needs them: which ones each patch has, as lists, because a patch may have many or none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data import geometry
from workflow_scripts.data.alterations import Move
from workflow_scripts.data.reader import ConceptReader
from workflow_scripts.data.views import Size, View

_MOST = 255  # concepts of a patch


def concept_lists(
    reader: ConceptReader, samples: pd.DataFrame, view: View, grid: Size, on_image: Callable[[int], None] = lambda done: None
) -> dict[str, np.ndarray]:
    """Return the concepts of every patch of every image.

    Each label map is reduced to the patch grid by nearest neighbour (Kaltampanidis et al., arXiv 2509.15272v1, section 3.2,
    after Zhou et al., ECCV 2018); a label of the whole image is one of each of its patches.

    Args:
        reader: a dataset with concepts.
        samples: the samples table of the crops.
        view: of the crops, one an image.
        grid: (R, C) of the patch grid of a crop.
        on_image: called with the number of images done.

    Returns:
        concept_count [n, R x C] uint8, of each patch in row-major order, and concept [their sum] uint16, the numbers of the
        concepts of one patch after the other, ascending, each once.

    Raises:
        AtlasError: images are cut into several crops or moved, a number of a concept does not fit, a patch has more than 255
            concepts, or no patch has any.
    """
    if set(samples["n_crops"]) - {1}:
        raise AtlasError("images of several crops; concepts are of patches of images of one, choose a view without tiles")
    if isinstance(view.alteration, Move):
        raise AtlasError(
            "moved images; maps of concepts may be smaller than these, choose a view without shift, rotation, scale"
        )
    cells = grid[0] * grid[1]
    counts, found = np.zeros((len(samples), cells), np.uint8), []
    for row, position in enumerate(samples["position"]):
        layers = [
            np.full(grid, layer[0, 0]) if layer.shape == (1, 1) else geometry.nearest_labels(view, layer, grid)
            for stack in reader.concepts(position).values()
            for layer in stack
        ]
        numbers = np.sort(np.stack(layers).reshape(len(layers), cells).T, 1) if layers else np.zeros((cells, 0), np.int32)
        kept = numbers > 0
        kept[:, 1:] &= numbers[:, 1:] != numbers[:, :-1]
        many = kept.sum(1)
        if numbers.max(initial=0) > np.iinfo(np.uint16).max or many.max() > _MOST:
            raise AtlasError(
                f"image {samples['id'].iloc[row]}: concept {numbers.max()} or the {many.max()} concepts of one patch are more "
                f"than can be kept; number concepts from 1 to 65535, at most {_MOST} a patch"
            )
        counts[row] = many
        found.append(numbers[kept].astype(np.uint16))
        on_image(row + 1)
    if not counts.any():
        raise AtlasError("no patch has a concept; choose a dataset with concepts")
    return {"concept_count": counts, "concept": np.concatenate(found)}
