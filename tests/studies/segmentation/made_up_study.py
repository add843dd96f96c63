"""A made-up run in which every claim that the study's table can judge holds: the paper's methods in size B, some in L."""

from __future__ import annotations

import numpy as np
import yaml

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.table import make_table
from workflow_scripts.studies.claims import find_judges, judge
from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.found import ROOT, find_study
from workflow_scripts.studies.segmentation.clustering import FACETS, RAW, SHUFFLED, TRUTH
from workflow_scripts.studies.segmentation.methods import CONTRASTIVE, EXPLICIT, MIM
from workflow_scripts.studies.segmentation.sensitivity import BATCH, START

STUDY = find_study("segmentation")
PUBLISHED = yaml.safe_load((ROOT / STUDY.claims).read_text(encoding="utf-8"))
CLAIMS = find_judges("segmentation", [claim["id"] for claim in PUBLISHED["claims"]])
LARGE = ("MAE", "iBOT", "DINOv2", "DINOv2+reg", "DINOv3", "Mugs")


def models():
    """Return all methods in size B, which are the main models, and some in L."""
    sizes = [(method, "B", 12) for method in (*MIM, *CONTRASTIVE, *EXPLICIT)] + [(method, "L", 24) for method in LARGE]
    return tuple(
        RunModel(f"{m}_{s}".lower(), f"{m} {s}", "none", m, f"ViT-{s}/16", layers=depth, patch=(16, 16))
        for m, s, depth in sizes
    )


def hill(depth, top, peak):
    """Return a curve that rises to `top` at layer `peak` and falls to half of it after."""
    return np.interp(range(1, depth + 1), [1, peak, depth], [top / 2, top, top / 2])


