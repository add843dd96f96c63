"""Write the report of a run as LaTeX: a folder of sources that compiles (rule write_latex)."""

from __future__ import annotations

import argparse
from pathlib import Path

from workflow_scripts.common.errors import run_command
from workflow_scripts.common.run_model import read_models
from workflow_scripts.report.best_scores import best_scores, read_tables
from workflow_scripts.report.figure_files import figure_sentences
from workflow_scripts.report.latex.scorecard import read_scorecard
from workflow_scripts.report.latex.write import write_latex
from workflow_scripts.report.run_info import read_run_info
from workflow_scripts.write_report import check_figures, results


def main() -> None:
    """Read the command line, write the sources."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", nargs="+", required=True, help="names of the studies, in order")
    parser.add_argument("--figures", nargs="*", default=[], help="figures to show, study/name, in order")
    parser.add_argument("--figures-dir", type=Path, required=True, help="folder with <study>/<name>.pdf")
    parser.add_argument("--tables-dir", type=Path, required=True, help="folder with <study>/claims.json and the summaries")
    parser.add_argument("--tables", nargs="*", type=Path, default=[], help="tables of the analyses that have scores")
    parser.add_argument("--models", type=Path, required=True, help="description of the run's models, .json")
    parser.add_argument("--scorecard", type=Path, help="published numbers beside ours, .parquet; left out: not compared")
    parser.add_argument("--run-info", type=Path, required=True, help="facts of the run, JSON")
    parser.add_argument("--citation", type=Path, required=True, help="the project's CITATION.cff")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the LaTeX report")
    args = parser.parse_args()
    info = read_run_info(args.run_info)
    check_figures(args.figures, args.studies)
    studies = [results(name, args.figures, args.tables_dir) for name in args.studies]
    models, tables = read_models(args.models), read_tables(args.tables)
    best = {made.study.name: list(best_scores(made.study, tables, models)) for made in studies}
    scorecards = read_scorecard(args.scorecard) if args.scorecard else {}
    names = {model.id: model.display_name for model in models}
    controls = [model.id for model in models if model.supervision == "none"]
    shows: dict[str, str] = {}
    for made in studies:
        shows |= figure_sentences(made.study, made.figures, args.figures_dir, names, controls)
    write_latex(args.output_dir, info, studies, args.figures_dir, best, scorecards, args.citation, shows)


if __name__ == "__main__":
    run_command(main)
