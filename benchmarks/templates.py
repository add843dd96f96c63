"""Templates of 200 concepts: hyperplanes together against one after another, and the seconds of cosine templates."""

from __future__ import annotations

import time

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks import row
from workflow_scripts.metrics.cosine_templates import SUPPORTS, TRIALS, Objects, cosine_counts
from workflow_scripts.metrics.hyperplanes import draw_examples, fit_hyperplanes

OBJECTS, WIDTH, CONCEPTS, TOKENS = 20_000, 384, 200, 6
PATCHES = 10  # objects of an image
_ALONE = 20  # concepts that are learnt one after another; the others would take as long each


def measure() -> list[dict]:
    """Return the ratio of both ways to learn, their largest difference, and the seconds of the cosine templates."""
    with threadpool_limits(1):
        return [*_hyperplanes(), _cosines()]


def _hyperplanes() -> list[dict]:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    threads, train = torch.get_num_threads(), _objects(0, 1)
    torch.set_num_threads(1)
    examples = draw_examples(train.labels, range(CONCEPTS), 0)
    alone = examples[:: CONCEPTS // _ALONE]
    fit_hyperplanes(train.features, alone[:1], device=device)  # warms up
    start = _now(device)
    together = fit_hyperplanes(train.features, examples, device=device)
    middle = _now(device)
    each = [fit_hyperplanes(train.features, [one], device=device) for one in alone]
    seconds, one = middle - start, (_now(device) - middle) / len(alone)
    torch.set_num_threads(threads)
    among = together.weight[:: CONCEPTS // _ALONE]
    difference = max(np.abs(a - b.weight[0]).max() for a, b in zip(among, each, strict=True))
    detail = (
        f"{CONCEPTS} concepts of {OBJECTS} x {WIDTH} features, Adam, {device}, one thread; together {seconds:.1f} s, one of "
    )
    detail += f"them {one:.3f} s (mean of {len(alone)})"
    return [
        row("hyperplanes, one after another / together (seconds)", one * CONCEPTS / seconds, "x", 20.0, detail=detail),
        row("hyperplanes, largest difference of weights", difference, "", most=1e-6, detail=detail),
    ]


def _cosines() -> dict:
    """Time all tokens of a category; an image shows one concept in most of its patches, and others."""
    start = time.process_time()
    made = 0.0
    for token in range(TOKENS):
        drawn = time.process_time()
        train, test = _objects(token, PATCHES), _objects(TOKENS + token, PATCHES)
        made += time.process_time() - drawn
        counts = cosine_counts(train, test, range(CONCEPTS), 0)
        assert counts[..., 1].all(), "every k must be reached"
    seconds = time.process_time() - start - made
    detail = (
        f"{CONCEPTS} concepts, {len(SUPPORTS)} k, {TRIALS} trials, {TOKENS} tokens, {OBJECTS} x {WIDTH} features, {PATCHES} an "
    )
    detail += "image, one thread"
    return row("cosine templates (CPU seconds)", seconds, "s", most=60.0, detail=detail)


def _objects(seed: int, each: int) -> Objects:
    """Return objects, `each` of an image; with several each has four concepts, so that over 200 images show every one."""
    rng = np.random.default_rng(seed)
    images = OBJECTS // each
    # The objects of an image are of a stretch of the list of concepts, twice as long as there are objects.
    first = rng.integers(0, CONCEPTS, (images, 1))
    kind = (first + rng.integers(0, 2 * each, (images, each))).ravel() % CONCEPTS
    centres = np.random.default_rng(99).normal(size=(CONCEPTS, WIDTH))
    labels = np.zeros((OBJECTS, CONCEPTS), bool)
    for step in range(4 if each > 1 else 1):
        labels[np.arange(OBJECTS), (kind + step * CONCEPTS // 4) % CONCEPTS] = True
    features = (centres[kind] + 2 * rng.normal(size=(OBJECTS, WIDTH))).astype(np.float32)
    return Objects(features, labels, np.repeat(np.arange(images), each))


def _now(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()
