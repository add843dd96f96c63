"""Compute one analysis of a study from its passes: a table, and maps where it makes some (rules of all analyses)."""

from __future__ import annotations

import argparse
import importlib
import json
from types import ModuleType
from typing import Any

from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.errors import run_command
from workflow_scripts.common.table import make_table, write_table
from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.rows import Row

_MADE = ("weights_sha256", "preprocessing", "device", "precision", "code", "versions", "n_images")


def main() -> None:
    """Read the command line, compute, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("analysis", help="study/analysis")
    parser.add_argument("--passes", required=True, help="JSON: {asks: {ask: its files}, fits: {fit: file}}")
    parser.add_argument("--over-models", action="store_true", help="--passes is {model: {asks, fits}}, all compared")
    parser.add_argument("--settings", required=True, help="JSON: the analysis' settings")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--gpu", choices=["auto", "require", "never"], help="of an analysis that computes on a GPU")
    parser.add_argument("--table", required=True, help="output .parquet")
    parser.add_argument("--maps", help="output .safetensors, of an analysis that makes maps")
    args = parser.parse_args()

    study, name = args.analysis.split("/")
    analysis = importlib.import_module(f"workflow_scripts.studies.{study}.{name}")
    described, settings = json.loads(args.passes), json.loads(args.settings)
    passes: Any
    if args.over_models:
        passes = {model: Passes.from_json(asked) for model, asked in described.items()}
        constant, first = {}, next(iter(passes.values()))
    else:
        passes = first = Passes.from_json(described)
        constant = {"model": next(iter(passes.values())).model}
    found = (
        list(analysis.rows(passes, settings, args.seed)) if args.gpu is None else _on_device(analysis, passes, settings, args)
    )
    table = make_table(found, study=study, analysis=name, **constant)
    made = {ask: {key: one.made[key] for key in _MADE} for ask, one in first.items()}
    write_table(args.table, table, {"passes": made, "settings": settings, "seed": args.seed})
    if args.maps:
        arrays, metadata = analysis.maps(passes, settings)
        write_arrays(args.maps, arrays, metadata | {"model": constant.get("model", "")})


def _on_device(analysis: ModuleType, passes: Any, settings: dict[str, Any], args: argparse.Namespace) -> list[Row]:
    """Return the rows of an analysis that computes on a GPU where there is one."""
    import torch

    from workflow_scripts.common.device import compute_device

    torch.set_num_threads(args.threads)
    with compute_device(args.gpu) as device:
        return list(analysis.rows(passes, settings, args.seed, device))


if __name__ == "__main__":
    run_command(main)
