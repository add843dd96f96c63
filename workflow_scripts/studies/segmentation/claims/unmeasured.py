"""Claims that rest on what this study's analyses do not measure: each says what it would need."""

from __future__ import annotations

from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.verdict import CannotTestError, Verdict


def block_artifacts(evidence: Evidence) -> Verdict:
    """Tokens of CLIP and DINOv2 show blocks."""
    raise CannotTestError("is about what pictures look like, of which no number is measured")
