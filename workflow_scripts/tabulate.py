"""Compute one analysis of a study from its passes: a table, and maps where it makes some (rules of all analyses)."""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Callable, Iterable
from typing import Any

from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.errors import run_command
from workflow_scripts.common.table import make_table, write_table
from workflow_scripts.onepass.states import require_one_precision
from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.rows import Row

_MADE = ("weights_sha256", "preprocessing", "device", "precision", "code", "versions", "n_images")


def main() -> None:
    """Read the command line, compute, write."""
    args = parser(__doc__).parse_args()
    tabulate(args, lambda rows, passes, settings: rows(passes, settings, args.seed))


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return the command line of an analysis."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("analysis", help="study/analysis")
    made.add_argument("--passes", required=True, help="JSON: {asks: {ask: its files}, fits: {fit: file}}")
    made.add_argument("--over-models", action="store_true", help="--passes is {model: {asks, fits}}, all compared")
    made.add_argument("--settings", required=True, help="JSON: the analysis' settings")
    made.add_argument("--seed", type=int, required=True)
    made.add_argument("--table", required=True, help="output .parquet")
    made.add_argument("--maps", help="output .safetensors, of an analysis that makes maps")
    return made


def tabulate(
    args: argparse.Namespace, compute: Callable[[Callable[..., Iterable[Row]], Any, dict[str, Any]], Iterable[Row]]
) -> None:
    """Compute an analysis and write its table and maps.

    Args:
        args: of the command line.
        compute: given the analysis' function `rows`, its passes and settings, calls it.
    """
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
    require_one_precision(file for one in (passes.values() if args.over_models else [passes]) for file in one.made_by_model)
    table = make_table(list(compute(analysis.rows, passes, settings)), study=study, analysis=name, **constant)
    made = {ask: {key: one.made[key] for key in _MADE} for ask, one in first.items()}
    write_table(args.table, table, {"passes": made, "settings": settings, "seed": args.seed})
    if args.maps:
        arrays, metadata = analysis.maps(passes, settings)
        write_arrays(args.maps, arrays, metadata | {"model": constant.get("model", "")})


if __name__ == "__main__":
    run_command(main)
