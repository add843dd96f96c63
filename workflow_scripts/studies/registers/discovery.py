"""Objects found without labels, by keys and values of the last layer: CorLoc on up to three datasets, by bias.

Darcet et al., "Vision Transformers Need Registers" (arXiv 2309.16588v2, section 3.3 and table 3), at the images' own sizes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.registers.conditions import SKIPPED, bias
from workflow_scripts.studies.registers.located import annotated, corloc_rows
from workflow_scripts.studies.rows import Row


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield CorLoc by dataset, facet and bias, and how many images of each dataset have no annotated object."""
    seen = set()
    for name in passes:
        passed = passes[name]
        if passed.dataset in seen:  # one may stand in place of all
            continue
        seen.add(passed.dataset)
        objects = annotated(passed)
        yield from corloc_rows(passed, objects, settings["facets"], [-1], settings["biases"], bias, seed)
        yield {
            "layer": passed.made["n_layers"],
            "facet": "",
            "dataset": passed.dataset,
            "metric": SKIPPED,
            "setting": "",
            "value": objects.skipped,
            "n": objects.n,
            "unit": "images",
        }
