"""Compute one analysis that fits something, on a GPU where there is one: else as `tabulate` (rules of such analyses)."""

from __future__ import annotations

from workflow_scripts.common.errors import run_command
from workflow_scripts.tabulate import parser, tabulate


def main() -> None:
    """Read the command line, compute on a device, write."""
    options = parser(__doc__)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--gpu", choices=["auto", "require", "never"], default="auto")
    args = options.parse_args()

    # After the command line is read, so that a wrong option does not wait for PyTorch.
    import torch

    from workflow_scripts.common.device import compute_device

    torch.set_num_threads(args.threads)
    with compute_device(args.gpu) as device:
        tabulate(args, lambda rows, passes, settings: rows(passes, settings, args.seed, device))


if __name__ == "__main__":
    run_command(main)
