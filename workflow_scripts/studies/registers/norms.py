"""Norms of all tokens by layer, and which are high: as rows, and as histograms and pictures (Darcet et al., sections 2.1, 3.2).

Quantiles are of the histograms: the middle (on a log scale) of the bin that holds them, within 3 %.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workflow_scripts.metrics.token_norms import cutoff, norm_edges, share_above
from workflow_scripts.studies.passes import Passed, Passes
from workflow_scripts.studies.registers.conditions import (
    ATTENTION_SHARE,
    CLS,
    CUTOFF,
    HIGH,
    NORM_METRICS,
    OF_LAST,
    OF_LAYER,
    PATCH,
    SHARE,
    TOKEN_SHARE,
    register,
)
from workflow_scripts.studies.registers.cutoffs import chosen_cutoff
from workflow_scripts.studies.rows import Row

_NORMS, _ATTENTION = "token_norms", "chosen_attention"
_QUANTILES = (0.01, 0.5, 0.99, 1.0)  # of `NORM_METRICS`
_NORMED = "_normed"  # ends the names of arrays of tokens after the final norm


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield quantiles of norms by layer and kind of token, cutoffs and shares above them, and what attention high norms get."""
    images = passes["images"]
    state = images.state(_NORMS)
    layers = len(state["patch"])
    for ending, facet, first in (("", "token", 1), (_NORMED, "token_normed", layers)):
        for kind, counts in _kinds(state, ending).items():
            for layer in range(first, layers + 1):
                yield from _quantile_rows(images.dataset, layer, facet, kind, counts[layer - 1])
        for layer in range(first, layers + 1):
            counts = state[PATCH + ending][layer - 1]
            yield from _share_rows(images.dataset, layer, facet, OF_LAYER, counts, cutoff(counts), here=True)
    limit = chosen_cutoff(images.model, state[PATCH][-1], settings)
    for layer in range(1, layers + 1):
        counts = state[PATCH][layer - 1]
        yield from _share_rows(images.dataset, layer, "token", OF_LAST, counts, limit, here=layer == layers)
    yield from _attention_rows(images, state["map"][:, -1], limit)


def maps(passes: Passes, settings: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return histograms, and pictures, norms and attention of the last layer of the chosen images.

    Arrays: edges [201]; histogram_patch [L, 200], histogram_cls [L, 200] and histogram_register [L, R, 200] as far as the model
    has such tokens, and of the last layer after the final norm histogram_patch_normed [200] and so on; norms
    [I, rows, columns]; attention [I, rows, columns] of CLS on patches, mean over heads, of a model that has CLS; pictures
    [I, H, W, 3] uint8. The cutoff is among the metadata, as JSON.
    """
    images = passes["images"]
    state = images.state(_NORMS)
    kinds = (PATCH, CLS, "register")
    arrays = {"edges": norm_edges()}
    arrays |= {f"histogram_{kind}": state[kind].astype(np.int64) for kind in kinds if kind in state}
    arrays |= {
        f"histogram_{kind}{_NORMED}": state[kind + _NORMED][-1].astype(np.int64) for kind in kinds if kind + _NORMED in state
    }
    chosen = state["map.index"]
    grid = (len(chosen), *images.grid)
    arrays["norms"] = state["map"][:, -1].reshape(grid)
    if images.made["n_prefix"]:
        arrays["attention"] = _cls_attention(images).reshape(grid)
    arrays["pictures"] = np.concatenate([images.crops(place, place + 1) for place in chosen.tolist()])
    limit = chosen_cutoff(images.model, state[PATCH][-1], settings)
    return arrays, {"cutoff": json.dumps(limit), "dataset": images.dataset, "grid": json.dumps(images.grid)}


def _kinds(state: Mapping[str, np.ndarray], ending: str) -> dict[str, np.ndarray]:
    """Return the histograms [L, 200] by kind of token."""
    found = {kind: state[kind + ending] for kind in (PATCH, CLS) if kind + ending in state}
    registers = state.get(f"register{ending}")
    if registers is not None:
        found |= {register(number + 1): registers[:, number] for number in range(registers.shape[1])}
    return found


def _quantile_rows(dataset: str, layer: int, facet: str, kind: str, counts: np.ndarray) -> Iterator[Row]:
    total, edges = counts.sum(), norm_edges()
    reached = np.cumsum(counts)
    for metric, share in zip(NORM_METRICS, _QUANTILES, strict=True):
        place = int(np.searchsorted(reached, share * total))
        value = float(np.sqrt(edges[place] * edges[place + 1]))
        yield _row(dataset, layer, facet, metric, kind, value, int(total)) | {"unit": "L2 norm"}


def _share_rows(
    dataset: str, layer: int, facet: str, which: str, counts: np.ndarray, limit: float | None, here: bool
) -> Iterator[Row]:
    """Yield the share of a layer's patches above a limit, and the limit itself if it is made `here`."""
    value = 0.0 if limit is None else float(share_above(counts, limit))
    yield _row(dataset, layer, facet, SHARE, which, value, int(counts.sum())) | {"unit": "share"}
    if here and limit is not None:
        yield _row(dataset, layer, facet, CUTOFF, which, limit, int(counts.sum())) | {"unit": "L2 norm"}


def _attention_rows(images: Passed, norms: np.ndarray, limit: float | None) -> Iterator[Row]:
    """Yield which share of the attention of CLS on patches is on high-norm ones, and how many these are, means over images."""
    if limit is None or not images.made["n_prefix"]:
        return
    high, attention = norms > limit, _cls_attention(images)
    on_high = (attention * high).sum(1) / attention.sum(1)
    for metric, values in ((ATTENTION_SHARE, on_high), (TOKEN_SHARE, high.mean(1))):
        row = _row(images.dataset, images.made["n_layers"], "token", metric, HIGH, float(values.mean()), len(values))
        yield row | {"unit": "share"}


def _cls_attention(images: Passed) -> np.ndarray:
    """Return the attention of CLS on the patches of the chosen images in the last layer, mean over heads, [I, N] float32."""
    return images.state(_ATTENTION)["cls"][:, -1, :, images.made["n_prefix"] :].mean(1)


def _row(dataset: str, layer: int, facet: str, metric: str, setting: str, value: float, n: int) -> Row:
    named = {"dataset": dataset, "layer": layer, "facet": facet, "metric": metric, "setting": setting}
    return named | {"value": value, "n": n}
