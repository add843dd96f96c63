"""Made-up passes with high-norm patches at known places: on every image the first patch, and on some the last."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from workflow_scripts.metrics.binned_density import COSINE_BINS, cosine_edges
from workflow_scripts.metrics.token_norms import BINS, norm_counts, norm_edges

SETTINGS = {"hand_models": [], "hand_cutoff": 150, "epochs": 10, "draws": 3}
GRID, PATCH, WIDTH, LAYERS, HEADS = (4, 5), 2, 8, 3, 2
NORMAL_NORM, HIGH_NORM = 20.0, 400.0


def high_patches(n_images: int) -> np.ndarray:
    """Return which patches are high, [I, N]: the first always, the last in every second image."""
    high = np.zeros((n_images, GRID[0] * GRID[1]), bool)
    high[:, 0] = True
    high[::2, -1] = True
    return high


def norms(n_images: int, high: bool = True, seed: int = 0) -> np.ndarray:
    """Return norms [I, N] float32 about `NORMAL_NORM`, with or without high ones about `HIGH_NORM`."""
    spread = np.exp(np.random.default_rng(seed).normal(0, 0.1, (n_images, GRID[0] * GRID[1])))
    levels = np.where(high_patches(n_images) & high, HIGH_NORM, NORMAL_NORM)
    return (levels * spread).astype(np.float32)


def images(n_images: int = 60, high: bool = True, n_prefix: int = 3, masks: np.ndarray | None = None) -> SimpleNamespace:
    """Return a pass over images of 4 x 5 patches of 2 pixels; with CLS and `n_prefix` - 1 registers."""
    rng = np.random.default_rng(1)
    found = norms(n_images, high)
    cells = GRID[0] * GRID[1]
    pixels = rng.integers(0, 256, (n_images, GRID[0] * PATCH, GRID[1] * PATCH, 3), np.uint8)
    by_layer = np.stack([found / 4, found / 2, found])  # lower in the layers before
    last = {"patch": [norm_counts(one) for one in by_layer]}
    if n_prefix:
        last["cls"] = [norm_counts(np.full(n_images, 30.0 * (layer + 1))) for layer in range(LAYERS)]
    if n_prefix > 1:
        last["register"] = [
            [norm_counts(np.full(n_images, 100.0 * (number + 1))) for number in range(n_prefix - 1)] for _ in range(LAYERS)
        ]
    state = {kind: np.array(counts, float) for kind, counts in last.items()}
    state |= {f"{kind}_normed": np.zeros_like(counts) for kind, counts in state.items()}
    for kind in last:
        of_each = norm_counts(np.full(n_images, 9.0))
        state[f"{kind}_normed"][-1] = of_each * (cells if kind == "patch" else 1)
    shown = np.array([place for place in (1, 4) if place < n_images], int)
    state |= {"map": by_layer.transpose(1, 0, 2)[shown], "map.index": shown}
    attention = rng.random((len(shown), LAYERS, HEADS, n_prefix + cells)).astype(np.float32)
    cosines, counts = _cosines(n_images, found)
    states = {
        "token_norms": state,
        "chosen_attention": {"cls": attention, "cls.index": shown},
        "patch_norms": {"token": found[:, None], "token.index": np.arange(n_images)},
        "neighbour_cosines": {"pairs": counts[None], "mean": cosines[:, None]},
    }
    made = {"n_layers": LAYERS, "n_prefix": n_prefix, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3]}
    truth = {} if masks is None else {"masks": ({"object_mask": masks}, {})}
    return SimpleNamespace(
        dataset="images",
        model="a_model",
        grid=GRID,
        made=made,
        samples=pd.DataFrame({"id": [f"images/{i}" for i in range(n_images)]}),
        state=lambda collector: states[collector],
        mapped=lambda collector, facet: _features(pixels, made)[:, None],
        crops=lambda start, stop: pixels[start:stop],
        truth=lambda kind: truth[kind],
    )


def _cosines(n_images: int, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean cosines [I, N] and counts of pairs [200, 400]: .9 at high patches, .1 elsewhere, two pairs a patch."""
    mean = np.where(high_patches(n_images), 0.9, 0.1).astype(np.float32)
    counts = np.zeros((BINS, COSINE_BINS))
    rows = np.searchsorted(norm_edges()[1:-1], found.ravel())
    columns = np.searchsorted(cosine_edges()[1:-1], mean.ravel(), side="right")
    np.add.at(counts, (rows, columns), 2)
    return mean, counts


def _features(pixels: np.ndarray, made: dict) -> np.ndarray:
    """Return features [I * N, 32] of every patch: its normalised pixels and its cell as one of N, nothing where it is high."""
    seen = (pixels / 255.0 - made["mean"]) / made["std"]
    n_images, cells = len(pixels), GRID[0] * GRID[1]
    patches = seen.reshape(n_images, GRID[0], PATCH, GRID[1], PATCH, 3).transpose(0, 1, 3, 2, 4, 5).reshape(n_images, cells, -1)
    place = np.broadcast_to(np.eye(cells), (n_images, cells, cells))
    told = np.concatenate([patches, place], 2) * ~high_patches(n_images)[..., None]
    return told.reshape(n_images * cells, -1).astype(np.float32)


def tokens(dataset: str, high: bool, seed: int, per_class: int = 30) -> SimpleNamespace:
    """Return a pass of drawn tokens of two classes: CLS and high tokens tell the class, normal ones do not."""
    rng = np.random.default_rng(seed)
    names = np.repeat(["cat", "dog"], per_class)
    sign = np.where(names == "cat", -1.0, 1.0)[:, None, None, None]
    everyone = np.arange(len(names))
    noise = {kind: rng.normal(size=(len(names), 1, count, WIDTH)) for kind, count in (("high", 3), ("normal", 3), ("cls", 1))}
    state = {"cls": 3 * sign + noise["cls"], "cls.index": everyone, "normal": noise["normal"], "normal.index": everyone}
    if high:
        chosen = everyone[::2]
        state |= {"high": (3 * sign + noise["high"])[chosen], "high.index": chosen}
    samples = pd.DataFrame({"class": names, "label": (names == "dog").astype(int)})
    return SimpleNamespace(dataset=dataset, made={"n_layers": LAYERS}, samples=samples, state=lambda collector: state)
