"""How much codebooks depend on the images that they start from and on the size of batches.

Yu et al. (arXiv 2605.29691v1), section A.2 and figure 10. What the variants are compared with, codebooks that start from every
batch, is the analysis `clustering`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.rows import Row
from workflow_scripts.studies.segmentation.clustering import class_rows

START = "start from "  # what rows of other starts begin their setting with
BATCH = "batches of "  # and those of other batch sizes


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield the mean IoU of every layer and facet, with its interval over images, in every variant."""
    variants = {
        "second_batch": f"{START}every 2nd batch",
        "fourth_batch": f"{START}every 4th batch",
        "larger_batch": f"{BATCH}{settings['larger_batch']} images",
        "largest_batch": f"{BATCH}{settings['largest_batch']} images",
    }
    for ask, setting in variants.items():
        yield from (row | {"setting": setting} for row in class_rows(passes[ask]) if row["metric"] == "miou")
