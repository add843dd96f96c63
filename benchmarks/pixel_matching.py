"""Matching keypoints by pixels against upsampling the embeddings of both images, a pair at a time."""

from __future__ import annotations

import statistics
import time

import torch
from torch import Tensor
from torch.nn.functional import interpolate, normalize

from benchmarks import row
from workflow_scripts.metrics.pixel_correspondence import Area, match_pixels, pixel_references

# ViT-B/16, images of SPair-71k (500 x 375) with their long side at 960 pixels, and the points of a pair.
SIDE, PATCH, WIDTH, POINTS = 960, 16, 768, 8
AREA = Area(120, 0, 840, 960)
ROUNDS = 3


def measure() -> list[dict]:
    """Time both on pairs of one embedding of one layer, in turn, check that the matches are the same, and return the ratio.

    On a CPU the time is that of the processor, with one thread (see `benchmarks.propagation`). Every pair pays for its own
    target, though a target's pairs share what ours makes of it.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    grid, size = (SIDE // PATCH, SIDE // PATCH), (SIDE, SIDE)
    ratios, speeds = [], []
    for seed in range(ROUNDS):
        source, target, points = pair(seed, grid)
        source, target = source.to(device), target.to(device)
        match_pixels(pixel_references(source, grid, size, points), target, grid, size, AREA)  # warms up
        start = _now(device)
        ours = match_pixels(pixel_references(source, grid, size, points), target, grid, size, AREA)
        middle = _now(device)
        expected = by_upsampling(source, target, grid, size, points, AREA)
        end = _now(device)
        assert torch.equal(ours, expected), f"pair {seed}: the matches differ"
        assert len(torch.unique(ours, dim=0)) == POINTS, "points fell together: they compare nothing"
        ratios.append((end - middle) / (middle - start))
        speeds.append(1 / (middle - start))
    torch.set_num_threads(threads)
    detail = f"width {WIDTH}, grid {grid[0]} x {grid[1]}, {POINTS} points a pair, one embedding of one layer, {device.type}, "
    detail += f"one thread, median of {ROUNDS}; {statistics.median(speeds):.1f} pairs/s; same matches"
    what = f"matching by pixels / upsampling embeddings to {SIDE} px (pairs/s)"
    return [row(what, statistics.median(ratios), "x", 10.0, detail=detail)]


def by_upsampling(
    source: Tensor, target: Tensor, grid: tuple[int, int], size: tuple[int, int], points: Tensor, area: Area
) -> Tensor:
    """Return the matches [K, 2] of keypoints at centres of pixels by the definition, word for word."""
    column, line = points.long().unbind(-1)
    references = normalize(_upsampled(source, grid, size)[:, line, column].T, dim=1)
    pixels = _upsampled(target, grid, size)
    pixels /= torch.linalg.vector_norm(pixels, dim=0)
    cosine = (references @ pixels.flatten(1)).unflatten(1, size)[:, area.top : area.bottom, area.left : area.right]
    best, width = cosine.flatten(1).argmax(1), area.right - area.left
    return torch.stack([best % width + area.left, best // width + area.top], -1).cpu() + 0.5


def pair(seed: int, grid: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """Return tokens [N, WIDTH] of an image and of the same, moved and noisy, and points [POINTS, 2] inside the area."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(1, WIDTH, grid[0] // 4, grid[1] // 4, generator=generator)
    tokens = interpolate(coarse, size=grid, mode="bicubic")[0].permute(1, 2, 0)
    target = tokens.roll((3, -5), (0, 1)) + 0.5 * torch.randn(*grid, WIDTH, generator=generator)
    corner, end = torch.tensor([AREA.left, AREA.top]), torch.tensor([AREA.right, AREA.bottom])
    points = (corner + torch.rand(POINTS, 2, generator=generator) * (end - corner)).floor() + 0.5
    return tokens.flatten(0, 1), target.flatten(0, 1), points


def _upsampled(tokens: Tensor, grid: tuple[int, int], size: tuple[int, int]) -> Tensor:
    image = tokens.T.contiguous().unflatten(1, grid)
    return interpolate(image[None], size=size, mode="bilinear", align_corners=False)[0]


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()
