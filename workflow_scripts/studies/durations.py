"""How long jobs take, and how much memory: what the plan adds up, and what a scheduler is asked for (`studies.needs`).

A job starts (imports, weights), works (forward passes and collectors, at the configuration's `plan_tflops`), and reads and
writes files. The constants were fitted to measured jobs of the demo (`benchmarks/demo_jobs.csv`), and a test holds them to it.
All sizes are in bytes, all times in seconds. Pure estimates: nothing is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from workflow_scripts.common.run_model import is_random
from workflow_scripts.common.sizes import sides
from workflow_scripts.data.views import crops_per_image, parse_view
from workflow_scripts.onepass.crop_bytes import crop_bytes
from workflow_scripts.onepass.fit_sizes import BATCHES, images_seen
from workflow_scripts.onepass.names import COLLECTORS, cannot_be_cut, kind_of
from workflow_scripts.studies.collector_work import FEATURE_READ, Shown, collector_work
from workflow_scripts.studies.cost import at_once, forward_flops, typical_size, view_bytes
from workflow_scripts.studies.plan import PlannedFit, PlannedPass

START = 0.6  # a command: Python, NumPy, pandas
TORCH_START = 1.8  # a command that runs a model, its weights not counted
OPEN_VIEW = 0.065  # a view: its files, positions at its size
STEP = 1.5e-3  # one step of a fit in one facet of one layer: an optimiser's small calls
FILES_PER_SECOND = 5e8  # bytes read or written
DECODE_PIXEL = 9e-9  # a pixel of a JPEG, by one thread
DECODE_IMAGE = 3e-4  # an image, whatever its size
UNKNOWN_IMAGES = 50_000  # of a dataset whose registry entry does not say

TORCH_MEMORY = 0.85e9  # of a process with PyTorch and its models' library
PLAIN_MEMORY = 0.3e9  # of a process with NumPy, pandas and SciPy

Clusters = Callable[[str], int]


def shown_image(entry: Mapping[str, Any], dataset: Mapping[str, Any], view: str) -> Shown:
    """Return what a model sees of one image of a dataset in a view."""
    parsed = parse_view(view)
    size = typical_size(dataset, parsed)
    shape, crops = at_once(parsed, size), crops_per_image(parsed, size)
    patches = prod(one // side for one, side in zip(shape, sides(entry["patch"]), strict=True))
    tokens = patches + entry["prefix_tokens"]
    return Shown(crops, tokens, patches * crops, prod(shape) * crops, entry["layers"], entry["heads"], entry["dim"])


def images_of(dataset: Mapping[str, Any]) -> int:
    """Return how many images a dataset has, or what stands for it."""
    return dataset.get("images") or UNKNOWN_IMAGES


def view_seconds(
    view: str, collectors: Mapping[str, Mapping[str, Any]], entry: Mapping[str, Any], dataset: Mapping[str, Any],
    tflops: float, clusters: Clusters,
) -> float:  # fmt: skip
    """Return how long one view of a pass takes, but for the start of its command.

    Args:
        view: its name.
        collectors: collector -> options, as planned.
        entry: of the model in the registry.
        dataset: its registry entry.
        tflops: sustained speed of the machine, in 1e12 floating-point operations a second.
        clusters: of a fit of codebooks, called ``study/fit``: clusters times facets.
    """
    shown = shown_image(entry, dataset, view)
    operations, seconds = 0.0, 0.0
    if not is_random(entry):
        operations += shown.crops * forward_flops(entry, at_once(parse_view(view), typical_size(dataset, parse_view(view))))
    for name, options in collectors.items():
        codebooks = options.get("codebooks")
        work, waiting = collector_work(name, options, shown, clusters(codebooks["fit"]) if codebooks else 0)
        operations, seconds = operations + work, seconds + waiting
    images = images_of(dataset)
    files = images * 3 * shown.pixels + view_bytes(collectors, entry, {**dataset, "images": images}, view)
    return OPEN_VIEW + images * (operations / (tflops * 1e12) + seconds) + files / FILES_PER_SECOND


def pass_seconds(
    planned: PlannedPass, entry: Mapping[str, Any], dataset: Mapping[str, Any], tflops: float, clusters: Clusters,
    shards: int = 1,
) -> float:  # fmt: skip
    """Return how long a pass takes as one job, or the longest of its shards; other arguments as of `view_seconds`."""
    cut, whole = 0.0, {0: 0.0}
    views = list(planned.views.items())
    apart = [view for view, wanted in views if cannot_be_cut(wanted)]
    for view, wanted in views:
        seconds = view_seconds(view, wanted, entry, dataset, tflops, clusters)
        if view in apart:
            shard = apart.index(view) % shards
            whole[shard] = whole.get(shard, 0.0) + seconds
        else:
            cut += seconds
    return TORCH_START + weights_size(entry) / FILES_PER_SECOND + cut / shards + max(whole.values())


def merge_seconds(planned: PlannedPass, entry: Mapping[str, Any], dataset: Mapping[str, Any]) -> float:
    """Return how long putting the shards of a pass together takes: its rows are read and written."""
    known = {**dataset, "images": images_of(dataset)}
    kept = sum(view_bytes(wanted, entry, known, view) for view, wanted in planned.views.items())
    return TORCH_START + 2 * kept / FILES_PER_SECOND


def fit_seconds(planned: PlannedFit, entry: Mapping[str, Any], dataset: Mapping[str, Any], tflops: float) -> float:
    """Return how long a fit takes; arguments as of `view_seconds`."""
    shown = shown_image(entry, dataset, planned.view)
    flops = 0.0 if is_random(entry) else forward_flops(entry, parse_view(planned.view).shape)
    seconds = TORCH_START + weights_size(entry) / FILES_PER_SECOND + OPEN_VIEW
    for name, options in planned.fit.items():
        facets = len(options.get("facets", ("token",)))
        read = FEATURE_READ + 6.0 * options.get("clusters", 0)  # products with the centroids, forwards and back
        work = flops + read * facets * shown.layers * shown.tokens * shown.dim
        steps = sum(options[option] for option in BATCHES[name])
        seconds += images_seen(name, options) * (work / (tflops * 1e12) + 3 * shown.pixels / FILES_PER_SECOND)
        seconds += steps * STEP * facets * shown.layers
    return seconds


def crops_seconds(dataset: Mapping[str, Any], view: str, threads: int) -> float:
    """Return how long decoding a dataset for a view takes on so many threads."""
    parsed = parse_view(view)
    size = typical_size(dataset, parsed)
    images, pixels = images_of(dataset), prod(dataset.get("image_size", size))
    written = crops_per_image(parsed, size) * prod(parsed.shape) * 3
    return START + images * ((DECODE_IMAGE + DECODE_PIXEL * pixels) / threads + written / FILES_PER_SECOND)


def pass_memory(planned: PlannedPass, entry: Mapping[str, Any], dataset: Mapping[str, Any], batch: int) -> float:
    """Return the memory of a pass of so many images a batch, as if all of it were the processor's."""
    most = 0.0
    for view, wanted in planned.views.items():
        attention = any(COLLECTORS[kind_of(name)].attention for name in wanted)
        shown = shown_image(entry, dataset, view)
        most = max(most, batch_memory(shown, max(batch, shown.crops), attention) + _truth_memory(shown, wanted, dataset))
    return TORCH_MEMORY + 2 * weights_size(entry) + most


