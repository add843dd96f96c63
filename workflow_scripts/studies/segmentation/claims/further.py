"""Claims about further datasets, other starts and more clusters (Yu et al., sections A.2, A.5 and A.6)."""

from __future__ import annotations

from contextlib import suppress

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.segmentation.claims.measured import base_and_large, best_miou, truth_nmi
from workflow_scripts.studies.segmentation.clustering import FACETS, SHUFFLED
from workflow_scripts.studies.segmentation.methods import METHODS
from workflow_scripts.studies.verdict import CannotTestError, Number, Verdict, above, decide

# The paper says this in words; the number is ours.
LITTLE = 0.5  # "only a little": less than half of what models differ by

SPLITTING = ("iBOT", "DINOv2+reg")


def bias_datasets(evidence: Evidence) -> Verdict:
    """The ground truth of street scenes and of parts is more bound to positions.

    Datasets have other numbers of images, and fewer images have a higher NMI by themselves: so the order must also hold with
    that of shuffled positions taken off.
    """
    main, parts, numbers, lacking = truth_nmi(evidence), [], [], []
    main_above = _above_chance(evidence, "clustering")
    for analysis in ("scenes", "parts"):
        try:
            pair = truth_nmi(evidence, analysis), _above_chance(evidence, analysis)
        except CannotTestError:
            lacking.append(analysis)
            continue
        parts += [above(pair[0], main), above(pair[1], main_above)]
        numbers += pair
    if not parts:
        raise CannotTestError("needs the analysis 'scenes' or 'parts'; this run has none")
    rule = (
        "the NMI of the ground truth with position is higher on the datasets of street scenes and of parts than on the main "
        "one, as it is and less that of shuffled positions"
    )
    return decide(rule, parts, [main, main_above, *numbers], ", ".join(lacking))


def init_robust(evidence: Evidence) -> Verdict:
    """Start and batch size change little."""
    models = evidence.trained(*METHODS)
    parts, numbers = [], []
    for facet in FACETS:
        varied = {model: _of_variants(evidence, model, facet) for model in models}
        spreads = [_spread(f"spread of {m.display_name} over settings, {facet}", best) for m, best in varied.items() if best]
        if spreads:
            between = _spread(f"spread over models, {facet}", [best_miou(evidence, model, facet) for model in models])
            parts += [above(between.times(LITTLE, f"{LITTLE} of the {between.name}"), spread) for spread in spreads]
            numbers += [*spreads, between]
    if not parts:
        raise CannotTestError("needs the analysis 'sensitivity' of a model; this run has none")
    if len(models) < 2:
        raise CannotTestError("needs several models to compare a spread with; this run has one")
    rule = (
        "between the highest and the lowest best mIoU of a model over the images of the start and the batch sizes there is "
        f"less than {LITTLE} of what there is between models, for each embedding"
    )
    return decide(rule, parts, numbers)


def over_parts(evidence: Evidence) -> Verdict:
    """More clusters than classes split parts in large models."""
    parts, numbers = [], []
    for small, large in base_and_large(evidence, *SPLITTING):
        with suppress(CannotTestError):
            pair = [evidence.score(m, "part_purity").best(f"best purity of parts of {m.display_name}") for m in (large, small)]
            parts.append(above(*pair))
            numbers += pair
    if not parts:
        raise CannotTestError(
            "needs the analysis 'overclustering' with images of parts, in sizes B and L; this run has not both"
        )
    rule = (
        "by codebooks of more clusters than classes the purity of parts, at its best layer, is higher in size L than in size "
        f"B, in each of {' and '.join(SPLITTING)} that the run has"
    )
    return decide(rule, parts, numbers, "what pictures show beyond it")


def _above_chance(evidence: Evidence, analysis: str) -> Number:
    truth, chance = truth_nmi(evidence, analysis), truth_nmi(evidence, analysis, SHUFFLED)
    return truth.minus(chance.value, f"{truth.name} less that of shuffled positions")


def _of_variants(evidence: Evidence, model: RunModel, facet: str) -> list[Number]:
    """Return the best mIoU of a model's facet in the usual setting and in every variant; [] where none was measured."""
    table = evidence.table
    own = table[(table["analysis"] == "sensitivity") & (table["model"] == model.id) & (table["facet"] == facet)]
    settings = dict.fromkeys(own["setting"])
    varied = [evidence.curve(model, "sensitivity", "miou", facet, setting).best(setting) for setting in settings]
    return [best_miou(evidence, model, facet), *varied] if varied else []


def _spread(name: str, numbers: list[Number]) -> Number:
    values = [number.value for number in numbers]
    return Number(name, max(values) - min(values), unit="share")
