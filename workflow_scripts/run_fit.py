"""Fit a statistic over a dataset by the features of a model, all layers and facets at once (rule run_fit)."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from workflow_scripts.common.errors import run_command
from workflow_scripts.run_pass import add_model_options, pass_metadata, view_facts, view_files


def main() -> None:
    """Read the command line, take the fit's steps, write its result."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_model_options(parser)
    parser.add_argument(
        "--view", nargs="+", required=True, metavar="WORD", help="NAME CROPS SAMPLES of the view it is fitted on"
    )
    parser.add_argument("--fit", required=True, help="JSON: {name: options}")
    args = parser.parse_args()
    files, ((name, options),) = view_files(args.view), json.loads(args.fit).items()

    # After the command line is read, so that a wrong option does not wait for PyTorch.
    from workflow_scripts.zoo.lean_timm import import_timm

    import_timm()  # before anything else imports it, or torch
    import torch

    from workflow_scripts.common.arrays import write_arrays
    from workflow_scripts.common.device import compute_device
    from workflow_scripts.common.progress import Progress
    from workflow_scripts.data.crop_files import crop_shape
    from workflow_scripts.onepass.collectors import fit_class
    from workflow_scripts.onepass.fitting import run_fit
    from workflow_scripts.onepass.source import CropSource
    from workflow_scripts.zoo.load import open_model
    from workflow_scripts.zoo.registry import network_from_dict

    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    checkpoint = Path(args.checkpoint) if args.checkpoint else None
    output = Path(args.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    with compute_device(args.gpu) as device:
        model = open_model(
            network_from_dict(args.model, json.loads(args.network)), checkpoint, device, precision=args.precision
        )
        vit = model.at(crop_shape(files.crops))
        source = CropSource(vit, files.crops, files.samples)
        fit = fit_class(name)(vit.n_layers, **options)
        steps = sum(1 for _ in fit.batches(len(source), args.seed))
        progress = Progress(f"{args.model} on {args.dataset}, {name}", steps, "steps")
        wish = {"network": args.network, "fit": args.fit, "seed": args.seed, "view": files.name, "images": len(source)}
        wish["precision"] = args.precision
        run_fit(vit, args.model, source, fit, args.seed, output.with_name(f".{output.name}.state"), wish, progress)
        result, facts = fit.result(), view_facts(vit, files.name, len(source))
    write_arrays(output, result, pass_metadata(args, checkpoint, device, {files.name: facts}))


if __name__ == "__main__":
    run_command(main)
