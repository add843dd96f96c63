"""What attention drawn at random scores against object masks: the chance level of the mask IoU, on any patch grid.

The best of several heads overlaps an object by chance, the more so the fewer cells a grid has, so a model's IoU says
something only beside that of noise on its own grid with as many heads. Noise is i.i.d. uniform on [0, 1), made attention in
one of two ways (`SCALINGS`), which are not the same for the spatial source: it adds up rows as they are. Arrays are numpy.
"""

from __future__ import annotations

import numpy as np

from workflow_scripts.metrics.mass import ATTENTION_MASS

ROWS = "rows sum to 1"  # as attention is: each source's row divided by its sum
SOURCES = "scaled over sources"  # as the public code of Walmer et al. does: divided by the mean over sources; no row sums to 1
SCALINGS = (ROWS, SOURCES)

# Draws of noise, which images share in turn where there are more of them: one draw has H x T x T numbers.
_DRAWS = 200


def scaled_noise(noise: np.ndarray, scaling: str) -> np.ndarray:
    """Return uniform noise [..., T, T] as attention, source token on the second last axis, scaled by one of `SCALINGS`."""
    return noise / (noise.sum(-1, keepdims=True) if scaling == ROWS else noise.mean(-2, keepdims=True))


def noise_iou(
    truth: np.ndarray, scaling: str, grid: tuple[int, int], n_prefix: int, n_heads: int, n_layers: int, seed: int
) -> dict[str, np.ndarray]:
    """Return the IoU of masks of noise with ground truth, as the collector ``mask_iou`` gathers it of attention.

    Args:
        truth: [I, N] bool, the object mask of each image on the patch grid.
        scaling: one of `SCALINGS`.
        grid: (R, C) of the patch grid, N = R x C.
        n_prefix: prefix tokens before the patch tokens.
        n_heads: H.
        n_layers: L; every layer is a draw of its own.
        seed: of the noise.

    Returns:
        ``cls``, ``spatial``, ``centre`` [I, L, H] float32, and ``cls_merged``, ... [I, L]: the map merged over heads.
    """
    n_images, n_tokens = len(truth), n_prefix + grid[0] * grid[1]
    n_draws = min(n_images, _DRAWS)
    sources = ("cls", "spatial", "centre")
    found = {source: np.zeros((n_images, n_layers, n_heads), np.float32) for source in sources}
    found |= {f"{source}_merged": np.zeros((n_images, n_layers), np.float32) for source in sources}
    for layer, draw in np.ndindex(n_layers, n_draws):
        uniform = np.random.default_rng([seed, layer, draw]).random((n_heads, n_tokens, n_tokens), np.float32)
        shown = truth[draw::n_draws]
        for source, values in _source_rows(scaled_noise(uniform, scaling), n_prefix, grid).items():
            merged = values if source == "spatial" else values / values.sum(-1, keepdims=True)
            found[source][draw::n_draws, layer] = _iou(_mass_mask(values), shown)
            found[f"{source}_merged"][draw::n_draws, layer] = _iou(_mass_mask(merged.sum(0, keepdims=True)), shown)[:, 0]
    return found


def _source_rows(attention: np.ndarray, n_prefix: int, grid: tuple[int, int]) -> dict[str, np.ndarray]:
    """Return the vectors [H, N] that become masks; the rules of `metrics.attention.source_rows`, without torch."""
    to_patches = attention[..., n_prefix:]
    row, column = ((side + 1) // 2 - 1 for side in grid)
    return {
        "cls": to_patches[:, 0],
        "spatial": to_patches[:, n_prefix:].sum(-2),
        "centre": to_patches[:, n_prefix + row * grid[1] + column],
    }


def _mass_mask(values: np.ndarray) -> np.ndarray:
    """Return the mask [..., N] of the smallest set of largest values that holds `ATTENTION_MASS` of a positive sum."""
    values = values.astype(np.float64)
    order = np.argsort(values, axis=-1, kind="stable")
    share = np.take_along_axis(values, order, -1).cumsum(-1) / values.sum(-1, keepdims=True)
    mask = np.zeros(values.shape, bool)
    np.put_along_axis(mask, order, share > 1 - ATTENTION_MASS, -1)
    return mask


def _iou(masks: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the IoU [k, H] of masks [H, N] with k ground truths [k, N], neither empty."""
    both = truth.astype(np.float32) @ masks.T.astype(np.float32)
    return both / (truth.sum(-1)[:, None] + masks.sum(-1) - both)
