"""How far each statistic may be from that of float32 on the CPU: in half precision, and in float32 on a GPU.

About four times what was measured on three blocks of the demo's DINO (bf16 and fp16 on the CPU). The last column has never been
measured, for want of a GPU: it is what sums of float32 in another order allow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

Arrays = Mapping[str, np.ndarray]


class Bound(NamedTuple):
    """The largest difference by a measure."""

    measure: Callable[[np.ndarray, np.ndarray], float]
    bf16: float
    fp16: float
    gpu: float


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the Frobenius norm of the difference over that of what is expected; NaN and infinity must agree."""
    found, expected = found.astype(np.float64), expected.astype(np.float64)
    known = np.isfinite(expected)
    if not np.array_equal(found[~known], expected[~known], equal_nan=True):
        return np.inf
    return float(np.linalg.norm(found[known] - expected[known]) / max(np.linalg.norm(expected[known]), 1e-30))


def moved(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the share of what is counted, or of a total, that is in another place."""
    found, expected = found.astype(np.float64), expected.astype(np.float64)
    return float(np.abs(found - expected).sum() / max(2 * np.abs(expected).sum(), 1e-30))


def others(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the share of numbers that are others: of places, clusters and boxes, which have no near misses."""
    return float((found != expected).mean())


_ATTENTION = Bound(relative, 3e-2, 4e-3, 1e-5)
_MAP = Bound(relative, 6e-2, 8e-3, 1e-5)
_FEATURE = Bound(relative, 2e-2, 2e-3, 3e-4)  # kept in float16, whose last digit may fall to the other side
_COUNT = Bound(moved, 2e-2, 6e-3, 1e-3)
_PLACE = Bound(others, 5e-2, 2e-2, 2e-2)

BOUNDS: dict[str, Bound] = {
    "average_attention": _ATTENTION,
    "aligned_attention": _ATTENTION,
    "attention_distance": Bound(relative, 1e-3, 1e-4, 1e-5),
    "mask_iou": Bound(moved, 2e-2, 6e-3, 1e-3),  # of masks: a token more or less
    "spatial_to_cls": _ATTENTION,
    "attention_deviation": Bound(relative, 4e-3, 4e-4, 1e-5),
    "top_token_share": Bound(relative, 5e-3, 5e-4, 1e-5),
    "chosen_attention": _MAP,
    "attention_information": Bound(relative, 6e-3, 6e-4, 1e-5),
    "mean_head_average": _ATTENTION,
    "chosen_head_average": _MAP,
    "pooled_features": _FEATURE,
    "pooled_normed": _FEATURE,
    "residual_ratio": Bound(relative, 8e-3, 6e-4, 1e-5),
    "region_features": Bound(relative, 1e-2, 1e-3, 1e-5),
    "object_features": _FEATURE,
    "feature_moments": Bound(relative, 8e-3, 4e-4, 1e-5),
    "token_norms": _COUNT,
    "patch_norms": Bound(relative, 4e-3, 4e-4, 1e-5),
    "neighbour_cosines": Bound(moved, 6e-2, 1e-2, 1e-3),  # by the bin of the norm, of 1 % each
    "drawn_tokens": _FEATURE,
    "discovered_boxes": _PLACE,
    "gram_blocks": Bound(relative, 6e-3, 4e-4, 1e-5),
    "patch_store": _FEATURE,
    "cluster_maps": Bound(moved, 4e-2, 6e-3, 1e-3),
    "cls_facets": _FEATURE,
    "concept_patches": _FEATURE,
    "propagated_labels": Bound(moved, 3e-2, 3e-3, 1e-3),  # the most similar cells may be others
    "matched_keypoints": _PLACE,
    "matched_pixels": _PLACE,
    "principal_components": Bound(relative, 1e-2, 4e-4, 1e-5),
    "norm_cutoff": _COUNT,
    "codebooks": Bound(relative, 4e-2, 2e-3, 1e-3),
}
_OF_KEYS = {
    "matched_pixels": {"key_cosine": _FEATURE, "token_cosine": _FEATURE, "token_normed_cosine": _FEATURE},
    "token_norms": {"map": Bound(relative, 4e-3, 4e-4, 1e-5)},
    "neighbour_cosines": {"mean": Bound(relative, 1e-6, 1e-6, 1e-5)},  # the patch embedding alone, always in float32
    "norm_cutoff": {"cutoff": Bound(relative, 1e-2, 1e-3, 1e-3)},
    "cluster_maps": {"token_map": Bound(others, 5e-2, 2e-2, 2e-2), "key_map": Bound(others, 5e-2, 2e-2, 2e-2)},
}
# Of what analyses compute on a GPU in float32 or float64; those of whole numbers: the share that may be others.
ANALYSED = {"predicted_False": 0.01, "predicted_True": 0.01, "nearest": 0.0, "nearest_by_cosine": 0.0}


def misses(name: str, found: Arrays, expected: Arrays, column: str) -> list[str]:
    """Return a line for each array of a collector or fit that is further off than `column` ("bf16", "fp16", "gpu") allows."""
    assert found.keys() == expected.keys(), name
    lines = []
    for key, value in comparable(expected).items():
        bound = _OF_KEYS.get(name, {}).get(key, BOUNDS[name])
        if key.endswith("index") or key in ("n_images", "n_prefix", "layers", "biases", "cell"):
            bound = Bound(others, 0, 0, 0)
        far = bound.measure(comparable(found)[key], value)
        if not far <= getattr(bound, column):
            lines.append(f"{name} {key}: {bound.measure.__name__} {far:.1e}, allowed {getattr(bound, column):.0e} ({column})")
    return lines


def comparable(arrays: Arrays) -> dict[str, np.ndarray]:
    """Return arrays with principal components as the covariance they stand for: of nearly equal variances any turn will do."""
    made = dict(arrays)
    for key in [key for key in made if key.endswith("_components")]:
        components, variance = made[key], made[key.replace("components", "variance")]
        made[key] = np.swapaxes(components, -1, -2) @ (variance[..., None] * components)
    return made
