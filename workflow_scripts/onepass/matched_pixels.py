"""Keypoints of one image found again among the pixels of another, for several embeddings at every layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.pixel_correspondence import Area, cosine_maps, match_pixels, pixel_references
from workflow_scripts.onepass.batch import Batch, KeypointPairs, LayerView
from workflow_scripts.onepass.collector import Collector, spread_positions
from workflow_scripts.onepass.embeddings import patch_embeddings

# Image -> embedding -> one tensor per layer.
Remembered = dict[int, dict[str, list[Tensor]]]


class _Search(NamedTuple):
    """What is looked for in one target image: the pairs whose other image is there too, and all their points."""

    target: int
    area: Area
    pairs: list[int]
    points: np.ndarray


class MatchedPixels(Collector):
    """Where every layer finds the keypoints of a pair's source image in its target image: rows of [L, 2] by point.

    Keys: the embeddings asked for by `embeddings` (`onepass.embeddings`). A record is the centre (x, y), in pixels of the crop,
    of the pixel with the largest cosine (`metrics.pixel_correspondence.match_pixels`), searched where the target is no padding.
    For looking at, ``{embedding}_cosine`` holds the cosines themselves of `mapped_points` points, spread evenly over all, rows
    of [L, M, M] float16, M `map_side`: of the whole crop, padding included, whatever its own side.

    A layer is matched while it is there. Of an image only the embeddings at its keypoints are remembered, until the last of
    its targets has come; its whole map only where it is a target that comes before its source.
    """

    name = "matched_pixels"
    ordered = True

    def __init__(self, n_layers: int, folder: Path | None = None, **options: Any) -> None:
        super().__init__(n_layers, folder, **options)
        self._references: Remembered = {}  # source -> [S, D], at its places
        self._targets: Remembered = {}  # target that waits for a source -> [N, D]
        self._earlier: MatchedPixels = self  # what remembers the images of earlier batches
        self._pairs: KeypointPairs | None = None
        self._last = -1

    def fresh(self) -> Collector:
        """Return an empty collector that reads what this one remembers, and changes nothing of it."""
        made = super().fresh()
        assert isinstance(made, MatchedPixels)
        made._earlier = self
        return made

    def update(self, view: LayerView, batch: Batch) -> None:
        """Match the pairs that are complete with the batch; remember what later images need."""
        assert batch.pairs is not None, "matched_pixels needs keypoint pairs"
        if batch.tiles is not None:
            raise AtlasError("matched_pixels: searches images that are one crop; choose a view without tiles")
        self._pairs, self._last = batch.pairs, int(batch.index[-1])
        searches = _searches(batch.pairs, batch.index)
        mapped = spread_positions(len(batch.pairs.point_pair), self.options["mapped_points"])
        waiting = set(batch.pairs.target[batch.pairs.source > self._last].tolist())
        for embedding in self.options["embeddings"]:
            maps = dict(zip(batch.index.tolist(), patch_embeddings(view, embedding), strict=True))
            for image, tokens in maps.items():
                self._remember(view, embedding, image, tokens, image in waiting)
            points, found, drawn, cosines = [], [], [], []
            for search in searches:
                references, target = self._both(view, embedding, search, maps)
                points.append(search.points)
                found.append(match_pixels(references, target, view.grid, self._size, search.area))
                if chosen := np.flatnonzero(np.isin(search.points, mapped)).tolist():
                    drawn.append(search.points[chosen])
                    cosines.append(cosine_maps(references[chosen], target, view.grid, (self.options["map_side"],) * 2))
            for key, index, values, dtype in (
                (embedding, points, found, np.float32),
                (f"{embedding}_cosine", drawn, cosines, np.float16),
            ):
                if index:
                    self.put(key, view.index, np.concatenate(index), torch.cat(values), dtype)

    def merge(self, other: Collector) -> None:
        """Take in the points that `other` has found and what it remembers, and forget what no later image needs."""
        super().merge(other)
        assert isinstance(other, MatchedPixels)
        pairs = self._pairs = other._pairs
        assert pairs is not None
        for mine, new, image_of, partner_of in (
            (self._references, other._references, pairs.source, pairs.target),
            (self._targets, other._targets, pairs.target, pairs.source),
        ):
            mine |= new
            needed = set(image_of[partner_of > other._last].tolist())
            for image in mine.keys() - needed:
                del mine[image]

    def _remember(self, view: LayerView, embedding: str, image: int, tokens: Tensor, waits: bool) -> None:
        assert self._pairs is not None
        places = self._pairs.places(image)
        if len(places):
            references = pixel_references(tokens, view.grid, self._size, torch.from_numpy(places))
            self._references.setdefault(image, {}).setdefault(embedding, []).append(references)
        if waits:
            # A copy: a slice would keep the whole batch.
            self._targets.setdefault(image, {}).setdefault(embedding, []).append(tokens.clone())

    @property
    def _size(self) -> tuple[int, int]:
        assert self._pairs is not None
        return self._pairs.side, self._pairs.side

    def _both(self, view: LayerView, embedding: str, search: _Search, maps: dict[int, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the references of a search, [K, D], and its target, [N, D]; `maps` are the batch's."""
        pairs, layer = self._pairs, view.index - 1
        assert pairs is not None
        references = []
        for pair in search.pairs:
            source = int(pairs.source[pair])
            known = self._references if source in maps else self._earlier._references
            rows = torch.from_numpy(pairs.place_of_point[pairs.points(pair)])
            at_source = known[source][embedding][layer]
            references.append(at_source[rows.to(at_source.device)])
        target = maps[search.target] if search.target in maps else self._earlier._targets[search.target][embedding][layer]
        return torch.cat(references), target


def _searches(pairs: KeypointPairs, index: np.ndarray) -> list[_Search]:
    """Return what is looked for once the images `index` are there: the pairs whose later image is one of them."""
    complete: dict[int, list[int]] = {}
    for pair in np.flatnonzero(np.isin(np.maximum(pairs.source, pairs.target), index)).tolist():
        complete.setdefault(int(pairs.target[pair]), []).append(pair)
    return [
        _Search(target, Area(*pairs.area[those[0]].tolist()), those, np.concatenate([pairs.points(pair) for pair in those]))
        for target, those in complete.items()
    ]
