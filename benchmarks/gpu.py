"""The page of a GPU: what the card does bare, and how much of it passes, reading and searches leave.

Runs only where there is one; the card's name stands in every row. Rates of the bare forward have no bound: they are the card's.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import timm
import torch

from benchmarks import row
from benchmarks.passes import ENTRY, TOGETHER, Images, collectors
from workflow_scripts.common.device import compute_device
from workflow_scripts.metrics.exact_neighbours import nearest
from workflow_scripts.metrics.neighbours import nearest_neighbours
from workflow_scripts.onepass.engine import run_pass
from workflow_scripts.onepass.source import CropSource
from workflow_scripts.zoo.load import adapt
from workflow_scripts.zoo.precision import HALVES, products
from workflow_scripts.zoo.registry import entry_from_dict
from workflow_scripts.zoo.vit import Vit

PRECISIONS = ("float32", *HALVES)


@dataclass(frozen=True)
class Sizes:
    """How much is measured: a network of timm at a size of images, images and a batch of them, features to search, rounds."""

    network: str = ENTRY["build"]["name"]
    side: int = 224
    images: int = 2048
    batch: int = 128
    gallery: int = 500_000
    queries: int = 20_000
    width: int = 768
    neighbours: int = 20
    rounds: int = 3


def measure() -> list[dict]:
    """Return the page, or nothing, and a line that says so, where there is no GPU."""
    if not torch.cuda.is_available():
        print("gpu: not measured, there is no NVIDIA GPU here")
        return []
    with compute_device("require") as device:
        return page(device, Sizes())


def page(device: str, sizes: Sizes) -> list[dict]:
    """Return the rows of the page, measured on `device`; on the CPU only to see that they can be measured."""
    card = torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu"
    return [
        row(what, value, unit, least, detail=f"{card}, PyTorch {torch.__version__}; {detail}")
        for what, value, unit, least, detail in [*_passes(device, sizes), *_searches(device, sizes)]
    ]


def _passes(device: str, sizes: Sizes) -> list[tuple]:
    model = timm.create_model(sizes.network, pretrained=False, num_classes=0, img_size=sizes.side)
    model = model.eval().requires_grad_(False).to(device)
    vit = adapt(model, entry_from_dict("bench", ENTRY))
    images = Images(sizes.batch, vit.device, sizes.side)
    found = []
    for precision in PRECISIONS:
        vit.precision = precision
        rates = _rates(_forwards(model, vit, images), sizes.batch, sizes.rounds, vit.device)
        detail = f"{sizes.network}, {sizes.side} px, batch {sizes.batch}, {precision}, median of {sizes.rounds}"
        found.append((f"bare forward, {precision}", statistics.median(rates["bare"]), "img/s", None, detail))
        for name, what, least in (
            ("features", "pass without attention", 0.95),
            ("all", f"pass with all {len(TOGETHER)} collectors", 0.6),
        ):
            found.append((f"{what} / bare forward, {precision}", _ratio(rates[name], rates["bare"]), "x", least, detail))
    vit.precision = "bf16"  # the faster, the harder to hide reading
    rates = _rates(_readings(vit, sizes), sizes.images, sizes.rounds, vit.device)
    detail = f"{sizes.network}, {sizes.images} crops of {sizes.side} px on disk, batch {sizes.batch}, bf16"
    found += [
        ("pass that reads ahead / pass over one batch in memory", _ratio(rates["ahead"], rates["memory"]), "x", 0.9, detail),
        ("pass that reads ahead / pass that does not", _ratio(rates["ahead"], rates["behind"]), "x", 1.0, detail),
    ]
    return found


def _forwards(model: torch.nn.Module, vit: Vit, images: Images) -> dict[str, Callable[[], object]]:
    def bare() -> None:
        with torch.inference_mode(), products(vit.precision, vit.device):
            model.forward_features(images.image)

    def passed(names: list[str]) -> Callable[[], None]:
        return lambda: run_pass(vit, "bench", images, collectors(names), len(images))

    return {"bare": bare, "features": passed(["pooled_features"]), "all": passed(TOGETHER)}


def _readings(vit: Vit, sizes: Sizes) -> dict[str, Callable[[], object]]:
    folder = tempfile.TemporaryDirectory()  # removed with the functions that read it
    crops, samples = Path(folder.name) / "crops.npy", Path(folder.name) / "samples.parquet"
    shape = (sizes.images, sizes.side, sizes.side, 3)
    np.save(crops, np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    columns = {"id": np.arange(sizes.images).astype(str), "label": 0, "first_crop": np.arange(sizes.images), "n_crops": 1}
    pd.DataFrame(columns | {"height": sizes.side, "width": sizes.side}).to_parquet(samples)
    source, batch = CropSource(vit, crops, samples), Images(sizes.batch, vit.device, sizes.side)

    def again() -> None:
        for _ in range(0, sizes.images, sizes.batch):
            run_pass(vit, "bench", batch, collectors(["pooled_features"]), sizes.batch)

    def reading(ahead: bool) -> Callable[[], None]:
        return lambda _folder=folder: run_pass(vit, "bench", source, collectors(["pooled_features"]), sizes.batch, ahead=ahead)

    return {"memory": again, "ahead": reading(True), "behind": reading(False)}


def _searches(device: str, sizes: Sizes) -> list[tuple]:
    """Return the shares of the rate of one large float32 product that searches reach: 1-NN on the device, k-NN on the CPU."""
    rng = np.random.default_rng(0)
    gallery, queries = (rng.standard_normal((n, sizes.width), np.float32) for n in (sizes.gallery, sizes.queries))
    operations = 2.0 * sizes.gallery * sizes.queries * sizes.width
    side = min(8192, sizes.gallery)
    square = torch.ones(side, side, device=device)
    pages = np.ones((min(2048, side),) * 2, np.float32)

    def in_process() -> None:
        nearest_neighbours(gallery[:, None], queries[:, None], sizes.neighbours)

    runs = {
        "peak": (lambda: square @ square, 2.0 * side**3),
        "one": (lambda: nearest(gallery, queries, device=device), operations),
        "peak of the CPU": (lambda: pages @ pages, 2.0 * len(pages) ** 3),
        "many": (in_process, operations),
    }
    where = torch.device(device)
    rates = {name: _rates({name: run}, count, sizes.rounds, where)[name] for name, (run, count) in runs.items()}
    detail = f"{sizes.queries} queries in {sizes.gallery} x {sizes.width}, float32; one product "
    on_device, on_cpu = (f"{statistics.median(rates[name]) / 1e12:.2f} TFLOP/s" for name in ("peak", "peak of the CPU"))
    return [
        (
            "1-NN, share of a float32 product on the same device",
            _ratio(rates["one"], rates["peak"]),
            "x",
            0.3,
            detail + on_device,
        ),
        (
            "k-NN, share of a float32 product on the CPU",
            _ratio(rates["many"], rates["peak of the CPU"]),
            "x",
            None,
            detail + on_cpu,
        ),
    ]


def _rates(runs: dict[str, Callable[[], object]], count: float, rounds: int, device: torch.device) -> dict[str, list[float]]:
    """Return how many of `count` things each run does in a second, turn by turn; the first turn warms up."""
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            start = _now(device)
            run()
            if turn:
                rates[name].append(count / (_now(device) - start))
    return rates


def _ratio(one: list[float], other: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
