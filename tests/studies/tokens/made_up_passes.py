"""Made-up passes: tokens that tell classes or concepts apart as well as wanted."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from workflow_scripts.data.concept_choice import PatchConcepts, chosen_patches
from workflow_scripts.onepass.stores import patches_per_image

SETTINGS = {
    "layers": [-1],
    "supports": [1, 5, 20, 50],
    "figure_support": 20,
    "trials": 3,
    "query_images": 10,
    "train_patches": 10**6,
    "test_patches": 10**6,
    "patches_per_concept": 10**6,
    "whole_images": 2,
}
GRID, WIDTH = (3, 4), 16
# Number -> name and category: the last of all is the only one of its category, the fourth is in every image.
CONCEPTS = {
    4: ("dog", "object"),
    5: ("cat", "object"),
    7: ("bird", "object"),
    8: ("wall", "material"),
    9: ("grass", "material"),
    11: ("rare", "object"),
    12: ("kitchen", "scene"),
}


def features(kinds: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return tokens [n, 1, 16] by facet: key tells kinds [n, K] bool apart, value is noise, token the key times 100."""
    centres = np.random.default_rng(9).normal(size=(kinds.shape[1], WIDTH)) * 3
    key = kinds @ centres + rng.normal(size=(len(kinds), WIDTH)) * 0.3
    noise = rng.normal(size=key.shape)
    return {name: value[:, None].astype(np.float16) for name, value in (("key", key), ("value", noise), ("token", 100 * key))}


def passed(dataset: str, found: dict[str, np.ndarray], **more) -> SimpleNamespace:
    """Return what an analysis sees of a pass that has kept these features."""
    return SimpleNamespace(
        dataset=dataset,
        made={"n_layers": 7},
        arrays=lambda collector: [*found, *(f"{name}.index" for name in found), "n_images"],
        mapped=lambda collector, facet: found[facet],
        **more,
    )


def images(dataset: str, counts: dict[str, int], seed: int) -> SimpleNamespace:
    """Return a pass over so many images of each class."""
    names = np.repeat(list(counts), list(counts.values()))
    kinds = names[:, None] == np.array(["bird", "cat", "dog", "few"])
    rng = np.random.default_rng(seed)
    samples = pd.DataFrame({"id": [f"{dataset}/{i}" for i in range(len(names))], "class": names, "label": kinds.argmax(1)})
    return passed(dataset, features(kinds, rng), samples=samples)


def patch_labels(n: int, seed: int, rare: int) -> np.ndarray:
    """Return [n, N, K] bool, the concepts of every patch: objects in turn, the rare one in the first `rare` images alone."""
    rng = np.random.default_rng(seed)
    has = np.zeros((n, GRID[0] * GRID[1], len(CONCEPTS)), bool)
    for image in range(n):
        kind = rng.integers(0, 4, has.shape[1])  # 3: no object
        # An image lacks one of the objects, so that queries without it are there.
        kind = np.where(kind == image % 3, 3, kind)
        for place in range(3):
            has[image, :, place] = kind == place
        grass = rng.random(has.shape[1]) < 0.3
        grass[0] = False
        has[image, :, 3], has[image, :, 4] = ~grass, grass if image % 2 else False
        has[image, :, 3] |= ~has[image, :, 4]
        has[image, 0, :3] = False
        has[image, 0, 5] = image < rare
        has[image, :, 6] = image % 2
    return has


def patches(dataset: str, n: int, seed: int, rare: int, settings: dict = SETTINGS, split: str = "train") -> SimpleNamespace:
    """Return a pass over images of patches with concepts, kept as the settings say."""
    has = patch_labels(n, seed, rare)
    numbers = np.array(list(CONCEPTS))
    count, concept = has.sum(2).astype(np.uint8), np.where(has, numbers, 0)[has].astype(np.uint16)
    each = patches_per_image(settings[f"{split}_patches"], *count.shape)
    whole = settings["whole_images"] if split == "test" else 0
    choice = chosen_patches(PatchConcepts(count, concept), each, settings["patches_per_concept"], whole, 0)
    rng = np.random.default_rng(seed + 1)
    # A patch looks like its object and its material.
    every = {name: value.reshape(n, -1, *value.shape[1:]) for name, value in features(has[..., :6].reshape(-1, 6), rng).items()}
    words = {
        "names": {str(number): name for number, (name, _) in CONCEPTS.items()},
        "categories": {str(number): [category] for number, (_, category) in CONCEPTS.items()},
    }
    return passed(
        dataset,
        {name: value[choice.image, choice.cell] for name, value in every.items()}
        | {f"whole_{name}": value[choice.whole].swapaxes(1, 2) for name, value in every.items()},
        grid=GRID,
        samples=pd.DataFrame({"id": [f"{dataset}/{i}" for i in range(n)]}),
        crops=lambda start, stop: np.full((stop - start, 224, 300, 3), start, np.uint8),
        truth=lambda kind: ({"concept_count": count, "concept": concept}, words),
        has=has,
    )


class Made(dict):
    """Passes by name, with what rows leave for maps."""

    def __init__(self, **given) -> None:
        super().__init__(given)
        self.kept = {}
