"""Made-up passes: images whose classes are known, segmented as well as wanted, layer by layer."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from workflow_scripts.metrics.position_information import canvas_points
from workflow_scripts.studies.segmentation.clustering import FACETS

NAMES = ["sky", "sea", "sand"]
LAYERS, SIDE, IMAGES, CANVAS = 3, 12, 20, 6
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


def counted(classes):
    """Return what the collector makes of them, the same for all facets."""
    rows, columns = canvas_points((SIDE, SIDE), CANVAS)
    counts, places, maps = np.zeros((LAYERS, 3, 3)), np.zeros((LAYERS, 3, CANVAS**2)), []
    for layer in range(LAYERS):
        found = clusters(classes, layer + 1)
        np.add.at(counts[layer], (found[classes < 3], classes[classes < 3]), 1)
        seen = found[:, rows][:, :, columns].reshape(IMAGES, -1)
        np.add.at(places[layer], (seen, np.arange(CANVAS**2)), 1)
        maps.append(seen[EXAMPLES])
    arrays = {"n_images": np.array([IMAGES]), "token_raw_counts": counts * [[[0]], [[0]], [[1]]]}
    for facet in FACETS:
        arrays |= {f"{facet}_counts": counts, f"{facet}_places": places, f"{facet}_map": np.stack(maps, 1).astype(np.int16)}
        arrays[f"{facet}_map.index"] = EXAMPLES
    return arrays


def passes(classes=None):
    """Return the passes of a model as the analysis receives them."""
    classes = true_classes() if classes is None else classes
    crops = np.random.default_rng(2).integers(0, 256, (IMAGES, SIDE, SIDE, 3), dtype=np.uint8)
    images = SimpleNamespace(
        dataset="made up",
        state={"cluster_maps": counted(classes)}.get,
        truth={"classes": ({"classes": classes}, {"names": NAMES})}.get,
        crops=lambda start, stop: crops[start:stop],
        samples=pd.DataFrame({"id": [f"image{i}" for i in range(IMAGES)]}),
    )
    return {"images": images}
