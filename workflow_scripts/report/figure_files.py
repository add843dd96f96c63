"""A study's figures in the report: their files, a preview, what this run shows, and what is folded away."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workflow_scripts.common.errors import AtlasError, made_here
from workflow_scripts.common.run_messages import with_targets
from workflow_scripts.common.study import Figure, Study
from workflow_scripts.report.explore_links import Explorable, Link
from workflow_scripts.report.pdf_file import is_heavy, n_pages
from workflow_scripts.report.pictures import PICTURE_BYTES, copy_picture, write_preview
from workflow_scripts.report.sample_sizes import sample_sizes
from workflow_scripts.report.sentences import NOTHING, repeats, score_labels, shown_by
from workflow_scripts.report.site import anchor

_SUFFIXES = ("png", "pdf", "csv")
_MOST_COPIED = 300_000  # bytes of a CSV that the report takes along
_MOST_READ = 30_000_000  # bytes of a CSV that is read for its sentence
_CELLS = {"row", "column"}  # columns of a map's numbers


@dataclass(frozen=True)
class ShownFigure:
    """A figure as a page shows it; file names are relative to the report's folder.

    Attributes:
        entry: its description.
        number: in the report.
        anchor: its id in the page of its study.
        preview: small picture.
        files, sizes: file and size in words by suffix; the CSV is left out where it is large or of maps, a heavy PDF as well.
        pages: of its PDF; the PNG is the first.
        left: what is left out, and where the run has it, by suffix.
        width, height: pixels of the figure, of which a page shows half as many, so that texts of all figures are of one size.
        reduced: whether the report's PNG has fewer colours than the run's.
        command: that draws it again.
        sentence: what this run shows.
        measured_of: what its numbers are measured of, "" if that is not known.
        links: to views of the explorer.
        folded: why it is folded away; "" if it is not.
        other: number and anchor of the figure that has all of its numbers, if one has.
    """

    entry: Figure
    number: int
    anchor: str
    preview: str
    files: Mapping[str, str]
    sizes: Mapping[str, str]
    pages: int
    left: Mapping[str, str]
    width: int
    height: int
    reduced: bool
    command: str
    sentence: str
    measured_of: str
    links: tuple[Link, ...]
    folded: str
    other: tuple[int, str] | None

    @property
    def alt(self) -> str:
        """Return what the picture shows, in words."""
        return f"Figure {self.number}: {self.entry.title}. {self.sentence}"


def add_figures(
    study: Study,
    entries: list[Figure],
    numbers: Iterator[int],
    figures: Path,
    report: Path,
    run: str,
    names: Mapping[str, str],
    controls: Collection[str],
    explorable: Explorable | None = None,
    most: int = PICTURE_BYTES,
) -> list[ShownFigure]:
    """Copy a study's figures into the report and return what its page shows.

    Args:
        study: whose figures they are.
        entries: their descriptions, in order.
        numbers: the next numbers in the report.
        figures: folder with ``<study>/<name>.png``, ``.pdf`` and ``.csv``.
        report: the report's folder.
        run: command that makes the run again.
        names: display name by id of the run's models.
        controls: those of them without training.
        explorable: what the report's explorer has, if there is one.
        most: bytes that a PNG may have.

    Raises:
        AtlasError: a file is missing or cannot be read.
    """
    for entry in entries:
        _require(figures, entry, run)
    frames = {entry.name: _numbers(figures / f"{entry.key}.csv") for entry in entries}
    same = repeats(frames)
    place = {entry.name: next(numbers) for entry in entries}
    said = _sentences(study, frames, names, controls)
    previews = {entry.name: _asset(entry, "webp") for entry in entries}

    def picture(entry: Figure) -> tuple[tuple[int, int], bool]:
        source = figures / f"{entry.key}.png"
        return write_preview(source, report / previews[entry.name]), copy_picture(source, report / _asset(entry, "png"), most)

    # Pillow lets go of the interpreter while it computes.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        pictures = dict(zip(previews, pool.map(picture, entries), strict=True))
    shown = []
    for entry in entries:
        frame, sentence = frames[entry.name], said[entry.name]
        other = same.get(entry.name)
        folded = "holds no number that" if other else "is empty" if sentence == NOTHING else ""
        files, sizes = _copy(entry, figures, report, frame)
        (width, height), reduced = pictures[entry.name]
        shown.append(
            ShownFigure(
                entry=entry,
                number=place[entry.name],
                anchor=anchor(entry.study, entry.name),
                preview=previews[entry.name],
                files=files,
                sizes=sizes,
                pages=n_pages((figures / f"{entry.key}.pdf").read_bytes()),
                left={suffix: _from_project(figures, f"{entry.key}.{suffix}") for suffix in _SUFFIXES if suffix not in files},
                width=width,
                height=height,
                reduced=reduced,
                command=_command(figures, entry, run),
                sentence=sentence,
                measured_of=_measured_of(study, entry, frame, sentence),
                links=tuple(explorable.links(entry, frame)) if explorable else (),
                folded=folded,
                other=(place[other], anchor(entry.study, other)) if other else None,
            )
        )
    return shown


def figure_sentences(
    study: Study, entries: Sequence[Figure], figures: Path, names: Mapping[str, str], controls: Collection[str]
) -> dict[str, str]:
    """Return what this run shows in each figure of a study, and of how many things, by key; arguments as of `add_figures`."""
    frames = {entry.name: _numbers(figures / f"{entry.key}.csv") for entry in entries}
    said = _sentences(study, frames, names, controls)
    return {
        entry.key: " ".join(filter(None, [said[entry.name], _measured_of(study, entry, frames[entry.name], said[entry.name])]))
        for entry in entries
    }


def _measured_of(study: Study, entry: Figure, frame: pd.DataFrame | None, sentence: str) -> str:
    return sample_sizes(study, entry, frame) if sentence != NOTHING else ""


def _sentences(
    study: Study, frames: Mapping[str, pd.DataFrame | None], names: Mapping[str, str], controls: Collection[str]
) -> dict[str, str]:
    labels = score_labels(study.scores)
    many = "Its numbers are too many to say in a sentence."
    return {name: many if frame is None else shown_by(frame, names, labels, controls) for name, frame in frames.items()}


def size_in_words(n_bytes: int) -> str:
    """Return a size for reading: "12 kB", "3.4 MB"."""
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e6 else f"{max(1, round(n_bytes / 1e3))} kB"


def _require(figures: Path, entry: Figure, run: str) -> None:
    for suffix in _SUFFIXES:
        source = figures / f"{entry.key}.{suffix}"
        if not source.is_file():
            raise AtlasError(f"{source}: this figure has not been drawn; draw it with `{_command(figures, entry, run)}`")


def _copy(entry: Figure, figures: Path, report: Path, frame: pd.DataFrame | None) -> tuple[dict[str, str], dict[str, str]]:
    """Copy a figure's files but for the PNG, which is there, and what is heavy; return the names and sizes of all."""
    files, sizes = {}, {}
    for suffix in _SUFFIXES:
        source, name = figures / f"{entry.key}.{suffix}", _asset(entry, suffix)
        is_maps = frame is None or set(frame.columns) >= _CELLS
        if suffix == "csv" and (is_maps or source.stat().st_size > _MOST_COPIED):
            continue
        if suffix == "pdf" and is_heavy(source):
            continue
        if suffix != "png":
            shutil.copyfile(source, report / name)
        files[suffix], sizes[suffix] = name, size_in_words((report / name).stat().st_size)
    return files, sizes


def _asset(entry: Figure, suffix: str) -> str:
    return f"assets/{entry.study}_{entry.name}.{suffix}"


def _numbers(path: Path) -> pd.DataFrame | None:
    """Return a figure's numbers, None if there are very many.

    Raises:
        AtlasError: the file is no table.
    """
    if path.stat().st_size > _MOST_READ:
        return None
    try:
        return pd.read_csv(path, low_memory=False, keep_default_na=True)
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise made_here(path, "the numbers of a figure", error) from None


def _command(figures: Path, entry: Figure, run: str) -> str:
    return with_targets(run, _from_project(figures, f"{entry.key}.pdf"), "--force")


def _from_project(folder: Path, file: str) -> str:
    # A path given as absolute would name the machine: what a reader can type is relative to the project.
    return f"{os.path.relpath(folder) if folder.is_absolute() else folder.as_posix()}/{file}"
