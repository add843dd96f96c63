"""A made-up run in which every claim of the study holds: the paper's models and two others, with numbers near the paper's."""

from __future__ import annotations

import math
from dataclasses import replace

import yaml

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.table import make_table
from workflow_scripts.metrics.patch_retrieval import CATEGORIES
from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.found import ROOT, find_study
from workflow_scripts.studies.local.conditions import (
    COSINE,
    DECODER,
    FASTER,
    LINEAR,
    NEIGHBOURS,
    NN,
    NORMALISED,
    NORMED,
    PLAIN,
    RIDGE,
    SLOWER,
    condition,
    setting,
)
from workflow_scripts.studies.local.street_classes import EASY, STREET_COLOURS

STUDY = find_study("local")
PUBLISHED = yaml.safe_load((ROOT / STUDY.claims).read_text(encoding="utf-8")) if STUDY.claims else {"claims": []}
REMOVED, WIDTH, LAST = 20, 76, 12  # of the paper's 200, 768 and 12
SWEEP = (0, 1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 70)
IMAGES = (36, 72, 144)
LEVELS = {
    "blur": (10, 20, 30, 40),
    "noise": (10, 20, 30, 40),
    "band": (1, 2, 3, 4),
    "shift": (1, 2, 3, 4),
    "rotation": (5, 10, 15, 20),
    "scale": (80, 90, 110, 120),
}
GAPS = (1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90)
SIZES = (16, 32, 64, 128, 256)
CLASSES = tuple(STREET_COLOURS)
SCENES = ("uc_merced_test", "resisc45_test", "eurosat_test")
AERIAL = {"background": (0.8989, 0.8988), "Boeing737": (0.0024, 0.0024), "Bus": (0.0002, 0.0001), "Bridge": (0.0013, 0.0012)}
SHARES = ("road", "building", "vegetation")
DATASETS = {
    "patches": "cityscapes_few_val", "other_patches": "ade20k_few_val", "full_images": "cityscapes_few_val",
    "retrieval": "fair1m_few", "association": "bdd100k_mot_4", "other_association": "mot17_train",
    "reconstruction": "cityscapes_few_val", "context": "cityscapes_few_val",
}  # fmt: skip

# Model -> mean IoU of 1-NN and of linear probes on Cityscapes, the same on ADE20K (Table 2), and of 1-NN without features.
_TABLE_2 = {
    "supervised": (0.31, 0.33, 0.053, 0.0665, 0.305),
    "dino": (0.345, 0.383, 0.055, 0.07, 0.34),
    "dinov2": (0.496, 0.59, 0.136, 0.161, 0.49),
    "ibot": (0.36, 0.40, 0.058, 0.075, 0.355),
    "clip": (0.30, 0.36, 0.05, 0.065, 0.30),
    "mae": (0.058, 0.375, 0.006, 0.066, 0.295),
    "simmim": (0.070, 0.156, 0.007, 0.032, 0.12),
    "beit": (0.10, 0.20, 0.01, 0.04, 0.14),
}
# Model -> share of the clean mean IoU that is left at the weakest and at the strongest blur or noise, and in the highest band.
_LEFT = {
    "supervised": (0.80, 0.40, 0.995), "dino": (0.82, 0.42, 0.90), "dinov2": (0.90, 0.43, 0.95), "ibot": (0.85, 0.43, 0.92),
    "clip": (0.8, 0.4, 0.9), "mae": (0.30, 0.05, 0.5), "simmim": (0.5, 0.2, 0.7), "beit": (0.6, 0.3, 0.8),
}  # fmt: skip
# Model, with features or without -> share of the same patch at the weakest level, and how it falls.
_SAME = {
    ("dino", False): 0.985, ("ibot", False): 0.99, ("dinov2", False): 0.94, ("supervised", False): 0.935, ("mae", False): 0.45,
    ("mae", True): 0.97, ("scalemae", False): 0.80, ("scalemae", True): 0.965, ("simmim", False): 0.5, ("simmim", True): 0.7,
    ("beit", False): 0.6, ("beit", True): 0.75, ("clip", False): 0.9,
}  # fmt: skip
_SAME_FINE = {"dinov2": 0.62, "supervised": 0.55, "dino": 0.54, "ibot": 0.56, "mae": 0.12, "scalemae": 0.3}
# Model -> accuracy of finding the same object at gap 1 and from gap 30 on, and of the category among errors.
_FOUND = {
    "dino": (0.985, 0.60, 0.94), "dinov2": (0.975, 0.61, 0.965), "ibot": (0.98, 0.6, 0.95), "supervised": (0.90, 0.45, 0.93),
    "clip": (0.89, 0.44, 0.92), "mae": (0.86, 0.40, 0.85), "simmim": (0.80, 0.35, 0.84), "beit": (0.82, 0.36, 0.84),
}  # fmt: skip


