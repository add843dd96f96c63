"""A made-up run in which every claim of the study holds: the paper's two models, and two others that are like them."""

from __future__ import annotations

import yaml

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.table import make_table
from workflow_scripts.studies.claims import find_judges, judge
from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.found import ROOT, find_study
from workflow_scripts.studies.tokens.decisions import (
    CATEGORIES,
    CONCEPT,
    EXAMPLES,
    FIVE,
    HYPERPLANE,
    LEFT_OUT,
    SGD,
    SPREAD,
    cosine,
    setting,
    support_of,
)
from workflow_scripts.studies.tokens.measured import METRICS

STUDY = find_study("tokens")
PUBLISHED = yaml.safe_load((ROOT / STUDY.claims).read_text(encoding="utf-8")) if STUDY.claims else {"claims": []}
CLAIMS = find_judges("tokens", [claim["id"] for claim in PUBLISHED["claims"]])
SUPPORTS = (1, 2, 5, 10, 20, 50, 100, 200)
SHOWN = 50  # k of the cosine rule with rows of single concepts
PER_CATEGORY = 7  # concepts
ALL = (*FIVE, "token_normed")
LAST = 12

# (analysis, model) -> metric -> value of q, k, v, a, x, LN(x): the paper's where they can be read, but for DINO's cosines in
# classification, which are above its hyperplanes there and so against one of its claims.
_HYPERPLANES = {
    ("classification", "dino"): {
        "accuracy": (0.90, 0.946, 0.86, 0.82, 0.714, 0.94),
        "precision": (0.995, 0.997, 0.995, 0.993, 0.959, 0.997),
        "recall": (0.80, 0.894, 0.72, 0.65, 0.427, 0.884),
        "f1": (0.88, 0.941, 0.83, 0.78, 0.55, 0.935),
    },
    ("classification", "mae"): {
        "accuracy": (0.50, 0.52, 0.51, 0.50, 0.60, 0.55),
        "precision": (0.40, 0.60, 0.50, 0.30, 0.70, 0.60),
        "recall": (0.05, 0.10, 0.05, 0.02, 0.30, 0.20),
        "f1": (0.09, 0.17, 0.09, 0.04, 0.42, 0.30),
    },
    ("segmentation", "dino"): {
        "accuracy": (0.720, 0.721, 0.70, 0.66, 0.69, 0.71),
        "precision": (0.80, 0.82, 0.83, 0.899, 0.78, 0.80),
        "recall": (0.62, 0.64, 0.55, 0.42, 0.60, 0.62),
        "f1": (0.674, 0.684, 0.63, 0.55, 0.65, 0.66),
    },
    ("segmentation", "mae"): {
        "accuracy": (0.70, 0.721, 0.69, 0.70, 0.65, 0.66),
        "precision": (0.80, 0.82, 0.81, 0.899, 0.659, 0.70),
        "recall": (0.55, 0.60, 0.50, 0.446, 0.716, 0.65),
        "f1": (0.60, 0.635, 0.58, 0.56, 0.645, 0.63),
    },
}
_COSINES = {
    ("classification", "dino"): {
        "accuracy": (0.91, 0.94, 0.90, 0.85, 0.86, 0.93),
        "precision": (0.96, 0.97, 0.96, 0.97, 0.96, 0.97),
        "recall": (0.90, 0.94, 0.89, 0.70, 0.72, 0.93),
        "f1": (0.91, 0.935, 0.90, 0.81, 0.82, 0.93),
    },
    ("classification", "mae"): {
        "accuracy": (0.79, 0.812, 0.75, 0.80, 0.70, 0.72),
        "precision": (0.76, 0.78, 0.72, 0.77, 0.65, 0.68),
        "recall": (0.88, 0.87, 0.86, 0.85, 0.929, 0.90),
        "f1": (0.81, 0.824, 0.78, 0.81, 0.76, 0.77),
    },
    ("segmentation", "dino"): {
        "accuracy": (0.55, 0.56, 0.54, 0.574, 0.55, 0.55),
        "precision": (0.60, 0.62, 0.58, 0.64, 0.60, 0.60),
        "recall": (0.33, 0.34, 0.32, 0.36, 0.33, 0.33),
        "f1": (0.38, 0.40, 0.37, 0.419, 0.39, 0.39),
    },
    ("segmentation", "mae"): {
        "accuracy": (0.59, 0.60, 0.58, 0.622, 0.59, 0.60),
        "precision": (0.62, 0.64, 0.60, 0.66, 0.62, 0.63),
        "recall": (0.37, 0.38, 0.36, 0.40, 0.37, 0.37),
        "f1": (0.43, 0.44, 0.42, 0.464, 0.43, 0.44),
    },
}
# By category: what the best token adds to its mean over all concepts.
_ADDED = {
    ("dino", HYPERPLANE): {"object": -0.002, "part": 0.133, "material": 0.102, "texture": 0.081, "scene": -0.047},
    ("mae", HYPERPLANE): {"object": -0.039, "part": 0.099, "material": 0.092, "texture": 0.089, "scene": 0.031},
    ("dino", "cosine"): {"object": -0.04, "part": -0.05, "material": -0.03, "texture": 0.3, "scene": 0.02},
    ("mae", "cosine"): {"object": -0.05, "part": -0.06, "material": -0.04, "texture": 0.3, "scene": 0.02},
}
_LEADERS = {"part": "key", "material": "key"}  # of MAE by category; elsewhere x


