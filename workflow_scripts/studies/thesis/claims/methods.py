"""The six methods that the study compares, and what it measured beyond scores: heads, attention maps, CKA.

Models of other methods take no part in the claims, and neither do models without training, except noise as the chance level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.metrics.noise import SOURCES
from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.verdict import CannotTestError, Number

FS, CLIP, DINO, MOCO, MAE, BEIT = "FS", "CLIP", "DINO", "MoCo-v3", "MAE", "BEiT"
EXPLICIT, CONTRASTIVE, RECONSTRUCTION = (FS, CLIP), (DINO, MOCO), (MAE, BEIT)
SELF_SUPERVISED = CONTRASTIVE + RECONSTRUCTION
METHODS = EXPLICIT + SELF_SUPERVISED

_CKA = "cka_minmax"  # the study's variant


@dataclass(frozen=True)
class AttentionMaps:
    """CLS attention over the patch grid: average_cls [L, H, R, C] over all, single_cls [I, L, H, R, C] of chosen images."""

    average_cls: np.ndarray
    single_cls: np.ndarray


def all_variants(evidence: Evidence) -> list[RunModel]:
    """Return the trained models of the six methods, where a method has several.

    Raises:
        CannotTestError: every method has one.
    """
    if not evidence.variants(*METHODS):
        raise CannotTestError("needs several variants of a method; this run has one of each")
    return evidence.trained(*METHODS)


def heads(evidence: Evidence, model: RunModel, metric: str) -> pd.DataFrame:
    """Return the rows of an attention metric that are about one head each: columns layer, head, setting, value.

    Raises:
        CannotTestError: it was not measured.
    """
    table = evidence.table
    rows = table[(table["analysis"] == "attention") & (table["model"] == model.id) & (table["metric"] == metric)]
    rows = rows[rows["head"].str.isdigit()]
    if rows.empty:
        raise CannotTestError(f"needs the analysis 'attention' ({metric}) of {model.display_name}; this run has none")
    return rows.astype({"layer": int, "head": int})[["layer", "head", "setting", "value"]]


def noise_iou(evidence: Evidence, model: RunModel, source: str = "cls") -> Number:
    """Return the mask IoU of noise attention on a model's own grid with as many heads, of the best head: the study's noise.

    Raises:
        CannotTestError: it was not measured.
    """
    table = evidence.table
    rows = table[(table["analysis"] == "attention") & (table["model"] == model.id)]
    rows = rows[(rows["metric"] == f"noise_iou_{source}") & (rows["setting"] == SOURCES)]
    if rows.empty:
        raise CannotTestError(f"needs the analysis 'attention' (noise_iou_{source}) of {model.display_name}; this run has none")
    value, low, high = (float(rows[column].iloc[0]) for column in ("value", "ci_low", "ci_high"))
    return Number(f"{source} IoU of noise on the grid of {model.display_name}", value, low, high, unit="IoU")


def attention_maps(evidence: Evidence, model: RunModel) -> AttentionMaps:
    """Return the attention maps of a model.

    Raises:
        CannotTestError: they were not given.
    """
    maps = evidence.maps.get("attention", {}).get(model.id)
    if maps is None:
        raise CannotTestError(f"needs the attention maps of {model.display_name}; this run has none")
    return AttentionMaps(maps.on_grid("average_cls"), maps.on_grid("single_cls"))


def last_layer_cka(evidence: Evidence, one: RunModel, other: RunModel, tokens: str) -> Number:
    """Return the CKA of the last blocks of two models (the study's variant) over `tokens`: "cls", "spatial" or "all".

    Raises:
        CannotTestError: it was not measured.
    """
    rows = _cka_rows(evidence, ["token"])
    rows = rows[rows["setting"] == tokens]
    names = f"{one.display_name} with {other.display_name}"
    for first, second in ((one, other), (other, one)):  # each pair is there once
        found = rows[(rows["model"] == first.id) & (rows["other_model"] == second.id)]
        if len(found):
            row = found.iloc[-1]
            return Number(f"CKA of {names}", row["value"], row["ci_low"], row["ci_high"], unit="CKA")
    raise CannotTestError(f"needs the CKA of the last layers of {names} ({tokens} tokens); this run has none")


def depth_cka(evidence: Evidence, model: RunModel) -> np.ndarray:
    """Return the CKA [2L, 2L] of all LayerNorm outputs of a model with each other, in execution order.

    Raises:
        CannotTestError: it was not measured.
    """
    rows = _cka_rows(evidence, ["norm1", "norm2"])
    rows = rows[(rows["model"] == model.id) & (rows["other_model"] == model.id)]
    matrix = np.full((2 * model.layers, 2 * model.layers), np.nan)
    one, other = (
        2 * (rows[f"{side}layer"].to_numpy(int) - 1) + (rows[f"{side}facet"] == "norm2").to_numpy(int)
        for side in ("", "other_")
    )
    matrix[one, other] = rows["value"].to_numpy(float)
    if np.isnan(matrix).any():
        raise CannotTestError(f"needs the CKA of all layers of {model.display_name} with each other; this run has none")
    return matrix


def _cka_rows(evidence: Evidence, facets: list[str]) -> pd.DataFrame:
    """Return the rows of CKA that compare one of `facets` with one of `facets`."""
    if "cka" not in evidence.pairs:
        raise CannotTestError("needs the analysis 'cka'; this run has none")
    rows = evidence.pairs["cka"]
    return rows[(rows["metric"] == _CKA) & rows["facet"].isin(facets) & rows["other_facet"].isin(facets)]
