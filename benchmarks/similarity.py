"""CPU time of CKA between all layers of twenty models."""

from __future__ import annotations

import time

import numpy as np

from benchmarks import row
from workflow_scripts.metrics.similarity import centred_blocks, cka

MODELS, LAYERS, SELECTIONS = 20, 12, ("cls", "spatial", "all")
IMAGES, BLOCK = 5000, 8


def gram_blocks(rng: np.random.Generator) -> np.ndarray:
    """Return Gram blocks [625, 240, 8, 8] float32 of random features of one token selection."""
    blocks = np.empty((IMAGES // BLOCK, MODELS * LAYERS, BLOCK, BLOCK), np.float32)
    common = rng.standard_normal((IMAGES // BLOCK, BLOCK, 16))
    for site in range(blocks.shape[1]):
        features = common @ rng.standard_normal((16, 32)) + rng.standard_normal((IMAGES // BLOCK, BLOCK, 32))
        blocks[:, site] = features @ features.transpose(0, 2, 1)
    return blocks


def measure() -> list[dict]:
    """Compare every layer of every model with every other, both variants, and return the CPU seconds."""
    rng = np.random.default_rng(0)
    seconds = 0.0
    for _ in SELECTIONS:
        blocks = gram_blocks(rng)
        start = time.process_time()
        for minmax in (True, False):
            vectors = centred_blocks(blocks, minmax)
            values = cka(vectors, vectors)
        seconds += time.process_time() - start
    pairs = f"{MODELS * LAYERS}^2 pairs of layers"
    detail = f"{pairs}, {len(SELECTIONS)} token selections, two variants, {IMAGES} images in blocks of {BLOCK}"
    detail += f"; median CKA {np.median(values):.2f}"
    return [row(f"CKA of all layers of {MODELS} models, from Gram blocks (CPU seconds)", seconds, "s", most=60, detail=detail)]
