"""The report: a folder of pages that opens offline, built whole beside its place and then swapped in."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from markupsafe import Markup

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.study import Figure, Study, SummaryTable
from workflow_scripts.report.claims import IN_THE_DEMO, Claim, Claims
from workflow_scripts.report.explore_links import Explorable
from workflow_scripts.report.figure_files import ShownFigure, add_figures
from workflow_scripts.report.folder import whole
from workflow_scripts.report.glossary import Glossary, glossary
from workflow_scripts.report.leaderboard import Task, headlines, leading, tasks
from workflow_scripts.report.measured import Measured
from workflow_scripts.report.neighbours import Neighbours
from workflow_scripts.report.pictures import copy_picture, most_bytes, write_preview
from workflow_scripts.report.references import citing
from workflow_scripts.report.run_info import duration, moment, short_commit
from workflow_scripts.report.scorecard_counts import Counts
from workflow_scripts.report.site import Addition, Site, anchor
from workflow_scripts.report.words import counted, listed

_MOST_LED = 3  # tasks of a study whose leader its sentences name


@dataclass(frozen=True)
class Results:
    """What a run made of a study: figures, the folder of its summary tables if it has any, and its claims with verdicts."""

    study: Study
    figures: Sequence[Figure]
    tables: Path | None = None
    claims: Claims | None = None


@dataclass(frozen=True)
class ShownTable:
    """A table of a study's summary: heading, the study's number of it, its id, its HTML, its LaTeX file in the report."""

    title: str
    number: str
    anchor: str
    html: Markup
    latex: str


@dataclass(frozen=True)
class ShownStudy:
    """A study as the pages show it.

    Attributes:
        id: its name.
        name: what it is called.
        sentences: what this run shows of it, three of them.
        tables: for reading.
        claims: with verdicts, or None.
        sections: figures by section, but for those folded away.
        folded: figures by section that are empty or repeat others.
        cites: figures and tables that a claim cites, by claim.
        claims_of: claims that cite a figure, by the figure's name.
        counts: how its published numbers compare, if the run has a scorecard.
    """

    id: str
    name: str
    sentences: tuple[str, ...]
    tables: tuple[ShownTable, ...]
    claims: Claims | None
    sections: Mapping[str, list[ShownFigure]]
    folded: Mapping[str, list[ShownFigure]]
    cites: Mapping[str, tuple[list[ShownFigure], list[ShownTable]]]
    claims_of: Mapping[str, list[Claim]]
    counts: Counts | None

    @property
    def figures(self) -> list[ShownFigure]:
        """Return all figures in order."""
        shown = [figure for own in (*self.sections.values(), *self.folded.values()) for figure in own]
        return sorted(shown, key=lambda figure: figure.number)


@dataclass(frozen=True)
class Sheet:
    """The contact sheet: file and preview relative to the report's folder, and its size in pixels."""

    file: str
    preview: str
    width: int
    height: int


@dataclass(frozen=True)
class Extras:
    """What a report may have beside its studies.

    Attributes:
        contact_sheet: PNG of the demo world.
        neighbours: k-NN accuracies of the demo's models.
        card: model card of the demo zoo, where it was trained beforehand; the report takes a copy along.
        measured: the tables of the run's models.
        compared: the tables of comparisons of models, by ``study/analysis``.
        counts: how published numbers compare with the run's, by study.
        additions: pages that other parts of the workflow make.
        explorable: what the explorer has, if it is among them: figures link to it.
    """

    contact_sheet: Path | None = None
    neighbours: Neighbours | None = None
    card: Path | None = None
    measured: Measured = field(default_factory=Measured)
    compared: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    counts: Mapping[str, Counts] = field(default_factory=dict)
    additions: Sequence[Addition] = ()
    explorable: Explorable | None = None


