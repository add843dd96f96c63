"""Tokens in more clusters than there are classes: as classes, and how purely the same clusters are parts of animals.

Yu et al. (arXiv 2605.29691v1), section A.5 and figure 13, which are pictures alone. The number beside them is ours: of the
pixels of parts, images of animals being segmented by the same codebooks, the share that is of the most frequent part of its
cluster. The background is left out: clusters that tell an animal from it say nothing of its parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workflow_scripts.metrics.class_maps import match_clusters, part_purity
from workflow_scripts.metrics.intervals import percentiles
from workflow_scripts.studies.passes import Passed, Passes
from workflow_scripts.studies.rows import Row, score_row
from workflow_scripts.studies.segmentation import clustering

BACKGROUND = "background"


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield the rows of `clustering`, and the purity of parts at every layer where there are images with parts."""
    yield from clustering.rows({"images": passes["images"]}, settings, seed)
    if "parts" in passes:
        yield from _purity_rows(passes["parts"])


def maps(passes: Passes, settings: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the maps of `clustering`, and the clusters themselves.

    Further arrays: token_clusters [E, L, h, w] int16; token_named [L, K] int64, the class that each cluster joins, or
    `metrics.class_maps.LEFT_OVER`; token_sizes [L, K], the clusters' pixels.
    """
    arrays, facts = clustering.maps(passes, settings)
    counted = passes["images"].state("cluster_maps")
    arrays |= {
        "token_clusters": counted["token_map"].reshape(arrays["token_map"].shape),
        "token_named": np.stack([match_clusters(counts) for counts in counted["token_counts"]]),
        "token_sizes": counted["token_counts"].sum(-1),
    }
    return arrays, facts


def _purity_rows(parts: Passed) -> Iterator[Row]:
    counted, names = parts.state("cluster_maps"), parts.truth("classes")[1]["names"]
    kept = [place for place, name in enumerate(names) if name != BACKGROUND]
    for layer, (counts, draws) in enumerate(zip(counted["token_counts"], counted["token_draws"], strict=True)):
        low, high = percentiles(np.array([part_purity(draw[:, kept]) for draw in draws]))
        value, n_images = part_purity(counts[:, kept]), int(counted["n_images"][0])
        yield score_row(layer, "token", "part_purity", "", value, n_images, low, high) | {"dataset": parts.dataset}
