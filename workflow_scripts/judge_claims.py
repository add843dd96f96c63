"""Judge the claims of the thesis study by what a run measured (rule judge_claims)."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.common.atomic import write_text
from workflow_scripts.common.config import read_yaml
from workflow_scripts.common.errors import AtlasError, nearest, run_command
from workflow_scripts.common.table import make_table, read_table
from workflow_scripts.figures.read import read_maps_header
from workflow_scripts.report.claims import claim_fragments, read_claims
from workflow_scripts.report.fragments import to_latex
from workflow_scripts.studies.run_models import read_models
from workflow_scripts.studies.thesis_claims import CLAIMS, judge
from workflow_scripts.studies.thesis_claims.evidence import AttentionMaps, Evidence


def main() -> None:
    """Read the command line, write every claim with its verdict as JSON and as LaTeX."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", nargs="*", type=Path, default=[], help="tables of all models and analyses")
    parser.add_argument("--cka", type=Path, help="table of comparisons of representations")
    parser.add_argument("--maps", nargs="*", type=Path, default=[], help="attention maps of the models")
    parser.add_argument("--models-json", required=True, help="registry entries of the models, as JSON {id: entry}")
    parser.add_argument("--main-models", nargs="*", help="ids of the models of the study's main part; without it: all")
    parser.add_argument("--claims", type=Path, required=True, help="the study's claims, .yaml")
    parser.add_argument("--output", type=Path, required=True, help="output .json")
    parser.add_argument("--latex", type=Path, required=True, help="output .tex, a table for each part of the study")
    args = parser.parse_args()

    models = read_models(args.models_json, args.main_models)
    evidence = Evidence(
        models=models,
        table=pd.concat([make_table([]), *map(read_table, args.tables)], ignore_index=True),
        cka=read_table(args.cka) if args.cka else make_table([]),
        maps=dict(map(read_maps, args.maps)),
    )
    answered = []
    for claim in read_yaml(args.claims)["claims"]:
        if claim["id"] not in CLAIMS:
            raise AtlasError(f"{args.claims}: no function judges claim '{claim['id']}'{nearest(claim['id'], CLAIMS)}")
        answered.append(claim | _plain(asdict(judge(claim["id"], evidence))))
    demo = any(model.demo for model in models)
    write_text(args.output, json.dumps({"demo": demo, "claims": answered}, indent=1, allow_nan=False) + "\n")
    write_text(args.latex, "\n".join(map(to_latex, claim_fragments(read_claims(args.output)))))


def read_maps(path: Path) -> tuple[str, AttentionMaps]:
    """Return a model's id and its maps of CLS attention.

    Raises:
        AtlasError: the file is not the attention maps of a model.
    """
    maps = read_maps_header(path)
    return maps.model.id, AttentionMaps(maps.on_grid("average_cls"), maps.on_grid("single_cls"))


def _plain(value: Any) -> Any:
    """Return `value` with every absent number as None, which JSON knows."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


if __name__ == "__main__":
    run_command(main)
