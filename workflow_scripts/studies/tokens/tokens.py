"""The tokens that a pass has kept."""

from __future__ import annotations

from workflow_scripts.studies.passes import Passed
from workflow_scripts.studies.tokens.decisions import TOKENS


def stored_facets(passed: Passed, collector: str) -> list[str]:
    """Return the facets that a collector has kept, in the study's order."""
    kept = passed.arrays(collector)
    return [facet for facet in TOKENS if facet in kept]
