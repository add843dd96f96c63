"""Made-up tables and maps in the shapes that the workflow writes, from a small numpy generator."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from workflow_scripts.common.table import COLUMNS, write_table

KINDS = ("strict_local", "soft_local", "axial_local", "offset_local", "global", "sparse_repeating")


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
RANDOM = Shape("random_baseline", "Random attention", "none", layers=12)
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


def write_model_table(folder: Path, shape: Shape, seed: int = 0) -> Path:
    """Write the parquet table of `shape`; one interval of the first layer is unknown (NaN)."""
    rng = np.random.default_rng([seed, *shape.id.encode()])
    depth = np.linspace(0, 1, shape.layers)
    course = 0.45 - 0.25 * np.sin(np.pi * depth) - (0.15 * depth if shape.supervision == "reconstruction" else 0)
    rows: list[tuple] = []

    def add(metric, layer, head, value, setting="", ci=0.0, unit="longer grid side"):
        low, high = (value - ci, value + ci) if ci and layer > 1 else (np.nan, np.nan)
        place = ("thesis", "attention", "demo_val", shape.id, layer, "attention", head)
        rows.append((*place, metric, setting, value, 480, low, high, unit, None))

    for layer in range(1, shape.layers + 1):
        distances = np.clip(course[layer - 1] + 0.12 * rng.standard_normal(shape.heads), 0.02, 0.7)
        add("attention_distance", layer, "mean", float(distances.mean()), ci=0.012)
        for head, distance in enumerate(distances, 1):
            kind = str(rng.choice(KINDS, p=np.array([1, 3, 1, 2, 3 + 4 * depth[layer - 1], 1]) / (11 + 4 * depth[layer - 1])))
            if kind == "offset_local" and not shape.has_offset:
                kind = "soft_local"
            if (layer, head) == (1, 1) and shape.has_offset:
                kind = "offset_local"
            x, y = (rng.normal(0, 0.15, 2) if kind == "offset_local" else rng.normal(0, 0.01, 2)).round(4)
            for name, value in (
                ("attention_distance", distance), ("offset_x", x), ("offset_y", y), ("offset_distance", np.hypot(x, y)),
            ):  # fmt: skip
                add(name, layer, str(head), float(value))
            add("head_kind", layer, str(head), 1.0, kind, unit="")
        for metric in ("mask_iou_cls", "mask_iou_spatial"):
            best = float(0.2 + 0.25 * (1 - np.exp(-5 * depth[layer - 1])) + 0.02 * rng.standard_normal())
            add(metric, layer, "best", best, "max over heads per image, then mean", 0.01, "IoU")
            add(metric, layer, "best", best - 0.08, "mean over images, then max over heads", 0.01, "IoU")
            for head in range(1, shape.heads + 1):
                add(metric, layer, str(head), best - 0.1, "per head", unit="IoU")
    columns = "study analysis dataset model layer facet head metric setting value n ci_low ci_high unit higher_is_better"
    frame = pd.DataFrame(rows, columns=columns.split())
    return save_table(folder / f"{shape.id}.parquet", frame, shape)


def save_table(path: Path, frame: pd.DataFrame, shape: Shape) -> Path:
    """Write `frame` with the metadata of `shape`."""
    header = {"display_name": shape.display_name, "supervision": shape.supervision, "weights_sha256": "0" * 64}
    write_table(path, frame.astype(COLUMNS), header)
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
    path.parent.mkdir(parents=True, exist_ok=True)
    ids = json.dumps([f"val/{i:05d}" for i in range(n_images)])
    header = {
        "display_name": shape.display_name, "supervision": shape.supervision, "n_images": "480",
        "n_prefix": str(shape.prefix), "rows": str(shape.rows), "cols": str(shape.columns), "image_ids": ids,
    }  # fmt: skip
    save_file(arrays, path, metadata=header)
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
