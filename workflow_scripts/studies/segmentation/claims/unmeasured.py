"""Claims that rest on what this study's analyses do not measure: each says what it would need."""

from __future__ import annotations

from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.verdict import CannotTestError, Verdict


def bias_datasets(evidence: Evidence) -> Verdict:
    """The ground truth of street scenes and of parts is more bound to positions."""
    raise CannotTestError("needs the ground truth of several datasets; this study's analyses measure one")


def init_robust(evidence: Evidence) -> Verdict:
    """Start and batch size change little."""
    raise CannotTestError("needs codebooks fitted from several starts and batch sizes; this study's analyses fit one")


def over_parts(evidence: Evidence) -> Verdict:
    """More clusters than classes split parts in large models."""
    raise CannotTestError(
        "needs part labels beside a codebook of more clusters than classes; this study's analyses have not both"
    )


def block_artifacts(evidence: Evidence) -> Verdict:
    """Tokens of CLIP and DINOv2 show blocks."""
    raise CannotTestError("is about what pictures look like, of which no number is measured")