def write_report(
    output: Path, info: dict[str, Any], studies: Sequence[Results], figures: Path, extras: Extras | None = None
) -> None:
    """Build the report and put it at `output`, replacing an earlier report there.

    Args:
        output: folder of the report; gets ``index.html`` and all other pages and files.
        info: the run's facts, see `run_info`.
        studies: what to show, in order.
        figures: folder with ``<study>/<name>.png``, ``.pdf`` and ``.csv``.
        extras: what there is beside.

    Raises:
        AtlasError: a file of a figure or table is missing, or `output` holds files that are not a report's.
    """
    extras = extras or Extras()
    named = [(results.study.name, _name(place, results.study)) for place, results in enumerate(studies, 1)]
    with whole(output) as folder:
        site = Site(folder, info, named, {addition.page: addition.label for addition in extras.additions})
        site.write_look()
        numbers = count(1)
        trained = [model["id"] for model in info["models"] if model["supervision"] != "none"]
        controls = [model["id"] for model in info["models"] if model["id"] not in trained]
        boards = {results.study.name: tasks(results.study, extras.measured, trained) for results in studies}
        files = (figures / f"{figure.key}.png" for results in studies for figure in results.figures)
        most = most_bytes(file.stat().st_size for file in files if file.is_file())
        shown = []
        for (_, name), results in zip(named, studies, strict=True):
            entries = list(results.figures)
            run = info.get("command") or "uv run snakemake"
            drawn = add_figures(
                results.study, entries, numbers, figures, folder, run, _names(info), controls, extras.explorable, most
            )
            sentences = _sentences(results, drawn, boards[results.study.name], extras.measured, info, trained)
            shown.append(_show(name, results, drawn, sentences, folder, extras.counts.get(results.study.name)))
        board = [task for own in boards.values() for task in own]
        words = glossary([results.study for results in studies], extras.measured, extras.compared)
        _write_pages(site, shown, board, words, extras)
        for addition in extras.additions:
            addition.write(site)


def _write_pages(site: Site, studies: Sequence[ShownStudy], board: Sequence[Task], words: Glossary, extras: Extras) -> None:
    info, measured = site.info, extras.measured
    card = f"assets/{extras.card.name}" if extras.card else None
    if extras.card:
        shutil.copyfile(extras.card, site.folder / f"assets/{extras.card.name}")
    made = {model["id"]: measured.made_of(model["id"]) for model in info["models"]}
    without = [model for model in info["models"] if measured.tables and not made[model["id"]]]
    site.write(
        "index.html.j2",
        "index.html",
        studies=studies,
        board=board,
        sheet=_add_sheet(extras.contact_sheet, site.folder) if extras.contact_sheet else None,
        knn=extras.neighbours,
        card=card,
        margin=((info.get("config") or {}).get("demo") or {}).get("minimum_margin"),
        analyses=len(measured.tables),
        without=without,
        **_when(info),
    )
    site.write("run.html.j2", "run.html", **_run(info), **_when(info))
    site.write("glossary.html.j2", "glossary.html", words=words)
    for study in studies:
        site.write("study.html.j2", f"studies/{study.id}.html", study=study, in_the_demo=IN_THE_DEMO)
    for model in info["models"]:
        own = [(task, task.best[model["id"]]) for task in board if model["id"] in task.best]
        site.write(
            "model.html.j2",
            f"models/{model['id']}.html",
            model=model,
            board=own,
            made=made[model["id"]],
            any_made=bool(measured.tables),
            study_names=dict(site.studies),
        )
    site.write_data("search", "atlasSearch", _search_index(site, studies, words))


def _name(place: int, study: Study) -> str:
    return f"Study {place}: {study.title[0].lower()}{study.title[1:]}"


def _names(info: Mapping[str, Any]) -> dict[str, str]:
    return {model["id"]: model["display_name"] for model in info["models"]}


def _show(
    name: str,
    results: Results,
    figures: list[ShownFigure],
    sentences: tuple[str, ...],
    folder: Path,
    counts: Counts | None,
) -> ShownStudy:
    study = results.study
    described = study.summary.tables if study.summary and results.tables else ()
    tables = tuple(_add_table(study.name, table, results.tables, folder) for table in described)
    sections: dict[str, list[ShownFigure]] = {}
    folded: dict[str, list[ShownFigure]] = {}
    for figure in figures:
        sections.setdefault(figure.entry.section, [])
        (folded if figure.folded else sections).setdefault(figure.entry.section, []).append(figure)
    claims = results.claims.claims if results.claims else ()
    sources = {claim.id: claim.source for claim in claims}
    by_name = {figure.entry.name: figure for figure in figures}
    cited = citing(sources, {figure.entry.name: figure.entry.number for figure in figures})
    by_title = {table.title: table for table in tables}
    cited_tables = citing(sources, {table.title: table.number for table in tables}, "table")
    return ShownStudy(
        id=study.name,
        name=name,
        sentences=sentences,
        tables=tables,
        claims=results.claims,
        sections=sections,
        folded=folded,
        cites={
            claim.id: ([by_name[one] for one in cited[claim.id]], [by_title[one] for one in cited_tables[claim.id]])
            for claim in claims
        },
        claims_of={one: [claim for claim in claims if one in cited[claim.id]] for one in by_name},
        counts=counts,
    )


