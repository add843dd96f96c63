"""The report: one folder that opens offline, built whole beside its place and then swapped in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from workflow_scripts.common.atomic import write_text
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.run_messages import with_targets
from workflow_scripts.common.study import Figure, Study, SummaryTable
from workflow_scripts.figures.style import FAMILY_COLOURS
from workflow_scripts.report.claims import IN_THE_DEMO, Claims
from workflow_scripts.report.neighbours import Neighbours
from workflow_scripts.report.run_info import duration, moment, short_commit

TEMPLATES = Path(__file__).parent
_SUFFIXES = ("png", "pdf", "csv")
_KEPT = "latex"  # a folder of another job's, in the same place
_TALL = 1.25  # height over width from which a figure is shown in a scrolling frame


@dataclass(frozen=True)
class ReportFigure:
    """A figure as the page shows it; file names are relative to the report's folder."""

    entry: Figure
    number: int
    anchor: str
    files: dict[str, str]
    sizes: dict[str, str]
    width: int
    height: int
    command: str

    @property
    def tall(self) -> bool:
        """Return whether the figure is taller than a screen at full width."""
        return self.height > _TALL * self.width


@dataclass(frozen=True)
class Results:
    """What a run made of a study: figures, the folder of its summary tables if it has any, and its claims with verdicts."""

    study: Study
    figures: Sequence[Figure]
    tables: Path | None = None
    claims: Claims | None = None


@dataclass(frozen=True)
class ShownTable:
    """A table of a study's summary: heading, the study's number of it, its HTML, its LaTeX file relative to the report."""

    title: str
    number: str
    html: Markup
    latex: str


@dataclass(frozen=True)
class ShownStudy:
    """A study as the page shows it: summary tables, claims, and figures by section."""

    id: str
    name: str
    tables: tuple[ShownTable, ...]
    claims: Claims | None
    sections: dict[str, list[ReportFigure]]


@dataclass(frozen=True)
class Sheet:
    """The contact sheet's file name relative to the report's folder, and its size in pixels."""

    file: str
    width: int
    height: int


