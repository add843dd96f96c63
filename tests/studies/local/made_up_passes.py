"""Made-up passes over images of coloured blocks: the features of a patch tell its class as well as wanted."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from workflow_scripts.data.geometry import tile_labels
from workflow_scripts.data.views import crops_per_image, parse_view

CLASSES = ["road", "sky", "car", "bus"]
GROUPS = ["", "", "vehicle", "vehicle"]
SIDE, GRID, WIDTH, LAYERS = 32, (4, 4), 12, 3
SETTINGS = {
    "images": 6,
    "sizes": [3, 6, 8],
    "removed": 2,
    "removals": [0, 1, 2, 5, 11, 12, 40],
    "batch_norm_models": ["normed"],
    "rate": 0.05,
    "epochs": 30,
    "batch": 64,
    "bands": [1, 2, 3, 4],
}


class Made(dict):
    """Passes by name, with what rows leave for maps."""

    def __init__(self, passes) -> None:
        super().__init__(passes)
        self.kept = {}


class Blocks:
    """Images of 2 x 2 blocks of 32 px, each of one class; a strip at the top has none."""

    dense_classes = CLASSES

    def __init__(self, n: int, seed: int, classes: int = 4) -> None:
        self.blocks = np.random.default_rng(seed).integers(0, classes, (n, 2, 2))
        self.blocks[0] = [[0, 1], [2, 2]]

    def dense_labels(self, position: int) -> np.ndarray:
        labels = self.blocks[position].repeat(SIDE, 0).repeat(SIDE, 1).astype(np.int16)
        labels[:3] = -1
        return labels

    def dense_groups(self) -> list[str]:
        return GROUPS

    def image(self, position: int) -> np.ndarray:
        return (np.repeat(self.dense_labels(position)[..., None], 3, 2) * 60 + 60).astype(np.uint8)


def passed(
    reader: Blocks, view: str, noise: float = 0.1, seed: int = 0, model: str = "plain", spread: float = 0
) -> SimpleNamespace:
    """Return what an analysis sees of a pass whose features name the class of the patch's middle pixel.

    Args:
        reader: the images.
        view: its name.
        noise: deviation of every feature.
        seed: of the noise.
        model: id.
        spread: deviation of one more feature, the first, that says nothing.
    """
    parsed, rng = parse_view(view), np.random.default_rng(seed)
    middle = []
    for position in range(len(reader.blocks)):
        tiles = tile_labels(parsed, reader.dense_labels(position))
        at = (2 * np.arange(GRID[0]) + 1) * tiles.shape[1] // (2 * GRID[0])
        middle.append(tiles[:, at[:, None], at].reshape(len(tiles), -1))
    classes = np.concatenate(middle).ravel()
    centres = np.random.default_rng(99).normal(size=(len(CLASSES) + 1, LAYERS, WIDTH))
    centres[:, 0] = 0  # the first layer knows nothing
    features = centres[classes] + noise * rng.normal(size=(len(classes), LAYERS, WIDTH))
    features[..., 0] += spread * rng.normal(size=features.shape[:2])
    size = (2 * SIDE, 2 * SIDE)
    height, width = parsed.seen_size(size)
    n, count = len(reader.blocks), crops_per_image(parsed, size)
    samples = pd.DataFrame({"position": range(n), "id": [f"image{i}" for i in range(n)]})
    samples["height"], samples["width"], samples["n_crops"] = height, width, count
    samples["first_crop"] = np.arange(n) * count
    return SimpleNamespace(
        dataset="blocks",
        model=model,
        view=parsed,
        grid=GRID,
        made={"n_layers": LAYERS},
        samples=samples,
        reader=reader,
        crops=lambda start, stop: np.stack([np.full((*parsed.shape, 3), start + i, np.uint8) for i in range(stop - start)]),
        mapped=lambda collector, key: {("patch_store", "token_normed"): features.astype(np.float16)}[collector, key],
    )
