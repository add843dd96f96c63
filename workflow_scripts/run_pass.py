"""Pass a dataset, in all of its views, through a model and gather every enabled study's statistics (rule run_pass).

With ``--shard`` a part of that (rule pass_shard), which `merge_shards` puts together with the others.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow_scripts.common.errors import AtlasError, run_command

if TYPE_CHECKING:
    from workflow_scripts.data.views import Padded
    from workflow_scripts.onepass.collector import Collector
    from workflow_scripts.onepass.shards import Shard
    from workflow_scripts.onepass.source import CropSource
    from workflow_scripts.zoo.load import LoadedModel
    from workflow_scripts.zoo.vit import Vit


@dataclass(frozen=True)
class ViewFiles:
    """The files of one view: its crops, its samples, and ground truth by kind."""

    name: str
    crops: Path
    samples: Path
    truth: dict[str, Path]


def main() -> None:
    """Read the command line, run the pass over each view, write the statistics of all."""
    args = _arguments()
    views = [view_files(words) for words in args.view]

    # After the command line is read, so that a wrong option does not wait for PyTorch.
    from workflow_scripts.zoo.lean_timm import import_timm

    import_timm()  # before anything else imports it, or torch
    import torch

    from workflow_scripts.common.device import compute_device
    from workflow_scripts.onepass.collectors import collector_class
    from workflow_scripts.onepass.names import cannot_be_cut, kind_of
    from workflow_scripts.onepass.shards import Shard
    from workflow_scripts.onepass.states import write_states
    from workflow_scripts.zoo.load import open_model
    from workflow_scripts.zoo.registry import network_from_dict

    torch.set_num_threads(args.threads)
    # Denormal numbers slow a CPU down a hundredfold and carry nothing at float32's precision.
    torch.set_flush_denormal(True)
    checkpoint = Path(args.checkpoint) if args.checkpoint else None
    output = Path(args.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    plan = with_fits(json.loads(args.collectors), fit_files(args.fits))
    shard = Shard.parse(args.shard)
    # All that the pass imports, also for what another shard does: metadata name the code of the whole pass.
    for name in (name for wanted in plan.values() for name in wanted):
        collector_class(kind_of(name))
    whole = [view.name for view in views if cannot_be_cut(plan[view.name])]
    here = [view for view in views if view.name not in whole or shard.takes(whole.index(view.name))]
    states, facts = {}, {}
    with compute_device(args.gpu) as device:
        model = open_model(network_from_dict(args.model, json.loads(args.network)), checkpoint, device)
        for view in here:
            torch.manual_seed(args.seed)
            part = Shard() if view.name in whole else shard
            collectors, facts[view.name] = pass_view(model, view, plan[view.name], args, output.parent, part)
            states[view.name] = {name: collector.state() for name, collector in zip(plan[view.name], collectors, strict=True)}
    metadata = pass_metadata(args, checkpoint, device, facts)
    if shard.of > 1:
        asked = {"collectors": json.loads(args.collectors), "batch_size": args.batch_size}
        metadata |= {"shard": str(shard), "asked": json.dumps(asked, sort_keys=True)}
    write_states(output, states, metadata)


def pass_view(
    model: LoadedModel,
    files: ViewFiles,
    requests: dict[str, Any],
    args: argparse.Namespace,
    folder: Path,
    shard: Shard | None = None,
) -> tuple[list[Collector], dict[str, Any]]:
    """Pass a view, or a shard of it, through the model; return its collectors, filled, and its facts for the metadata."""
    from workflow_scripts.common.progress import Progress
    from workflow_scripts.data.crop_files import crop_shape
    from workflow_scripts.data.views import Padded, parse_view
    from workflow_scripts.onepass.collector import PassFacts
    from workflow_scripts.onepass.collectors import make_collectors
    from workflow_scripts.onepass.engine import cut_step, run_pass
    from workflow_scripts.onepass.padded_source import padded_parts
    from workflow_scripts.onepass.shards import Shard
    from workflow_scripts.onepass.source import CropSource

    shard = shard or Shard()
    vit = model.at(crop_shape(files.crops))
    source = CropSource(vit, files.crops, files.samples, files.truth)
    collectors = make_collectors(requests, PassFacts(len(source), source.n_classes, vit.n_layers), folder)
    require_room(folder, requests, vit, source, shard.of)
    part = f", {shard}" if shard.of > 1 else ""
    print(f"{args.model} on {vit.device}, {files.name}{part}: {', '.join(requests)}", file=sys.stderr, flush=True)
    geometry, what = parse_view(files.name).geometry, f"{args.model} on {args.dataset}, {files.name}{part}"
    if isinstance(geometry, Padded):
        total = sum(len(images) for _, images in padded_parts(source, cut_step(args.batch_size, collectors), shard))
        pass_padded(model, source, geometry, collectors, args, Progress(what, total, "images"), shard)
    else:
        # The batch size counts what the model sees at once: crops.
        batch = max(1, args.batch_size // source.crops_per_image)
        images = shard.part(len(source), cut_step(batch, collectors))
        run_pass(vit, args.model, source, collectors, batch, Progress(what, len(images), "images"), images)
    return collectors, view_facts(vit, files.name, len(source)) | {"n_classes": source.n_classes}


def pass_padded(
    model: LoadedModel,
    source: CropSource,
    geometry: Padded,
    collectors: Sequence[Collector],
    args: argparse.Namespace,
    on_batch: Callable[[int], None],
    shard: Shard | None = None,
) -> None:
    """Pass images of sizes of their own, or a shard of them, size by size; the model is built once for each.

    Raises:
        AtlasError: a collector needs ground truth, or takes images in their order alone.
    """
    from workflow_scripts.onepass.collectors import COLLECTORS
    from workflow_scripts.onepass.engine import cut_step, run_pass
    from workflow_scripts.onepass.padded_source import PaddedSource, padded_parts
    from workflow_scripts.onepass.shards import Shard

    if refused := [made.name for made in collectors if made.ordered or COLLECTORS[made.name].truth]:
        raise AtlasError(
            f"collector '{refused[0]}': padded images come size by size and without ground truth; choose another view for it"
        )
    done = 0
    for size, images in padded_parts(source, cut_step(args.batch_size, collectors), shard or Shard()):
        group, report = PaddedSource(source, geometry, size), partial(lambda done, now: on_batch(done + now), done)
        run_pass(model.at(size), args.model, group, collectors, args.batch_size, report, images)
        done += len(images)


def require_room(folder: Path, requests: dict[str, Any], vit: Vit, source: CropSource, shards: int = 1) -> None:
    """Stop if the features that collectors keep one by one do not fit the disk: twice, for they wait there and are written.

    Of one of several shards, its share.

    Raises:
        AtlasError: names the folder, what is needed and what is free.
    """
    from workflow_scripts.common.disk import require_space
    from workflow_scripts.onepass.names import kind_of
    from workflow_scripts.onepass.stores import store_bytes

    facts = (len(source), vit.grid[0] * vit.grid[1] * source.crops_per_image, vit.dim, vit.n_layers, source.n_concepts)
    needed = sum(store_bytes(kind_of(name), options, *facts) for name, options in requests.items())
    require_space(folder, 2 * needed // shards, "a pass that keeps features of single images and patches", "results")


def view_facts(vit: Vit, view: str, n_images: int) -> dict[str, Any]:
    """Return what the metadata say of one view."""
    return {
        "grid": list(vit.grid),
        "n_prefix": vit.n_prefix,
        "n_layers": vit.n_layers,
        "n_images": n_images,
        "precision": str(vit.dtype).removeprefix("torch."),
        "mean": list(vit.normalisation.mean),
        "std": list(vit.normalisation.std),
        "preprocessing": f"{view}, mean {list(vit.normalisation.mean)}, std {list(vit.normalisation.std)}",
    }


def fit_files(words: Sequence[str]) -> dict[str, str]:
    """Return the files of the option ``--fits`` by the names of the fits."""
    return dict(word.split("=", 1) for word in words)


def with_fits(plan: dict[str, Any], fits: dict[str, str]) -> dict[str, Any]:
    """Return the plan with every option ``{"fit": name}`` replaced by the path of that fit's result."""
    if set(plan) == {"fit"} and plan["fit"] in fits:
        return fits[plan["fit"]]
    return {key: with_fits(value, fits) if isinstance(value, dict) else value for key, value in plan.items()}


