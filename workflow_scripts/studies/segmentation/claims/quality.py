"""Claims about how well clusters are classes (Yu et al., sections 3.2 and 3.3.3, A.11)."""

from __future__ import annotations

from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.segmentation.claims.measured import best_facet, best_miou, present
from workflow_scripts.studies.segmentation.methods import CONTRASTIVE, DINOV3, MAE, METHODS, MIM
from workflow_scripts.studies.verdict import Number, Part, Verdict, above, all_above, decide, percent

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
    """Tokens are the best of the four embeddings in every model, but not in large MAE."""
    models = evidence.trained(*METHODS)
    parts, numbers = [], []
    for model in models:
        facet, number = best_facet(evidence, model)
        exception = model.method == MAE and model.size == "L"
        parts.append(Part(f"best of {model.display_name} is {facet}", (facet == "token") != exception))
        numbers.append(number)
    return decide("the best mIoU over layers is that of tokens in every model but MAE of size L", parts, numbers)


def intermediate(evidence: Evidence) -> Verdict:
    """The best layer is mostly not the last."""
    early, numbers = [], []
    for model in evidence.trained(*METHODS):
        facet, _ = best_facet(evidence, model)
        layer = evidence.score(model, f"miou_{facet}").best_layer
        early.append(layer < model.layers)
        numbers.append(Number(f"best layer of {model.display_name}, of {model.layers}", layer, unit="count"))
    return _mostly("the layer of the best mIoU, of the best embedding, lies before the last", early, numbers)


def inverse_scaling(evidence: Evidence) -> Verdict:
    """The larger of two models of one method often segments worse."""
    worse, numbers = [], []
    for small, large in evidence.by_size(*METHODS):
        pair = [best_miou(evidence, model, "token") for model in (small, large)]
        worse.append(pair[1].value < pair[0].value)
        numbers += pair
    return _mostly("the best mIoU of the larger model's tokens is below that of the smaller of its method", worse, numbers)


def ln_seg(evidence: Evidence) -> Verdict:
    """The final norm changes the last layer's segmentation, most that of DINOv3."""
    changes = {}
    for model in evidence.trained(*METHODS):
        after = evidence.score(model, "miou_token").at(model.layers)
        before = evidence.score(model, "miou_token_raw").at(model.layers)
        changes[model] = after.minus(before.value, f"mIoU of {model.display_name} after minus before the final norm")
    large = [abs(change.value) >= MATTERS for change in changes.values()]
    share = sum(large) / len(large)
    parts = [Part(f"{sum(large)} of {len(large)} models change by {percent(MATTERS)} or more", share > MOST)]
    gains = [change for model, change in changes.items() if model.method == DINOV3]
    others = [change for model, change in changes.items() if model.method != DINOV3]
    if gains and others:
        parts.append(all_above(gains, others))
    rule = (
        f"the mIoU of the last layer's tokens changes by at least {percent(MATTERS)} with the final norm in more than half of "
        "the models, and rises most in DINOv3"
    )
    left_out = "correspondence" if gains else f"correspondence; {DINOV3}, which this run has not"
    return decide(rule, parts, changes.values(), left_out)


def _mostly(what: str, fits: list[bool], numbers: list[Number]) -> Verdict:
    share = sum(fits) / len(fits)
    return decide(f"{what} in more than half of the cases", [Part(f"{sum(fits)} of {len(fits)}", share > MOST)], numbers)
