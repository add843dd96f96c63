"""The one pass against the bare forward pass, and against one pass per statistic (ViT-B/16, random weights)."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import timm
import torch

from benchmarks import row
from workflow_scripts.onepass.batch import Batch, Regions
from workflow_scripts.onepass.collector import Collector
from workflow_scripts.onepass.collectors import COLLECTORS, collector_class
from workflow_scripts.onepass.engine import run_pass
from workflow_scripts.zoo.load import adapt
from workflow_scripts.zoo.registry import entry_from_dict

BATCH, ROUNDS = 8, 3
# The ordered collectors follow videos and pairs of images, which come in passes of their own; of ground truth these have masks.
TOGETHER = [name for name in COLLECTORS if not collector_class(name).ordered and COLLECTORS[name].truth in ("", "masks")]
ATTENTION = [name for name in COLLECTORS if collector_class(name).attention]
ENTRY = {
    "display_name": "ViT-B/16",
    "supervision": "none",
    "method": "random weights",
    "architecture": "ViT-B/16",
    "layers": 12,
    "heads": 12,
    "dim": 768,
    "patch": 16,
    "prefix_tokens": 1,
    "image_size": 224,
    "adapter": "timm_vit",
    "build": {"library": "timm", "name": "vit_base_patch16_224.dino"},
    "checkpoint": {"source": {"type": "none"}},
    "normalisation": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
    "licence": "none",
}


class Images:
    """One batch of random images with labels and object masks."""

    def __init__(self, count: int, device: torch.device, side: int = 224) -> None:
        """Make `count` images of `side` pixels, for patches of 16."""
        generator = torch.Generator().manual_seed(0)
        self.image = torch.randn(count, 3, side, side, generator=generator).to(device)
        self.label = torch.randint(0, 50, (count,), generator=generator).numpy()
        self.mask = (torch.rand(count, (side // 16) ** 2, generator=generator) < 0.3).to(device)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.image)

    def name(self, position: int) -> str:
        """Return an id."""
        return str(position)

    def read(self, start: int, stop: int) -> Batch:
        """Return a batch."""
        part = slice(start, stop)
        masks = {"object_mask": self.mask[part], "has_object": np.ones(stop - start, bool)}
        soft = [mask.float() / mask.sum().clamp(min=1) for mask in self.mask[part]]
        regions = {"object": Regions(np.arange(start, stop), np.arange(stop - start), soft)}
        return Batch(np.arange(start, stop), self.image[part], self.label[part], **masks, regions=regions)


def collectors(names: list[str]) -> list[Collector]:
    """Return empty collectors with the demo's options."""
    options = {
        "average_attention": {"n_classes": 50},
        "chosen_attention": {"cls_images": [0], "whole_images": [0]},
        "chosen_head_average": {"images": [0], "queries": [[0.5, 0.5]]},
        "pooled_features": {"facets": ["cls", "mean_patch"], "precision": "float16"},
        "pooled_normed": {"facets": ["cls", "mean_patch"], "precision": "float16"},
        "cls_facets": {"facets": ["token"], "layers": [12], "precision": "float16"},
        "feature_moments": {"layers": [12]},
        "token_norms": {"images": [0]},
        "patch_norms": {"layers": [12], "facets": ["token"]},
        "drawn_tokens": {"cutoff": 1.0, "draws": 1, "precision": "float16", "seed": 0},
        "discovered_boxes": {"layers": [12], "facets": ["key"], "biases": [0.0]},
        "gram_blocks": {"block": 8, "n_images": 64},
        "patch_store": {
            "facets": ["token"],
            "layers": [12],
            "patches": 640,
            "precision": "float16",
            "seed": 0,
            "n_images": 64,
        },
    }
    return [collector_class(name)(12, None, **options.get(name, {})) for name in names]


def measure() -> list[dict]:
    """Time the passes in turn and return the ratios."""
    torch.set_flush_denormal(True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    batch = BATCH if device.type == "cpu" else 64
    model = timm.create_model(ENTRY["build"]["name"], pretrained=False, num_classes=0).eval().requires_grad_(False).to(device)
    vit = adapt(model, entry_from_dict("bench", ENTRY))
    images = Images(batch, device)

    def bare() -> None:
        with torch.inference_mode():
            model.forward_features(images.image)

    def our_pass(names: list[str]) -> Callable[[], None]:
        return lambda: run_pass(vit, "bench", images, collectors(names), batch)

    def one_each() -> None:
        for name in ATTENTION:
            run_pass(vit, "bench", images, collectors([name]), batch)

    runs = {
        "bare": bare,
        "features": our_pass(["pooled_features"]),
        "attention": our_pass(TOGETHER),
        "statistics": our_pass(ATTENTION),
        "one_each": one_each,
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(ROUNDS + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if turn:  # the first turn warms up
                seconds[name].append(time.perf_counter() - start)

    forwards = 0
    embed = vit.embed

    def counting(pixels: torch.Tensor) -> torch.Tensor:
        nonlocal forwards
        forwards += len(pixels)
        return embed(pixels)

    vit.embed = counting
    our_pass(["gram_blocks"])()
    vit.embed = embed

    def ratio(one: str, other: str) -> float:
        return statistics.median(a / b for a, b in zip(seconds[one], seconds[other], strict=True))

    detail = f"ViT-B/16, batch {batch}, {device.type}, {torch.get_num_threads()} threads, median of {ROUNDS}; "
    detail += f"bare forward {batch / statistics.median(seconds['bare']):.1f} images/s"
    return [
        row("pass without attention / bare timm forward (images/s)", ratio("bare", "features"), "x", 0.95, detail=detail),
        row(
            "forward passes of an image and model for CKA with any number of models",
            forwards / batch,
            "",
            most=1.0,
            detail="counted in a pass that gathers Gram blocks; comparing models reads those alone",
        ),
        row(
            f"pass with all {len(TOGETHER)} collectors / bare timm forward (images/s)",
            ratio("bare", "attention"),
            "x",
            0.6,
            detail=detail,
        ),
        row(
            f"one pass per statistic / one pass for all {len(ATTENTION)} (seconds)",
            ratio("one_each", "statistics"),
            "x",
            4.0,
            detail=detail,
        ),
    ]
