"""Keypoints of one image found among the pixels of another, at every layer and facet, as rows and maps.

Yu et al. (arXiv 2605.29691v1), section A.7: PCK "bbox, per point". Facets: key, query, value and token; `token` is the block's
output, in the last layer after the final norm, and `token_raw` that of the last layer before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from PIL import Image

from workflow_scripts.metrics.keypoint_scores import correct, pck
from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.rows import Row, score_row
from workflow_scripts.studies.segmentation.clustering import FACETS, RAW

RULE_NAMES = {"per_point": "per-point rule", "per_image": "per-image rule"}
_EMBEDDINGS = {"key": "key", "query": "query", "value": "value", "token": "token_normed", RAW: "token"}
_PICTURE = 320  # pixels: of larger crops a smaller picture is kept


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield PCK of every layer and facet by both rules (`keypoint_rows`)."""
    pairs = passes["pairs"]
    truth, _ = pairs.truth("pairs")
    for row in keypoint_rows(pairs.state("matched_pixels"), truth, settings["alpha"], seed):
        yield {**row, "dataset": pairs.dataset}


def maps(passes: Passes, settings: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the pairs of some keypoints, and the cosine of each point with the whole target image, by facet and layer.

    Arrays of E points; places (x, y) and lengths are shares of the crop's side, so that models which see the images at several
    sizes can be compared: source_image, target_image [E, S, S, 3] uint8; target_area [E, 4] (top, left, bottom, right), where
    the target is no padding; source_point, target_point [E, 2], the point and the true answer; radius [E], within which an
    answer is right; {facet}_point [E, L, 2], the answers; {facet}_cosine [E, L, M, M] float16. Facts: image_ids, JSON.
    """
    pairs = passes["pairs"]
    truth, _ = pairs.truth("pairs")
    found = pairs.state("matched_pixels")
    points = found["key_cosine.index"]
    pair = truth["point_pair"][points]
    side = pairs.view.shape[0]
    ends = {end: truth[f"pair_{end}"][pair].tolist() for end in ("source", "target")}
    arrays = {f"{end}_image": np.stack([_picture(pairs.crops(i, i + 1)[0]) for i in images]) for end, images in ends.items()}
    shares = {
        "target_area": truth["pair_area"][pair],
        "source_point": truth["point_source"][points],
        "target_point": truth["point_target"][points],
        "radius": settings["alpha"] * truth["pair_size"][pair],
    }
    for facet in FACETS:
        shares[f"{facet}_point"] = found[_EMBEDDINGS[facet]][points]
        arrays[f"{facet}_cosine"] = found[f"{_EMBEDDINGS[facet]}_cosine"]
    arrays |= {name: (value / side).astype(np.float32) for name, value in shares.items()}
    ids = pairs.samples["id"]
    names = [
        f"{ids.iloc[source]} \N{RIGHTWARDS ARROW} {ids.iloc[target]}" for source, target in zip(*ends.values(), strict=True)
    ]
    return arrays, {"image_ids": json.dumps(names)}


def keypoint_rows(found: Mapping[str, np.ndarray], pairs: Mapping[str, np.ndarray], alpha: float, seed: int) -> Iterator[Row]:
    """Yield PCK of every layer and facet by both rules, with intervals over pairs; `token_raw` of the last layer alone.

    Args:
        found: predicted (x, y) in pixels of the crop by embedding, [P, L, 2] (`onepass.matched_pixels`).
        pairs: arrays of `data.ground_truth.keypoint_pairs`.
        alpha: share of the larger side of the target object's box that a prediction may be off.
        seed: of the resampling.
    """
    pair = pairs["point_pair"]
    together = np.zeros(len(pair), np.int8)  # categories are no rows of this study
    for facet, embedding in _EMBEDDINGS.items():
        for rule, setting in RULE_NAMES.items():
            hits = correct(found[embedding], pairs["point_target"], pairs["pair_size"][pair], alpha, rule)
            share = pck(hits, together, pair, rule, seed)[""]
            for layer in range(len(share.value))[-1 if facet == RAW else 0 :]:
                ends = share.low[layer], share.high[layer]
                yield score_row(layer, facet, "pck", setting, share.value[layer], share.points, *ends)


def _picture(crop: np.ndarray) -> np.ndarray:
    """Return a square crop [S, S, 3] uint8 as it is, or if it is larger than `_PICTURE` pixels at that side (PIL box)."""
    if len(crop) <= _PICTURE:
        return crop
    return np.asarray(Image.fromarray(crop).resize((_PICTURE, _PICTURE), Image.Resampling.BOX))
