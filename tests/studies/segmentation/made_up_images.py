"""Made-up passes: images whose classes are known, segmented as well as wanted, layer by layer."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from workflow_scripts.metrics.intervals import poisson_weights
from workflow_scripts.metrics.position_information import canvas_points
from workflow_scripts.studies.segmentation.clustering import FACETS

NAMES = ["sky", "sea", "sand"]
LAYERS, SIDE, IMAGES, CANVAS, DRAWS = 3, 12, 20, 6, 30
EXAMPLES = np.array([4, 14])


def true_classes(seed=0):
    """Return [n, side, side] classes of which a tenth of the pixels is void; the first class is never at the bottom."""
    random = np.random.default_rng(seed)
    maps = np.repeat(np.repeat(random.integers(0, 3, (IMAGES, 4, 4)), 3, 1), 3, 2).astype(np.uint8)
    maps[:, -3:] = np.maximum(maps[:, -3:], 1)
    maps[random.random(maps.shape) < 0.1] = 255
    return maps


def clusters(classes, layer, seed=1):
    """Return clusters: in layer 1 rows of the image, in layer 2 renamed classes, in layer 3 noise."""
    random = np.random.default_rng(seed)
    if layer == 1:
        return np.broadcast_to(np.arange(SIDE)[:, None] // 4, classes.shape)
    noise = random.integers(0, 3, classes.shape)
    return noise if layer == 3 else np.where(classes < 3, (classes + 1) % 3, noise)


def halves(classes, layer):
    """Return the clusters, each split into one of the left and one of the right half of the image: six of three classes."""
    return 2 * clusters(classes, layer) + (np.arange(SIDE) >= SIDE // 2)


def counted(classes, found=clusters, facets=FACETS):
    """Return what the collector makes of clusters, the same for all facets."""
    rows, columns = canvas_points((SIDE, SIDE), CANVAS)
    many = 3 if found is clusters else 6
    places, maps = np.zeros((LAYERS, many, CANVAS**2)), []
    each = np.zeros((LAYERS, IMAGES, many, 3))
    for layer in range(LAYERS):
        shown = found(classes, layer + 1)
        image = np.broadcast_to(np.arange(IMAGES)[:, None, None], classes.shape)
        np.add.at(each[layer], (image[classes < 3], shown[classes < 3], classes[classes < 3]), 1)
        seen = shown[:, rows][:, :, columns].reshape(IMAGES, -1)
        np.add.at(places[layer], (seen, np.arange(CANVAS**2)), 1)
        maps.append(seen[EXAMPLES])
    counts, draws = each.sum(1), np.einsum("ir,likc->lrkc", poisson_weights(np.arange(IMAGES), DRAWS, 0), each)
    last = np.arange(LAYERS) == LAYERS - 1
    arrays = {"n_images": np.array([IMAGES]), "token_raw_counts": counts * last[:, None, None]}
    arrays["token_raw_draws"] = draws * last[:, None, None, None]
    for facet in facets:
        arrays |= {f"{facet}_counts": counts, f"{facet}_places": places, f"{facet}_map": np.stack(maps, 1).astype(np.int16)}
        arrays |= {f"{facet}_map.index": EXAMPLES, f"{facet}_draws": draws}
    return arrays


def passes(classes=None, found=clusters, facets=FACETS, names=NAMES):
    """Return the passes of a model as the analysis receives them."""
    classes = true_classes() if classes is None else classes
    crops = np.random.default_rng(2).integers(0, 256, (IMAGES, SIDE, SIDE, 3), dtype=np.uint8)
    images = SimpleNamespace(
        dataset="made up",
        state={"cluster_maps": counted(classes, found, facets)}.get,
        truth={"classes": ({"classes": classes}, {"names": names})}.get,
        crops=lambda start, stop: crops[start:stop],
        samples=pd.DataFrame({"id": [f"image{i}" for i in range(IMAGES)]}),
    )
    return {"images": images}
