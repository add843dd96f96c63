"""A made-up run in which every claim but that about training holds: the paper's models, with numbers near the paper's."""

from __future__ import annotations

from dataclasses import replace

import yaml

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.table import make_table
from workflow_scripts.studies.claims import find_judges, judge
from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.found import FOLDER
from workflow_scripts.studies.registers.conditions import (
    ATTENTION_SHARE,
    BORDER,
    BORDER_SHARE,
    CLASS_ACCURACY,
    CLS,
    CORLOC,
    EVERY,
    HIGH,
    INSIDE,
    NEIGHBOURS_OF_PATCH,
    NORMAL,
    OF_LAST,
    OF_LAYER,
    OUTSIDE,
    PATCH,
    PIXEL_ERROR,
    POSITION_ACCURACY,
    POSITION_DISTANCE,
    SHARE,
    TOKEN_SHARE,
    bias,
    of_all_images,
    register,
)
from workflow_scripts.studies.registers.methods import has_registers, published_facet

STUDY = "registers"
PUBLISHED = yaml.safe_load((FOLDER / STUDY / "published.yaml").read_text(encoding="utf-8"))
CLAIMS = find_judges(STUDY, [claim["id"] for claim in PUBLISHED["claims"]])
DEPTHS = {"S": 12, "B": 12, "L": 24, "g": 40}
PLAIN = {"DINO": "B", "MAE": "BL", "DINOv2": "SBLg", "DeiT-III": "BL", "OpenCLIP": "BL"}  # method -> sizes
REGISTERED = {"DINOv2": "SBLg", "DeiT-III": "B", "OpenCLIP": "B"}
WITH = {"dinov2_L", "dinov2_g", "deit-iii_B", "deit-iii_L", "openclip_B", "openclip_L"}  # models with high-norm patches
FIRST = {24: 9, 40: 15, 12: 5}  # depth -> layer from which on they have them
DATASETS = ("voc2007_trainval", "voc2012_trainval", "coco20k")
# Table 3: without, with registers.
BOXES = {
    "DINOv2": ((0.353, 0.554), (0.402, 0.6), (0.269, 0.42)),
    "DeiT-III": ((0.117, 0.271), (0.131, 0.327), (0.107, 0.251)),
    "OpenCLIP": ((0.388, 0.371), (0.443, 0.42), (0.31, 0.279)),
}
# (analysis, metric) -> values of kinds of patches in DINOv2, where there are high-norm ones.
BY_KIND = {
    ("outliers", NEIGHBOURS_OF_PATCH): {NORMAL: 0.4, HIGH: 0.7},
    ("outliers", OUTSIDE): {EVERY: 0.6, HIGH: 0.85},
    ("outliers", BORDER_SHARE): {BORDER: 0.05, INSIDE: 0.02},
    ("local_information", POSITION_ACCURACY): {NORMAL: 0.417, HIGH: 0.228},
    ("local_information", POSITION_DISTANCE): {NORMAL: 0.79, HIGH: 5.09},
    ("local_information", PIXEL_ERROR): {NORMAL: 18.38, HIGH: 25.23},
    ("classification", CLASS_ACCURACY): {
        NORMAL: 0.658, HIGH: 0.69, CLS: 0.86, of_all_images(NORMAL): 0.65, of_all_images(CLS): 0.86,
    },
}  # fmt: skip
ALWAYS = {EVERY, NORMAL, of_all_images(NORMAL), of_all_images(CLS)}  # kinds that models without high-norm patches have too


def models():
    """Return the paper's models, those without registers first."""
    every = [(method, size, 1) for method, sizes in PLAIN.items() for size in sizes]
    every += [(f"{method}+reg", size, 5) for method, sizes in REGISTERED.items() for size in sizes]
    return tuple(
        RunModel(
            f"{method.lower()}_{size}", f"{method} ViT-{size}/14", "contrastive", method, f"ViT-{size}/14",
            layers=DEPTHS[size], prefix_tokens=prefix,
        )
        for method, size, prefix in every
    )  # fmt: skip


def measured():
    """Return {(model, analysis, metric, setting, facet, layer, dataset): value} of the run."""
    found = {}
    for model in models():
        found |= _norms(model)
        high, last = model.id in WITH, model.layers
        for (analysis, metric), kinds in BY_KIND.items():
            for kind, value in kinds.items():
                zero = metric == BORDER_SHARE and not high
                kept = high or zero or (kind in ALWAYS and (analysis != "classification" or "images" in kind))
                if kept and not (kind == CLS and not high):
                    found[model.id, analysis, metric, kind, "token", last, "made up"] = 0.0 if zero else value
        base = model.method.removesuffix("+reg")
        for dataset, pair in zip(DATASETS, BOXES.get(base, ()), strict=False):
            for share in (0, 0.1):
                key = (model.id, "discovery", CORLOC, bias(share), published_facet(model), last, dataset)
                found[key] = pair[has_registers(model)] - share
    return found


def _norms(model):
    first = FIRST[model.layers]
    found = {}
    for layer in range(1, model.layers + 1):
        for setting in (OF_LAST, OF_LAYER):
            there = model.id in WITH and layer >= first
            found[model.id, "norms", SHARE, setting, "token", layer, "made up"] = 0.0237 if there else 0.0
    kinds = {PATCH: 50, CLS: 60} | {register(number): 40 + 80 * (number == 2) for number in range(1, model.prefix_tokens)}
    for kind, norm in kinds.items():
        found[model.id, "norms", "norm_median", kind, "token", model.layers, "made up"] = norm
        found[model.id, "norms", "norm_p99", kind, "token", model.layers, "made up"] = 1.5 * norm
    if model.id in WITH:
        found[model.id, "norms", ATTENTION_SHARE, HIGH, "token", model.layers, "made up"] = 0.4
        found[model.id, "norms", TOKEN_SHARE, HIGH, "token", model.layers, "made up"] = 0.025
    return found


def table(values):
    """Return the table of a run; all but norms have intervals."""
    rows = []
    for (model, analysis, metric, setting, facet, layer, dataset), value in values.items():
        spread = None if analysis == "norms" else 0.01
        rows.append(
            {"model": model, "analysis": analysis, "metric": metric, "setting": setting, "facet": facet, "layer": layer,
             "dataset": dataset, "value": value, "ci_low": spread and value - spread, "ci_high": spread and value + spread}
        )  # fmt: skip
    return make_table([{"head": "", "unit": "share", **row} for row in rows], study=STUDY)


def evidence(values, kept=lambda model: True):
    """Return the evidence of a run of the models that are `kept`."""
    run = tuple(model for model in models() if kept(model))
    ids = {model.id for model in run}
    return Evidence(run, frozenset(ids), table({key: value for key, value in values.items() if key[0] in ids}))


def without_analysis(run, *analyses):
    """Return a run without what some analyses measured."""
    return replace(run, table=run.table[~run.table["analysis"].isin(analyses)])


def verdict(claim, values, kept=lambda model: True):
    """Return what a run says to a claim."""
    return judge(CLAIMS[f"c.{claim}"], evidence(values, kept))
