"""How local attention is at every layer, as rows of a table, and what it looks like at one of them.

Yu et al. (arXiv 2605.29691v1), section 3.3.1: mutual information of keys and queries. The paper does not say in which order
heads are averaged, so both are in the table: of the attention averaged over heads, which its figure 8a shows and the study's
score is, and the mean of every head's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workflow_scripts.metrics.attention_matrices import query_cells
from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.rows import Row, mean_rows

HEADS_FIRST, EACH_HEAD = "heads averaged first", "mean over heads of each"
_DEPTH = 12  # layers of the networks for which the study names a layer


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield the mean over images of I(K, Q), with an interval over images, by both orders."""
    images = passes["images"]
    information = images.state("attention_information")
    columns = {"facet": "attention", "head": "mean", "dataset": images.dataset, "unit": "nats"}
    for setting, values in ((HEADS_FIRST, information["head_average"]), (EACH_HEAD, information["per_head"].mean(-1))):
        yield from mean_rows(values, "attention_information", seed, setting=setting, **columns)


def maps(passes: Passes, settings: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the attention among patch tokens of one layer, averaged over heads, and that of chosen query tokens.

    Arrays, float32: mean_matrix [N, N], the mean over all images; single_matrix [1, N, N], of one image; query_heads
    [1, Q, H, N], the rows of that image's query tokens in every head; single_image [1, h, w, 3] uint8. Facts: layer, local_head
    (of the highest mean I(K, Q) over all images; both from 1), query_cells (JSON, row-major from 0), n_images, image_ids, and
    rows and cols of the patch grid.
    """
    images = passes["images"]
    chosen, per_head = images.state("chosen_head_average"), images.state("attention_information")["per_head"]
    n_images, depth, _ = per_head.shape
    layer = layer_of(settings["layer"], depth)
    position = int(chosen["matrix.index"][0])
    arrays = {
        "mean_matrix": (images.state("mean_head_average")["matrix"][layer - 1] / n_images).astype(np.float32),
        "single_matrix": chosen["matrix"][:1, layer - 1],
        "query_heads": chosen["heads"][:1, layer - 1].swapaxes(1, 2),
        "single_image": images.crops(position, position + 1),
    }
    facts = {
        "layer": str(layer),
        "local_head": str(1 + int(per_head[:, layer - 1].mean(0, dtype=np.float64).argmax())),
        "query_cells": json.dumps(query_cells(settings["queries"], images.grid)),
        "n_images": str(n_images),
        "image_ids": json.dumps([str(images.samples["id"].iloc[position])]),
    }
    return arrays, facts | {name: str(side) for name, side in zip(("rows", "cols"), images.grid, strict=True)}


def layer_of(layer: int, depth: int) -> int:
    """Return the layer, from 1, of a network of `depth` at the share of the depth of `layer` of 12, rounded down."""
    return max(1, layer * depth // _DEPTH)
