"""The thesis' claims as code: each a small function from the evidence of a run to a verdict.

Claims: Walmer et al., "Teaching Matters" (CVPR 2023, arXiv 2212.03862) and the thesis chapter made of it, above all its
Table 2.3; ``config/published/thesis.yaml`` has them as data, under the same ids.
"""

from __future__ import annotations

from collections.abc import Callable

from workflow_scripts.studies.thesis_claims.attention import ATTENTION
from workflow_scripts.studies.thesis_claims.evidence import Evidence
from workflow_scripts.studies.thesis_claims.features import FEATURES
from workflow_scripts.studies.thesis_claims.tasks import TASK_CLAIMS
from workflow_scripts.studies.thesis_claims.verdict import UNTESTED, CannotTestError, Verdict

CLAIMS: dict[str, Callable[[Evidence], Verdict]] = ATTENTION | FEATURES | TASK_CLAIMS


def judge(claim: str, evidence: Evidence) -> Verdict:
    """Return the verdict on the claim of that id; what the run lacks for it makes it one that cannot be tested."""
    try:
        return CLAIMS[claim](evidence)
    except CannotTestError as missing:
        return Verdict(UNTESTED, f"{str(missing)[0].upper()}{str(missing)[1:]}.")
