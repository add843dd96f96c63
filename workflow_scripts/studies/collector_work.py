"""What collectors work beside the model's forward pass, in floating-point operations: the other half of what a pass costs.

Counts of what is read (attention probabilities, numbers of tokens, pixels by clusters), each times what reading one of them
takes. Those factors were fitted to measured jobs (`benchmarks/demo_jobs.csv`): operations as the processor's forward pass makes
them in the same time, so that the speed of a machine stays one number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflow_scripts.onepass.names import COLLECTORS, kind_of
from workflow_scripts.onepass.stores import stored_layers

ATTENTION_READ = 95.0  # of one attention probability by one collector; making it stands in the forward pass
FEATURE_READ = 100.0  # of one number of a token of a layer
PIXEL_CLUSTER = 50.0  # of one pixel (or point of a map) and one cluster (or keypoint) of a facet of a layer
PROPAGATED = 1.5  # of one multiply-add of two tokens, for all frames of the context: its share that is within the radius
# What the processor does for one image beside arithmetic, in seconds: small calls that no GPU makes faster.
SECONDS_BY_IMAGE = {"discovered_boxes": 2e-4, "matched_pixels": 4e-4}  # of each layer and facet (and bias)
POINTS = 8  # keypoints of a pair of images, about


@dataclass(frozen=True)
class Shown:
    """What a model sees of one image in a view.

    Attributes:
        crops: of the image.
        tokens: of a crop, prefix tokens included.
        patches: of the whole image.
        pixels: of the whole image.
        layers, heads, dim: of the model.
    """

    crops: int
    tokens: int
    patches: int
    pixels: int
    layers: int
    heads: int
    dim: int


def collector_work(name: str, options: Mapping[str, Any], shown: Shown, clusters: int = 0) -> tuple[float, float]:
    """Return what a collector takes for one image: floating-point operations, and seconds that no faster card shortens.

    Args:
        name: the collector's, or of an ask's own (`onepass.names.owned`).
        options: as planned.
        shown: the image.
        clusters: of the codebooks that it uses: clusters times facets.
    """
    kind = kind_of(name)
    layers = len(stored_layers(options["layers"], shown.layers)) if "layers" in options else shown.layers
    facets = len(options.get("facets", options.get("embeddings", ("token",))))
    seconds = SECONDS_BY_IMAGE.get(kind, 0.0) * layers * facets * len(options.get("biases", (0,)))
    if COLLECTORS[kind].attention:
        return ATTENTION_READ * shown.crops * shown.layers * shown.heads * shown.tokens**2, seconds
    operations = FEATURE_READ * layers * facets * shown.crops * shown.tokens * shown.dim
    if kind == "cluster_maps":
        # Products of patches and centroids are brought to the pixels, and the largest of each is looked for.
        operations += PIXEL_CLUSTER * clusters * shown.layers * shown.pixels
    elif kind == "propagated_labels":
        operations += PROPAGATED * (options["context_frames"] + 1) * shown.layers * shown.patches**2 * shown.dim
    elif kind == "matched_pixels":
        operations += PIXEL_CLUSTER * POINTS / 2 * layers * facets * shown.pixels  # a pair is two images
    elif kind in ("discovered_boxes", "gram_blocks"):
        rows = shown.patches if kind == "discovered_boxes" else options["block"]
        operations += 2.0 * layers * facets * rows * shown.patches * shown.dim * (7 if kind == "gram_blocks" else 1)
    return operations, seconds
