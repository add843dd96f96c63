"""Made-up studies for the explorer: models of the registry's sizes, tables, maps of heads and comparisons of any extent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.run_model import RunModel, described
from workflow_scripts.common.study import Count
from workflow_scripts.common.table import COLUMNS, write_table
from workflow_scripts.report.explore import Explored

ROOT = Path(__file__).parents[2]
SIDE = 224  # pixels of the images of a real run
KINDS = ("here", "there", "everywhere")
NASTY = 'B <b>"bold"</b> & co'


def small_models() -> list[RunModel]:
    """Return four models, of two depths, one of them noise, one with a name that is HTML."""
    shared = {"layers": 4, "heads": 3, "grid": (5, 6), "prefix_tokens": 1}
    return [
        RunModel("model_a", "A", "supervised", **shared),
        RunModel("model_b", NASTY, "contrastive", **shared | {"layers": 6, "prefix_tokens": 3}),
        RunModel("model_c", "C", "contrastive", **shared),
        RunModel("noise", "Noise", "none", **shared, random=True),
    ]


def registry_models() -> list[RunModel]:
    """Return the models of the registry that are no demo's and no noise, at the grid that images of `SIDE` have."""
    entries = yaml.safe_load((ROOT / "config/models.yaml").read_text(encoding="utf-8"))
    found = [RunModel(**item) for item in described(entries.get("models", entries))]
    facts = ("id", "display_name", "supervision", "method", "architecture", "layers", "heads", "prefix_tokens")
    kept = [model for model in found if not (model.demo or model.random)]
    return [RunModel(**{fact: getattr(m, fact) for fact in facts}, grid=(SIDE // m.patch[0], SIDE // m.patch[1])) for m in kept]


def write_explored(
    folder: Path, models: Sequence[RunModel], studies: int = 2, settings: int = 3, images: int = 2, deep: bool = True
) -> Explored:
    """Write made-up files and return what an explorer is made of.

    Args:
        folder: for the files.
        models: to make up numbers of.
        studies: how many; each has curves, the first has heads with maps, and a comparison, as well.
        settings: of each metric of the curves, as many rows a model and layer.
        images: of which there are maps.
        deep: whether depths are compared as well.
    """
    tables: dict[str, list[Path]] = {}
    maps: dict[str, list[Path]] = {}
    for number in range(studies):
        study = f"study{number}"
        key = f"{study}/curves"
        tables[key] = [_write(folder / key, key, model.id, _curves(model, settings, number)) for model in models]
    key = "study0/heads"
    tables[key] = [_write(folder / key, key, model.id, _heads(model)) for model in models]
    maps[key] = [_write_maps(folder / "maps" / key, model, images) for model in models]
    key = "study0/alike"
    tables[key] = [_write(folder / "study0", key, "alike", _pairs(models, deep), of_model=False)]
    counts = {"study0/curves": {"all": Count("frames", "videos"), "only_last": Count("frames", "frames")}}
    return Explored(models, tables, maps, {"study0": "The first study", key: "How alike"}, counts)


def _write(folder: Path, key: str, name: str, frame: pd.DataFrame, of_model: bool = True) -> Path:
    study, analysis = key.split("/")
    frame = frame.assign(study=study, analysis=analysis, dataset="set", **({"model": name} if of_model else {}))
    frame = frame.reindex(columns=list(COLUMNS)).astype(COLUMNS)
    words = [column for column, kind in COLUMNS.items() if kind == "string"]
    path = folder / f"{name}.parquet"
    write_table(path, frame.fillna(dict.fromkeys(words, "")), {})
    return path


def _curves(model: RunModel, settings: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng([seed, *model.id.encode()])
    at = {name: np.arange(1, model.layers + 1) for name in ("accuracy", "error_low")} | {"only_last": np.array([model.layers])}
    frames = []
    for metric, layers in at.items():
        value = rng.uniform(0.1, 0.9, settings * len(layers))
        columns = {
            "layer": np.tile(layers, settings),
            "setting": np.repeat([f"k = {setting}" for setting in range(settings)], len(layers)),
            "value": value,
            "ci_low": value - 0.05,
            "ci_high": value + 0.05,
        }
        shared = {"metric": metric, "facet": "token", "n": 100, "unit": "share", "higher_is_better": metric != "error_low"}
        frames.append(pd.DataFrame(columns | shared))
    return pd.concat(frames)


def _heads(model: RunModel) -> pd.DataFrame:
    rng = np.random.default_rng([7, *model.id.encode()])
    layer, head = (index.ravel() + 1 for index in np.indices((model.layers, model.heads)))
    shared = {"layer": layer, "head": head.astype(str), "facet": "attention"}
    frames = [
        pd.DataFrame(shared | {"metric": metric, "value": value, "ci_low": value * 0.9, "ci_high": value * 1.1, "n": 50})
        for metric in ("distance", "offset", "iou", "reach")
        for value in [rng.uniform(0, 1, layer.size)]
    ]
    kinds = pd.DataFrame(shared | {"metric": "kind", "value": 1.0, "setting": rng.choice(KINDS, layer.size)})
    mean = frames[0].groupby("layer", as_index=False)["value"].mean()
    return pd.concat([*frames, kinds, mean.assign(metric="distance", head="mean", facet="attention")])


def _pairs(models: Sequence[RunModel], deep: bool) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frames = []
    shared = {"metric": "cka", "setting": "all", "unit": "CKA"}
    for i, one in enumerate(models):
        for other in models[i:]:
            names = {"model": one.id, "other_model": other.id}
            last = {"layer": [one.layers], "other_layer": [other.layers], "facet": "token", "other_facet": "token"}
            frames.append(pd.DataFrame(shared | names | last | {"value": 1.0 if one is other else rng.uniform(0, 1)}))
            if deep:
                layer, along = (index.ravel() + 1 for index in np.indices((one.layers, other.layers)))
                parts = {"layer": layer, "other_layer": along, "value": rng.uniform(0, 1, layer.size)}
                frames += [
                    pd.DataFrame(shared | names | parts | {"facet": facet, "other_facet": facing})
                    for facet in ("norm1", "norm2") for facing in ("norm1", "norm2")
                ]  # fmt: skip
    return pd.concat(frames)


def _write_maps(folder: Path, model: RunModel, images: int) -> Path:
    rng = np.random.default_rng([11, *model.id.encode()])
    rows, columns = model.grid
    lead = (model.layers, model.heads)
    tokens = model.prefix_tokens + rows * columns
    arrays = {
        "average_cls": rng.random((*lead, tokens), dtype=np.float32),
        "average_all": rng.random((*lead, tokens), dtype=np.float32),
        "average_spatial": rng.random((*lead, tokens), dtype=np.float32),
        "aligned": rng.random((*lead, 2 * rows - 1, 2 * columns - 1), dtype=np.float32),
        "single_cls": rng.random((images, *lead, tokens), dtype=np.float32),
        "single_image": rng.integers(0, 256, (images, 60, 60, 3), dtype=np.uint8),
        "other": rng.random((4, 5), dtype=np.float32),
    }
    path = folder / f"{model.id}.safetensors"
    ids = json.dumps([f"image {number}" for number in range(images)])
    write_arrays(path, arrays, {"rows": str(rows), "cols": str(columns), "image_ids": ids, "model": model.id})
    return path
