"""High-norm tokens: cost of histograms of norms in a pass, LOST against a plain transcription, memory of finding boxes."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks import row
from workflow_scripts.metrics.object_discovery import CANDIDATES, discovered_boxes
from workflow_scripts.onepass.batch import Batch
from workflow_scripts.onepass.collectors import collector_class
from workflow_scripts.onepass.engine import run_pass
from workflow_scripts.zoo.build import build_model
from workflow_scripts.zoo.load import adapt
from workflow_scripts.zoo.registry import entry_from_dict

SIDE, BATCH, ROUNDS = 518, 4, 7
ENTRY = {
    "display_name": "ViT-S/14",
    "supervision": "none",
    "method": "random weights",
    "architecture": "ViT-S/14",
    "layers": 12,
    "heads": 6,
    "dim": 384,
    "patch": 14,
    "prefix_tokens": 1,
    "image_size": SIDE,
    "adapter": "timm_vit",
    "build": {"library": "timm", "name": "vit_small_patch14_dinov2.lvd142m"},
    "checkpoint": {"source": {"type": "none"}},
    "normalisation": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
    "licence": "none",
}
GRID, WIDTH = (36, 27), 768  # an image of VOC, 500 x 375 pixels, in patches of 14; keys of a ViT-B
IMAGES = 400
# A process of its own for each number of images, of three sizes that no model was trained at, with boxes of two facets.
SCRIPT = """
import json, sys
from dataclasses import replace
from pathlib import Path
import numpy as np, pandas as pd, torch
from workflow_scripts.data.views import Padded
from workflow_scripts.onepass.collector import PassFacts
from workflow_scripts.onepass.collectors import make_collectors
from workflow_scripts.onepass.engine import run_pass
from workflow_scripts.onepass.padded_source import PaddedSource, padded_sizes
from workflow_scripts.onepass.source import CropSource
from workflow_scripts.onepass.states import write_states
from workflow_scripts.zoo.load import adapt, build_model
from workflow_scripts.zoo.registry import read_models

folder, count = Path(sys.argv[1]), int(sys.argv[2])
view = Padded(70, 5)
crops = np.lib.format.open_memmap(folder / "crops.npy", "w+", np.uint8, (count, *view.shape, 3))
crops[:] = 128
crops.flush()
del crops
sizes = np.array([(70, 50), (50, 70), (60, 60)])[np.arange(count) % 3]
samples = {"id": np.arange(count).astype(str), "label": -1, "first_crop": np.arange(count), "n_crops": 1}
samples |= {"image_height": sizes[:, 0], "image_width": sizes[:, 1], "height": sizes[:, 0], "width": sizes[:, 1]}
pd.DataFrame(samples).to_parquet(folder / "s.parquet")
entry = read_models("config/models.yaml")["demo_dino"]
facts = PassFacts(count, 0, 8)
options = {"discovered_boxes": {"facets": ["key", "value"], "layers": [-1], "biases": [-0.1, 0.0, 0.1]}}
collectors = make_collectors(options, facts, folder)
canvas = replace(entry, image_size=view.shape)
whole = adapt(build_model(canvas), canvas)
for size in [(50, 70), (60, 60), (70, 50)]:
    sized = replace(entry, image_size=size)
    vit = adapt(build_model(sized), sized)
    source = CropSource(whole, folder / "crops.npy", folder / "s.parquet", {})
    run_pass(vit, "bench", PaddedSource(source, size), collectors, 32)
