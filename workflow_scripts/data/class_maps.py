"""Dense labels as a pass needs them: the class of every pixel of what a model sees, in the view's own resolution."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data import geometry
from workflow_scripts.data.reader import DenseReader
from workflow_scripts.data.views import View

VOID = 255  # a pixel without a class, which must not be scored


def class_maps(
    reader: DenseReader, samples: pd.DataFrame, view: View, on_image: Callable[[int], None] = lambda done: None
) -> np.ndarray:
    """Return the classes of the pixels of every crop, [n, rows, columns] uint8, `VOID` where there is none.

    Labels go through the geometry of the crops and are resized by nearest neighbour. What shows no image is void.

    Args:
        reader: a dataset with dense labels.
        samples: the samples table of the crops.
        view: of the crops, one an image.
        on_image: called with the number of images done.

    Raises:
        AtlasError: there are more classes than a byte holds, images are cut into several crops, a map is not as large as its
            image, or no pixel has a class.
    """
    if len(reader.dense_classes) > VOID:
        raise AtlasError(
            f"{len(reader.dense_classes)} classes of pixels; maps hold {VOID} at most, merge classes in the reader"
        )
    if set(samples["n_crops"]) - {1}:
        raise AtlasError("images of several crops; class maps are of images of one, choose a view without tiles")
    maps = np.empty((len(samples), *view.shape), np.uint8)
    sizes = samples[["image_height", "image_width"]].to_numpy()
    for row, position in enumerate(samples["position"]):
        labels = reader.dense_labels(position)
        if labels.shape != tuple(sizes[row]):
            (rows, columns), (height, width) = labels.shape, sizes[row]
            raise AtlasError(
                f"image {samples['id'].iloc[row]}: its label map is {columns} x {rows} pixels, but the image "
                f"{width} x {height}; give the map that was drawn on this image"
            )
        # Void becomes 0, with which letterboxes are filled, and goes back below it to 255.
        labels = (labels + 1).astype(np.uint8)
        maps[row] = geometry.grid_labels(view, labels, view.shape) - np.uint8(1)
        on_image(row + 1)
    if (maps == VOID).all():
        raise AtlasError("no pixel that is seen has a class; choose a dataset with dense labels")
    return maps
