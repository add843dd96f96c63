"""Claims about what models have high-norm patches, and in what layers (Darcet et al., sections 2 and 3; figures 2 to 4, 7)."""

from __future__ import annotations

import numpy as np

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.registers.claims.compared import NORMS, SEEN_IN, any_of, last, none_of, plain, share
from workflow_scripts.studies.registers.conditions import NORM_METRICS, OF_LAYER, PATCH, SHARE, register
from workflow_scripts.studies.registers.methods import DEIT3, DINO, DINOV2, MAE, OPENCLIP, base_method, has_registers
from workflow_scripts.studies.verdict import CannotTestError, Half, Number, Part, Verdict, above, by_halves, decide

_, MEDIAN, P99, _ = NORM_METRICS
SIZES = {"Ti": "Tiny", "S": "Small", "B": "Base", "L": "Large", "H": "Huge", "g": "giant"}  # of the paper, smallest first
SMALL_SIZES = ("Ti", "S", "B")
# The paper says these in words; the numbers are ours.
SMALL_GROUP = 0.1  # "a small proportion": the paper's is 0.0237
MIDDLE = (0.25, 0.5)  # "middle layers", of the depth: the paper's is layer 15 of 40
NEARLY_ALL = 0.9  # of the layers from the first on: that a valley is missed in one of them is no return


def bimodal(evidence: Evidence) -> Verdict:
    """Large DINOv2 have a small group of high-norm patches, DINO has none."""
    shares = [share(evidence, model) for model in plain(evidence, DINOV2, SEEN_IN[DINOV2])]
    large = [part for high in shares for part in (any_of(high), above(Number("the limit", SMALL_GROUP), high))], shares
    rule = (
        f"every DINOv2 of size L or larger without registers has patches above its cutoff, less than {SMALL_GROUP} of all, and "
        "no DINO has a cutoff with patches above it"
    )
    return by_halves(rule, {DINOV2: lambda: large, DINO: lambda: _none(evidence, DINO)})


def layer(evidence: Evidence) -> Verdict:
    """High-norm patches of DINOv2 separate in the middle layers."""
    models = [model for model in plain(evidence, DINOV2) if share(evidence, model).value > 0]
    if not models:
        raise CannotTestError(
            "needs high-norm patches in a model trained by DINOv2 without registers; no model of this run has"
        )
    parts, numbers = [], []
    for model in models:
        first = _separation(evidence, model)
        if first is None:
            parts.append(Part(f"no cutoff of the layers of {model.display_name}", False))
            continue
        depth = Number(f"layer {first} of {model.layers} of {model.display_name}, of the depth", first / model.layers)
        fits = MIDDLE[0] <= depth.value <= MIDDLE[1]
        parts.append(Part(f"{depth} {'within' if fits else 'not within'} {MIDDLE[0]} to {MIDDLE[1]}", fits))
        numbers.append(depth)
    rule = (
        f"in every DINOv2 that has high-norm patches, the first layer with patches above a cutoff of its own, from which on at "
        f"least {NEARLY_ALL} of the layers have such patches, is at {MIDDLE[0]} to {MIDDLE[1]} of the depth"
    )
    return decide(rule, parts, numbers)


def training(evidence: Evidence) -> Verdict:
    """They appear after a third of training."""
    raise CannotTestError("needs checkpoints along the training of DINOv2, which were never released")


def size(evidence: Evidence) -> Verdict:
    """Only large DINOv2 have them."""
    small, large = (
        [(model.size, share(evidence, model)) for model in plain(evidence, DINOV2, sizes)]
        for sizes in (SMALL_SIZES, SEEN_IN[DINOV2])
    )
    parts = [none_of(high) for _, high in small] + [any_of(high) for _, high in large]
    there = {of for of, _ in (*small, *large)}
    lacking = ", ".join(name for of, name in SIZES.items() if of not in there)
    rule = "no DINOv2 of size Ti, S or B without registers has high-norm patches, and every one of size L, H or g has"
    return decide(rule, parts, [high for _, high in (*small, *large)], lacking)


def others(evidence: Evidence) -> Verdict:
    """DeiT-III and OpenCLIP have them, DINO and MAE do not."""

    def seen(method: str) -> Half:
        shares = [share(evidence, model) for model in plain(evidence, method, SEEN_IN[method])]
        return [any_of(high) for high in shares], shares

    halves = {method: lambda method=method: seen(method) for method in (DEIT3, OPENCLIP)}
    by_halves("", halves)  # without both, nothing could be said of others that have them
    halves |= {method: lambda method=method: _none(evidence, method, ("B", "L")) for method in (DINO, MAE)}
    rule = "every DeiT-III and OpenCLIP of size B or L has high-norm patches, and no DINO and MAE of these sizes has"
    return by_halves(rule, halves)


def registers_remove(evidence: Evidence) -> Verdict:
    """With registers no patch has a high norm, but a register has."""
    models = [model for model in evidence.models if has_registers(model) and base_method(model.method) in SEEN_IN]
    if not models:
        raise CannotTestError(f"needs a model trained by {', '.join(SEEN_IN)} with registers; this run has none")
    parts, numbers = [], []
    for model in models:
        high, patches = share(evidence, model), last(evidence, model, NORMS, P99, PATCH)
        norms = [last(evidence, model, NORMS, MEDIAN, register(number)) for number in range(1, model.prefix_tokens)]
        parts += [none_of(high), above(max(norms, key=lambda number: number.value), patches)]
        numbers += [high, patches, *norms]
    rule = (
        "every model with registers has no patches above a cutoff, and the largest of its registers' median norms is above the "
        "99th percentile of the norms of its patches"
    )
    lacking = [method for method in SEEN_IN if method not in {base_method(model.method) for model in models}]
    return decide(rule, parts, numbers, ", ".join(lacking))


def _none(evidence: Evidence, method: str, sizes: tuple[str, ...] = ()) -> Half:
    shares = [share(evidence, model) for model in plain(evidence, method, sizes)]
    return [none_of(high) for high in shares], shares


def _separation(evidence: Evidence, model: RunModel) -> int | None:
    """Return the first layer with high-norm patches by its own cutoff, from which on nearly all layers have some."""
    curve = evidence.curve(model, NORMS, SHARE, "token", OF_LAYER)
    there = curve.values > 0
    from_here = np.cumsum(there[::-1])[::-1] / np.arange(len(there), 0, -1)
    first = np.flatnonzero(there & (from_here >= NEARLY_ALL))
    return int(curve.layers[first[0]]) if len(first) else None