def _sentences(
    results: Results,
    figures: Sequence[ShownFigure],
    board: Sequence[Task],
    measured: Measured,
    info: Mapping[str, Any],
    trained: Sequence[str],
) -> tuple[str, ...]:
    """Return three sentences of a study, from its claims, its tables and its figures; fewer where it lacks these."""
    said = []
    if results.claims:
        said.append(results.claims.examples)
    lines = [leading(task, _names(info)) for task in board or headlines(results.study, measured, trained)]
    said += [" ".join([line for line in lines if line][:_MOST_LED])] if any(lines) else []
    folded = [figure for figure in figures if figure.folded]
    empty = sum(figure.folded == "is empty" for figure in folded)
    ending = [f"{empty} of them empty in this run"] if empty else []
    ending += [f"{len(folded) - empty} without a number that another lacks"] if len(folded) > empty else []
    if figures:
        said.append(f"{counted(len(figures), 'figure')}{', ' + listed(ending) if ending else ''}.")
    return tuple(said)


def _add_table(study: str, table: SummaryTable, folder: Path, report: Path) -> ShownTable:
    for suffix in ("html", "tex"):
        if not (folder / f"{table.name}.{suffix}").is_file():
            path = folder / f"{table.name}.{suffix}"
            raise AtlasError(f"{path}: this table has not been made; make it with the rule {study}_summary")
    latex = f"assets/{study}_{table.name}.tex"
    shutil.copyfile(folder / f"{table.name}.tex", report / latex)
    # Written by report.fragments, which escapes what it is given.
    html = Markup((folder / f"{table.name}.html").read_text(encoding="utf-8"))  # noqa: S704
    return ShownTable(table.title, table.number, anchor(study, "table", table.name), html, latex)


def _add_sheet(path: Path, report: Path) -> Sheet:
    copy_picture(path, report / "assets/contact_sheet.png")
    width, height = write_preview(path, report / "assets/contact_sheet.webp")
    return Sheet("assets/contact_sheet.png", "assets/contact_sheet.webp", width, height)


def _when(info: Mapping[str, Any]) -> dict[str, str]:
    return {
        "took": duration(info.get("seconds")),
        "commit": short_commit(info.get("commit")),
        "finished": moment(info.get("finished")),
    }


def _run(info: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "unverified": [
            (item.get("display_name", item["id"]), sentence)
            for item in (*info["models"], *info["datasets"])
            for sentence in item.get("unverified", [])
        ],
        "skipped": [(data["id"], path) for data in info["datasets"] for path in data.get("skipped", [])],
        "config": yaml.safe_dump(info["config"], sort_keys=False, allow_unicode=True) if info.get("config") else None,
    }


def _search_index(site: Site, studies: Sequence[ShownStudy], words: Glossary) -> list[list[str]]:
    """Return what can be searched for: kind, title, further words, and where it is."""
    found = []
    for study in studies:
        page = f"studies/{study.id}.html"
        found.append(["Study", study.name, "", page])
        for figure in study.figures:
            number = f"{figure.entry.number} {figure.entry.section} {figure.entry.caption}"
            found.append([f"Figure {figure.number}", figure.entry.title, number, f"{page}#{figure.anchor}"])
        found += [["Table", table.title, table.number, f"{page}#{table.anchor}"] for table in study.tables]
        for claim in study.claims.claims if study.claims else ():
            found.append(["Claim", claim.statement, f"{claim.part} {claim.source}", f"{page}#{anchor(study.id, claim.id)}"])
    for model in site.info["models"]:
        about = " ".join(str(model.get(key) or "") for key in ("id", "method", "architecture", "supervision"))
        found.append(["Model", model["display_name"], about, f"models/{model['id']}.html"])
    found += [["Term", term, meaning, f"glossary.html#{anchor('term', term)}"] for term, meaning in words.terms.items()]
    found += [["Metric", one.name, one.meaning, f"glossary.html#{anchor('metric', one.name)}"] for one in words.metrics]
    return found
