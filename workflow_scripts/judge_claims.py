"""Judge the claims of a study by what a run measured (rules of all studies' claims)."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.common.atomic import write_text
from workflow_scripts.common.errors import run_command
from workflow_scripts.common.run_model import read_models
from workflow_scripts.common.study import Score
from workflow_scripts.common.table import make_table, read_table
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.draw_figure import by_analysis
from workflow_scripts.figures.read import read_maps_header
from workflow_scripts.report.claims import read_claims
from workflow_scripts.report.latex.claims import claims_table
from workflow_scripts.studies.claims import find_judges, judge
from workflow_scripts.studies.evidence import Evidence


def main() -> None:
    """Read the command line, write every claim with its verdict as JSON and as LaTeX."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study")
    parser.add_argument("--claims", type=Path, required=True, help="the study's claims, .yaml")
    parser.add_argument("--scores", required=True, help="JSON: the study's scores by name")
    parser.add_argument("--models", type=Path, required=True, help="description of the run's models, .json")
    parser.add_argument("--main-models", nargs="*", required=True, help="ids of the models of the study's main part")
    parser.add_argument("--tables", nargs="*", type=Path, default=[], help="tables of all models and analyses")
    parser.add_argument("--pairs", nargs="*", default=[], metavar="ANALYSIS=FILE", help="tables of comparisons")
    parser.add_argument("--maps", nargs="*", default=[], metavar="ANALYSIS=FILE", help="maps of one model each")
    parser.add_argument("--output", type=Path, required=True, help="output .json")
    parser.add_argument("--latex", type=Path, required=True, help="output .tex, the claims as a table")
    args = parser.parse_args()

    models = read_models(args.models)
    by_id = {model.id: model for model in models}
    evidence = Evidence(
        models=models,
        main_models=frozenset(args.main_models),
        table=pd.concat([make_table([]), *map(read_table, args.tables)], ignore_index=True),
        scores={name: Score(**score) for name, score in json.loads(args.scores).items()},
        pairs={analysis: read_table(files[0]) for analysis, files in by_analysis("--pairs", args.pairs).items()},
        maps={
            analysis: {maps.model.id: maps for maps in (read_maps_header(file, by_id) for file in files)}
            for analysis, files in by_analysis("--maps", args.maps).items()
        },
    )
    claims = read_yaml(args.claims)["claims"]
    judges = find_judges(args.study, [claim["id"] for claim in claims])
    answered = [claim | _plain(asdict(judge(judges[claim["id"]], evidence))) for claim in claims]
    demo = any(model.demo for model in models)
    write_text(args.output, json.dumps({"demo": demo, "claims": answered}, indent=1, allow_nan=False) + "\n")
    write_text(args.latex, claims_table(read_claims(args.output), args.study))


def _plain(value: Any) -> Any:
    """Return `value` with every absent number as None, which JSON knows."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


if __name__ == "__main__":
    run_command(main)
