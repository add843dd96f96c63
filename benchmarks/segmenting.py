"""Codebooks of all layers and facets in one fit, and images segmented by them (ViT-B/16, random weights)."""

from __future__ import annotations

import statistics
import time

import numpy as np
import timm
import torch
from torch import Tensor
from torch.nn.functional import interpolate, normalize

from benchmarks import row
from benchmarks.passes import ENTRY
from workflow_scripts.metrics.pixel_clusters import pixel_clusters
from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.codebooks import Codebooks
from workflow_scripts.zoo.load import adapt
from workflow_scripts.zoo.registry import entry_from_dict
from workflow_scripts.zoo.vit import Vit

CLUSTERS, BATCH, ROUNDS = 27, 24, 3
FACETS = ["query", "key", "value", "token", "token_normed"]
ONE = ["token_normed"]  # the last layer alone has it: one codebook
SIDE, GRID, WIDTH = 320, (20, 20), 768
_SHARE_OF_LABELS = 0.9999  # of equal labels: the two round differently where two centroids are as near as float32 can tell


def measure() -> list[dict]:
    """Return the ratios of both."""
    return [*_fitting(), *_predicting()]


def _fitting() -> list[dict]:
    """Time a step of one codebook, of all, and the bare forward, in turn, over the same images of 224 pixels."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    bare = timm.create_model(ENTRY["build"]["name"], pretrained=False, num_classes=0).eval().requires_grad_(False).to(device)
    vit = adapt(bare, entry_from_dict("bench", ENTRY))
    image = torch.randn(BATCH, 3, 224, 224, generator=torch.Generator().manual_seed(0)).to(device)
    batch = Batch(np.arange(BATCH), image, None)
    fits = {}
    for name, facets in (("one", ONE), ("all", FACETS)):
        options = {"facets": facets, "clusters": CLUSTERS, "steps": 2 * ROUNDS + 2, "batch_size": BATCH, "pca_batches": 1}
        fits[name] = Codebooks(12, **options, learning_rate=0.005)
        for _ in range(2):  # the start, and a step to warm up
            _step(vit, fits[name], batch)
    seconds = {name: [] for name in ("bare", *fits)}
    for _ in range(ROUNDS):
        start = _now(device)
        with torch.inference_mode():
            bare.forward_features(image)
        seconds["bare"].append(_now(device) - start)
        for name, fit in fits.items():
            start = _now(device)
            _step(vit, fit, batch)
            seconds[name].append(_now(device) - start)
    count = 12 * (len(FACETS) - 1) + 1
    detail = f"ViT-B/16, batch {BATCH} of 224 px, K = {CLUSTERS}, {device.type}, a step after the start, median of {ROUNDS}; "
    detail += f"bare forward {BATCH / statistics.median(seconds['bare']):.1f} images/s"
    against = {"one codebook": ("one", 1.5), "bare timm forward": ("bare", 1.25)}
    return [
        row(
            f"fit of all {count} codebooks / {what} (seconds)",
            statistics.median(a / b for a, b in zip(seconds["all"], seconds[other], strict=True)),
            "x",
            most=bound,
            detail=detail,
        )
        for what, (other, bound) in against.items()
    ]


def _step(vit: Vit, fit: Codebooks, batch: Batch) -> None:
    for layer in vit.layers(batch.image, attention=False):
        fit.update(LayerView(layer), batch)


def _predicting() -> list[dict]:
    """Time segmenting an image by one facet of one layer: upsampled dot products against upsampled features, in turn."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    ratios, equal, speeds = [], [], []
    for seed in range(ROUNDS + 1):
        generator = torch.Generator().manual_seed(seed)
        features = torch.randn(1, GRID[0] * GRID[1], WIDTH, generator=generator).to(device)
        centroids = torch.randn(CLUSTERS, WIDTH, generator=generator).to(device)
        start = _now(device)
        ours = pixel_clusters(features, centroids, GRID, (SIDE, SIDE))
        middle = _now(device)
        expected = by_upsampling(features, centroids)
        end = _now(device)
        equal.append((ours == expected).float().mean().item())
        if seed:  # the first warms up
            ratios.append((end - middle) / (middle - start))
            speeds.append(1 / (middle - start))
    torch.set_num_threads(threads)
    detail = (
        f"{SIDE} x {SIDE} pixels, width {WIDTH}, K = {CLUSTERS}, one facet of one layer, {device.type}, one thread, median of "
    )
    detail += (
        f"{ROUNDS}; {statistics.median(speeds):.0f} images/s; largest array {CLUSTERS} x {SIDE} x {SIDE} whatever the width"
    )
    return [
        row(
            "segmenting by upsampled dot products / by upsampled features (images/s)",
            statistics.median(ratios),
            "x",
            20.0,
            detail=detail,
        ),
        row("segmenting, pixels with the same label both ways", min(equal), "share", _SHARE_OF_LABELS, detail=detail),
    ]


def by_upsampling(features: Tensor, centroids: Tensor) -> Tensor:
    """Return the cluster of every pixel by the definition, word for word: upsample features, then the largest cosine."""
    maps = features.transpose(1, 2).unflatten(2, GRID)
    pixels = normalize(interpolate(maps, (SIDE, SIDE), mode="bilinear", align_corners=False), dim=1)
    return torch.einsum("kd,bdhw->bkhw", normalize(centroids, dim=1), pixels).argmax(1)


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()