def models(demo=False):
    """Return the paper's models, and two others."""
    kinds = {
        "supervised": ("Supervised", "ViT-B/16", "supervised"),
        "clip": ("CLIP", "ViT-B/16", "language"),
        "dino": ("DINO", "ViT-B/16", "contrastive"),
        "ibot": ("iBOT", "ViT-B/16", "contrastive"),
        "dinov2": ("DINOv2", "ViT-B/14", "contrastive"),
        "mae": ("MAE", "ViT-B/16", "reconstruction"),
        "simmim": ("SimMIM", "ViT-B/16", "reconstruction"),
        "beit": ("BEiT", "ViT-B/16", "reconstruction"),
        "scalemae": ("Scale-MAE", "ViT-L/16", "reconstruction"),
    }
    return tuple(
        RunModel(
            key, f"{method} {of}", kind, method, of, layers=LAST, width=WIDTH, demo=demo,
            patch=(14, 14) if of.endswith("14") else (16, 16),
        )
        for key, (method, of, kind) in kinds.items()
    )  # fmt: skip


class Numbers(dict):
    """{(analysis, model, metric, setting, layer, facet, dataset): value}."""

    def put(self, analysis, model, metric, value, rule=NN, *, layer=LAST, facet="token_normed", dataset="", **words):
        """Add a number."""
        key = (analysis, model, metric, setting(rule, **words), layer, facet, dataset or DATASETS[analysis])
        self[key] = value


def measured():
    """Return all numbers of a run, by key."""
    numbers = Numbers()
    for model in _TABLE_2:
        _patches(numbers, model)
        _other_patches(numbers, model)
        _association(numbers, model)
    for model in ("dino", "mae"):
        _full_images(numbers, model)
    for model in _SAME_FINE:
        _retrieval(numbers, model)
    _resolution(numbers, "scalemae")
    _reconstruction(numbers, "mae")
    _context(numbers, "mae")
    return numbers


def table(values):
    """Return the table of numbers, in the table contract; shares have intervals."""
    rows = []
    for (analysis, model, metric, said, layer, facet, dataset), value in values.items():
        share = metric in ("miou", "share", "instance", "category", "knn_accuracy", "r2")
        wide = 0.01 if share else math.nan
        rows.append(
            {"analysis": analysis, "model": model, "metric": metric, "setting": said, "layer": layer, "facet": facet,
             "dataset": dataset,
             "value": value, "ci_low": value - wide, "ci_high": value + wide, "n": 57820 if metric == "pixel_share" else 5850}
        )  # fmt: skip
    return make_table([{"head": "", "unit": "share", **row} for row in rows], study="local")


def evidence(values, kept=lambda model: True):
    """Return the evidence of a run of the models that are `kept`."""
    run = tuple(model for model in models() if kept(model))
    ids = {model.id for model in run}
    rows = table({key: value for key, value in values.items() if key[1] in ids})
    return Evidence(run, frozenset(ids), rows, STUDY.scores)


