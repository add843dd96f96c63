"""Peak memory of a pass against the number of images."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import row

IMAGES = 1000
# A process of its own for each size, because the peak of a process never falls. A tiny model, so that what grows with the
# number of images cannot hide behind the model's own memory.
SCRIPT = """
import sys
from pathlib import Path
import numpy as np, pandas as pd, torch
from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.onepass.collector import PassFacts
from workflow_scripts.onepass.collectors import COLLECTORS, collector_class, make_collectors
from workflow_scripts.onepass.engine import run_pass
from workflow_scripts.onepass.source import CropSource
from workflow_scripts.onepass.states import write_states
from workflow_scripts.zoo.load import adapt, build_model
from workflow_scripts.zoo.registry import read_models

folder, count = Path(sys.argv[1]), int(sys.argv[2])
crops = np.lib.format.open_memmap(folder / "crops.npy", "w+", np.uint8, (count, 60, 60, 3))
crops[:] = 128
crops.flush()
del crops
samples = {"id": np.arange(count).astype(str), "label": np.arange(count) % 12, "first_crop": np.arange(count)}
pd.DataFrame(samples | {"n_crops": 1, "height": 60, "width": 60}).to_parquet(folder / "s.parquet")
masks = {"object_mask": np.ones((count, 144), np.uint8), "has_object": np.ones(count, np.uint8)}
write_arrays(folder / "m.safetensors", masks, {})
del masks
entry = read_models("config/models.yaml")["demo_dino"]
vit = adapt(build_model(entry), entry)
source = CropSource(vit, folder / "crops.npy", folder / "s.parquet", {"masks": folder / "m.safetensors"})
options = {
    "average_attention": {"per_class": True},
    "chosen_attention": {"cls_images": 10, "whole_images": 2},
    "pooled_features": {"facets": ["cls", "mean_patch"], "precision": "float16"},
    "gram_blocks": {"block": 8},
    "chosen_head_average": {"images": 4, "queries": [[0.5, 0.5]]},
    "pooled_normed": {"facets": ["cls", "mean_patch"], "precision": "float16"},
    "cls_facets": {"facets": ["token"], "layers": [-1], "precision": "float16"},
    "feature_moments": {"layers": [-1]},
    "token_norms": {"images": 4},
    "patch_norms": {"layers": [-1], "facets": ["token"]},
    "drawn_tokens": {"cutoff": 1.0, "draws": 1, "precision": "float16", "seed": 0},
    "discovered_boxes": {"layers": [-1], "facets": ["key"], "biases": [0.0]},
    "patch_store": {"facets": ["token"], "layers": "all", "patches": 4 * count, "precision": "float16", "seed": 0},
}
# Of ground truth this source has masks alone, and no regions.
known = [name for name in COLLECTORS if COLLECTORS[name].truth in ("", "masks") and name != "region_features"]
names = [name for name in known if not collector_class(name).ordered]
facts = PassFacts(count, 12, 8)
collectors = make_collectors({name: options.get(name, {}) for name in names}, facts, folder)
run_pass(vit, "bench", source, collectors, 32)
write_states(folder / "pass.safetensors", {"view": {c.name: c.state() for c in collectors}}, {})
# Not ru_maxrss, which on Linux begins at the peak of the process that started this one.
lines = Path("/proc/self/status").read_text().splitlines()
print(next(line for line in lines if line.startswith("VmHWM")).split()[1])
"""


def measure() -> list[dict]:
    """Run a pass over N and over 4 N images and return the ratio of their peak memories."""
    peaks = []
    for count in (IMAGES, 4 * IMAGES):
        with tempfile.TemporaryDirectory() as folder:
            made = subprocess.run(
                [sys.executable, "-c", SCRIPT, folder, str(count)],
                cwd=Path(__file__).resolve().parents[1],
                check=True,
                capture_output=True,
                text=True,
            )
        peaks.append(json.loads(made.stdout.splitlines()[-1]) / 1024)
    detail = f"demo ViT, all collectors, {IMAGES} images {peaks[0]:.0f} MiB, {4 * IMAGES} images {peaks[1]:.0f} MiB"
    return [row("peak memory of a pass, 4 x the images / the images", peaks[1] / peaks[0], "x", most=1.05, detail=detail)]
