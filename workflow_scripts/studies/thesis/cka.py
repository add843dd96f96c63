"""CKA of all models and layers, from Gram blocks to a table.

Walmer et al., "Teaching Matters" (CVPR 2023, arXiv 2212.03862), section 4.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.similarity import centred_blocks, cka, cka_intervals
from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.rows import Row

Arrays = Mapping[str, np.ndarray]
VARIANTS = {"cka_minmax": True, "cka_plain": False}
TOKENS = ("cls", "spatial", "all")
NORMS = ("norm1", "norm2")
SKIPS = ("attention_skip", "mlp_skip")
BRANCHES = ("attention_branch", "mlp_branch")


def rows(passes: Mapping[str, Passes], settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield the CKA of all pairs of models, from their Gram blocks alone (`cka_rows`).

    Raises:
        AtlasError: two models saw different images.
    """
    images = {model: asked["images"] for model, asked in passes.items()}
    first = next(iter(images.values()))
    for one in images.values():
        if (one.dataset, one.made["n_images"]) != (first.dataset, first.made["n_images"]):
            raise AtlasError(
                f"{one.files['pass']}: over other images than {first.files['pass']}; CKA compares models on the same images"
            )
    for row in cka_rows({model: one.state("gram_blocks") for model, one in images.items()}, seed):
        # Undefined where a representation does not distinguish the images, as the CLS token before the first attention.
        if not np.isnan(row["value"]):
            yield {**row, "dataset": first.dataset}


def cka_rows(grams: Mapping[str, Arrays], seed: int) -> list[Row]:
    """Return the CKA of all pairs of models; NaN where it is undefined.

    Three comparisons, each in both variants: the last layers of every pair of models, in three selections of tokens, with
    intervals over blocks of images; both LayerNorms of every block against each other, within and between models; and the
    skip connections of a model against its branches.

    Args:
        grams: by model id, in the order of the run, the arrays of the collector gram_blocks: [n_blocks, L, N, N].
        seed: of the resampling.
    """
    rows: list[Row] = []
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
    n_blocks = min((len(arrays["token_cls"]) for arrays in grams.values()), default=0)
    return [{**row, "unit": "CKA", "n": n_blocks} for row in rows]


def _sites(arrays: Arrays, names: Sequence[str], minmax: bool) -> np.ndarray:
    """Return centred blocks of the named sites in execution order: block 1 of each name, block 2 of each name, ..."""
    stacked = np.stack([arrays[f"{name}_all"] for name in names], 2)
    return centred_blocks(stacked.reshape(len(stacked), -1, *stacked.shape[-2:]), minmax)


def _square(
    metric: str, model: str, other: str, a: np.ndarray, b: np.ndarray, names: Sequence[str], others: Sequence[str]
) -> list[Row]:
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


def _pair(metric: str, tokens: str, one: tuple[str, int, str], other: tuple[str, int, str]) -> Row:
    first = dict(zip(("model", "layer", "facet"), one, strict=True))
    second = dict(zip(("other_model", "other_layer", "other_facet"), other, strict=True))
    return {"metric": metric, "setting": tokens, **first, **second}
