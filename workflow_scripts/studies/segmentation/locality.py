"""How local attention is at every layer, as rows of a table.

Yu et al. (arXiv 2605.29691v1), section 3.3.1: mutual information of keys and queries. The paper does not say in which order
heads are averaged, so both are in the table: of the attention averaged over heads, which its figure 8a shows and the study's
score is, and the mean of every head's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.rows import Row, mean_rows

SETTINGS = {"head_average": "heads averaged first", "per_head_mean": "mean over heads of each"}


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield the mean over images of I(K, Q), with an interval over images, by both orders."""
    images = passes["images"]
    information = images.state("attention_information")
    columns = {"facet": "attention", "head": "mean", "dataset": images.dataset, "unit": "nats"}
    for key, setting in SETTINGS.items():
        yield from mean_rows(information[key], "attention_information", seed, setting=setting, **columns)
