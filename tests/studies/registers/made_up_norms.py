"""Made-up norms: models whose patches have one group of norms or two, with and without CLS and registers, on several grids."""

from __future__ import annotations

import json
from functools import cache

import numpy as np

from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.table import make_table
from workflow_scripts.figures.data import FigureData, ModelMaps, ModelTable
from workflow_scripts.studies.registers.conditions import (
    CLS,
    CUTOFF,
    NORM_METRICS,
    OF_LAST,
    OF_LAYER,
    PATCH,
    SHARE,
    register,
)

BINS, IMAGES, SHOWN, SIDE = 200, 30, 6, 112
FROM = 3 / 8  # of the depth, from which there are high norms

# id -> method, architecture, supervision, layers, side of the grid, prefix tokens, share of high norms, their norm, the others'
_MODELS = {
    "dino_b16": ("DINO", "ViT-B/16", "contrastive", 12, 14, 1, 0.0, 0, 45),
    "dinov2_s14": ("DINOv2", "ViT-S/14", "contrastive", 12, 16, 1, 0.0, 0, 40),
    "dinov2_l14": ("DINOv2", "ViT-L/14", "contrastive", 24, 16, 1, 0.015, 350, 42),
    "dinov2_g14": ("DINOv2", "ViT-g/14", "contrastive", 40, 20, 1, 0.024, 420, 50),
    "dinov2reg_l14": ("DINOv2+reg", "ViT-L/14", "contrastive", 24, 16, 5, 0.0, 0, 38),
    "deit3_b16": ("DeiT-III", "ViT-B/16", "supervised", 12, 14, 1, 0.03, 190, 30),
    "openclip_b16": ("OpenCLIP", "ViT-B/16", "language", 12, 14, 1, 0.02, 110, 15),
    "mae_l16": ("MAE", "ViT-L/16", "reconstruction", 24, 14, 1, 0.0, 0, 60),
    "siglip_b16": ("SigLIP", "ViT-B/16", "language", 12, 14, 0, 0.01, 90, 20),
}


def models():
    """Return the models, the last without CLS; a random baseline, which has no maps, after them."""
    made = [
        RunModel(key, f"{method} {of}", kind, method, of, layers=layers, grid=(side, side), prefix_tokens=prefix)
        for key, (method, of, kind, layers, side, prefix, *_) in _MODELS.items()
    ]
    return (*made, RunModel("random", "Random", "none", "Random", "", layers=12, prefix_tokens=1, random=True))


@cache
def norms_of_tokens(model):
    """Return norms by kind of token, each [L, tokens]."""
    *_, side, prefix, share, high, low = _MODELS[model.id]
    random = np.random.default_rng(len(model.id))
    growth = (np.linspace(0.1, 1, model.layers) * low)[:, None]
    patches = growth * random.lognormal(0, 0.18, (model.layers, IMAGES * side**2))
    outliers = random.random(patches.shape[1]) < share
    late = np.arange(1, model.layers + 1) > FROM * model.layers
    reached = np.linspace(0.4, 1, late.sum())[:, None] * high
    patches[np.ix_(late, outliers)] = reached * random.lognormal(0, 0.15, (late.sum(), outliers.sum()))
    kinds = {PATCH: patches}
    if prefix:
        kinds[CLS] = 2 * growth * random.lognormal(0, 0.05, (model.layers, IMAGES))
    for number in range(1, prefix):
        kinds[register(number)] = growth * (1 + 3 * (number % 2)) * random.lognormal(0, 0.05, (model.layers, IMAGES))
    return kinds


def cutoff(model):
    """Return the made-up cutoff of a model: between its two groups of norms; None without the second."""
    *_, share, high, low = _MODELS[model.id]
    return float(np.sqrt(high * low)) if share else None


