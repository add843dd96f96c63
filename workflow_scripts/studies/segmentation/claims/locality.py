"""Claims about how local attention is (Yu et al., section 3.3.1)."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.studies.evidence import Evidence, layers_like
from workflow_scripts.studies.segmentation.claims.measured import present
from workflow_scripts.studies.segmentation.methods import CONTRASTIVE, DINOV3, MAE, METHODS, MIM, REGISTERS
from workflow_scripts.studies.verdict import Number, Verdict, above, all_above, decide, mean

# The paper says these in words; the numbers are ours.
RISE = 1.25  # "appears": at least a quarter more
STEADY = 0.5  # "consistent": the standard deviation over layers is at most half of the mean
CORRELATED = 0.3  # the paper's rank correlation is 0.70


def mi_cl_drop(evidence: Evidence) -> Verdict:
    """Locality of contrastive models falls with depth; on average masked-image models keep more."""
    contrastive, lacking = present(evidence, CONTRASTIVE)
    masked, others = present(evidence, MIM)
    parts, numbers = [], []
    for model in contrastive:
        third = max(1, model.layers // 3)
        first = _mean(evidence, model, range(1, third + 1))
        last = _mean(evidence, model, range(model.layers - third + 1, model.layers + 1))
        parts.append(above(first, last))
        numbers += [first, last]
    means = [
        mean(name, [_mean(evidence, model, range(1, model.layers + 1)) for model in group])
        for name, group in (("masked-image models", masked), ("contrastive models", contrastive))
    ]
    rule = (
        "the mean I(K, Q) over the last third of the layers is below that over the first in every contrastive model, and the "
        "mean over layers and models is higher in masked-image models than in contrastive ones"
    )
    return decide(rule, [*parts, above(*means)], [*numbers, *means], ", ".join(filter(None, (lacking, others))))


def mi_mae(evidence: Evidence) -> Verdict:
    """Locality of MAE appears in the middle and partly stays."""
    (mae,) = evidence.main(MAE)
    early, middle, late = (_mean(evidence, mae, layers_like(*ends, mae.layers)) for ends in ((1, 4), (5, 8), (9, 12)))
    rule = (
        f"the mean I(K, Q) of MAE over layers 5 to 8 of 12 is more than {RISE} times that over layers 1 to 4, and that over "
        "layers 9 to 12 still above it"
    )
    parts = [above(middle, early.times(RISE, f"{RISE} times the {early.name}")), above(late, early)]
    return decide(rule, parts, [early, middle, late])


def mi_dinov2reg(evidence: Evidence) -> Verdict:
    """DINOv2 with registers is the most local, and evenly so; DINOv3 as evenly."""
    registers, dinov3 = evidence.main(REGISTERS, DINOV3)
    others, _ = present(evidence, [method for method in METHODS if method != REGISTERS])
    most = _mean(evidence, registers, range(1, registers.layers + 1))
    rest = [_mean(evidence, model, range(1, model.layers + 1)) for model in others]
    spread = [_spread(evidence, model) for model in (registers, dinov3)]
    rule = (
        "the mean I(K, Q) over layers of DINOv2 with registers is above that of every other main model, and its standard "
        f"deviation over layers is below {STEADY} of the mean in it and in DINOv3"
    )
    limit = Number("the limit", STEADY)
    return decide(rule, [all_above([most], rest), *(above(limit, one) for one in spread)], [most, *rest, *spread])


def nmi_locality(evidence: Evidence) -> Verdict:
    """Where attention is local, keys and queries follow the position."""
    nmi, information = [], []
    for model in evidence.trained(*METHODS):
        for facet in ("key", "query"):
            nmi.append(evidence.score(model, f"nmi_{facet}").values)
            information.append(evidence.score(model, "locality").values)
    rho = Number("rank correlation", float(spearmanr(np.concatenate(nmi), np.concatenate(information)).statistic))
    rule = f"Spearman's correlation of the NMI of keys and queries with I(K, Q), over models and layers, is above {CORRELATED}"
    return decide(rule, [above(rho, Number("the limit", CORRELATED))], [rho])


def _mean(evidence: Evidence, model: RunModel, layers: range) -> Number:
    name = f"mean I(K, Q) of {model.display_name}, layers {layers.start} to {layers.stop - 1}"
    return evidence.score(model, "locality").mean(layers, name)


def _spread(evidence: Evidence, model: RunModel) -> Number:
    values = evidence.score(model, "locality").values
    return Number(f"spread of I(K, Q) over layers of {model.display_name}", float(values.std() / values.mean()))
