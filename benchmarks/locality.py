"""Mutual information of keys and queries against a direct transcription of its definition."""

from __future__ import annotations

import statistics
import time

import torch
from torch import Tensor

from benchmarks import row
from workflow_scripts.metrics.locality import information

# One layer of ViT-B/16 on four images of 320 pixels.
IMAGES, HEADS, CELLS = 4, 12, 400
ROUNDS = 7


def measure() -> list[dict]:
    """Time both on the same attention in turn, with one thread and the processor's time, and return the ratio.

    On a machine with a GPU, too: what it costs there is hidden behind the model.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    logits = torch.randn(IMAGES, HEADS, CELLS, CELLS, generator=torch.Generator().manual_seed(0))
    patches = logits.mul_(3).softmax(-1)
    ratios, seconds = [], []
    for _ in range(ROUNDS):
        start = time.process_time()
        ours = information(patches)
        middle = time.process_time()
        expected = transcription(patches)
        ratios.append((time.process_time() - middle) / (middle - start))
        seconds.append(middle - start)
        assert torch.allclose(ours.float(), expected, atol=1e-5), "the values differ"
    torch.set_num_threads(threads)
    milliseconds = 1000 * statistics.median(seconds) / IMAGES
    detail = f"{HEADS} heads, {CELLS} patches, cpu, one thread, median of {ROUNDS}; {milliseconds:.1f} ms an image and layer"
    what = "information of keys and queries, direct transcription / ours (seconds)"
    return [row(what, statistics.median(ratios), "x", 2.0, detail=detail)]


def transcription(patches: Tensor) -> Tensor:
    """Return I(K, Q) of [B, H, N, N] by the definition, word for word, [B, H]."""
    joint = patches / patches.shape[-1]
    product = joint.sum(-2, keepdim=True) * joint.sum(-1, keepdim=True)
    return torch.where(joint > 0, joint * torch.log(joint / product), 0).sum((-1, -2))
