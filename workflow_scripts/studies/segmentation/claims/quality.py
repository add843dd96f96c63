"""Claims about how well clusters are classes, some also about correspondence (Yu et al., sections 3.2 and 3.3.3, A.11)."""

from __future__ import annotations

from collections.abc import Callable

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.segmentation.claims.measured import SCORES, best_facet, best_miou, present
from workflow_scripts.studies.segmentation.methods import CONTRASTIVE, DINOV3, MAE, METHODS, MIM
from workflow_scripts.studies.verdict import Half, Number, Part, Verdict, above, all_above, by_halves, decide, median, percent

# The paper says these in words; the numbers are ours.
MOST = 0.5  # "most", "many": more than half
MATTERS = 0.01  # of mIoU: Table 4's differences are 1.1 points and more


def mim_kq_low(evidence: Evidence) -> Verdict:
    """Keys and queries of masked-image models are below their own tokens and below keys of contrastive models."""
    masked, lacking = present(evidence, MIM)
    contrastive, others = present(evidence, CONTRASTIVE)
    low = [best_miou(evidence, model, facet) for model in masked for facet in ("key", "query")]
    keys = [best_miou(evidence, model, "key") for model in contrastive]
    tokens = [best_miou(evidence, model, "token") for model in masked]
    own = [above(token, one) for token, pair in zip(tokens, zip(low[::2], low[1::2], strict=True), strict=True) for one in pair]
    rule = (
        "the best mIoU of keys and of queries of every masked-image model is below that of its own tokens, and below that of "
        "the keys of every contrastive model"
    )
    return decide(rule, [*own, all_above(keys, low)], [*low, *tokens, *keys], ", ".join(filter(None, (lacking, others))))


def tokens_best(evidence: Evidence) -> Verdict:
    """Tokens are the best of the four embeddings in every model, but for those that the paper excepts."""

    def of(measure: str, excepted: Callable[[RunModel], bool]) -> Half:
        parts, numbers = [], []
        for model in evidence.trained(*METHODS):
            facet, number = best_facet(evidence, model, measure)
            found = f"best of {model.display_name} in {SCORES[measure]} is {facet}"
            parts.append(Part(found, (facet == "token") != excepted(model)))
            numbers.append(number)
        return parts, numbers

    def in_key_points(model: RunModel) -> bool:
        return model.method == MAE or (model.method == DINOV3 and model.size == "L")

    halves = {
        "segmentation": lambda: of("miou", lambda model: model.method == MAE and model.size == "L"),
        "correspondence": lambda: of("pck", in_key_points),
    }
    rule = (
        "the best mIoU over layers is that of tokens in every model but MAE of size L, and the best PCK is so in every model "
        "but MAE and DINOv3 of size L"
    )
    return by_halves(rule, halves)


def intermediate(evidence: Evidence) -> Verdict:
    """The best layer is mostly not the last."""

    def of(measure: str) -> Half:
        early, numbers = [], []
        for model in evidence.trained(*METHODS):
            facet, _ = best_facet(evidence, model, measure)
            layer = evidence.score(model, f"{measure}_{facet}").best_layer
            early.append(layer < model.layers)
            name = f"best layer of {model.display_name} in {SCORES[measure]}, of {model.layers}"
            numbers.append(Number(name, layer, unit="count"))
        return [_most(f"in {SCORES[measure]} ", early)], numbers

    halves = {"segmentation": lambda: of("miou"), "correspondence": lambda: of("pck")}
    rule = (
        "the layer of the best mIoU, of the best embedding, lies before the last in more than half of the models, and so does "
        "that of the best PCK"
    )
    return by_halves(rule, halves)


def inverse_scaling(evidence: Evidence) -> Verdict:
    """The larger of two models of one method often segments worse."""
    worse, numbers = [], []
    for small, large in evidence.by_size(*METHODS):
        pair = [best_miou(evidence, model, "token") for model in (small, large)]
        worse.append(pair[1].value < pair[0].value)
        numbers += pair
    return _mostly("the best mIoU of the larger model's tokens is below that of the smaller of its method", worse, numbers)


def ln_seg(evidence: Evidence) -> Verdict:
    """The final norm changes the last layer's segmentation, most that of DINOv3, and its correspondence less."""
    models = evidence.trained(*METHODS)
    changes = [_change(evidence, model, "miou") for model in models]
    large = [abs(change.value) >= MATTERS for change in changes]
    parts = [_most(f"change by {percent(MATTERS)} or more: ", large)]
    gains, others = ([c for m, c in zip(models, changes, strict=True) if (m.method == DINOV3) == own] for own in (True, False))
    if gains and others:
        parts.append(all_above(gains, others))

    def correspondence() -> Half:
        moved = [_change(evidence, model, "pck") for model in models]
        middle = [
            median(f"median change of the {SCORES[measure]}, up or down", [_size(change) for change in of])
            for measure, of in (("miou", changes), ("pck", moved))
        ]
        return [above(*middle)], [*moved, *middle]

    rule = (
        f"the mIoU of the last layer's tokens changes by at least {percent(MATTERS)} with the final norm in more than half of "
        "the models, and rises most in DINOv3, and the median change of the PCK, up or down, is below that of the mIoU"
    )
    halves = {"segmentation": lambda: (parts, changes), "correspondence": correspondence}
    return by_halves(rule, halves, "" if gains else f"{DINOV3}, which this run has not")


def _change(evidence: Evidence, model: RunModel, measure: str) -> Number:
    after, before = (evidence.score(model, f"{measure}_{facet}").at(model.layers) for facet in ("token", "token_raw"))
    return after.minus(before.value, f"{SCORES[measure]} of {model.display_name} after minus before the final norm")


def _size(change: Number) -> Number:
    """Return how large a change is, up or down; its interval would be that of the score, which says nothing about it."""
    return Number(change.name, abs(change.value), unit=change.unit)


def _most(what: str, fits: list[bool]) -> Part:
    return Part(f"{what}{sum(fits)} of {len(fits)}", sum(fits) / len(fits) > MOST)


def _mostly(what: str, fits: list[bool], numbers: list[Number]) -> Verdict:
    return decide(f"{what} in more than half of the cases", [_most("", fits)], numbers)
