"""What a pass hands to its collectors: a batch of images with its ground truth, and one layer of the model's answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.data.concept_choice import PatchConcepts, chosen_patches
from workflow_scripts.data.views import tile_corners
from workflow_scripts.zoo.vit import Layer


@dataclass(frozen=True)
class Regions:
    """Annotated regions of the images of a batch, on the patch grid.

    Attributes:
        index: [M] int64 number of each region in the dataset.
        image: [M] int64 place of its image in the batch.
        mask: M tensors [N] float32 that sum to 1, over the patch tokens of the image.
    """

    index: np.ndarray
    image: np.ndarray
    mask: Sequence[Tensor]


@dataclass(frozen=True)
class VideoFrames:
    """The frames of a batch as parts of videos.

    Attributes:
        video: [B] int64 number of each image's video.
        frame: [B] int64 its 0-based number there.
        first_labels: for every video that has its first frame in the batch, [C, N] float32 one-hot labels of that frame.
    """

    video: np.ndarray
    frame: np.ndarray
    first_labels: dict[int, Tensor]


@dataclass(frozen=True)
class KeypointPairs:
    """The keypoint pairs of the dataset, the same object in every batch (see `data.ground_truth.keypoint_pairs`).

    Attributes:
        source, target: [P] int64 images.
        area: [P, 4] int64 where the target image lies in its crop, (top, left, bottom, right) in pixels, ends exclusive.
        point_pair: [K] int64 pair of each point, ascending.
        point_source: [K, 2] float32 (x, y) in pixels of the source crop.
        side: side of the crops in pixels, which are square.
    """

    source: np.ndarray
    target: np.ndarray
    area: np.ndarray
    point_pair: np.ndarray
    point_source: np.ndarray
    side: int

    @cached_property
    def partners(self) -> dict[int, list[int]]:
        """Pairs that each image takes part in."""
        taking: dict[int, list[int]] = {}
        for pair, images in enumerate(zip(self.source.tolist(), self.target.tolist(), strict=True)):
            for image in set(images):
                taking.setdefault(image, []).append(pair)
        return taking

    def points(self, pair: int) -> np.ndarray:
        """Return the numbers of a pair's points."""
        return np.arange(*np.searchsorted(self.point_pair, (pair, pair + 1)))

    def places(self, image: int) -> np.ndarray:
        """Return the different points (x, y) at which an image is a source, [S, 2] float32; its pairs have many in common."""
        start, stop = self._spans(image)
        return self._distinct[0][start:stop, 1:].astype(np.float32)

    @cached_property
    def place_of_point(self) -> np.ndarray:
        """[K] int64 which of its source's `places` each point is."""
        return self._distinct[1] - self._spans(self.source[self.point_pair])[0]

    @cached_property
    def _distinct(self) -> tuple[np.ndarray, np.ndarray]:
        """[S, 3] float64 the different (source image, x, y), in order of the images, and [K] which of them each point is."""
        table = np.column_stack([self.source[self.point_pair], self.point_source]).astype(np.float64)
        found, which = np.unique(table, axis=0, return_inverse=True)
        return found, which.reshape(-1)

    def _spans(self, image: int | np.ndarray) -> tuple[Any, Any]:
        """Return where the rows of `_distinct` of an image, or of many, begin and end."""
        start, stop = (np.searchsorted(self._distinct[0][:, 0], image, side) for side in ("left", "right"))
        return start, stop


@dataclass(frozen=True)
class ClassMaps:
    """The class of every pixel of the crops of a batch.

    Attributes:
        pixels: [B, H, W] uint8, `data.class_maps.VOID` where there is none.
        count: number of classes.
    """

    pixels: Tensor
    count: int


@dataclass(frozen=True)
class Boxes:
    """The boxes of the images of a batch.

    Attributes:
        index: [M] int64 number of each box in the dataset, ascending.
        image: [M] int64 place of its image in the batch, ascending.
        xyxy: [M, 4] float32 (x0, y0, x1, y1) in pixels of the seen image.
    """

    index: np.ndarray
    image: np.ndarray
    xyxy: Tensor


class Concepts:
    """The concepts of all patches of the dataset, the same object in every batch."""

    def __init__(self, labelled: PatchConcepts) -> None:
        self.labelled = labelled
        # Of a whole dataset: made once, not with every batch.
        self.chosen = lru_cache(maxsize=1)(partial(chosen_patches, labelled))


