"""How many images a fit sees: planning needs no torch for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Fit -> which of its options count the batches that it sees, of `batch_size` images each; those skipped by an interval are not
# read.
BATCHES = {"principal_components": ("batches",), "codebooks": ("pca_batches", "steps"), "norm_cutoff": ("batches",)}


def images_seen(name: str, options: Mapping[str, Any]) -> int:
    """Return how many images the steps of a fit see in all, each as often as it comes."""
    return options["batch_size"] * sum(options[option] for option in BATCHES[name])
