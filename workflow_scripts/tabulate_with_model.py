"""Compute one analysis that runs its model further than a pass does, on a GPU where there is one (rules of such analyses)."""

from __future__ import annotations

import json
from pathlib import Path

from workflow_scripts.common.errors import run_command
from workflow_scripts.run_pass import add_network_options
from workflow_scripts.tabulate import parser, tabulate


def main() -> None:
    """Read the command line, open the model, compute."""
    options = parser(__doc__)
    add_network_options(options)
    args = options.parse_args()

    # After the command line is read, so that a wrong option does not wait for PyTorch.
    from workflow_scripts.zoo.lean_timm import import_timm

    import_timm()  # before anything else imports it, or torch
    import torch

    from workflow_scripts.common.device import compute_device
    from workflow_scripts.zoo.load import open_model
    from workflow_scripts.zoo.registry import network_from_dict

    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    checkpoint = Path(args.checkpoint) if args.checkpoint else None
    with compute_device(args.gpu) as device:
        model = open_model(network_from_dict(args.model, json.loads(args.network)), checkpoint, device)
        tabulate(args, lambda rows, passes, settings: rows(passes, settings, args.seed, device, model))


if __name__ == "__main__":
    run_command(main)
