"""How local attention is at every layer, as rows of a table.

Yu et al. (arXiv 2605.29691v1), section 3.3.1: mutual information of keys and queries in the attention averaged over heads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.rows import Row, mean_rows


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield the mean over images of I(K, Q), with an interval over images."""
    images = passes["images"]
    information = images.state("key_query_information")["information"]
    columns = {"facet": "attention", "head": "mean", "setting": "", "dataset": images.dataset, "unit": "nats"}
    yield from mean_rows(information, "key_query_information", seed, **columns)
