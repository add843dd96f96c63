"""The labelled patches of a pass: stored features, the class of each patch, and the pixels of its cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.geometry import tile_labels
from workflow_scripts.data.patch_labels import cell_counts, majority, resized_labels
from workflow_scripts.studies.passes import Passed

FACET = "token_normed"
_STORE = "patch_store"


@dataclass(frozen=True)
class PatchSet:
    """The patches of I images of P patches each, n = I P in all, image by image, tile by tile, row by row.

    Attributes:
        features: [n, L, D] half or single precision, a memory map; of the stored layers.
        labels: [n] uint8, the class of most pixels; `data.class_maps.VOID` where void has more than any.
        counts: [I, P, C] int32, pixels of each class in the patch's cell at the image's resolution, void left out.
        shares: [I, tiles, C] float64, share of each class in the pixels of each tile, void counted as a part.
        classes: names of the C classes.
        grid: (rows, columns) of patches of a tile.
        tiles: (rows, columns) of tiles of every image.
    """

    features: np.ndarray
    labels: np.ndarray
    counts: np.ndarray
    shares: np.ndarray
    classes: list[str]
    grid: tuple[int, int]
    tiles: tuple[int, int]

    @property
    def patches(self) -> int:
        """Number of patches of an image."""
        return self.counts.shape[1]

    def first(self, wanted: int) -> int:
        """Return how many images there are of the `wanted` first ones."""
        return min(wanted, len(self.counts))

    def labelled(self, images: int | None = None) -> np.ndarray:
        """Return which patches have a class, of the first `images` images or of all, [m] int64 in rising order."""
        labels = self.labels if images is None else self.labels[: images * self.patches]
        return np.flatnonzero(labels < len(self.classes))

    def image_map(self, image: int, values: np.ndarray) -> np.ndarray:
        """Return values [n] of patches as the map of an image, [rows, columns] of its whole patch grid."""
        own = values.reshape(len(self.counts), -1)[image].reshape(*self.tiles, *self.grid)
        return own.transpose(0, 2, 1, 3).reshape(self.tiles[0] * self.grid[0], -1)


def stored_features(passed: Passed) -> np.ndarray:
    """Return the stored features of all patches of a pass, [n, L, D], a memory map."""
    return passed.mapped(_STORE, FACET)


def patch_set(passed: Passed) -> PatchSet:
    """Return the patches of a pass with their classes.

    The labels of an image go through the steps of the view. At the size at which a model sees a tile they give the class of a
    patch; at the image's own they give the pixels that a predicted class is scored by (Vanyan et al., section 3).

    Raises:
        AtlasError: no patch has a class, or images differ in size.
    """
    classes, view = passed.reader.dense_classes, passed.view
    labels, counts, shares = [], [], []
    for position in passed.samples["position"]:
        tiles = tile_labels(view, passed.reader.dense_labels(int(position)))
        cells = cell_counts(tiles, passed.grid, len(classes))
        counts.append(cells[..., :-1].reshape(-1, len(classes)).astype(np.int32))
        shares.append(cells.sum(1)[:, :-1] / cells.sum((1, 2))[:, None])
        labels.append(majority(cell_counts(resized_labels(tiles, view.shape), passed.grid, len(classes))).ravel())
    found = np.concatenate(labels)
    if not (found < len(classes)).any():
        raise AtlasError(f"{passed.dataset}: no patch has a class; choose a dataset with labelled pixels")
    size = passed.samples[["height", "width"]].drop_duplicates().to_numpy()
    if len(size) > 1:
        raise AtlasError(f"{passed.dataset}: images of {len(size)} sizes; choose a dataset of one size, or resize its images")
    rows, columns = (int(side) // seen for side, seen in zip(size[0], view.shape, strict=True))
    features = stored_features(passed)
    return PatchSet(features, found, np.stack(counts), np.stack(shares), classes, passed.grid, (rows, columns))