write_states(folder / "pass.safetensors", {"view": {c.name: c.state() for c in collectors}}, {})
lines = Path("/proc/self/status").read_text().splitlines()
print(json.dumps(int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024))
"""


class Images:
    """One batch of random images."""

    def __init__(self) -> None:
        """Make the images."""
        self.image = torch.randn(BATCH, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))

    def __len__(self) -> int:
        """Return the number of images."""
        return BATCH

    def name(self, position: int) -> str:
        """Return an id."""
        return str(position)

    def read(self, start: int, stop: int) -> Batch:
        """Return a batch."""
        return Batch(np.arange(start, stop), self.image[start:stop])


def measure() -> list[dict]:
    """Return the share that histograms of norms add to a pass, the ratio of both ways to find boxes, and that of memory."""
    return [_norms(), _boxes(), _memory()]


def _norms() -> dict:
    """Time passes with and without the histograms in turn; the others keep pooled features, as most studies ask for."""
    entry = entry_from_dict("bench", ENTRY)
    vit, images = adapt(build_model(entry), entry), Images()
    pooled = {"facets": ["cls", "mean_patch"], "precision": "float16"}

    def seconds(with_norms: bool) -> float:
        collectors = [collector_class("pooled_features")(vit.n_layers, **pooled)]
        if with_norms:
            collectors.append(collector_class("token_norms")(vit.n_layers, images=[0]))
        start = time.process_time()
        run_pass(vit, "bench", images, collectors, BATCH)
        return time.process_time() - start

    seconds(with_norms=True)  # warms up
    pairs = [(seconds(with_norms=False), seconds(with_norms=True)) for _ in range(ROUNDS)]
    share = statistics.median(more / less for less, more in pairs) - 1
    detail = f"ViT-S/14 at {SIDE} px, batch {BATCH}, median of {ROUNDS} pairs; without {pairs[0][0]:.1f} s"
    return row("what histograms of all layers' norms add to a pass (CPU seconds)", share, "", most=0.03, detail=detail)


def _boxes() -> dict:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(GRID[0] * GRID[1], WIDTH, generator=generator)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    discovered_boxes(features, GRID)  # warms up
    start = time.perf_counter()
    for _ in range(5):
        found = discovered_boxes(features, GRID)
    ours = (time.perf_counter() - start) / 5
    start = time.perf_counter()
    expected = _plain(features.numpy(), GRID)
    plain = time.perf_counter() - start
    torch.set_num_threads(threads)
    assert found[0].tolist() == expected, "both ways must find one box"
    detail = f"{GRID[0]} x {GRID[1]} patches, width {WIDTH}, one thread; ours {1e3 * ours:.0f} ms, plain {1e3 * plain:.0f} ms"
    return row("LOST, plain transcription / ours (seconds)", plain / ours, "x", least=5.0, detail=detail)


def _plain(features: np.ndarray, grid: tuple[int, int]) -> list[int]:
    """Return LOST's box, the steps of the paper one after the other: the product by NumPy, the rest patch by patch."""
    gram = features @ features.T
    n = len(gram)
    degrees = [sum(1 for q in range(n) if q != p and gram[p, q] > 0) for p in range(n)]
    order = sorted(range(n), key=lambda p: (degrees[p], p))
    seed = order[0]
    similar = [p for p in order[:CANDIDATES] if p == seed or gram[seed, p] > 0]
    mask = [sum(gram[q, p] for q in similar) > 0 for p in range(n)]
    component, front = {seed}, [seed] if mask[seed] else []
    while front:
        y, x = divmod(front.pop(), grid[1])
        for row_, column in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            at = row_ * grid[1] + column
            if 0 <= row_ < grid[0] and 0 <= column < grid[1] and mask[at] and at not in component:
                component.add(at)
                front.append(at)
    rows, columns = zip(*(divmod(at, grid[1]) for at in component), strict=True)
    return [min(columns), min(rows), max(columns) + 1, max(rows) + 1]


def _memory() -> dict:
    peaks = []
    for count in (IMAGES, 4 * IMAGES):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-c", SCRIPT, folder, str(count)]
            root = Path(__file__).resolve().parents[1]
            made = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
        peaks.append(json.loads(made.stdout.splitlines()[-1]))
    detail = f"demo ViT, images of three sizes, {IMAGES} images {peaks[0]:.0f} MiB, {4 * IMAGES} images {peaks[1]:.0f} MiB"
    return row("peak memory of finding boxes, 4 x the images / the images", peaks[1] / peaks[0], "x", most=1.05, detail=detail)
