"""Write the report of a run: one folder that opens offline (rule write_report)."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.common.errors import AtlasError, nearest, run_command
from workflow_scripts.common.run_model import read_models
from workflow_scripts.common.table import read_table
from workflow_scripts.report.build import Extras, Results, write_report
from workflow_scripts.report.claims import read_claims
from workflow_scripts.report.explore import Explored, explorer
from workflow_scripts.report.explore_links import Explorable
from workflow_scripts.report.measured import Measured, read_measured
from workflow_scripts.report.neighbours import read_neighbours
from workflow_scripts.report.run_info import read_run_info
from workflow_scripts.report.scorecard import scorecard_page
from workflow_scripts.report.scorecard_counts import read_counts
from workflow_scripts.report.site import Addition
from workflow_scripts.studies.found import find_study


def main() -> None:
    """Read the command line, write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", nargs="+", required=True, help="names of the studies, in order")
    parser.add_argument("--figures", nargs="*", default=[], help="figures to show, study/name, in order")
    parser.add_argument("--figures-dir", type=Path, required=True, help="folder with <study>/<name>.png, .pdf, .csv")
    parser.add_argument("--tables-dir", type=Path, help="folder with <study>/claims.json and the summaries; left out: none")
    parser.add_argument("--made", default="{}", help="models that each analysis is made of, JSON; their tables are read")
    parser.add_argument("--maps-dir", type=Path, help="folder with <study>/<analysis>/<model>.safetensors")
    parser.add_argument("--models", type=Path, help="the run's models.json; with --explore")
    parser.add_argument(
        "--explore",
        type=json.loads,
        help="what the explorer shows, JSON: {study/analysis: {models: ids, null for one table of all; maps: true if any}}",
    )
    parser.add_argument("--scorecard", type=Path, help="published numbers beside ours, .parquet; left out: no page of them")
    parser.add_argument("--knn", type=Path, help="table of the demo models' k-NN accuracies, .parquet")
    parser.add_argument("--run-info", type=Path, required=True, help="facts of the run, JSON")
    parser.add_argument("--contact-sheet", type=Path, help="PNG of the demo world")
    parser.add_argument("--card", type=Path, help="model card of the demo zoo, where it was trained beforehand")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the report")
    args = parser.parse_args()
    info = read_run_info(args.run_info)
    check_figures(args.figures, args.studies)
    names = {model["id"]: model["display_name"] for model in info["models"]}
    studies = [results(name, args.figures, args.tables_dir) for name in args.studies]
    read = cache(read_table)  # pages and explorer show the same tables
    seen = explored(args.explore, args.models, args.tables_dir, args.maps_dir, args.studies, read) if args.explore else None
    extras = Extras(
        contact_sheet=args.contact_sheet,
        neighbours=read_neighbours(args.knn, names) if args.knn else None,
        card=args.card,
        measured=measured(args.tables_dir, json.loads(args.made), info["models"], read),
        compared={key: frame for key, frame in seen.frames.items() if args.explore[key]["models"] is None} if seen else {},
        counts=read_counts(args.scorecard) if args.scorecard else {},
        additions=list(additions(args.scorecard, seen, studies)),
        explorable=Explorable.of(seen.frames) if seen else None,
    )
    write_report(args.output_dir, info, studies, args.figures_dir, extras)


def additions(scorecard: Path | None, seen: Explored | None, studies: Sequence[Results]) -> Iterator[Addition]:
    """Yield the pages of more than figures and claims, as far as they are asked for: the scorecard and the explorer."""
    if scorecard:
        yield scorecard_page(scorecard, [(one.study.name, one.study.title, one.claims) for one in studies])
    if seen:
        yield explorer(seen)


def explored(
    wanted: Mapping[str, Mapping],
    models: Path | None,
    tables: Path | None,
    maps: Path | None,
    studies: Sequence[str],
    read: Callable[[Path], pd.DataFrame],
) -> Explored:
    """Return what the explorer shows; `wanted` is the option --explore, the others are files and folders it lies in.

    Raises:
        AtlasError: one of these is not given.
    """
    for option, given in (("--models", models), ("--tables-dir", tables), ("--maps-dir", maps)):
        if given is None:
            raise AtlasError(f"--explore: needs {option} as well")
    titles, counts, files, arrays = {}, {}, {}, {}
    for study in map(find_study, studies):
        titles |= {study.name: study.title} | {analysis.key: analysis.title for analysis in study.analyses.values()}
        counts |= {analysis.key: analysis.counts for analysis in study.analyses.values()}
    for key, one in wanted.items():
        names = [key] if one["models"] is None else [f"{key}/{model}" for model in one["models"]]
        files[key] = [tables / f"{name}.parquet" for name in names]
        if one["maps"]:
            arrays[key] = [maps / f"{name}.safetensors" for name in names]
    return Explored(read_models(models), files, arrays, titles, counts, read)


def measured(
    folder: Path | None,
    made: Mapping[str, list[str]],
    models: list[dict[str, Any]],
    read: Callable[[Path], pd.DataFrame],
) -> Measured:
    """Return the tables of the models of a run."""
    if folder is None:
        return Measured()
    return read_measured(folder, made, {model["id"]: model.get("weights_sha256") or "" for model in models}, read)


def check_figures(figures: list[str], studies: list[str]) -> None:
    """Refuse a figure of another study, which the report would leave out.

    Raises:
        AtlasError: a figure is given otherwise than as study/name, or is none of `studies`.
    """
    for key in figures:
        study, slash, _ = key.partition("/")
        if not slash:
            raise AtlasError(f"--figures {key}: give it as study/name")
        if study not in studies:
            raise AtlasError(f"--figures {key}: not of a study in --studies ({', '.join(studies)}){nearest(study, studies)}")


def results(name: str, figures: list[str], tables: Path | None) -> Results:
    """Return what the run made of the study called `name`.

    Raises:
        AtlasError: there is no such study, or no such figure in it.
    """
    study = find_study(name)
    own = [study.figure(key.split("/", 1)[1]) for key in figures if key.split("/", 1)[0] == name]
    folder = tables / name if tables else None
    return Results(study, own, folder, read_claims(folder / "claims.json") if folder and study.claims else None)


if __name__ == "__main__":
    run_command(main)
