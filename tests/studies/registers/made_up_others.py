"""A made-up run of what high-norm tokens are and of object discovery: models with and without registers and outliers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.table import make_table
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.figures.data import FigureData, ModelMaps, ModelTable
from workflow_scripts.figures.drawing import Drawing
from workflow_scripts.studies.found import ROOT
from workflow_scripts.studies.registers.conditions import (
    BORDER,
    BORDER_SHARE,
    CLASS_ACCURACY,
    CLASS_DEVIATION,
    CLS,
    CORLOC,
    EVERY,
    HIGH,
    INSIDE,
    NEIGHBOURS,
    NORMAL,
    PIXEL_ERROR,
    POSITION_ACCURACY,
    POSITION_DISTANCE,
    SKIPPED,
    bias,
    of_all_images,
    sized_bias,
)
from workflow_scripts.studies.registers.methods import has_registers, published_facet

ROOM = ROOT / "workflow_scripts/studies/registers"
_NAMES = (
    "neighbour_similarity", "position_share", "local_information", "one_token_classification", "corloc", "corloc_bias",
    "corloc_choices",
)  # fmt: skip
FIGURES = {figure["name"]: figure for figure in read_yaml(ROOM / "figures.yaml")["figures"] if figure["name"] in _NAMES}
ANALYSES = ("outliers", "local_information", "classification", "discovery", "choices")
DATASETS = ("voc2007_trainval", "voc2012_trainval", "coco20k")
BIASES = (-0.2, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2)
SIDES = (None, 448, 672, 896)
LAST = 12
GRID = (16, 16)

# Name -> method, architecture, supervision, whether it has registers, whether it has high-norm tokens.
_MODELS = {
    "dinov2_g": ("DINOv2", "ViT-g/14", "contrastive", False, True),
    "dino_b": ("DINO", "ViT-B/16", "contrastive", False, False),
    "dinov2reg_g": ("DINOv2+reg", "ViT-g/14", "contrastive", True, False),
    "dinov2_s": ("DINOv2", "ViT-S/14", "contrastive", False, False),
    "deit3_b": ("DeiT-III", "ViT-B/16", "supervised", False, True),
    "openclip_b": ("OpenCLIP", "ViT-B/16", "language", False, True),
    "dinov2reg_s": ("DINOv2+reg", "ViT-S/14", "contrastive", True, False),
    "openclip_l": ("OpenCLIP", "ViT-L/14", "language", False, True),
    "mae_b": ("MAE", "ViT-B/16", "reconstruction", False, False),
}
# What the paper found, where it says: normal, high-norm and all patches, or CLS.
LOCAL = {POSITION_ACCURACY: (0.417, 0.228, 0.41), POSITION_DISTANCE: (0.79, 5.09, 0.9), PIXEL_ERROR: (18.38, 25.23, 18.5)}
CLASSES = {NORMAL: 0.658, HIGH: 0.69, CLS: 0.86}
COSINES = {NORMAL: 0.31, HIGH: 0.72}


def models(count=9, demo=False):
    """Return the first `count` models."""
    made = []
    for name, (method, architecture, supervision, registers, _) in list(_MODELS.items())[:count]:
        model = RunModel(name, f"{method} {architecture}", supervision, method, architecture, layers=LAST)
        made.append(replace(model, prefix_tokens=5 if registers else 1, demo=demo))
    return tuple(made)


def has_outliers(model):
    return _MODELS[model.id][4]


def corloc(model, facet, layer=LAST, shift=0.0, side=None, dataset=DATASETS[0]):
    """Return a made-up CorLoc; the highest is of the paper's facet, layer 11, a bias of 0.1 and a long side of 672."""
    value = 0.4 + 0.15 * has_registers(model) - 0.1 * has_outliers(model)
    value -= 0.08 * abs(layer - (LAST - 1)) + 0.2 * abs(shift - 0.1) + 0.02 * abs((side or 500) - 672) / 200
    costs = {"key": 0.06, "value": 0.05, "query": 0.09, "token": 0.15, "token_normed": 0.12, published_facet(model): 0}
    value -= costs[facet]
    return max(0.01, value - 0.03 * DATASETS.index(dataset))