def changed(values, wanted, value):
    """Return numbers where every one whose key `wanted` accepts is `value`, or `value` of it; there must be one.

    Args:
        values: numbers.
        wanted: function of (analysis, model, metric, condition, layer).
        value: a number, or a function of the number that there is.
    """
    made, found = dict(values), 0
    for key, old in values.items():
        if wanted(*key[:3], condition(key[3]), key[4]):
            made[key] = value(old) if callable(value) else value
            found += 1
    assert found, "nothing is changed"
    return made


def like_demo(run):
    """Return models as the demo has them."""
    return tuple(replace(model, demo=True) for model in run)


def _course(layer, model):
    """Return the share of the last layer's mean IoU that a layer has."""
    if model in ("supervised", "dino", "ibot", "clip"):
        return (0.35 + 0.75 * min(layer, 8) / 8) * (1 - 0.05 * max(0, layer - 10))
    if model == "dinov2":
        return 0.3 * layer / 8 if layer < 9 else {9: 0.4, 10: 0.75, 11: 0.95, 12: 1.0}[layer]
    if model in ("simmim", "beit"):
        return 0.5 + 2.5 * math.sin(math.pi * layer / 12) if layer < 10 else 1.0
    return 0.6 + 0.4 * layer / 12


def _removal(model, m, rule):
    near, linear, *_, gone = _TABLE_2[model]
    if rule == LINEAR:
        return linear * (1 - max(0, m - REMOVED) / 120)
    if model in ("mae", "simmim", "beit"):
        rise = min(1, math.log1p(m) / math.log1p(REMOVED)) ** 0.8
        return (near + (gone - near) * rise) * (1 - max(0, m - REMOVED) / 90)
    return near + (gone - near) * min(1, m / REMOVED) - 0.001 * max(0, m - REMOVED)


def _variances(numbers, analysis, model, swapped=0):
    """Add variances: a few large ones in models that reconstruct; `swapped` features change places at the edge of the top."""
    for d in range(WIDTH):
        place = d
        if REMOVED - swapped <= d < REMOVED:
            place = d + swapped
        elif REMOVED <= d < REMOVED + swapped:
            place = d - swapped
        value = (
            30.0 * 0.72**place + 0.002 / (1 + place) if model in ("mae", "simmim", "beit", "scalemae") else 1.5 - place / WIDTH
        )
        key = (analysis, model, "variance", f"{NN}; features {d}", LAST, "token_normed", DATASETS[analysis])
        numbers[key] = value
    numbers.put(analysis, model, "removed_main", REMOVED)


def _patches(numbers, model):
    near, linear, *_, gone = _TABLE_2[model]
    weak, strong, highest = _LEFT[model]

    def put(value, rule=NN, **words):
        numbers.put("patches", model, "miou", value, rule, **words)
        numbers.put("patches", model, "patch_miou", 1.03 * value, rule, **words)
        numbers.put("patches", model, "accuracy", 0.3 + value, rule, **words)
        numbers.put("patches", model, "patch_accuracy", 0.32 + value, rule, **words)

    for layer in range(1, LAST + 1):
        share = near * _course(layer, model)
        put(share, layer=layer)
        for place, name in enumerate(CLASSES):
            easy = 1.6 if name in EASY else 0.8
            value = 0.059 if (model, name, layer) == ("dinov2", "bus", 9) else share * easy * (1 + 0.01 * place)
            numbers.put("patches", model, "class_iou", value, layer=layer, **{"class": name})
        numbers.put("patches", model, "largest_share", 0.35, layer=layer)
    if model == "dinov2":
        numbers.put("patches", model, "class_iou", 0.729, **{"class": "bus"})
    put(near * 0.98, COSINE)
    put(gone * 0.99, COSINE, without=REMOVED)
    put(gone if model == "mae" else near * 1.3, NORMALISED)
    put(linear, LINEAR)
    put(0.12 if model == "simmim" else linear * 1.01, NORMED)
    put(linear / 2.5 if model == "mae" else linear, PLAIN)
    put(linear * 0.97, FASTER)
    put(linear * 0.95, SLOWER)
    for images in IMAGES:
        steps = math.log2(images / 72)
        put(near + 0.008 * steps, images=images)
        put(linear + 0.02 * steps, LINEAR, images=images)
    for m in SWEEP[1:]:
        put(_removal(model, m, NN), without=m)
        put(_removal(model, m, LINEAR), LINEAR, without=m)
    for kind in ("blur", "noise", "band"):
        for place, level in enumerate(LEVELS[kind]):
            left = weak + (strong - weak) * place / 3 if kind != "band" else weak + (highest - weak) * place / 3
            word = f"{kind}{level}"
            put(near * left, altered=word)
            put(linear * left, LINEAR, altered=word)
            put(gone * min(1, left + 0.2), altered=word, without=REMOVED)
            numbers.put("patches", model, "largest_share", 0.97 if model == "mae" else 0.4, altered=word)
    _variances(numbers, "patches", model)
    numbers.put("patches", model, "train_patches", 420000)


