"""What the claims measure: scores at the best layer, and the ground truth's."""

from __future__ import annotations

from collections.abc import Iterable

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.segmentation.clustering import FACETS, TRUTH
from workflow_scripts.studies.verdict import CannotTestError, Number

SCORES = {"miou": "mIoU", "pck": "PCK"}  # as claims write them


def present(evidence: Evidence, methods: Iterable[str]) -> tuple[list[RunModel], str]:
    """Return the main models of those of `methods` that the run has, and the methods that it lacks, in a row.

    Raises:
        CannotTestError: it has none of them, or several main models of one.
    """
    methods = list(methods)
    there = [method for method in methods if any(model.method == method for model in evidence.models)]
    if not there:
        raise CannotTestError(f"needs a main model trained by {' or '.join(methods)}; this run has none")
    return evidence.main(*there), ", ".join(method for method in methods if method not in there)


def base_and_large(evidence: Evidence, *methods: str) -> list[tuple[RunModel, RunModel]]:
    """Return the pairs of models of one method and patch size that are of sizes B and L, maybe none."""
    return [pair for pair in evidence.by_size(*methods) if (pair[0].size, pair[1].size) == ("B", "L")]


def best_miou(evidence: Evidence, model: RunModel, facet: str) -> Number:
    """Return the mean IoU of a facet at its best layer."""
    return evidence.score(model, f"miou_{facet}").best(f"best mIoU of {model.display_name}, {facet}")


def nmi_at_best(evidence: Evidence, model: RunModel, facet: str) -> Number:
    """Return the NMI of a facet with position at the layer of its best mIoU."""
    layer = evidence.score(model, f"miou_{facet}").best_layer
    return evidence.score(model, f"nmi_{facet}").at(layer, f"NMI of {model.display_name}, {facet}, layer {layer}")


def truth_nmi(evidence: Evidence, analysis: str = "clustering", setting: str = "") -> Number:
    """Return the NMI of an analysis' ground truth with position, or with `SHUFFLED` positions.

    Raises:
        CannotTestError: it was not measured.
    """
    table = evidence.table
    rows = table[(table["metric"] == "nmi") & (table["facet"] == TRUTH) & (table["setting"] == setting)]
    rows = rows[rows["analysis"] == analysis]
    if rows.empty:
        raise CannotTestError(f"needs the analysis '{analysis}'; this run has none")
    name = "NMI of the ground truth" if analysis == "clustering" else f"NMI of the ground truth of {analysis}"
    return Number(f"{name}, {setting}" if setting else name, float(rows["value"].iloc[0]))


def best_pck(evidence: Evidence, model: RunModel, facet: str) -> Number:
    """Return the share of keypoints that a facet finds at its best layer, by the per-point rule."""
    return evidence.score(model, f"pck_{facet}").best(f"best PCK of {model.display_name}, {facet}")


def best_facet(evidence: Evidence, model: RunModel, measure: str) -> tuple[str, Number]:
    """Return the facet with the highest "miou" or "pck" (`measure`) over layers, and that number."""
    best = {"miou": best_miou, "pck": best_pck}[measure]
    return max(((facet, best(evidence, model, facet)) for facet in FACETS), key=lambda pair: pair[1].value)