def rows(model):
    """Return the rows of all analyses of a model."""
    kinds = (NORMAL, HIGH) if has_outliers(model) else (NORMAL,)
    step = 0.002 * list(_MODELS).index(model.id)
    found = [_row("outliers", NEIGHBOURS, kind, COSINES[kind] - step) for kind in kinds]
    for place, share in ((BORDER, 0.046), (INSIDE, 0.012)):
        found.append(_row("outliers", BORDER_SHARE, place, share * has_outliers(model)))
    for metric, values in LOCAL.items():
        of = dict(zip((NORMAL, HIGH, EVERY), values, strict=True))
        found += [_row("local_information", metric, kind, of[kind] - step, 0.02 * of[kind]) for kind in (*kinds, EVERY)]
    settings = {of_all_images(kind): CLASSES[kind] - 0.01 - step for kind in (NORMAL, CLS)}
    if has_outliers(model):
        settings |= {kind: value - step for kind, value in CLASSES.items()}
    for setting, value in settings.items():
        found.append(_row("classification", CLASS_ACCURACY, setting, value, 0.01))
        if not setting.startswith(CLS):
            found.append(_row("classification", CLASS_DEVIATION, setting, 0.005))
    for dataset in DATASETS:
        for facet in ("key", "value"):
            for shift in BIASES:
                value = corloc(model, facet, shift=shift, dataset=dataset)
                found.append(_row("discovery", CORLOC, bias(shift), value, 0.012, facet=facet, dataset=dataset))
        found.append(_row("discovery", SKIPPED, "", 3, facet="", dataset=dataset))
    for layer in range(LAST - 3, LAST + 1):
        for facet in ("token", "key", "value", "query", *(["token_normed"] if layer == LAST else [])):
            for side in SIDES:
                for shift in BIASES:
                    said = {"facet": facet, "layer": layer, "dataset": DATASETS[0]}
                    found.append(
                        _row("choices", CORLOC, sized_bias(shift, side), corloc(model, facet, layer, shift, side), **said)
                    )
    return [{"model": model.id, "head": "", **row} for row in found]


def _row(analysis, metric, setting, value, half=None, facet="token", layer=LAST, dataset="imagenet1k_val"):
    ends = {} if half is None else {"ci_low": value - half, "ci_high": value + half}
    said = {"analysis": analysis, "metric": metric, "setting": setting, "facet": facet, "layer": layer, "dataset": dataset}
    return {**said, "value": value, **ends, "n": 1000, "unit": "share", "higher_is_better": True}


def table(run, analyses=ANALYSES):
    """Return the table of a run."""
    made = [row for model in run for row in rows(model) if row["analysis"] in analyses]
    return make_table(made, study="registers")


def write_maps(folder, model):
    """Write the maps of `outliers` of a model."""
    x = np.linspace(-0.995, 0.995, 200)
    arrays = {"cosines": x, "share_by_position": np.zeros(GRID)}
    kinds = (NORMAL, HIGH) if has_outliers(model) else (NORMAL,)
    for kind, name in zip(kinds, ("density_normal", "density_high"), strict=False):
        density = np.exp(-(((x - COSINES[kind]) / (0.3 if kind == NORMAL else 0.12)) ** 2) / 2)
        arrays[name] = density / density.sum() / (x[1] - x[0])
    if has_outliers(model):
        share = 0.012 + 0.01 * np.random.default_rng(0).random(GRID)
        share[[0, -1]], share[:, [0, -1]] = 0.05, 0.04
        share[0, 0] = 0.34
        arrays["share_by_position"] = share
    facts = {"cutoff": "null", "dataset": "imagenet1k_val", "grid": "[16, 16]"}
    path = folder / f"{model.id}.safetensors"
    write_arrays(path, arrays, facts)
    return ModelMaps(path, model, facts)


def figure_data(folder, run):
    """Return what figures of a run are drawn from."""
    frame = table(run)
    tables = tuple(ModelTable(one, dict.fromkeys(ANALYSES, Path("made up")), frame[frame["model"] == one.id]) for one in run)
    return FigureData(run, tables, {"outliers": tuple(write_maps(folder, model) for model in run)}, {}, {})


def drawing(name):
    """Return how a figure is drawn."""
    figure = FIGURES[name]
    described = {kind: figure.get(kind, []) for kind in ("tables", "maps", "pairs")}
    module = f"studies.registers.figures.{name}"
    return Drawing.from_json({**described, "key": f"registers/{name}", "module": module, "draw": {}, "scores": {}})