def _other_patches(numbers, model):
    *_, ade_near, ade_linear, gone = _TABLE_2[model]
    for rule, value, less in ((NN, ade_near, gone / 6.9), (COSINE, ade_near, gone / 7), (LINEAR, ade_linear, ade_linear * 0.9)):
        numbers.put("other_patches", model, "miou", value, rule)
        numbers.put("other_patches", model, "miou", less, rule, without=REMOVED)
    _variances(numbers, "other_patches", model, swapped=0)
    numbers.put("other_patches", model, "train_patches", 700000)


def _full_images(numbers, model):
    near, linear, *_ = _TABLE_2[model]
    for rule, value, full in (
        (NN, near, 0.308 if model == "dino" else 0.02),
        (LINEAR, linear, 0.34 if model == "dino" else 0.176),
    ):
        numbers.put("full_images", model, "miou", value, rule)
        numbers.put("full_images", model, "miou", full, rule, view="full")
        numbers.put("full_images", model, "accuracy", 0.3 + value, rule)
        numbers.put("full_images", model, "accuracy", 0.3 + full, rule, view="full")


def _kinds(same, fine_share):
    left = 1 - same
    fine = left * fine_share
    rest = left - fine
    return dict(zip(CATEGORIES, (same, fine, 0.3 * rest, 0.2 * rest, 0.5 * rest), strict=True))


def _retrieval(numbers, model):
    for without in (0, REMOVED):
        top = _SAME[model, bool(without)] if (model, bool(without)) in _SAME else _SAME[model, False] - 0.001
        for kind, levels in LEVELS.items():
            for place, level in enumerate(levels if kind != "band" else ()):
                word = f"{kind}{level}"
                if kind in ("blur", "noise"):
                    same = top * (1 - 0.05 * place)
                elif kind == "shift":
                    same = top * (0.99 - 0.04 * place)
                elif kind == "rotation":
                    same = top * (0.72 - 0.12 * place)
                else:
                    same = top * {80: 0.45, 90: 0.66, 110: 0.68, 120: 0.5}[level]
                for rule in (NN, COSINE):
                    for name, share in _kinds(same, 0.3 if model == "mae" and not without else 0.6).items():
                        numbers.put("retrieval", model, "share", share, rule, altered=word, kind=name, without=without)
                numbers.put("retrieval", model, "queries", 5850, altered=word)
                if kind in ("shift", "rotation", "scale"):
                    bound = {"shift": 1, "rotation": 0.93, "scale": 0.73 if level < 100 else 1}[kind]
                    numbers.put("retrieval", model, "upper_bound", bound, altered=word)
        for level in LEVELS["blur"]:
            fine = _SAME_FINE[model] * (1 - level / 200) + (0.2 if without and model == "mae" else 0)
            parts = (fine, (1 - fine) * 0.4, (1 - fine) * 0.2, (1 - fine) * 0.4)
            for name, share in zip(CATEGORIES[1:], parts, strict=True):
                said = {"altered": f"blur{level}", "kind": name, "elsewhere": "yes", "without": without}
                numbers.put("retrieval", model, "share", share, **said)
    _variances(numbers, "retrieval", model, swapped=1)
    for name, (pixels, patches) in AERIAL.items():
        numbers.put("retrieval", model, "pixel_share", pixels, **{"class": name})
        numbers.put("retrieval", model, "patch_share", patches, **{"class": name})
        numbers.put("retrieval", model, "tiles", 8, **{"class": name})


