"""Claims about correspondence of keypoints (Yu et al., sections A.7 and A.9)."""

from __future__ import annotations

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.segmentation.claims.measured import best_pck, present
from workflow_scripts.studies.segmentation.clustering import FACETS
from workflow_scripts.studies.segmentation.methods import CONTRASTIVE, EXPLICIT, IBOT, METHODS, MIM
from workflow_scripts.studies.verdict import Number, Part, Verdict, above, all_above, decide


def corr_scaling(evidence: Evidence) -> Verdict:
    """Larger models are better at correspondence."""
    parts, numbers = [], []
    for small, large in evidence.by_size(*METHODS):
        for facet in FACETS:
            pair = [best_pck(evidence, model, facet) for model in (large, small)]
            parts.append(above(*pair))
            numbers += pair
    rule = "the best PCK over layers of the larger model is above that of the smaller of its method, for every embedding"
    return decide(rule, parts, numbers)


def supervised_drop(evidence: Evidence) -> Verdict:
    """Correspondence of models trained with labels or captions falls most after its best layer."""
    explicit, lacking = present(evidence, EXPLICIT)
    others, absent = present(evidence, (*MIM, *CONTRASTIVE))
    drops = {model: _drop(evidence, model) for model in (*explicit, *others)}
    rule = (
        "the PCK of tokens of every model trained with labels or captions falls more from its best to the last layer than that "
        "of every other model, and that of iBOT not at all"
    )
    parts = [all_above([drops[model] for model in explicit], [drops[model] for model in others])]
    parts += [Part(f"{drops[model]}", drops[model].value == 0) for model in others if model.method == IBOT]
    return decide(rule, parts, drops.values(), ", ".join(filter(None, (lacking, absent))))


def _drop(evidence: Evidence, model: RunModel) -> Number:
    curve = evidence.score(model, "pck_token")
    fall = curve.best().value - curve.at(model.layers).value
    return Number(f"fall of the PCK of {model.display_name}", fall, unit="share")
