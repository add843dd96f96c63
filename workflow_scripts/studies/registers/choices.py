"""What object discovery depends on: CorLoc by facet, layer, bias and size of the images, which the paper does not all state.

Darcet et al., "Vision Transformers Need Registers" (arXiv 2309.16588v2, section 3.3), beyond what it reports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.registers.conditions import sized_bias
from workflow_scripts.studies.registers.located import annotated, corloc_rows
from workflow_scripts.studies.rows import Row


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield CorLoc by facet, layer, bias and size."""
    asked = settings["facets"], settings["layers"], settings["biases"]
    for name in passes:
        passed = passes[name]
        padded = passed.view.geometry
        setting = partial(sized_bias, side=padded.longest if padded.scaled else None)
        yield from corloc_rows(passed, annotated(passed), *asked, setting, seed)