def curves(model):
    """Return {(metric, facet): values by layer} of a model."""
    depth, masked = model.layers, model.method in MIM
    low = 0.05 if masked else 0.15
    tops = {"key": low, "query": low, "value": 0.1 if model.size == "B" else 0.12, "token": 0.2 if model.size == "B" else 0.17}
    if model.method == "MAE" and model.size == "L":
        tops["token"] = 0.08
    found = {("miou", facet): hill(depth, top, depth - 2) for facet, top in tops.items()}
    keys = np.full(depth, 0.2 if masked else 0.12)
    if model.method == "DINO":
        keys = hill(depth, 0.14, 3) + 0.03
    if model.method == "MAE":
        keys = np.where(np.arange(1, depth + 1) <= depth // 12 * 4 + 1, 0.15, 0.3)
    if model.method == "DINOv3":
        keys = np.full(depth, 0.25)
    tokens = np.full(depth, 0.09 if (model.method, model.size) in (("DINOv3", "L"), ("DINOv2", "L")) else 0.07)
    if model.method == "DINOv3":
        tokens[-1] = 0.2
    found |= {("nmi", "key"): keys, ("nmi", "query"): keys, ("nmi", "value"): np.full(depth, 0.1), ("nmi", "token"): tokens}
    found["locality", "attention"] = locality(model, depth)
    for facet in FACETS:
        top = (0.3 if model.size == "B" else 0.4) + (0.05 if facet == key_point_facet(model) else 0)
        peak, end = {**dict.fromkeys(EXPLICIT, (depth - 2, 0.5)), "iBOT": (depth, 1)}.get(model.method, (depth - 1, 0.98))
        found["pck", facet] = np.interp(range(1, depth + 1), [1, peak, depth], [top / 2, top, end * top])
    for metric, change in (("miou", 0.06 if model.method == "DINOv3" else 0.02), ("pck", -0.01)):
        found[metric, RAW] = np.array([found[metric, "token"][-1] - change])
    found["part_purity", "token"] = hill(depth, 0.6 if model.size == "B" else 0.7, depth - 2)
    # Other starts and batches change the mean IoU by a tenth of a point.
    found |= {("varied", facet): found["miou", facet] + 0.001 for facet in FACETS}
    return found


def key_point_facet(model):
    """Return the facet that finds most keypoints."""
    return "value" if model.method == "MAE" or (model.method, model.size) == ("DINOv3", "L") else "token"


def locality(model, depth):
    """Return I(K, Q) by layer: contrastive models lose it, MAE gains it, those of DINOv2's family keep it."""
    if model.method == "MAE":
        return np.where(np.arange(1, depth + 1) <= depth // 3, 0.2, 0.8)
    if model.method in MIM:
        return np.linspace(1.1, 1.0, depth) if model.method == "DINOv2+reg" else np.full(depth, 0.7)
    return np.linspace(0.6, 0.1, depth)


def measured():
    """Return {(model id, metric, facet): values by layer} of all models, and the NMI of the ground truth."""
    return {(model.id, *key): values for model in models() for key, values in curves(model).items()}, 0.05


def evidence(values, truth, kept=lambda model: True):
    """Return the evidence of a run of the models that are `kept`."""
    run = tuple(model for model in models() if kept(model))
    rows = []
    for model in run:
        for metric, facet in [(metric, facet) for metric in ("miou", "nmi") for facet in FACETS] + [("miou", RAW)]:
            curve = values[model.id, metric, facet]
            first = model.layers if facet == RAW else 1
            rows += [
                {"model": model.id, "metric": metric, "facet": facet, "layer": first + place, "value": value, "unit": "share"}
                for place, value in enumerate(curve)
            ]
        rows += [
            {"model": model.id, "analysis": "locality", "metric": "attention_information", "facet": "attention", "head": "mean",
             "setting": "heads averaged first", "layer": place + 1, "value": value, "unit": "nats"}
            for place, value in enumerate(values[model.id, "locality", "attention"])
        ]  # fmt: skip
        rows += [
            {"model": model.id, "analysis": "keypoints", "metric": "pck", "facet": facet, "setting": "per-point rule",
             "layer": (model.layers if facet == RAW else 1) + place, "value": value, "unit": "share"}
            for facet in (*FACETS, RAW) for place, value in enumerate(values[model.id, "pck", facet])
        ]  # fmt: skip
        rows += _further(model, values) + (_truths(model, truth) if truth else [])
    rows = [{"analysis": "clustering", "setting": "", "head": "", **row} for row in rows]
    table = make_table(rows, study="segmentation", dataset="made up")
    return Evidence(run, frozenset(model.id for model in run if model.size == "B"), table, STUDY.scores)


def published_evidence():
    """Return the evidence of the numbers that the paper prints in Tables 3 to 5, as shares.

    Table 3 has the layer of the best embedding alone: the others' stand in layer 1.
    """
    entries = [entry for number in "345" for entry in PUBLISHED["tables"][number]]
    chosen = list(dict.fromkeys((entry["method"], entry["architecture"]) for entry in entries))
    run = {
        (method, of): RunModel(f"{method} {of}", f"{method} {of}", "none", method, of, layers=12 if "ViT-B" in of else 24)
        for method, of in chosen
    }
    rows = {}
    for entry in entries:
        model = run[entry["method"], entry["architecture"]].id
        kept = {key: entry[key] for key in ("analysis", "facet", "metric", "dataset")} | {"setting": entry.get("setting", "")}
        row = {"model": model, **kept, "layer": entry.get("layer", 1), "value": entry["value"] / 100, "unit": "share"}
        rows[model, row["facet"], row["metric"], row["layer"]] = row  # Tables 3 and 5 have some in common
    table = make_table(list(rows.values()), study="segmentation")
    main = frozenset(model.id for (_, of), model in run.items() if "ViT-B" in of)
    return Evidence(tuple(run.values()), main, table, STUDY.scores)


def _further(model, values):
    """Return rows of the analyses of further datasets, variants and more clusters."""
    of = {"model": model.id}
    rows = [
        {**of, "analysis": analysis, "metric": metric, "facet": "key", "layer": place + 1, "value": value}
        for analysis in ("scenes", "parts") for metric in ("miou", "nmi")
        for place, value in enumerate(values[model.id, metric, "key"])
    ]  # fmt: skip
    rows += [
        {**of, "analysis": "overclustering", "metric": "part_purity", "facet": "token", "layer": place + 1, "value": value}
        for place, value in enumerate(values[model.id, "part_purity", "token"])
    ]
    varied = (f"{START}every 2nd batch", f"{START}every 4th batch", f"{BATCH}32 images", f"{BATCH}48 images")
    rows += [
        {**of, "analysis": "sensitivity", "metric": "miou", "facet": facet, "setting": setting, "layer": place + 1,
         "value": value}
        for setting in varied for facet in FACETS for place, value in enumerate(values[model.id, "varied", facet])
        if model.method == "DINOv3"
    ]  # fmt: skip
    return [row | {"unit": "share"} for row in rows]


def _truths(model, truth):
    """Return rows of the ground truth of every dataset, and its controls."""
    truths = {"clustering": truth, "scenes": 0.15, "parts": 0.1}
    return [
        {"model": model.id, "analysis": analysis, "metric": "nmi", "facet": TRUTH, "setting": setting, "value": value}
        for analysis, own in truths.items() for setting, value in (("", own), (SHUFFLED, 0.01))
    ]  # fmt: skip


def verdict(claim, values, truth, kept=lambda model: True):
    return judge(CLAIMS[f"c.{claim}"], evidence(values, truth, kept))