def models(demo=False):
    """Return DINO and MAE, which all claims are about, and two others that are like them."""
    kinds = {
        "dino": ("DINO", "ViT-S/8", "contrastive"),
        "mae": ("MAE", "ViT-B/16", "reconstruction"),
        "moco": ("MoCo-v3", "ViT-B/16", "contrastive"),
        "fs": ("FS", "ViT-B/16", "supervised"),
    }
    return tuple(
        RunModel(key, f"{method} {of}", kind, method, of, layers=LAST, patch=(8, 8) if of == "ViT-S/8" else (16, 16), demo=demo)
        for key, (method, of, kind) in kinds.items()
    )


def like(model):
    """Return which of the two models a made-up model is like."""
    return "mae" if model in ("mae", "fs") else "dino"


def concepts(analysis):
    """Return (category, name) of all concepts."""
    if analysis == "classification":
        return [("class", f"n{place:04d}") for place in range(20)]
    return [(category, f"{category} {place + 1}: made up") for category in CATEGORIES for place in range(PER_CATEGORY)]


def measured(run=None):
    """Return {(model, analysis, facet, metric, setting): value} of all means of a run; ends in `SPREAD` for deviations."""
    found = {}
    for model in (one.id for one in (run or models())):
        for analysis in ("classification", "segmentation"):
            key = (analysis, like(model))
            for place, facet in enumerate(ALL):
                for metric in METRICS:
                    decided = {HYPERPLANE: _HYPERPLANES[key][metric][place]}
                    decided[SGD] = 0.9 * decided[HYPERPLANE]
                    top = _COSINES[key][metric][place]
                    decided |= {cosine(k): _at(top, k, metric) for k in SUPPORTS}
                    for rule, value in decided.items():
                        found |= _decided((model, analysis, facet, metric), rule, value)
    return found


def _at(top, k, metric):
    """Return a metric at k images: it rises to `top` at 50, then by a tenth of what it rose before."""
    low = top - 0.12
    known = dict(zip(SUPPORTS, (0, 0.3, 0.55, 0.75, 0.9, 1, 1.05, 1.08), strict=True))
    return low + (top - low) * known[k]


def _decided(key, rule, value):
    """Return the mean over all concepts, those of categories, and deviations over trials."""
    model, analysis, facet, metric = key
    rows = {(*key, rule): value}
    if analysis == "segmentation":
        added = _ADDED[like(model), HYPERPLANE if support_of(rule) is None else "cosine"]
        for category in CATEGORIES:
            own = value + added[category]
            if like(model) == "mae" and metric == "f1" and rule == HYPERPLANE:
                own += 0.03 * (facet == _LEADERS.get(category, "token"))
            rows[(*key, setting(rule, category))] = own
    if (k := support_of(rule)) is not None:
        rows |= {(*at[:3], at[3] + SPREAD, at[4]): 0.1 / (1 + k) ** 0.5 for at in list(rows)}
    return rows


def table(values, single=True, left_out=2):
    """Return the table of a run: means, counts of examples and, if `single`, the concepts of three rules around the means."""
    rows = []
    for (model, analysis, facet, metric, said), value in values.items():
        spread = 0.0 if metric.endswith(SPREAD) else 0.02
        rows.append(
            {"model": model, "analysis": analysis, "facet": facet, "metric": metric, "setting": said, "value": value,
             "ci_low": value - spread if spread else None, "ci_high": value + spread if spread else None}
        )  # fmt: skip
        if single and said in (HYPERPLANE, SGD, cosine(SHOWN)) and not metric.endswith(SPREAD):
            every = concepts(analysis)
            for place, (category, name) in enumerate(every):
                own = values.get((model, analysis, facet, metric, setting(said, category)), value)
                step = (place % PER_CATEGORY - PER_CATEGORY // 2) / 20 if analysis == "segmentation" else 0
                rows.append(
                    {"model": model, "analysis": analysis, "facet": facet, "metric": CONCEPT + metric,
                     "setting": setting(said, category, name), "value": min(1, max(0, own - step))}
                )  # fmt: skip
    rows = [row | {"layer": LAST, "n": 35} for row in rows]
    for model in {key[0]: None for key in values}:
        for place, (category, name) in enumerate(concepts("segmentation")):
            count = int(20 * 1.4**place)
            said = {"model": model, "analysis": "segmentation", "facet": "", "setting": f"{category}: {name}"}
            rows.append(said | {"metric": EXAMPLES, "value": count, "n": min(count, 20000), "unit": "count"})
        for place in range(left_out):
            said = {"model": model, "analysis": "segmentation", "facet": "", "setting": f"object: rare {place}"}
            rows.append(said | {"metric": LEFT_OUT, "value": 3, "n": 2, "unit": "count"})
    return make_table([{"head": "", "unit": "share", **row} for row in rows], study="tokens", dataset="made up")


def evidence(values, kept=lambda model: True):
    """Return the evidence of a run of the models that are `kept`."""
    run = tuple(model for model in models() if kept(model))
    ids = {model.id for model in run}
    rows = table({key: value for key, value in values.items() if key[0] in ids}, single=False)
    return Evidence(run, frozenset(ids), rows, STUDY.scores)


def verdict(claim, values, kept=lambda model: True):
    return judge(CLAIMS[f"c.{claim}"], evidence(values, kept))