def _association(numbers, model):
    first, last, errors = _FOUND[model]
    for analysis, worse in (("association", 0.0), ("other_association", 0.05)):
        for gap in GAPS:
            course = min(1, math.log(gap) / math.log(30))
            found = first + (last - first) * course
            if model == "dino" and gap >= 10:
                found -= 0.02
            for view, change in (("", 0), ("full", -0.05 if model == "dino" else 0.03)):
                if view and (analysis != "association" or model not in ("dino", "mae")):
                    continue
                for without in (0, REMOVED):
                    more = 0.09 * (1 - 0.4 * course) if without and model == "mae" else 0.0
                    value = min(0.999, found - worse + change + more)
                    for rule in (NN, COSINE):
                        said = {"gap": gap, "view": view, "without": without}
                        numbers.put(analysis, model, "instance", value, rule, **said)
                        numbers.put(analysis, model, "category", value + (1 - value) * errors, rule, **said)
                        numbers.put(analysis, model, "category_of_errors", errors, rule, **said)
        numbers.put(analysis, model, "removed_main", REMOVED)


def _resolution(numbers, model):
    for turn, dataset in enumerate(SCENES):
        for size in SIZES:
            share = size / 256
            for facet in ("cls", "mean_patch"):
                for without in (0, REMOVED):
                    top = {("cls", 0): 0.80, ("cls", REMOVED): 0.795, ("mean_patch", 0): 0.72, ("mean_patch", REMOVED): 0.84}
                    value = top[facet, without] * (0.5 + 0.5 * share**0.5) - 0.03 * turn
                    said = {"facet": facet, "dataset": dataset, "size": size, "without": without}
                    numbers.put("resolution", model, "knn_accuracy", value, NEIGHBOURS, **said)
                    numbers.put("resolution", model, "relative_size", share, NEIGHBOURS, **said)
    numbers.put("resolution", model, "removed_main", REMOVED, dataset=SCENES[0])


def _reconstruction(numbers, model):
    for masked in (0, 75):
        for zeroed, worse in (("", 0.0), ("top", 0.1), ("lowest", 0.01)):
            said = {"zeroed": zeroed, "masked": masked}
            mse = 0.01 * (1 + worse) * (1 + masked / 75)
            for metric, value in (
                ("mse", mse), ("psnr", -10 * math.log10(mse)), ("ssim", 0.8 - worse), ("mse_all", 0.9 * mse),
                ("psnr_all", 21 - worse),
            ):  # fmt: skip
                numbers.put("reconstruction", model, metric, value, DECODER, **said)


def _context(numbers, model):
    for features, values in {
        "": (0.606, 0.698, 0.723), "without top": (0.603, 0.711, 0.70), "random": (0.588, 0.678, 0.687),
        "top": (0.551, 0.509, 0.591),
    }.items():  # fmt: skip
        numbers.put("context", model, "r2", sum(values) / 3, RIDGE, features=features)
        for name, value in zip(SHARES, values, strict=True):
            numbers.put("context", model, "r2", value, RIDGE, features=features, **{"class": name})
