"""Claims about what registers change: object discovery, classification (Darcet et al., sections 3.2 and 3.3; tables 2, 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.registers.claims.compared import CLASSES, DISCOVERY, SEEN_IN, last
from workflow_scripts.studies.registers.conditions import CLASS_ACCURACY, CLS, CORLOC, bias, of_all_images
from workflow_scripts.studies.registers.methods import DEIT3, DINOV2, OPENCLIP, base_method, published_facet, twins
from workflow_scripts.studies.verdict import (
    CannotTestError,
    Half,
    Number,
    Part,
    Verdict,
    above,
    by_halves,
    clearly_above,
    decide,
)

Pair = tuple[RunModel, RunModel]  # without, with registers
# The paper says these in words; the numbers are ours.
SLIGHTLY = 0.05  # the paper's largest loss of OpenCLIP is 0.031
UNHURT = 0.01  # the paper's largest loss of accuracy is 0.001


def lost(evidence: Evidence) -> Verdict:
    """Registers help to find objects by DINOv2 and DeiT-III, not by OpenCLIP."""

    def of(method: str) -> Half:
        pairs = [pair for pair in twins(evidence.models) if base_method(pair[0].method) == method]
        found = _found(evidence, _needed([pair for pair in pairs if pair[0].size in SEEN_IN[method]], _which(method)))
        parts = []
        for plain, registered in found:
            if method == OPENCLIP:
                fall = Number(f"fall to {registered.name}", plain.value - registered.value, unit="share")
                parts += [above(plain, registered), above(Number("the limit", SLIGHTLY), fall)]
            else:
                parts.append(clearly_above(registered, plain))
        return parts, [number for pair in found for number in pair]

    rule = (
        "on every dataset CorLoc without a bias is higher with registers than without in DINOv2 of size L or larger and in "
        f"DeiT-III, neither within the other's interval, and lower with them in OpenCLIP, by less than {SLIGHTLY}"
    )
    return by_halves(rule, {method: lambda method=method: of(method) for method in (DINOV2, DEIT3, OPENCLIP)})


def no_regression(evidence: Evidence) -> Verdict:
    """Registers do not make CLS worse at classification."""
    parts, numbers = [], []
    setting = of_all_images(CLS)
    for pair in _needed(twins(evidence.models), "two models that differ in registers alone"):
        plain, registered = (last(evidence, model, CLASSES, CLASS_ACCURACY, setting) for model in pair)
        fits = registered.value >= plain.value - UNHURT
        parts.append(Part(f"{registered} {'at most' if fits else 'more than'} {UNHURT} below {plain}", fits))
        numbers += [plain, registered]
    rule = f"the accuracy by CLS of every model with registers is at most {UNHURT} below that of the same model without"
    return decide(rule, parts, numbers, "the paper's tasks: linear layers on ImageNet-1k, ADE20k and NYUd, zero-shot classes")


def _which(method: str) -> str:
    return f"models trained by {method} with and without registers, of size {' or '.join(SEEN_IN[method])}"


def _needed(pairs: Sequence[Pair], what: str) -> Sequence[Pair]:
    if not pairs:
        raise CannotTestError(f"needs {what}; this run has none")
    return pairs


def _found(evidence: Evidence, pairs: Sequence[Pair]) -> list[tuple[Number, Number]]:
    """Return CorLoc without and with registers, of each pair on each dataset that both were measured on.

    Raises:
        CannotTestError: there is no such dataset.
    """
    found = []
    rows = evidence.table[(evidence.table["analysis"] == DISCOVERY) & (evidence.table["metric"] == CORLOC)]
    for dataset in rows["dataset"].unique():
        on = replace(evidence, table=rows[rows["dataset"] == dataset])
        there = set(on.table["model"])
        for pair in pairs:
            if all(model.id in there for model in pair):
                numbers = [last(on, model, DISCOVERY, CORLOC, bias(0), published_facet(model)) for model in pair]
                found.append(tuple(number.named(f"{number.name}, {dataset}") for number in numbers))
    if not found:
        raise CannotTestError(f"needs the analysis '{DISCOVERY}' of {pairs[0][0].display_name} and its twin; this run has none")
    return found
