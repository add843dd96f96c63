"""Made-up tables and maps in the shapes that the workflow writes, from a small numpy generator."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.run_model import RunModel, read_models, write_models
from workflow_scripts.common.study import Figure
from workflow_scripts.common.table import COLUMNS, write_table
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.drawing import Drawing
from workflow_scripts.figures.read import load
from workflow_scripts.figures.save import draw
from workflow_scripts.studies.found import find_study

KINDS = ("strict_local", "soft_local", "axial_local", "offset_local", "displaced", "global", "sparse_repeating")


@dataclass(frozen=True)
class Shape:
    """A made-up model."""

    id: str
    display_name: str
    supervision: str
    layers: int = 6
    heads: int = 4
    rows: int = 8
    columns: int = 8
    prefix: int = 1
    has_offset: bool = True
    random: bool = False

    @property
    def entry(self) -> dict:
        """Return what a registry says of it."""
        facts = {name: getattr(self, name) for name in ("display_name", "supervision", "layers", "heads")}
        facts |= {"method": "made up", "architecture": "ViT", "dim": 64, "prefix_tokens": self.prefix, "licence": "none"}
        facts |= {"patch": 16, "image_size": [16 * self.rows, 16 * self.columns]}
        return facts | {"adapter": "random" if self.random else "timm_vit", "checkpoint": {"source": {"type": "path"}}}


SMALL = (
    Shape("fs_b16", "FS B/16", "supervised"),
    Shape("clip_b16", "CLIP B/16", "language", layers=4, heads=3, rows=6, columns=9, prefix=5),
    Shape("dino_b16", "DINO B/16", "contrastive"),
    Shape("untrained", "Untrained", "none", has_offset=False),
)
DEMO = (
    Shape("fs", "FS", "supervised"),
    Shape("clip", "CLIP", "language"),
    Shape("moco", "MoCo-v3", "contrastive"),
    Shape("dino", "DINO", "contrastive"),
    Shape("mae", "MAE", "reconstruction"),
    Shape("beit", "BEiT", "reconstruction"),
    Shape("simmim", "SimMIM", "reconstruction"),
    Shape("untrained", "Untrained", "none", has_offset=False),
)
RANDOM = Shape("random_baseline", "Random", "none", layers=12, random=True)
_ZOO = (
    ("FS S/32", 12, 6, 7),
    ("FS S/16", 12, 6, 14),
    ("FS B/32", 12, 12, 7),
    ("FS B/16", 12, 12, 14),
    ("FS B/8", 12, 12, 28),
    ("FS L/16", 24, 16, 14),
    ("CLIP B/32", 12, 12, 7),
    ("CLIP B/16", 12, 12, 14),
    ("CLIP L/14", 24, 16, 16),
    ("DINO S/16", 12, 6, 14),
    ("DINO S/8", 12, 6, 28),
    ("DINO B/16", 12, 12, 14),
    ("DINO B/8", 12, 12, 28),
    ("MoCo S/16", 12, 12, 14),
    ("MoCo B/16", 12, 12, 14),
    ("MAE B/16", 12, 12, 14),
    ("MAE L/16", 24, 16, 14),
    ("MAE H/14", 32, 16, 16),
    ("BEiT B/16", 12, 12, 14),
    ("BEiT L/16", 24, 16, 14),
)
_FAMILY = {"FS": "supervised", "CLIP": "language", "DINO": "contrastive", "MoCo": "contrastive"}
TWENTY = tuple(
    Shape(re.sub(r"\W", "_", name.lower()), name, _FAMILY.get(name.split()[0], "reconstruction"), depth, heads, side, side)
    for name, depth, heads, side in _ZOO
)


ANALYSES = ("attention", "clustering", "knn", "retrieval", "video", "keypoints", "residual")
_LEVEL = {"supervised": 0.8, "language": 0.72, "contrastive": 0.66, "reconstruction": 0.4, "none": 0.22}


def write_model_table(folder: Path, shape: Shape, analysis: str = "attention", seed: int = 0) -> Path:
    """Write the parquet table of one analysis of `shape`; intervals of the first layer are unknown (NaN)."""
    rng = np.random.default_rng([seed, *shape.id.encode(), *analysis.encode()])
    rows = list((_attention_rows if analysis == "attention" else _score_rows)(shape, analysis, rng))
    frame = pd.DataFrame(rows, columns=["dataset", "layer", "facet", "head", "metric", "setting", "value", "unit", "width"])
    known = (frame["width"] > 0) & (frame["layer"] > 1)
    frame["ci_low"] = (frame["value"] - frame["width"]).where(known)
    frame["ci_high"] = (frame["value"] + frame["width"]).where(known)
    same = {"study": "thesis", "analysis": analysis, "model": shape.id, "n": 480, "higher_is_better": pd.NA}
    same |= {"other_model": "", "other_layer": pd.NA, "other_facet": ""}
    return save_table(folder / analysis / f"{shape.id}.parquet", frame.assign(**same)[list(COLUMNS)])


@dataclass(frozen=True)
class Files:
    """Files of a set of models: their description, a list of tables per analysis, maps, and the comparison of all."""

    models: Path
    tables: dict[str, list[Path]]
    maps: list[Path]
    cka: Path

    def given_to(self, figure: Figure, only: Sequence[str] = ()) -> dict:
        """Return what `load` is given for `figure`: the files that the workflow would give it."""

        def of_models(paths: Sequence[Path]) -> list[Path]:
            return [path for path in paths if not only or path.stem in only]

        return {
            "tables": [path for analysis in figure.tables for path in of_models(self.tables[analysis])],
            "maps": {analysis: of_models(self.maps) for analysis in figure.maps},
            "pairs": dict.fromkeys(figure.pairs, self.cka),
        }

    def run_models(self, only: Sequence[str] = ()) -> tuple[RunModel, ...]:
        """Return the models, or those asked for in their order."""
        return read_models(self.models, only)

    def draw(self, figure: Figure, only: Sequence[str] = (), **instead: object) -> Drawn:
        """Draw `figure` of its files, or of what stands `instead` of them."""
        drawing = drawing_of(figure)
        given = self.given_to(figure, only) | instead
        return draw(drawing, load(self.run_models(only), **given, scores=drawing.scores))


def write_files(folder: Path, shapes: Sequence[Shape]) -> Files:
    """Write every kind of file of `shapes`."""
    write_models(folder / "models.json", {shape.id: shape.entry for shape in shapes})
    tables = {analysis: [write_model_table(folder / "tables", shape, analysis) for shape in shapes] for analysis in ANALYSES}
    maps = [write_maps(folder / "maps", shape) for shape in shapes]
    return Files(folder / "models.json", tables, maps, write_cka(folder / "cka.parquet", shapes))


def drawing_of(figure: Figure) -> Drawing:
    """Return how a figure of a study is drawn."""
    return Drawing.of(find_study(figure.study), figure)


def read_all(files: Files, study: str) -> FigureData:
    """Read every file, with all scores of `study`."""
    tables = [path for paths in files.tables.values() for path in paths]
    return load(files.run_models(), tables, {"attention": files.maps}, {"cka": files.cka}, find_study(study).scores)


def _attention_rows(shape: Shape, _: str, rng: np.random.Generator) -> Iterator[tuple]:
    """Yield dataset, layer, facet, head, metric, setting, value, unit, half the width of the interval."""
    depth = np.linspace(0, 1, shape.layers)
    course = 0.45 - 0.25 * np.sin(np.pi * depth) - (0.15 * depth if shape.supervision == "reconstruction" else 0)

    def row(metric, layer, head, value, setting="", ci=0.0, unit="longer grid side"):
        return "demo_val", layer, "attention", head, metric, setting, float(value), unit, ci

    for layer in range(1, shape.layers + 1):
        distances = np.clip(course[layer - 1] + 0.12 * rng.standard_normal(shape.heads), 0.02, 0.7)
        yield row("attention_distance", layer, "mean", distances.mean(), ci=0.012)
        for head, distance in enumerate(distances, 1):
            weights = np.array([1, 3, 1, 1.5, 0.5, 3 + 4 * depth[layer - 1], 1])
            kind = str(rng.choice(KINDS, p=weights / weights.sum()))
            if kind in ("offset_local", "displaced") and not shape.has_offset:
                kind = "soft_local"
            if (layer, head) == (1, 1) and shape.has_offset:
                kind = "offset_local"
            x, y = (rng.normal(0, 0.15, 2) if kind in ("offset_local", "displaced") else rng.normal(0, 0.01, 2)).round(4)
            yield row("attention_distance", layer, str(head), distance)
            for of, scale in (("offset", 1), ("peak_offset", 1.5)):
                for name, value in (("x", x), ("y", y), ("distance", np.hypot(x, y))):
                    yield row(f"{of}_{name}", layer, str(head), scale * value)
            yield row("head_kind", layer, str(head), 1, kind, unit="")
        for metric in ("mask_iou_cls", "mask_iou_spatial"):
            best = 0.2 + 0.25 * (1 - np.exp(-5 * depth[layer - 1])) + 0.02 * rng.standard_normal()
            yield row(metric, layer, "best", best, "max over heads per image, then mean", 0.01, "IoU")
            yield row(metric, layer, "best", best - 0.08, "mean over images, then max over heads", 0.01, "IoU")
            for head in range(1, shape.heads + 1):
                yield row(metric, layer, str(head), best - 0.1, "per head", unit="IoU")


_SCORES = {
    "clustering": [
        (facet, metric, setting, dataset, 1.0)
        for facet, dataset in (
            ("cls", "imagenet_50"),
            ("mean_patch", "imagenet_50"),
            ("object", "coco"),
            ("part", "partimagenet"),
        )
        for metric in ("purity", "nmi", "ari")
        for setting in ("normal", "dense")
        if setting == "normal" or facet in ("object", "part")
    ],
    "knn": [
        ("cls", f"knn_top{top}", f"k = {k}", "imagenet_1k", 1.1 if top == 5 else 1 - 0.05 * np.log10(k / 10))
        for top in (1, 5)
        for k in (10, 20, 100, 200)
    ],
    "retrieval": [
        ("cls", metric, setting, "roxford5k", part * (0.8 if metric == "mean_average_precision" else 1))
        for setting, part in (("easy", 0.8), ("medium", 0.6), ("hard", 0.3))
        for metric in ("mean_average_precision", "mean_precision_at_1", "mean_precision_at_5", "mean_precision_at_10")
    ],
    "video": [
        ("token", metric, setting, "davis_2017", (0.55 if setting == "normal" else 0.85) * (0.2 if "decay" in metric else 1))
        for setting in ("normal", "dense")
        for metric in ("jf_mean", "j_mean", "j_recall", "j_decay", "f_mean", "f_recall", "f_decay")
    ],
    "keypoints": [
        ("token", metric, setting, "spair_71k", part)
        for setting in ("thesis rule", "per-point rule", "thesis rule, cat", "per-point rule, cat")
        for metric, part in (("pck_0.1", 0.4), ("pck_0.05", 0.25), ("pck_0.01", 0.1))
    ],
    "residual": [
        (facet, "skip_branch_ratio", setting, "imagenet_50", 1.0)
        for facet in ("attention", "mlp")
        for setting in ("cls", "spatial", "all")
    ],
}


def _score_rows(shape: Shape, analysis: str, rng: np.random.Generator) -> Iterator[tuple]:
    """Yield the same: values rise with depth; those of the random baseline are level."""
    depth = np.linspace(0, 1, shape.layers)
    level = _LEVEL[shape.supervision] + 0.04 * rng.standard_normal()
    local = analysis in ("video", "keypoints") or shape.display_name.startswith("BEiT")
    rise = 0.2 + 0.8 / (1 + np.exp(-9 * (depth - 0.55))) - (0.35 * np.maximum(0, depth - 0.75) if local else 0)
    unit = "ratio" if analysis == "residual" else "share"
    for facet, metric, setting, dataset, part in _SCORES[analysis]:
        noise = rng.standard_normal(shape.layers)
        values = part * level * (rise if shape.supervision != "none" else 0.6 + 0.1 * depth) * (1 + 0.02 * noise)
        if analysis == "residual":
            values = (1.5 + 12 * depth**2 * (2 if facet == "mlp" else 1) * (2.5 if setting == "cls" else 1)) * (1 + 0.1 * noise)
        if shape.id == RANDOM.id:
            values = 0.07 * part + 0.001 * noise
        for layer, value in enumerate(values.tolist(), 1):
            yield dataset, layer, facet, "", metric, setting, value, unit, 0.04 * abs(value)


def write_cka(path: Path, shapes: Sequence[Shape], seed: int = 0) -> Path:
    """Write the comparisons of `shapes` in the layout of the workflow; reconstruction models show an X over depth."""
    rng = np.random.default_rng(seed)
    n, frames = len(shapes), []
    family = np.array([shape.supervision for shape in shapes])

    def add(first, second, layer, other_layer, facet, other_facet, setting, values, ci=np.nan):
        size = len(values)
        same = {"study": "thesis", "analysis": "cka", "dataset": "imagenet_50", "head": "", "unit": "similarity", "n": 480}
        same |= {"model": first.id, "other_model": second.id, "setting": setting, "higher_is_better": pd.NA}
        for metric, shift in (("cka_minmax", 0), ("cka_plain", -0.01)):
            values = values + shift
            own = {
                "layer": layer,
                "other_layer": other_layer,
                "facet": facet,
                "other_facet": other_facet,
                "metric": [metric] * size,
            }
            frames.append(pd.DataFrame({**own, "value": values, "ci_low": values - ci, "ci_high": values + ci, **same}))

    for setting in ("cls", "spatial", "all"):
        noise = rng.random((n, n))
        for i in range(n):
            for j in range(i, n):
                value = 1.0 if i == j else (0.45 + 0.5 * noise[i, j] if family[i] == family[j] else 0.6 * noise[i, j])
                value = value if i == j or RANDOM not in (shapes[i], shapes[j]) else -0.02 + 0.04 * noise[i, j]
                depths = [shapes[i].layers], [shapes[j].layers]
                add(shapes[i], shapes[j], *depths, ["token"], ["token"], setting, np.array([value]), 0.02)
    for i, first in enumerate(shapes):
        for second in shapes[i:]:
            sites = [np.arange(2 * shape.layers) for shape in (first, second)]
            a, b = (grid.ravel() for grid in np.meshgrid(*sites, indexing="ij"))
            u, v = a / (2 * first.layers - 1), b / (2 * second.layers - 1)
            values = np.exp(-(((u - v) / 0.3) ** 2)) * (1 if first is second else 0.7)
            if "reconstruction" in (first.supervision, second.supervision):
                values = np.maximum(values, 0.8 * np.exp(-(((u + v - 1) / 0.15) ** 2)))
            norms = [[f"norm{1 + site % 2}" for site in sites] for sites in (a, b)]
            add(first, second, a // 2 + 1, b // 2 + 1, *norms, "all", values)
    for shape in shapes:
        a, b = (grid.ravel() for grid in np.meshgrid(*[np.arange(shape.layers)] * 2, indexing="ij"))
        for part, far in (("attention", 0.3), ("mlp", 0.15)):
            values = np.exp(-(((a - b) / shape.layers / far) ** 2))
            add(shape, shape, a + 1, b + 1, [f"{part}_skip"] * len(a), [f"{part}_branch"] * len(a), "all", values)
    frame = pd.concat(frames, ignore_index=True)[list(COLUMNS)].astype(COLUMNS)
    return save_table(path, frame)


def save_table(path: Path, frame: pd.DataFrame) -> Path:
    """Write `frame` as the workflow does."""
    write_table(path, frame.astype(COLUMNS), {"passes": {}, "settings": {}, "seed": 0})
    return path


def write_maps(folder: Path, shape: Shape, seed: int = 0, n_images: int = 10) -> Path:
    """Write maps of `shape` that look like attention: blobs, dots, shifted neighbourhoods."""
    rng = np.random.default_rng([seed, *shape.id.encode()])
    size = (shape.layers, shape.heads)
    y, x = np.mgrid[: shape.rows, : shape.columns].astype(np.float32)

    def blobs(lead: tuple[int, ...]) -> np.ndarray:
        centre_y = rng.uniform(0.2, 0.8, (*lead, 1, 1)) * shape.rows
        centre_x = rng.uniform(0.2, 0.8, (*lead, 1, 1)) * shape.columns
        width = rng.uniform(0.1, 0.5, (*lead, 1, 1)) * shape.rows
        blob = np.exp(-((y - centre_y) ** 2 + (x - centre_x) ** 2) / (2 * width**2)) + 0.1 * rng.random((*lead, *y.shape))
        blob = blob.reshape(*lead, -1)
        full = np.concatenate([np.full((*lead, shape.prefix), blob.max()), blob], -1)
        return (full / full.sum(-1, keepdims=True)).astype(np.float32)

    dy, dx = np.mgrid[1 - shape.rows : shape.rows, 1 - shape.columns : shape.columns]
    shift = rng.normal(0, 1.5, (2, *size, 1, 1))
    spread = rng.uniform(0.4, shape.rows / 2, (2, *size, 1, 1))
    reach = (shape.rows - np.abs(dy)) * (shape.columns - np.abs(dx))
    aligned = np.exp(-(((dy - shift[0]) / spread[0]) ** 2) - ((dx - shift[1]) / spread[1]) ** 2) * reach
    arrays = {name: blobs(size) for name in ("average_all", "average_cls", "average_spatial", "average_spatial_pure")}
    arrays["aligned"] = (aligned / aligned.sum((-2, -1), keepdims=True)).astype(np.float32)
    arrays["single_cls"] = blobs((n_images, *size))
    arrays["single_image"] = _images(n_images)
    path = folder / f"{shape.id}.safetensors"
    header = {"model": shape.id, "n_images": "480", "n_prefix": str(shape.prefix)}
    header |= {"rows": str(shape.rows), "cols": str(shape.columns)}
    write_arrays(path, arrays, header | {"image_ids": json.dumps([f"val/{i:05d}" for i in range(n_images)])})
    return path


def _images(count: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:64, :64] / 64
    images = []
    for _ in range(count):
        sky, ground, thing = rng.integers(40, 255, (3, 3))
        image = np.where((y > rng.uniform(0.5, 0.8))[..., None], ground, sky)
        middle = rng.uniform(0.3, 0.7, 2)
        image = np.where((np.hypot(y - middle[0], (x - middle[1]) / 1.6) < 0.18)[..., None], thing, image)
        images.append(image)
    return np.array(images, dtype=np.uint8)