def fit_memory(planned: PlannedFit, entry: Mapping[str, Any], dataset: Mapping[str, Any]) -> float:
    """Return the memory of a fit."""
    shown = shown_image(entry, dataset, planned.view)
    batch = max(options["batch_size"] for options in planned.fit.values())
    covariances = 8 * max(len(options.get("facets", ())) for options in planned.fit.values()) * shown.layers * shown.dim**2
    return TORCH_MEMORY + 2 * weights_size(entry) + batch_memory(shown, batch, False) + covariances


def batch_memory(shown: Shown, crops: int, attention: bool) -> float:
    """Return the memory of what is alive at once of a batch of so many crops, in float32."""
    pixels = shown.pixels // shown.crops
    return float(crops * crop_bytes(shown.tokens, shown.dim, shown.heads, pixels, attention))


def weights_size(entry: Mapping[str, Any]) -> float:
    """Return the size of a model's weights in memory: blocks alone, 12 D^2 parameters each, in float32."""
    return 0.0 if is_random(entry) else 4.0 * entry["layers"] * 12 * entry["dim"] ** 2


def _truth_memory(shown: Shown, wanted: Mapping[str, Any], dataset: Mapping[str, Any]) -> float:
    """Return the memory of ground truth on the patch grid, which a pass holds of all images: some masks an image."""
    kinds = {COLLECTORS[kind_of(name)].truth for name in wanted} - {"", "classes"}
    return len(kinds) * images_of(dataset) * shown.patches * 16.0
