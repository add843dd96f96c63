"""How many features of images and patches collectors keep, and what they take on disk: planning needs no torch for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_scripts.common.errors import AtlasError

_BYTES = {"float16": 2, "float32": 4}


def patches_per_image(total: int, n_images: int, n_patches: int) -> int:
    """Return how many patches of each image a store keeps: `total` spread evenly, at least one, at most all `n_patches`."""
    return max(1, min(n_patches, total // max(1, n_images)))


def stored_layers(asked: str | list[int], n_layers: int) -> list[int]:
    """Return the 1-based layers that ``all`` or a list of layers stands for; -1 is the last.

    Raises:
        AtlasError: there is no such layer.
    """
    layers = list(range(1, n_layers + 1)) if asked == "all" else [n_layers + 1 + at if at < 0 else at for at in asked]
    if wrong := [at for at, layer in zip(asked, layers, strict=False) if not 1 <= layer <= n_layers]:
        raise AtlasError(
            f"layers: no layer {wrong[0]} in a model of {n_layers}; name some of 1 to {n_layers}, or -1 for the last"
        )
    return layers


def store_bytes(
    collector: str,
    options: Mapping[str, Any],
    n_images: int,
    n_patches: int,
    dim: int,
    n_layers: int,
    n_concepts: int = 0,
) -> int:
    """Return the bytes of what a collector keeps image by image or patch by patch, or the most they can be.

    0 of a collector whose records are small beside those.

    Args:
        collector: its name.
        options: of the collector, as a study asks.
        n_images: of the dataset.
        n_patches: of an image.
        dim: width of the model.
        n_layers: of the model.
        n_concepts: of the dataset.
    """
    if collector == "patch_norms":
        return n_images * n_patches * len(stored_layers(options["layers"], n_layers)) * len(options["facets"]) * 4
    if collector in ("pooled_features", "pooled_normed"):
        layers = n_layers if collector == "pooled_features" else 1
        return n_images * layers * len(options["facets"]) * dim * _BYTES[options["precision"]]
    if collector == "neighbour_cosines":
        return n_images * n_patches * 4
    if collector == "drawn_tokens":
        return n_images * (2 * options["draws"] + 1) * dim * _BYTES[options["precision"]]
    if collector == "cls_facets":
        rows = n_images
    elif collector in ("patch_store", "concept_patches"):
        rows = n_images * patches_per_image(options["patches"], n_images, n_patches)
        if collector == "concept_patches":
            rows += n_concepts * (options["patches_per_concept"] + options["whole_images"] * n_patches)
        rows = min(rows, n_images * n_patches)
    else:
        return 0
    layers = len(stored_layers(options["layers"], n_layers))
    return rows * layers * len(options["facets"]) * dim * _BYTES[options["precision"]]
