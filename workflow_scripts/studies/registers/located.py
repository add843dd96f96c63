"""How often the boxes that LOST found in a pass are on an annotated object: CorLoc, by facet, layer and bias.

Darcet et al., "Vision Transformers Need Registers" (arXiv 2309.16588v2, section 3.3), as Simeoni et al., "Localizing Objects
with Self-Supervised Transformers and no Labels" (BMVC 2021, section 4.1) score it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from workflow_scripts.metrics.corloc import hits, pixel_boxes
from workflow_scripts.metrics.intervals import bootstrap_means
from workflow_scripts.onepass.stores import stored_layers
from workflow_scripts.studies.passes import Passed
from workflow_scripts.studies.registers.conditions import CORLOC
from workflow_scripts.studies.rows import Row, score_row

COLLECTOR = "discovered_boxes"
NORMED = "token_normed"
_NOT_COUNTED = {"crowd", "distractor", "ignored"}  # flags of boxes that are around no single object, or that nobody looks for


@dataclass(frozen=True)
class Annotated:
    """The annotated objects of the images of a pass.

    Attributes:
        box: [M, 4] float64 (x0, y0, x1, y1) in pixels of the image as it is in the dataset, ends exclusive.
        image: [M] int64 place of its image in the pass.
        n: number of images of the pass.
    """

    box: np.ndarray
    image: np.ndarray
    n: int

    @property
    def skipped(self) -> int:
        """Number of images without an object, which are not scored."""
        return self.n - len(np.unique(self.image))


def annotated(passed: Passed) -> Annotated:
    """Return the annotated objects of the images of a pass, whose ask reads the dataset."""
    found = [
        (place, box.xyxy)
        for place, position in enumerate(passed.samples["position"].tolist())
        for box in passed.reader.boxes(position)
        if not box.flags & _NOT_COUNTED
    ]
    boxes = np.array([box for _, box in found], np.float64).reshape(-1, 4)
    return Annotated(boxes, np.array([place for place, _ in found], np.int64), len(passed.samples))


def corloc_rows(
    passed: Passed,
    objects: Annotated,
    facets: Iterable[str],
    layers: list[int],
    biases: Iterable[float],
    setting: Callable[[float], str],
    seed: int,
) -> Iterator[Row]:
    """Yield CorLoc of every choice, over the images that have an object, with intervals by resampling these.

    Args:
        passed: a pass over padded images; it may hold the boxes of more choices.
        objects: of its images.
        facets: `NORMED`, which is the last layer's, is left out in others.
        layers: -1 is the last.
        biases: shares of the mean size of the Gram matrix.
        setting: bias -> the rows' setting.
        seed: of the resampling.
    """
    state, last = passed.state(COLLECTOR), passed.made["n_layers"]
    held, known = state["layers"].tolist(), state["biases"].tolist()
    choices = [
        (facet, layer, bias)
        for facet in facets
        for layer in sorted(set(stored_layers(layers, last)))
        for bias in biases
        if facet != NORMED or layer == last
    ]
    boxes = (state[facet][:, held.index(layer), known.index(bias)] for facet, layer, bias in choices)
    found = np.stack([hits(in_images(passed, own), objects.box, objects.image) for own in boxes], 1)
    scored = found[~np.isnan(found[:, 0])]
    if not len(scored):
        return
    ends = bootstrap_means(scored, seed=seed)
    for (facet, layer, bias), value, low, high in zip(choices, scored.mean(0).tolist(), *ends, strict=True):
        row = score_row(layer - 1, facet, CORLOC, setting(bias), value, len(scored), float(low), float(high))
        yield row | {"dataset": passed.dataset}


def in_images(passed: Passed, boxes: np.ndarray) -> np.ndarray:
    """Return the boxes of all images, [n, 4] in patches, in pixels of the images as they are in the dataset, float64."""
    padded = passed.view.geometry
    sizes = passed.samples[["image_height", "image_width"]].to_numpy(np.int64)
    resized = np.array([padded.resized((height, width)) for height, width in sizes.tolist()])
    scale = (sizes / resized)[:, [1, 0, 1, 0]]
    return pixel_boxes(boxes, (padded.patch, padded.patch), resized) * scale
