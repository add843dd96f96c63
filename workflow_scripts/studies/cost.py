"""What a configuration costs before it runs: images, forward passes, floating-point operations, downloads. Pure estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from workflow_scripts.common.run_model import is_random
from workflow_scripts.common.sizes import sides
from workflow_scripts.data.views import Padded, View, crops_per_image, parse_view
from workflow_scripts.onepass.fit_sizes import images_seen
from workflow_scripts.onepass.names import kind_of
from workflow_scripts.onepass.stores import store_bytes
from workflow_scripts.studies.plan import PlannedFit, PlannedPass

TYPICAL_PHOTO = (375, 500)  # (height, width) taken for images of unknown size: 4:3, as most photographs


@dataclass(frozen=True)
class PassCost:
    """One view of a pass: a model over a dataset. `images` and `flops` are None where the dataset's size is not known.

    `flops` are those of the forward passes; `job` is the name of the pass, "" of a fit.
    """

    model: str
    dataset: str
    view: str
    images: int | None
    crops: int | None
    flops: float | None
    job: str = ""


def forward_flops(entry: Mapping[str, Any], shape: tuple[int, int] | None = None) -> float:
    """Return the floating-point operations of one forward pass of one crop of `shape` pixels, by default the model's own.

    Per block 24 T D^2 for the projections and the MLP (expansion 4) and 4 T^2 D for attention, of T tokens and width D; two
    operations per multiply-add (Kaplan et al. 2020, table 1, without its factor for training).
    """
    shape = shape or sides(entry["image_size"])
    rows, columns = (size // patch for size, patch in zip(shape, sides(entry["patch"]), strict=True))
    tokens, dim = rows * columns + entry["prefix_tokens"], entry["dim"]
    return entry["layers"] * (24.0 * tokens * dim**2 + 4.0 * tokens**2 * dim)


def pass_costs(
    passes: Mapping[str, Mapping[str, PlannedPass]],
    models: Mapping[str, Mapping[str, Any]],
    datasets: Mapping[str, Mapping[str, Any]],
) -> list[PassCost]:
    """Return the cost of every view of every planned pass, in the order of the plan.

    Args:
        passes: `studies.plan.planned_passes`.
        models: registry entries.
        datasets: registry entries; `images` is their number of images, where known.
    """
    costs = []
    for model, planned in passes.items():
        for job, passed, view in ((job, one, view) for job, one in planned.items() for view in one.views):
            parsed, images = parse_view(view), datasets[passed.dataset].get("images")
            size = typical_size(datasets[passed.dataset], parsed)
            flops = 0.0 if is_random(models[model]) else forward_flops(models[model], at_once(parsed, size))
            crops = None if images is None else images * crops_per_image(parsed, size)
            costs.append(PassCost(model, passed.dataset, view, images, crops, None if crops is None else crops * flops, job))
    return costs


def fit_costs(fits: Mapping[str, Sequence[PlannedFit]], models: Mapping[str, Mapping[str, Any]]) -> list[PassCost]:
    """Return the cost of every fit: `images` are those that its steps see, each as often as it comes.

    Args:
        fits: of each model.
        models: registry entries.
    """
    costs = []
    for model, planned in fits.items():
        for fit in planned:
            images = sum(images_seen(name, options) for name, options in fit.fit.items())
            flops = 0.0 if is_random(models[model]) else forward_flops(models[model], parse_view(fit.view).shape)
            costs.append(PassCost(model, fit.dataset, fit.view, images, images, images * flops))
    return costs


def stores_bytes(
    passes: Mapping[str, Mapping[str, PlannedPass]],
    models: Mapping[str, Mapping[str, Any]],
    datasets: Mapping[str, Mapping[str, Any]],
) -> float:
    """Return the size of the patch features that planned passes keep, of datasets whose size is known; arguments as above."""
    sizes = (
        view_bytes(collectors, models[model], datasets[passed.dataset], view)
        for model, planned in passes.items()
        for passed in planned.values()
        for view, collectors in passed.views.items()
        if datasets[passed.dataset].get("images")
    )
    return float(sum(sizes))


def view_bytes(
    collectors: Mapping[str, Mapping[str, Any]], entry: Mapping[str, Any], dataset: Mapping[str, Any], view: str
) -> int:
    """Return the size of the patch features that a model's collectors keep of a view of a dataset of known size."""
    parsed = parse_view(view)
    size = typical_size(dataset, parsed)
    patches = prod(one // side for one, side in zip(at_once(parsed, size), sides(entry["patch"]), strict=True))
    patches *= crops_per_image(parsed, size)
    facts = (dataset["images"], patches, entry["dim"], entry["layers"], dataset.get("concepts", 0))
    return sum(store_bytes(kind_of(collector), options, *facts) for collector, options in collectors.items())


def weights_bytes(entry: Mapping[str, Any]) -> float | None:
    """Return the size of a model's weights: the file's where the registry states it, else four bytes a parameter."""
    checkpoint = entry["checkpoint"]
    if checkpoint["source"]["type"] in ("none", "demo"):
        return None
    if size := checkpoint["source"].get("bytes"):
        return float(size)
    if size := checkpoint.get("download_mb"):
        return size * 1e6
    return 4e6 * entry["parameters"] if "parameters" in entry else None


def crops_bytes(dataset: Mapping[str, Any], view: str) -> float:
    """Return the size of the decoded crops of a dataset whose registry entry states its number of images."""
    parsed = parse_view(view)
    rows, columns = parsed.shape
    return float(dataset["images"] * crops_per_image(parsed, typical_size(dataset, parsed)) * rows * columns * 3)


def at_once(view: View, size: tuple[int, int]) -> tuple[int, int]:
    """Return (height, width) of what a model sees at once of an image: a crop, or of a padded one as much as it fills."""
    return view.seen_size(size) if isinstance(view.geometry, Padded) else view.shape


def typical_size(dataset: Mapping[str, Any], view: View) -> tuple[int, int]:
    """Return (height, width) of the images of a dataset, or what stands for them, no larger than the view takes."""
    height, width = dataset.get("image_size", TYPICAL_PHOTO)
    if isinstance(view.geometry, Padded) and not view.geometry.scaled:
        return min(height, view.geometry.longest), min(width, view.geometry.longest)
    return height, width