def write_report(
    output: Path,
    info: dict[str, Any],
    studies: Sequence[Results],
    figures: Path,
    contact_sheet: Path | None,
    neighbours: Neighbours | None,
    card: Path | None = None,
) -> None:
    """Build the report and put it at `output`, replacing an earlier report there.

    Args:
        output: folder of the report; gets ``index.html`` and ``assets/``.
        info: the run's facts, see `run_info`.
        studies: what to show, in order.
        figures: folder with ``<study>/<name>.png``, ``.pdf`` and ``.csv``.
        contact_sheet: PNG of the demo world.
        neighbours: k-NN accuracies of the demo's models.
        card: model card of the demo zoo, where it was trained beforehand; the report takes a copy along.

    Raises:
        AtlasError: a file of a figure or table is missing, or `output` holds files that are not a report's.
    """
    output = Path(output)
    _refuse_foreign(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    building, previous = (output.parent / f".{output.name}.{word}" for word in ("partial", "previous"))
    for stale in (building, previous):  # left by a run that was killed
        shutil.rmtree(stale, ignore_errors=True)
    assets = building / "assets"
    assets.mkdir(parents=True)
    try:
        run = info.get("command") or "uv run snakemake"
        numbers = count(1)
        shown = [_show(place, results, numbers, figures, assets, run) for place, results in enumerate(studies, 1)]
        sheet = _add_sheet(contact_sheet, assets) if contact_sheet else None
        if card:
            shutil.copyfile(card, assets / card.name)
        write_text(building / "index.html", render(info, shown, sheet, neighbours, f"assets/{card.name}" if card else None))
        if (output / _KEPT).exists():
            (output / _KEPT).replace(building / _KEPT)
        if output.exists():
            output.replace(previous)
        building.replace(output)
    finally:
        shutil.rmtree(building, ignore_errors=True)
        shutil.rmtree(previous, ignore_errors=True)


def render(
    info: dict[str, Any],
    studies: Sequence[ShownStudy],
    sheet: Sheet | None,
    knn: Neighbours | None,
    card: str | None = None,
) -> str:
    """Return the page; `card` is the address of the demo zoo's model card in it.

    Everything from files is escaped, but for summary tables, which are HTML already.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("report.html.j2").render(
        info=info,
        studies=studies,
        sheet=sheet,
        knn=knn,
        card=card,
        in_the_demo=IN_THE_DEMO,
        unverified=[
            (item.get("display_name", item["id"]), sentence)
            for item in (*info["models"], *info["datasets"])
            for sentence in item.get("unverified", [])
        ],
        skipped=[(data["id"], path) for data in info["datasets"] for path in data.get("skipped", [])],
        margin=((info.get("config") or {}).get("demo") or {}).get("minimum_margin"),
        took=duration(info.get("seconds")),
        commit=short_commit(info.get("commit")),
        finished=moment(info.get("finished")),
        config=yaml.safe_dump(info["config"], sort_keys=False, allow_unicode=True) if info.get("config") else None,
        families=FAMILY_COLOURS,
        # The stylesheet is a file of this package, and a <style> element must not be escaped.
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),  # noqa: S704
    )


def _show(place: int, results: Results, numbers: Iterator[int], figures: Path, assets: Path, run: str) -> ShownStudy:
    """Copy a study's files into the report and return what the page says of it."""
    study = results.study
    sections: dict[str, list[ReportFigure]] = {}
    for entry in results.figures:
        sections.setdefault(entry.section, []).append(_add_figure(entry, next(numbers), figures, assets, run))
    shown = study.summary.tables if study.summary and results.tables else ()
    tables = tuple(_add_table(study.name, table, results.tables, assets) for table in shown)
    title = f"Study {place}: {study.title[0].lower()}{study.title[1:]}"
    return ShownStudy(study.name, title, tables, results.claims, sections)


def _add_table(study: str, table: SummaryTable, folder: Path, assets: Path) -> ShownTable:
    for suffix in ("html", "tex"):
        if not (folder / f"{table.name}.{suffix}").is_file():
            path = folder / f"{table.name}.{suffix}"
            raise AtlasError(f"{path}: this table has not been made; make it with the rule {study}_summary")
    latex = f"{study}_{table.name}.tex"
    shutil.copyfile(folder / f"{table.name}.tex", assets / latex)
    # Written by report.fragments, which escapes what it is given.
    html = Markup((folder / f"{table.name}.html").read_text(encoding="utf-8"))  # noqa: S704
    return ShownTable(table.title, table.number, html, f"assets/{latex}")


def _add_figure(entry: Figure, number: int, figures: Path, assets: Path, run: str) -> ReportFigure:
    command = _command(figures, entry, run)
    files, sizes = {}, {}
    for suffix in _SUFFIXES:
        source = figures / entry.study / f"{entry.name}.{suffix}"
        if not source.is_file():
            raise AtlasError(f"{source}: this figure has not been drawn; draw it with `{command}`")
        name = f"{entry.study}_{entry.name}.{suffix}"
        shutil.copyfile(source, assets / name)
        files[suffix], sizes[suffix] = f"assets/{name}", _size(source.stat().st_size)
    with Image.open(assets / f"{entry.study}_{entry.name}.png") as image:
        width, height = image.size
    anchor = f"{entry.study}-{entry.name}".replace("_", "-")
    return ReportFigure(entry, number, anchor, files, sizes, width, height, command)


def _add_sheet(path: Path, assets: Path) -> Sheet:
    shutil.copyfile(path, assets / "contact_sheet.png")
    with Image.open(path) as image:
        return Sheet("assets/contact_sheet.png", *image.size)


def _command(figures: Path, entry: Figure, run: str) -> str:
    # A path given as absolute would name the machine: what a reader can type is relative to the project.
    folder = os.path.relpath(figures) if figures.is_absolute() else figures.as_posix()
    return with_targets(run, f"{folder}/{entry.key}.pdf", "--force")


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e6 else f"{max(1, round(n_bytes / 1e3))} kB"


def _refuse_foreign(output: Path) -> None:
    if output.is_file():
        raise AtlasError(f"{output}: is a file; name a folder for the report")
    ours = ("index.html", "assets", _KEPT)
    foreign = sorted(p.name for p in output.iterdir() if p.name not in ours) if output.exists() else []
    foreign = [name for name in foreign if not name.startswith(".")]
    if foreign:
        raise AtlasError(
            f"{output}: holds '{foreign[0]}', which is not of a report, and would be replaced; name an empty folder"
        )