@dataclass(frozen=True)
class Batch:
    """Images and ground truth of consecutive positions of a dataset.

    Attributes:
        index: [B] int64 positions in the dataset.
        image: [crops, 3, H, W] normalised crops on the model's device; one per image unless `tiles` is given.
        label: [B] int64 image labels, or None.
        object_mask: [B, N] bool union of all object masks on the patch grid, or None.
        has_object: [B] bool, False where an image keeps no object on the patch grid; None with `object_mask`.
        tiles: per image the (rows, columns) of its patch grid, if it is cut into tiles that are all in `image`, in order.
        regions: object and part masks by kind ("object", "part"), where the dataset has them.
        frames: the images as frames of videos, or None.
        pairs: keypoint pairs, or None.
        classes: class maps of the crops, or None.
        concepts: concepts of the patches of all images, or None.
        boxes: boxes of objects, or None.
    """

    index: np.ndarray
    image: Tensor
    label: np.ndarray | None = None
    object_mask: Tensor | None = None
    has_object: np.ndarray | None = None
    tiles: Sequence[tuple[int, int]] | None = None
    regions: dict[str, Regions] = field(default_factory=dict)
    frames: VideoFrames | None = None
    pairs: KeypointPairs | None = None
    classes: ClassMaps | None = None
    concepts: Concepts | None = None
    boxes: Boxes | None = None

    def __len__(self) -> int:
        return len(self.index)

    def image_of_crop(self, crop: int, grid: tuple[int, int]) -> int:
        """Return the place in the batch of the image that a crop belongs to; `grid` is that of one crop."""
        if self.tiles is None:
            return crop
        counts = [len(tile_corners(cells, grid)) for cells in self.tiles]
        return int(np.searchsorted(np.cumsum(counts), crop, side="right"))


class LayerView:
    """One layer with the quantities that several collectors share, each computed once and only if asked for."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.index = layer.index
        self.n_prefix = layer.n_prefix
        self.grid = layer.grid
        self._made: dict[str, Tensor] = {}

    @property
    def attention(self) -> Tensor:
        """[B, H, T, T] attention probabilities; the engine sees to it that they exist where a collector wants them."""
        assert self.layer.attention is not None, "a collector read attention without saying so by `attention`"
        return self.layer.attention

    def once(self, name: str, make: Callable[[], Tensor]) -> Tensor:
        """Return what `make` makes, made for the first collector that asks and kept for the others of this layer."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def patch_tokens(self, batch: Batch) -> list[Tensor]:
        """Return the patch tokens (block output) of every image, [N, D] each (`image_patches`)."""
        return self.image_patches(batch, self.layer.token)

    def image_patches(self, batch: Batch, values: Tensor) -> list[Tensor]:
        """Return what the patches of every image have of `values`, [N, D] each, in the row-major order of its patch grid.

        The cells of an image cut into tiles come from its tiles; where two tiles overlap, from the earlier one.

        Args:
            batch: the images.
            values: [crops, T, D] of all tokens.
        """
        tokens = values[:, self.n_prefix :]
        if batch.tiles is None:
            return list(tokens)
        rows, columns = self.grid
        found, crop = [], 0
        for cells in batch.tiles:
            corners = tile_corners(cells, self.grid)
            whole = tokens.new_empty(*cells, tokens.shape[-1])
            # Backwards, so that an earlier tile overwrites a later one.
            for offset, (y, x) in reversed(list(enumerate(corners))):
                whole[y : y + rows, x : x + columns] = tokens[crop + offset].reshape(rows, columns, -1)
            found.append(whole.reshape(-1, tokens.shape[-1]))
            crop += len(corners)
        return found

    def patch_grids(self, batch: Batch) -> list[tuple[int, int]]:
        """Return the (rows, columns) of every image's patch grid."""
        return [self.grid] * len(batch) if batch.tiles is None else list(batch.tiles)


def region_features(tokens: Sequence[Tensor], regions: Regions) -> Tensor:
    """Return the mask-weighted mean of the patch tokens of every region, [M, D], given the tokens [N, D] of every image."""
    return torch.stack([mask @ tokens[image] for image, mask in zip(regions.image.tolist(), regions.mask, strict=True)])
