"""The folder of the LaTeX report, built whole beside its place and then swapped in."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.study import Figure
from workflow_scripts.report.best_scores import Best
from workflow_scripts.report.build import Results
from workflow_scripts.report.claims import IN_THE_DEMO
from workflow_scripts.report.latex.bibliography import bibliography
from workflow_scripts.report.latex.chapters import Chapter, chapter_file, overview_table
from workflow_scripts.report.latex.figures import drawing, file_name
from workflow_scripts.report.latex.numbers import numbers_file
from workflow_scripts.report.latex.page import CHARACTERS_A_LINE, SHARED
from workflow_scripts.report.latex.run_page import facts, run_file
from workflow_scripts.report.latex.scorecard import Scorecard
from workflow_scripts.report.latex.text import escape_latex

_FIXED = ("preamble.tex", "Makefile")
_OURS = {*_FIXED, "numbers.tex", "refs.bib", "chapters", "tables", "figures"}
_HERE = Path(__file__).parent


def write_latex(
    output: Path,
    info: Mapping[str, Any],
    studies: Sequence[Results],
    figures: Path,
    best: Mapping[str, Sequence[Best]],
    scorecards: Mapping[str, Scorecard],
    citation: Path,
    shows: Mapping[str, str] | None = None,
) -> None:
    """Write the sources of the report to `output`, replacing those of an earlier run there.

    Args:
        output: folder; gets ``report.tex``, what it reads, and a Makefile. Figures that lie in `SHARED` beside it, as the HTML
            report's do, are taken from there.
        info: the run's facts, see `run_info`.
        studies: what the run made of each, in order.
        figures: folder with ``<study>/<name>.pdf``, and PNG and CSV beside them.
        best: headline scores by study.
        scorecards: published numbers beside ours by study; empty if they were not compared.
        citation: the project's CITATION.cff.
        shows: sentences of what this run shows, by the figure's key.

    Raises:
        AtlasError: a file of a figure or table is missing, or `output` holds files that are not this report's.
    """
    _refuse_foreign(output)
    building = output.parent / f".{output.name}.partial"
    shutil.rmtree(building, ignore_errors=True)  # left by a run that was killed
    try:
        for folder in ("chapters", "tables", "figures"):
            (building / folder).mkdir(parents=True)
        chapters = [_chapter(results, figures, scorecards.get(results.study.name), shows or {}) for results in studies]
        for chapter, results in zip(chapters, studies, strict=True):
            _copy(chapter, results, building, output.parent / SHARED)
            (building / "chapters" / f"{chapter.study.name}.tex").write_text(chapter_file(chapter), encoding="utf-8")
        for name in _FIXED:
            shutil.copyfile(_HERE / name, building / name)
        claims = {chapter.study.name: chapter.claims for chapter in chapters if chapter.claims}
        texts = {
            "report.tex": report_file(info, chapters),
            "chapters/run.tex": run_file(info),
            "numbers.tex": numbers_file(info, best, claims, scorecards),
            "refs.bib": bibliography([chapter.study for chapter in chapters], info, citation),
        }
        for name, text in texts.items():
            (building / name).write_text(text, encoding="utf-8")
        shutil.rmtree(output, ignore_errors=True)
        building.replace(output)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def report_file(info: Mapping[str, Any], chapters: Sequence[Chapter]) -> str:
    """Return the document: what was run, the studies in a table, contents, chapters, bibliography."""
    title = escape_latex(info["title"])
    stamp = "Demo world: tiny models, painted images" if info["demo"] else ""
    lines = [
        r"\documentclass[10pt]{report}",
        rf"\newcommand{{\atlasstamp}}{{{stamp}}}",
        r"\input{preamble}",
        r"\input{numbers}",
        rf"\hypersetup{{pdftitle={{{title}}}, bookmarksnumbered}}",
        r"\begin{document}",
        r"\thispagestyle{plain}",
        rf"{{\LARGE\bfseries {title}\par}}",
        *([rf"\textbf{{A run of the demo.}} {escape_latex(IN_THE_DEMO)}"] if info["demo"] else []),
        *facts(info),
        overview_table(chapters),
        r"\atlascontents",
        *(rf"\input{{chapters/{chapter.study.name}}}" for chapter in chapters),
        r"\input{chapters/run}",
        r"\bibliographystyle{unsrt}",
        r"\nocite{*}",
        r"\bibliography{refs}",
        r"\end{document}",
        "",
    ]
    return "\n".join(lines)


def _chapter(results: Results, figures: Path, scorecard: Scorecard | None, shows: Mapping[str, str]) -> Chapter:
    study = results.study
    files = [(figure, figures / study.name / f"{figure.name}.pdf") for figure in results.figures]
    drawn = [(figure, file) for figure, file in files if not _is_empty(file)]
    placed = [(figure, drawing(file, file_name(figure), _words(figure, shows))) for figure, file in drawn]
    undrawn = [figure for figure, file in files if _is_empty(file)]
    tables = [table.name for table in study.summary.tables] if study.summary and results.tables else []
    return Chapter(study, placed, tables, results.claims, scorecard, shows, undrawn)


def _words(figure: Figure, shows: Mapping[str, str]) -> int:
    """Return how many characters stand below a figure, with a line of verdicts."""
    return CHARACTERS_A_LINE + sum(map(len, (figure.title, figure.caption, figure.found, shows.get(figure.key, ""))))


def _copy(chapter: Chapter, results: Results, building: Path, shared: Path) -> None:
    for _, shown in chapter.figures:
        if not (shared / shown.name).is_file():
            shutil.copyfile(shown.file, building / "figures" / shown.name)
    for name in chapter.tables:
        file = results.tables / f"{name}.tex"
        if not file.is_file():
            raise AtlasError(f"{file}: this table has not been made; make it with the rule {chapter.study.name}_summary")
        shutil.copyfile(file, building / "tables" / f"{chapter.study.name}_{name}.tex")


def _is_empty(file: Path) -> bool:
    """Return whether there is nothing to see in a figure: the table beside it has headings alone."""
    table = file.with_suffix(".csv")
    if not table.is_file():
        return False
    with table.open(encoding="utf-8") as lines:
        return len(list(islice(lines, 2))) == 1


def _refuse_foreign(output: Path) -> None:
    if output.is_file():
        raise AtlasError(f"{output}: is a file; name a folder for the LaTeX report")
    # Not told by report.tex: Snakemake takes an output away before its job runs again. `report.*` are LaTeX's own, and the PDF.
    names = [path.name for path in output.iterdir()] if output.exists() else []
    if any(name not in _OURS and not name.startswith(("report.", ".")) for name in names):
        raise AtlasError(f"{output}: holds files that are not of a LaTeX report, and would be replaced; name an empty folder")