def view_files(words: Sequence[str]) -> ViewFiles:
    """Return the files of a ``--view`` option: name, crops, samples, and ``kind=file`` of its ground truth.

    Raises:
        AtlasError: the option has another form.
    """
    name, *files = words
    if len(files) < 2 or any("=" not in word for word in files[2:]):
        raise AtlasError(f"--view {' '.join(words)}: expected NAME CROPS SAMPLES [KIND=FILE ...]")
    truth = dict(word.split("=", 1) for word in files[2:])
    return ViewFiles(name, Path(files[0]), Path(files[1]), {kind: Path(file) for kind, file in truth.items()})


def pass_metadata(args: argparse.Namespace, checkpoint: Path | None, device: str, views: dict[str, Any]) -> dict[str, str]:
    """Return where the pass' numbers come from."""
    from workflow_scripts.common.provenance import code_fingerprint, file_sha256, versions

    return {
        "model": args.model,
        "weights_sha256": file_sha256(checkpoint) if checkpoint else "",
        "dataset": args.dataset,
        "views": json.dumps(views, sort_keys=True),
        "seed": str(args.seed),
        "device": device.split(":")[0],
        "versions": json.dumps(versions("torch", "timm", "numpy", "vit-atlas"), sort_keys=True),
        "code": code_fingerprint(sorted(_loaded_sources())),
    }


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that run a model."""
    parser.add_argument("--model", required=True, help="id of the model")
    parser.add_argument("--network", required=True, help="JSON: what computes of the model's registry entry")
    parser.add_argument("--checkpoint", help="the weights; left out for a model without weights")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--gpu", choices=["auto", "require", "never"], default="auto")


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that show a dataset to a model."""
    add_network_options(parser)
    parser.add_argument("--dataset", required=True, help="id of the dataset")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output", required=True, help="output .safetensors")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_model_options(parser)
    parser.add_argument(
        "--view", nargs="+", action="append", required=True, metavar="WORD",
        help="NAME CROPS SAMPLES [KIND=FILE ...]: a view's name, its files, and its ground truth; once for each view",
    )  # fmt: skip
    parser.add_argument("--collectors", required=True, help="JSON: view -> collector -> options")
    parser.add_argument("--fits", nargs="*", default=[], metavar="NAME=FILE", help="fits whose results collectors use")
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument(
        "--shard", default="1/1", metavar="NUMBER/OF", help="the part of the pass to do, 1/5 for the first of five"
    )
    return parser.parse_args()


def _loaded_sources() -> list[str]:
    """Return the project's source files that this process has really imported."""
    files = (getattr(module, "__file__", None) for name, module in sys.modules.items() if name.startswith("workflow_scripts"))
    return [file for file in (*files, __file__) if file]


if __name__ == "__main__":
    run_command(main)
