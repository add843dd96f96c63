"""What linear models read of patch tokens: position and pixels, by kind of patch (Darcet et al., section 2.2, figure 5b).

The paper does not say which images are scored: here they are the last third, in the order of the dataset, and no token of
theirs is learnt from. Pixels are the normalised ones that the model saw.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.patch_pixels import patches_of
from workflow_scripts.metrics.patch_probes import (
    fit_pixel_probe,
    fit_position_probe,
    pixel_errors,
    position_distances,
)
from workflow_scripts.metrics.token_norms import norm_counts
from workflow_scripts.studies.passes import Passed, Passes
from workflow_scripts.studies.registers.conditions import (
    EVERY,
    HIGH,
    NORMAL,
    PIXEL_ERROR,
    POSITION_ACCURACY,
    POSITION_DISTANCE,
)
from workflow_scripts.studies.registers.cutoffs import chosen_cutoff
from workflow_scripts.studies.registers.outliers import patch_norms
from workflow_scripts.studies.registers.ratios import mean_row
from workflow_scripts.studies.rows import Row

_STORE = "patch_store"


def rows(passes: Passes, settings: Mapping[str, Any], seed: int, device: str) -> Iterator[Row]:
    """Yield accuracy and distance of the position, and error of the pixels, of the scored images' patches by kind.

    Raises:
        AtlasError: fewer than three images.
    """
    images = passes["images"]
    norms = patch_norms(images)
    n_images, n_cells = norms.shape
    learnt = 2 * n_images // 3
    if not learnt:
        raise AtlasError(
            f"registers.local_information: {images.dataset} has {n_images} images; choose a dataset of three or more"
        )
    features = images.mapped(_STORE, "token")[:, 0]
    cells = np.tile(np.arange(n_cells), n_images)  # all patches are stored, in their order
    pixels = _normalised_patches(images)
    limit = chosen_cutoff(images.model, norm_counts(norms), settings)
    high = np.zeros(norms[learnt:].shape, bool) if limit is None else norms[learnt:] > limit
    start = learnt * n_cells
    how = {"epochs": settings["epochs"], "seed": seed, "device": device}
    position = fit_position_probe(features[:start], cells[:start], n_cells, **how)
    distances = position_distances(position, features[start:], cells[start:], images.grid[1], device)
    errors = pixel_errors(fit_pixel_probe(features[:start], pixels[:start], **how), features[start:], pixels[start:], device)
    measured = (
        (POSITION_ACCURACY, distances == 0, "share"),
        (POSITION_DISTANCE, distances, "patches"),
        (PIXEL_ERROR, errors, "L2"),
    )
    here = {"dataset": images.dataset, "layer": images.made["n_layers"], "facet": "token"}
    for metric, values, unit in measured:
        for kind, chosen in ((NORMAL, ~high), (HIGH, high), (EVERY, np.ones(high.shape, bool))):
            if chosen.any():
                row = mean_row(metric, kind, values.reshape(high.shape), chosen, unit, seed)
                yield here | row | {"higher_is_better": metric == POSITION_ACCURACY}


def _normalised_patches(images: Passed) -> np.ndarray:
    """Return the pixels of all patches as the model saw them, [I * N, values of a patch] float32, image by image."""
    rows, columns = images.grid
    mean, spread = (np.array(images.made[name], np.float32) for name in ("mean", "std"))
    n_images, cells = len(images.samples), rows * columns
    found = None
    for place in range(n_images):
        image = (images.crops(place, place + 1).astype(np.float32) / 255 - mean) / spread
        patches = patches_of(image, (image.shape[1] // rows, image.shape[2] // columns))[0]
        if found is None:  # filled image by image: a copy of all would double what is held
            found = np.empty((n_images * cells, patches.shape[1]), np.float32)
        found[place * cells : (place + 1) * cells] = patches
    return found
