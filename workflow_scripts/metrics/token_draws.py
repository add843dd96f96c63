"""Tokens drawn at random, for what takes one token as the representation of its image."""

from __future__ import annotations

import numpy as np


def draw_tokens(among: np.ndarray, images: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Return a token of each image for each draw, [I, K] int64, every token equally likely, whatever other images there are.

    Args:
        among: [I, N] bool, which tokens are drawn from; at least one of each image.
        images: [I] int, what tells the images apart in the draws: their positions in the dataset.
        draws: K.
        seed: of the draws.
    """
    pairs = zip(images.tolist(), among, strict=True)
    return np.stack([np.random.default_rng([seed, image]).choice(np.flatnonzero(own), draws) for image, own in pairs])
