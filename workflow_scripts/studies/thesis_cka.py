"""CKA of all models and layers, from Gram blocks to a table.

Walmer et al., "Teaching Matters" (CVPR 2023, arXiv 2212.03862), section 4.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.common.table import make_table
from workflow_scripts.metrics.similarity import centred_blocks, cka, cka_intervals

Arrays = Mapping[str, np.ndarray]
VARIANTS = {"cka_minmax": True, "cka_plain": False}
TOKENS = ("cls", "spatial", "all")
NORMS = ("norm1", "norm2")
SKIPS = ("attention_skip", "mlp_skip")
BRANCHES = ("attention_branch", "mlp_branch")


def cka_table(grams: Mapping[str, Arrays], dataset: str, seed: int) -> pd.DataFrame:
    """Return the CKA of all pairs of models, from their Gram blocks alone.

    Three comparisons, each in both variants: the last layers of every pair of models, in three selections of tokens, with
    intervals over blocks of images; both LayerNorms of every block against each other, within and between models; and the
    skip connections of a model against its branches.

    Args:
        grams: by model id, in the order of the run, the arrays of the collector gram_blocks: [n_blocks, L, N, N].
        dataset: id of the dataset.
        seed: of the resampling.
    """
    rows: list[dict[str, Any]] = []
    models = list(grams)
    for metric, minmax in VARIANTS.items():
        last = {tokens: [centred_blocks(grams[m][f"token_{tokens}"][:, -1:], minmax) for m in models] for tokens in TOKENS}
        depth = {model: _sites(grams[model], NORMS, minmax) for model in models}
        for i, model in enumerate(models):
            layers = grams[model]["token_cls"].shape[1]
            for j, other in enumerate(models[i:], start=i):
                for tokens in TOKENS:
                    a, b = last[tokens][i], last[tokens][j]
                    low, high = cka_intervals(a, b, np.array([[0, 0]]), seed=seed)
                    row = _pair(metric, tokens, (model, layers, "token"), (other, grams[other]["token_cls"].shape[1], "token"))
                    rows.append({**row, "value": cka(a, b)[0, 0], "ci_low": low[0], "ci_high": high[0]})
                rows += _square(metric, model, other, depth[model], depth[other], NORMS, NORMS)
            skips, branches = (_sites(grams[model], names, minmax) for names in (SKIPS, BRANCHES))
            rows += _square(metric, model, model, skips, branches, SKIPS, BRANCHES)
    n_blocks = {model: len(arrays["token_cls"]) for model, arrays in grams.items()}
    table = make_table(rows, study="thesis", analysis="cka", dataset=dataset, unit="CKA", n=min(n_blocks.values(), default=0))
    # Undefined where a representation does not distinguish the images, as the CLS token before the first attention.
    return table[table["value"].notna()].reset_index(drop=True)


def _sites(arrays: Arrays, names: Sequence[str], minmax: bool) -> np.ndarray:
    """Return centred blocks of the named sites in execution order: block 1 of each name, block 2 of each name, ..."""
    stacked = np.stack([arrays[f"{name}_all"] for name in names], 2)
    return centred_blocks(stacked.reshape(len(stacked), -1, *stacked.shape[-2:]), minmax)


def _square(
    metric: str, model: str, other: str, a: np.ndarray, b: np.ndarray, names: Sequence[str], others: Sequence[str]
) -> list[dict[str, Any]]:
    values = cka(a, b)
    return [
        {
            **_pair(
                metric,
                "all",
                (model, i // len(names) + 1, names[i % len(names)]),
                (other, j // len(others) + 1, others[j % len(others)]),
            ),
            "value": value,
        }
        for (i, j), value in np.ndenumerate(values)
    ]


def _pair(metric: str, tokens: str, one: tuple[str, int, str], other: tuple[str, int, str]) -> dict[str, Any]:
    first = dict(zip(("model", "layer", "facet"), one, strict=True))
    second = dict(zip(("other_model", "other_layer", "other_facet"), other, strict=True))
    return {"metric": metric, "setting": tokens, **first, **second}