def norms_table(model):
    """Return the table of a model; the random baseline's has no high norms."""
    rows = []
    kinds = {PATCH: np.full((model.layers, 9), 25.0)} if model.random else norms_of_tokens(model)
    limit = None if model.random else cutoff(model)
    for kind, norms in kinds.items():
        for layer, own in enumerate(norms, 1):
            values = (*np.percentile(own, (1, 50, 99)), own.max())
            same = {"layer": layer, "facet": "token", "setting": kind, "unit": "L2 norm", "n": own.size}
            rows += [same | {"metric": metric, "value": value} for metric, value in zip(NORM_METRICS, values, strict=True)]
    for layer, own in enumerate(kinds[PATCH], 1):
        share = 0.0 if limit is None else float((own > limit).mean())
        same = {"layer": layer, "facet": "token", "n": own.size}
        rows += [same | {"metric": SHARE, "setting": said, "value": share, "unit": "share"} for said in (OF_LAST, OF_LAYER)]
        if limit is not None and layer == model.layers:
            rows += [
                same | {"metric": CUTOFF, "setting": said, "value": limit, "unit": "L2 norm"} for said in (OF_LAST, OF_LAYER)
            ]
    rows.append({"layer": model.layers, "facet": "token_normed", "metric": SHARE, "setting": OF_LAYER, "value": 0.0})
    same = {"study": "made up", "analysis": "norms", "dataset": "made up", "model": model.id}
    return make_table([{"head": "", **row} for row in rows], **same)


def histograms(model):
    """Return the arrays of a model's maps that are histograms."""
    kinds = norms_of_tokens(model)
    edges = np.geomspace(0.5, 1000, BINS + 1)
    counted = {kind: np.stack([np.histogram(own, edges)[0] for own in norms]) for kind, norms in kinds.items()}
    arrays = {"edges": edges, "histogram_patch": counted[PATCH]}
    if CLS in kinds:
        arrays["histogram_cls"] = counted[CLS]
    if registers := [counted[kind] for kind in counted if kind not in (PATCH, CLS)]:
        arrays["histogram_register"] = np.stack(registers, 1)
    normed = 40 * np.random.default_rng(3).lognormal(0, 0.04, kinds[PATCH].shape[1])
    return arrays | {"histogram_patch_normed": np.histogram(normed, edges)[0]}


def write_maps(folder, model):
    """Write the maps of a model, its high norms a few cells of each picture."""
    *_, side, prefix, share, high, low = _MODELS[model.id]
    random = np.random.default_rng(7)
    y, x = np.indices((SIDE, SIDE)) / SIDE
    discs = [255 * ((x - 0.5) ** 2 + (y - 0.4) ** 2 < 0.02 * (turn + 1)) for turn in range(SHOWN)]
    pictures = np.stack([np.stack([200 * x, disc, 150 * y], -1) for disc in discs]).astype(np.uint8)
    norms = low * random.lognormal(0, 0.15, (SHOWN, side, side))
    attention = random.random((SHOWN, side, side)) / side**2
    attention[:, side // 3 : side // 2, side // 3 : side // 2] *= 4
    if share:
        for turn in range(SHOWN):
            places = random.integers(0, side, (2, 4 + turn))
            norms[turn, places[0], places[1]] = high * random.lognormal(0, 0.1, 4 + turn)
            attention[turn, places[0], places[1]] = 8 / side**2
    arrays = histograms(model) | {"norms": norms.astype(np.float32), "pictures": pictures}
    if prefix:
        arrays["attention"] = attention.astype(np.float32)
    facts = {"cutoff": json.dumps(cutoff(model)), "dataset": "made up", "grid": json.dumps([side, side])}
    path = folder / f"{model.id}.safetensors"
    write_arrays(path, arrays, facts)
    return ModelMaps(path, model, facts)


def figure_data(folder):
    """Return what the workflow gives to a figure of norms: of all models, the random baseline without maps."""
    run = models()
    tables = tuple(ModelTable(model, {"norms": folder / model.id}, norms_table(model)) for model in run)
    return FigureData(run, tables, {"norms": tuple(write_maps(folder, model) for model in run if not model.random)})
