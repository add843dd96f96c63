"""The claim about scenes of several resolutions (Vanyan et al., section 6)."""

from __future__ import annotations

from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.local.claims.compared import Side, side, within
from workflow_scripts.studies.local.conditions import NEIGHBOURS
from workflow_scripts.studies.local.methods import SCALE_MAE
from workflow_scripts.studies.verdict import Number, Part, Verdict, above, decide, mean

ANALYSIS = "resolution"
NAMED = ("merced", "resisc")  # in the names of the data sets that the paper's sentence is about
# The paper says these in words; the numbers are ours.
ALMOST_ALL = 0.75  # of the sizes
LITTLE = 0.02  # of accuracy: what removal changes CLS


def scalemae_cls_patch(evidence: Evidence) -> Verdict:
    """Means of patches are worse than CLS, and better without features."""
    one = side(evidence, ANALYSIS, SCALE_MAE)
    stripped = one.stripped()
    parts, numbers, named = [], [], 0
    for dataset in one.measured.datasets:
        cls, patches, less_cls, less_patches = (
            _by_size(of, dataset, facet) for of in (one, stripped) for facet in ("cls", "mean_patch")
        )
        means = [
            _mean(of, f"{of_.name}, {facet}, {dataset}")
            for of, of_, facet in ((cls, one, "CLS"), (patches, one, "mean patch"), (less_cls, stripped, "CLS"))
        ]
        parts += [above(means[0], means[1]), within(means[2], means[0], LITTLE)]
        numbers += means
        if any(name in dataset for name in NAMED):
            named += 1
            shared = [size for size in cls if size in less_patches]
            better = [size for size in shared if less_patches[size].value > cls[size].value]
            said = f"mean patch of {stripped.name} above CLS at {len(better)} of {len(shared)} sizes of {dataset}"
            parts.append(Part(said, len(better) >= ALMOST_ALL * len(shared)))
            numbers += less_patches.values()
    rule = (
        "the k-NN accuracy of Scale-MAE, mean over sizes, is lower with means of patches than with CLS, that of CLS without "
        f"features within {LITTLE} of it, and in UCMerced and RESISC45 that of means of patches without features is above CLS "
        f"at {ALMOST_ALL:.0%} of the sizes or more"
    )
    return decide(rule, parts, numbers, "" if named else "UCMerced and RESISC45, on which this run measures nothing")


def _by_size(one: Side, dataset: str, facet: str) -> dict[str, Number]:
    points = one.measured.series("knn_accuracy", "size", NEIGHBOURS, facet=facet, dataset=dataset, without=one.removed)
    if not points:
        raise one.lacks(f"k-NN accuracy by {facet} on {dataset}")
    return {
        point.at: one.of_row(point.row, f"k-NN accuracy of {one.name}, {facet}, {dataset}, size {point.at}") for point in points
    }


def _mean(by_size: dict[str, Number], name: str) -> Number:
    return mean(f"k-NN accuracy of {name}, mean over sizes", list(by_size.values()))
