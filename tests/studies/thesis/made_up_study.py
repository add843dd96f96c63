"""A made-up run in which every claim of the thesis study holds: six main models, and the variants of the appendix.

Task scores are the published ones (one layer each, lower everywhere else); the rest is invented to say what the study says.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import yaml

from workflow_scripts.common.run_model import RunModel, described
from workflow_scripts.common.table import COLUMNS
from workflow_scripts.metrics.noise import ROWS, SOURCES
from workflow_scripts.studies.claims import find_judges, judge
from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.found import ROOT, find_study
from workflow_scripts.studies.thesis.attention import ORACLE
from workflow_scripts.studies.thesis.claims.methods import AttentionMaps

SCORES = find_study("thesis").scores
PUBLISHED = yaml.safe_load((ROOT / find_study("thesis").claims).read_text(encoding="utf-8"))
CLAIMS = find_judges("thesis", [claim["id"] for claim in PUBLISHED["claims"]])
SUPERVISION = {
    "FS": "supervised",
    "CLIP": "language",
    "DINO": "contrastive",
    "MoCo-v3": "contrastive",
    "MAE": "reconstruction",
    "BEiT": "reconstruction",
    "Random": "none",
}
METHODS = tuple(SUPERVISION)[:6]
EXPLICIT, RECONSTRUCTION = METHODS[:2], METHODS[4:]
KNN = ("knn", "knn_top1", "cls", "k = 20", "")
RETRIEVAL = ("retrieval", "mean_average_precision", "cls", "medium", "")
VIDEO, NORMAL = (("video", "jf_mean", "token", setting, "") for setting in ("dense", "normal"))
KEYPOINTS = ("keypoints", "pck_0.1", "token", "thesis rule", "")
DISTANCE = ("attention", "attention_distance", "attention", "", "mean")
TASKS = (KNN, RETRIEVAL, VIDEO, KEYPOINTS)


class Maps(AttentionMaps):
    """Attention maps that are there already."""

    def on_grid(self, name):
        return getattr(self, name)


def iou(source="cls"):
    return ("attention", f"mask_iou_{source}", "attention", ORACLE, "best")


def purity(facet):
    return ("clustering", "purity", facet, "normal", "")


def ratio(branch):
    return ("residual", "skip_branch_ratio", branch, "all", "")


PURITIES = tuple(purity(facet) for facet in ("cls", "mean_patch", "object", "part"))


def entry(method, architecture, layers=12, heads=2, patch=16, **more):
    return {
        "display_name": f"{method} {architecture.removeprefix('ViT-')}",
        "supervision": SUPERVISION[method],
        "method": method,
        "architecture": architecture,
        "layers": layers,
        "heads": heads,
        "dim": 64,
        "patch": patch,
        "prefix_tokens": 1,
        "image_size": 224,
        "adapter": "random" if method == "Random" else "timm_vit",
        "checkpoint": {"source": {"type": "path"}},
        "licence": "none",
    } | more


def run_models(entries):
    """Return the models of a run by their registry entries."""
    return tuple(RunModel(**item) for item in described(entries))


def peak(layer, value, depth=12):
    """Return a curve that rises to `value` at `layer` and falls after it."""
    return value - 0.02 * value * np.abs(np.arange(1, depth + 1) - layer)


def blob(layers, shift):
    """Return maps [L, 2, 14, 14] of a broad blob, for the second head moved by `shift` patches."""
    rows, columns = np.mgrid[:14, :14] - 6.5
    one = np.exp(-(rows**2 + columns**2) / 40)
    other = np.exp(-((rows - shift) ** 2 + columns**2) / 40)
    return np.broadcast_to(np.stack([one, other]), (layers, 2, 14, 14)).copy()


def x_matrix(size, ridge):
    """Return a similarity matrix that falls with distance, and rises by `ridge` on the anti-diagonal."""
    one, other = np.mgrid[:size, :size]
    return 1 - 0.5 * np.abs(one - other) / size + ridge * (one + other == size - 1)


class Study:
    """Everything of a run, to be changed by a test before `evidence`. Models are named by their ids, ``method B/16``."""

    def __init__(self):
        self.entries, self.main, self.curves, self.heads, self.maps, self.depth = {}, [], {}, {}, {}, {}
        self.last = {"cls": {}, "spatial": {}}
        self.noise = {}
        self.half_width = np.nan

    def add(self, method, architecture="ViT-B/16", layers=12, main=False):
        name = f"{method} {architecture.removeprefix('ViT-')}"
        size = int(architecture.split("/")[1])
        self.entries[name] = entry(method, architecture, layers, patch=size)
        if main:
            self.main.append(name)
        if method != "Random":
            self.noise[name] = 0.2 if size == 32 else 0.1  # IoU of noise attention: higher on a small grid
        return name

    def curve(self, model, key, values):
        self.curves[model, key] = np.asarray(values, float)

    def drop(self, analysis, model=None):
        """Take an analysis away, from one model or from all."""
        self.curves = {k: v for k, v in self.curves.items() if k[1][0] != analysis or model not in (None, k[0])}

    def evidence(self):
        rows, cka = [], []
        for (model, (analysis, metric, facet, setting, head)), values in self.curves.items():
            row = {"analysis": analysis, "metric": metric, "facet": facet, "setting": setting, "head": head, "model": model}
            rows.append(row | self._ends(values) | {"layer": np.arange(1, len(values) + 1), "unit": "share", "dataset": "d"})
        for model, heads in self.heads.items():
            metrics, layers, numbers = (np.array(column, object) for column in zip(*heads, strict=True))
            kinds = [value if isinstance(value, str) else "" for value in heads.values()]
            shown = [1.0 if isinstance(value, str) else value for value in heads.values()]
            row = {"analysis": "attention", "facet": "attention", "model": model, "metric": metrics, "layer": layers}
            row |= {"head": numbers.astype(str), "setting": np.array(kinds, object), "value": np.array(shown)}
            rows.append(row | {"dataset": "d"})
        for model, level in self.noise.items():
            row = {"analysis": "attention", "facet": "attention", "model": model, "head": "best", "dataset": "d"}
            for source in ("cls", "spatial"):
                for setting, shown in ((SOURCES, level), (ROWS, level + 0.3)):  # the study's noise counts
                    row |= {"metric": f"noise_iou_{source}", "setting": setting, "unit": "IoU"}
                    rows.append(row | self._ends(np.array([shown])))
        for tokens, pairs in self.last.items():
            if pairs:
                one, other = (np.array(column, object) for column in zip(*pairs, strict=True))
                row = {"model": one, "other_model": other, "facet": "token", "other_facet": "token", "setting": tokens}
                values = np.array(list(pairs.values()))
                for metric, shown in (("cka_minmax", values), ("cka_plain", 1 - values)):
                    cka.append(row | self._ends(shown) | {"metric": metric, "layer": 12, "other_layer": 12})
        for model, matrix in self.depth.items():
            one, other = (index.ravel() for index in np.indices(matrix.shape))
            facets = np.array(["norm1", "norm2"], object)
            row = {"model": model, "other_model": model, "metric": "cka_minmax", "setting": "all", "value": matrix.ravel()}
            row |= {"facet": facets[one % 2], "other_facet": facets[other % 2]}
            row |= {"layer": one // 2 + 1, "other_layer": other // 2 + 1}
            # No claim is about other models' depths or about skips and branches, but the table has them.
            skips = {"facet": "attention_skip", "other_facet": "attention_branch", "value": np.zeros(one.size)}
            cka += [row, row | {"other_model": "another", "value": np.zeros(one.size)}, row | skips]
        return Evidence(
            run_models(self.entries), frozenset(self.main), _table(rows), SCORES, {"cka": _table(cka)}, {"attention": self.maps}
        )

    def _ends(self, values):
        return {"value": values, "ci_low": values - self.half_width, "ci_high": values + self.half_width}

    def judge(self, claim):
        return judge(CLAIMS[claim], self.evidence())

    def judge_all(self):
        """Return the verdict on every claim."""
        evidence = self.evidence()
        return {claim: judge(function, evidence) for claim, function in CLAIMS.items()}


def main_study():
    """Return the six main models and the random baseline, every main claim holding."""
    study = Study()
    for method in METHODS:
        _main_model(study, method)
    noise = study.add("Random", "none/16", layers=12)
    for key in (*TASKS, *PURITIES):
        study.curve(noise, key, np.full(12, 0.06 if key == VIDEO else 0.01))
    # Published scores at their best layers.
    keys = {"imagenet_knn": KNN, "roxford_map": RETRIEVAL, "davis_jf": VIDEO, "spair_pck": KEYPOINTS}
    for row in PUBLISHED["tables"]["2.1"]:
        if row["method"] != "Random":
            scale = 100 if row["unit"] == "percent" else 1
            study.curve(f"{row['method']} B/16", keys[row["id"].split(".")[-1]], peak(row["layer"], row["value"] / scale))
    for row in PUBLISHED["tables"]["2.4"]:
        if row["architecture"] == "ViT-B/16" and row["setting"] == "normal":
            study.curve(f"{row['method']} B/16", NORMAL, peak(row["layer"], row["value"]))
    close = {"cls": {("DINO", "MoCo-v3"): 0.9, ("FS", "CLIP"): 0.6, ("DINO", "MAE"): 0.5, ("MoCo-v3", "MAE"): 0.5}}
    close["cls"] |= {("MAE", "BEiT"): 0.5}
    close["spatial"] = {("DINO", "MoCo-v3"): 0.8, ("DINO", "MAE"): 0.7, ("MoCo-v3", "MAE"): 0.7, ("FS", "CLIP"): 0.1}
    for tokens, pairs in close.items():
        for place, one in enumerate(METHODS):
            for other in METHODS[place:]:
                value = 1.0 if one == other else pairs.get((one, other), 0.3)
                study.last[tokens][f"{one} B/16", f"{other} B/16"] = value
    return study


def all_variants():
    """Return the main study with all other variants of the appendix: video scores as published, the rest invented."""
    study = main_study()
    video = {"normal": NORMAL, "dense": VIDEO}
    for row in PUBLISHED["tables"]["2.2"]:
        method, architecture, depth = row["method"], row["architecture"], row["layers"]
        base, name = f"{method} B/16", f"{method} {architecture.removeprefix('ViT-')}"
        if name == base:
            continue
        study.add(method, architecture, depth)
        size, patch = architecture.removeprefix("ViT-").split("/")
        better = {"S": 0.97, "B": 1.0, "L": 1.03, "H": 1.05}[size]
        if method in RECONSTRUCTION:
            better = 1.3  # of size L and H
        for (model, key), values in list(study.curves.items()):
            if model == base:
                stretched = np.interp(np.linspace(0, 1, depth), np.linspace(0, 1, 12), values)
                finer = (16 / int(patch)) ** 0.1 if key == KEYPOINTS else 1
                if key == iou() and patch == "32":
                    stretched = stretched.clip(0.45)
                study.curve(name, key, stretched if key[0] in ("attention", "residual") else stretched * better * finer)
        study.heads[name] = {
            ("head_kind", 2, 1): "offset_local",
            ("peak_offset_x", 2, 1): 2 / 15,
            ("peak_offset_y", 2, 1): 1 / 15,
        }
        if method in RECONSTRUCTION:
            study.heads[name]["head_kind", depth, 1] = "offset_local"
        study.depth[name] = x_matrix(2 * depth, (0.2 if size in "LH" else 0.1) if method in RECONSTRUCTION else 0)
        for other in [other for other in study.entries if not other.startswith("Random")]:
            alike = other.startswith(f"{method} ") and not (method in EXPLICIT and patch == "32")
            study.last["spatial"][other, name] = 0.8 if alike else 0.2
    for row in PUBLISHED["tables"]["2.4"]:
        name = f"{row['method']} {row['architecture'].removeprefix('ViT-')}"
        study.curve(name, video[row["setting"]], peak(row["layer"], row["value"], study.entries[name]["layers"]))
    return study


def _main_model(study, method):
    name = study.add(method, main=True)
    explicit, rebuilding = method in EXPLICIT, method in RECONSTRUCTION
    late = [0.3] * 6 if explicit else [0.5 + 0.001 * METHODS.index(method)] * 6
    study.curve(name, iou(), [0.2, 0.3, 0.4, 0.5, 0.5, 0.5, *late])
    study.curve(name, iou("spatial"), [0.2, 0.3, 0.4, 0.5, 0.5, 0.5, *late[:5], 0.45 if method == "CLIP" else late[5]])
    end = [0.3] * 6 if rebuilding else [0.35, 0.4, 0.45, 0.5, 0.5, 0.5]
    study.curve(name, DISTANCE, [0.5, 0.4, 0.3, 0.3, 0.3, 0.3, *end])
    heads = study.heads.setdefault(name, {})
    for layer in range(1, 13):
        for head in (1, 2):
            sparse = explicit and layer > 7
            heads["head_kind", layer, head] = "sparse_repeating" if sparse else "global"
            heads["peak_offset_x", layer, head] = heads["peak_offset_y", layer, head] = 0.0
            heads["attention_distance", layer, head] = 0.1 if rebuilding and head == 1 else 0.5
    heads["head_kind", 2, 1] = "offset_local"
    heads["peak_offset_x", 2, 1] = 1 / 13
    if rebuilding:
        heads["head_kind", 9, 1] = "offset_local"
    random = np.random.default_rng(0)
    pattern = random.random((12, 1, 14, 14)).repeat(2, 1) if explicit else blob(12, 6)
    study.maps[name] = Maps(pattern, random.random((10, 12, 2, 14, 14)) ** 50)  # few bright places, others in each image
    order = METHODS.index(method)
    study.curve(name, purity("cls"), peak(12, 0.9 - 0.1 * order))
    study.curve(name, purity("mean_patch"), peak(12, 0.9 - 0.1 * order))
    if method == "FS":
        study.curve(name, purity("cls"), np.linspace(0.05, 0.9, 12))
    study.curve(name, purity("object"), peak(7 if method == "BEiT" else 10, 0.8 - 0.1 * order))
    parts = {"FS": 0.6, "CLIP": 0.45, "DINO": 0.55, "MoCo-v3": 0.54}
    study.curve(name, purity("part"), peak(7 if method == "BEiT" else 10, parts.get(method, 0.3)))
    study.depth[name] = x_matrix(24, 0.1 if rebuilding else 0)
    study.curve(name, ratio("attention"), [2.0] * 12)
    study.curve(name, ratio("mlp"), [2.0] * 7 + [4.0 if explicit else 2.2] * 5)


def _table(blocks):
    """Return blocks of rows, each a value or an array per column, in the table contract.

    `make_table` does the same from single rows; there are too many here.
    """
    lengths = [len(block["value"]) for block in blocks]
    columns = {}
    for column, kind in COLUMNS.items():
        absent = "" if kind == "string" else pd.NA if kind in ("Int64", "boolean") else np.nan
        parts = [np.broadcast_to(np.asarray(b.get(column, absent), object), n) for b, n in zip(blocks, lengths, strict=True)]
        columns[column] = np.concatenate(parts) if parts else []
    return pd.DataFrame(columns).astype(COLUMNS)
