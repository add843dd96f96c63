"""Label propagation through a video against a direct transcription of its definition, per patch grid of the dense geometry."""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch
from torch import Tensor

from benchmarks import row
from workflow_scripts.metrics.propagation import N_LAST, RADIUS, TEMPERATURE, TOP_K, Propagation, context_frames, unit
from workflow_scripts.metrics.video_scores import output_mask

FRAMES, WIDTH, CHANNELS = 10, 768, 3
# A 480 x 854 video at a short side of 448 pixels: patches of 16 and of 8 pixels. The last is the number of rounds.
GRIDS = [((28, 49), 16, 5), ((56, 98), 8, 1)]


def measure() -> list[dict]:
    """Time both on a synthetic sequence, frame by frame in turn, check that the masks are the same, and return the ratios.

    On a CPU the time is that of the processor, with one thread: on a busy machine the threads of many small operations wait
    for one another, those of a few large ones hardly do, and the ratio would tell of the other programs.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rows = [_compare(grid, patch, rounds, device) for grid, patch, rounds in GRIDS]
    torch.set_num_threads(threads)
    return rows


def _compare(grid: tuple[int, int], patch: int, rounds: int, device: torch.device) -> dict:
    tokens, first = sequence(grid)
    tokens, first = tokens.to(device), first.to(device)
    mask = window_mask(grid).to(device)
    ratios, speeds = [], []
    for _ in range(rounds):
        seconds = [0.0, 0.0]
        propagation = Propagation(unit(tokens[0]), first, grid)
        features, labels, answers = [unit(tokens[0])], [first], []
        for frame in range(1, FRAMES):
            start = _now(device)
            answers.append(propagation.step(unit(tokens[frame])))
            middle = _now(device)
            features.append(unit(tokens[frame]))
            context = context_frames(frame)
            labels.append(transcription(features[-1], [features[i] for i in context], [labels[i] for i in context], mask))
            if frame > 1:  # the first one warms up
                seconds[0] += middle - start
                seconds[1] += _now(device) - middle
        size = (grid[0] * patch, grid[1] * patch)
        for frame, both in enumerate(zip(answers, labels[1:], strict=True), 1):
            masks = [output_mask(soft.view(-1, *grid).cpu().numpy(), patch, size) for soft in both]
            assert np.array_equal(*masks), f"frame {frame}: the masks differ"
            assert masks[0].max() == CHANNELS - 1, "the sequence lost its objects: it compares nothing"
        ratios.append(seconds[1] / seconds[0])
        speeds.append((FRAMES - 2) / seconds[0])
    detail = f"{FRAMES} frames, width {WIDTH}, {CHANNELS} channels, {device.type}, one thread, "
    detail += f"median of {rounds}; {statistics.median(speeds):.1f} frames/s; same masks"
    what = f"label propagation / direct transcription, grid {grid[0]} x {grid[1]} (frames/s)"
    return row(what, statistics.median(ratios), "x", 3.0, detail=detail)


def transcription(query: Tensor, context: list[Tensor], labels: list[Tensor], mask: Tensor) -> Tensor:
    """Return the soft labels [K, N] of a frame by the definition, word for word, over all cells of the context."""
    affinity = torch.exp(torch.cat(context) @ query.T / TEMPERATURE)
    affinity *= mask.repeat(len(context), 1)
    threshold = affinity.topk(TOP_K, dim=0).values.min(0).values
    affinity[affinity < threshold] = 0
    affinity = affinity / affinity.sum(0, keepdim=True)
    return torch.cat(labels, 1) @ affinity


def window_mask(grid: tuple[int, int]) -> Tensor:
    """Return [N, N] float: 1 where source and query are at most the radius apart along both axes."""
    row_index, column_index = (x.flatten() for x in torch.meshgrid(*map(torch.arange, grid), indexing="ij"))
    near = [(x[:, None] - x).abs() <= RADIUS for x in (row_index, column_index)]
    return (near[0] & near[1]).float()


def sequence(grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return tokens [FRAMES, N, WIDTH] of two objects that move over a textured ground, and the first labels [3, N]."""
    generator = torch.Generator().manual_seed(0)
    rows, columns = grid
    ground, *kinds = torch.randn(3, WIDTH, generator=generator)
    texture = torch.randn(rows, columns, WIDTH, generator=generator)
    tokens, first = [], None
    for frame in range(FRAMES):
        label = torch.zeros(rows, columns, dtype=torch.long)
        shift = frame * columns // (4 * FRAMES)
        label[rows // 4 : rows // 2, columns // 8 + shift : columns // 3 + shift] = 1
        label[rows // 3 : 5 * rows // 6, columns // 2 - shift : 3 * columns // 4 - shift] = 2
        moved = [texture, texture.roll(shift, 1), texture.roll(-shift, 1)]
        image = torch.empty_like(texture)
        for channel, kind in enumerate((ground, *kinds)):
            image[label == channel] = (kind + moved[channel])[label == channel]
        noise = torch.randn(image.shape, generator=generator)
        tokens.append((image + 0.5 * noise).flatten(0, 1))
        if first is None:
            first = torch.nn.functional.one_hot(label.flatten(), CHANNELS).T.float()
    return torch.stack(tokens), first


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


assert N_LAST < FRAMES, "the context has to reach its full length"
