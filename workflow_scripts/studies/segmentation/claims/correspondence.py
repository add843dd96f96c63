"""Claims about correspondence of key points (Yu et al., sections A.7 and A.9)."""

from __future__ import annotations

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.segmentation.claims.measured import present
from workflow_scripts.studies.segmentation.clustering import FACETS
from workflow_scripts.studies.segmentation.methods import CONTRASTIVE, EXPLICIT, METHODS, MIM
from workflow_scripts.studies.verdict import Number, Verdict, above, all_above, decide


def corr_scaling(evidence: Evidence) -> Verdict:
    """Larger models are better at correspondence."""
    parts, numbers = [], []
    for small, large in evidence.by_size(*METHODS):
        for facet in FACETS:
            pair = [_best(evidence, model, facet) for model in (large, small)]
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
        "of every other model"
    )
    part = all_above([drops[model] for model in explicit], [drops[model] for model in others])
    left_out = ", ".join(filter(None, ("whether iBOT still improves", lacking, absent)))
    return decide(rule, [part], drops.values(), left_out)


def _best(evidence: Evidence, model: RunModel, facet: str) -> Number:
    return evidence.score(model, f"pck_{facet}").best(f"best PCK of {model.display_name}, {facet}")


def _drop(evidence: Evidence, model: RunModel) -> Number:
    curve = evidence.score(model, "pck_token")
    fall = curve.best().value - curve.at(model.layers).value
    return Number(f"fall of the PCK of {model.display_name}", fall, unit="share")
