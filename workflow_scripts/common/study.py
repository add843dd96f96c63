"""The nouns of a study: what it asks of passes, what it computes from them, what it draws and what it compares.

Data alone, read from the study's folder by `studies.found`; importing this computes nothing and needs the standard library.
Everything above this floor (plan, rules, drawing kit, report) knows these nouns and no study.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from workflow_scripts.common.errors import AtlasError, nearest

IMAGES = "images"  # the ground truth of a dataset setting that needs none


@dataclass(frozen=True)
class Setting:
    """One value that a configuration may choose.

    Attributes:
        name: its key.
        default: the study's own protocol.
        schema: JSON schema of its values.
        truth: ground truth that the dataset it names must have, `IMAGES` if none; "" if it names no dataset.
        meaning: what it decides, in a few words.
    """

    name: str
    default: Any
    schema: Mapping[str, Any]
    truth: str
    meaning: str


@dataclass(frozen=True)
class Ask:
    """What an analysis asks of a pass, under the name by which it receives it.

    Attributes:
        name: key of the pass in the analysis.
        dataset: the setting that names the dataset.
        view: one of the study's views.
        gather: collector -> options; an option may be ``{setting: name}`` or ``{config: name}``, or ``{fit: name}`` for the
            result of one of the study's fits.
        condition: the setting that must be true for it to be asked at all; "" for always.
        each: the setting, a list, for each of whose values it is asked once; "" for once.
        apart: whether its pass is a job of its own, because it is dear and should not be repeated for a neighbour's sake.
        own: whether the shared pass has collectors of this ask's own, because another's of that kind have other options.
        files: what the analysis reads of the dataset beside the pass: crops, masks, labels, pairs, classes, concepts, reader.
        optional: whether the analysis does without it where there is no dataset, or none with the ground truth it needs.
    """

    name: str
    dataset: str
    view: str
    gather: Mapping[str, Mapping[str, Any]]
    condition: str = ""
    each: str = ""
    apart: bool = False
    own: bool = False
    files: tuple[str, ...] = ()
    optional: bool = False


def fits_of(options: Mapping[str, Any]) -> list[str]:
    """Return the names of the fits that a collector's options refer to."""
    return [option["fit"] for option in options.values() if isinstance(option, Mapping) and "fit" in option]


def settings_of(options: Mapping[str, Any]) -> list[str]:
    """Return the names of the settings that options refer to."""
    return [option["setting"] for option in options.values() if isinstance(option, Mapping) and "setting" in option]


@dataclass(frozen=True)
class FitAsk:
    """A statistic that is fitted by steps over one view of a dataset, once for all that use it.

    Attributes:
        name: also that of its file.
        title: a few words.
        dataset: the setting that names the dataset, as ``analysis.setting``.
        view: one of the study's views.
        fit: name of the fit -> options, as of an `Ask`; a setting is one of the dataset's analysis, or ``analysis.setting``.
    """

    name: str
    title: str
    dataset: str
    view: str
    fit: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Count:
    """What the n of rows counts, and what their intervals are over: "images"."""

    n_of: str
    over: str


@dataclass(frozen=True)
class Analysis:
    """Statistics -> table rows, and maps where it makes some; the module ``studies.<study>.<name>`` computes it.

    Attributes:
        study: the study's name.
        name: also that of its tables.
        title: a few words.
        settings: its settings by name.
        asks: its asks by name.
        over_models: whether one job compares all models, instead of one job a model.
        models: the setting that names the models that it is made of; "" for all models of a run.
        maps: whether it writes maps beside its table.
        fits: names of the study's fits whose results it reads.
        needs: resources of its job: memory_mb, minutes, threads; gpu where it computes on one if there is one; decoder where it
            is given the model itself, on a GPU if there is one, and is made of models alone whose checkpoint has a decoder.
        counts: what n counts, by metric or facet, "all" for all others.
    """

    study: str
    name: str
    title: str
    settings: Mapping[str, Setting]
    asks: Mapping[str, Ask]
    over_models: bool
    maps: bool
    fits: tuple[str, ...]
    needs: Mapping[str, int]
    models: str = ""
    counts: Mapping[str, Count] = field(default_factory=dict)

    def count(self, metric: str, facet: str) -> Count | None:
        """Return what the n of rows of a metric and facet counts; None if that is not said."""
        return self.counts.get(metric) or self.counts.get(facet) or self.counts.get("all")

    @property
    def key(self) -> str:
        """Return ``study/name``, as commands and file paths spell it."""
        return f"{self.study}/{self.name}"

    @property
    def module(self) -> str:
        """Return the module below the package that computes it."""
        return f"studies.{self.study}.{self.name}"

    @property
    def decodes(self) -> bool:
        """Return whether it runs the model and its decoder."""
        return bool(self.needs.get("decoder"))

    @property
    def on_device(self) -> bool:
        """Return whether it computes on a GPU where there is one."""
        return bool(self.needs.get("gpu")) or self.decodes

    @property
    def command(self) -> str:
        """Return the command that computes it."""
        if self.decodes:
            return "tabulate_with_model"
        return "tabulate_on_device" if self.on_device else "tabulate"


@dataclass(frozen=True)
class Score:
    """Which rows of an analysis' table are one number per model and layer, and how figures call them.

    Attributes:
        name: how figures, claims and tables refer to it.
        analysis: whose table holds it.
        metric, facet, setting, head: the rows' values of these columns.
        title: of a panel that shows it.
        label: of an axis that measures it.
        axis: a shorter label, for beside the title.
        condition: ``analysis.setting`` that must be set for the rows to be there; "" if they always are.
        n_of: what the rows' n counts, "" if that is not said.
        over: what their interval is over.
    """

    name: str
    analysis: str
    metric: str
    facet: str
    setting: str = ""
    head: str = ""
    title: str = ""
    label: str = ""
    axis: str = ""
    condition: str = ""
    n_of: str = ""
    over: str = ""


@dataclass(frozen=True)
class Figure:
    """One figure of a study.

    Attributes:
        study, name: also its file, and the module ``studies.<study>.figures.<name>`` if it has one of its own.
        number: the figure's number in the study, "" if the study has no such figure.
        section: the part of the study it belongs to; figures of one section stand together.
        title: a few words.
        caption: what is drawn and how to read it.
        found: what the study found, for the reader to compare with what is drawn.
        tables: analyses whose tables of each model it reads.
        maps: analyses whose maps of each model it reads.
        pairs: analyses over all models whose table it reads.
        condition: ``analysis.setting`` that must be true for it; "" for always.
        main: whether it shows only the main models of a run.
        draw: the kit's drawing and what it is given; empty for a module of its own.
        scores: names of the scores that it shows.
    """

    study: str
    name: str
    number: str
    section: str
    title: str
    caption: str
    found: str
    tables: tuple[str, ...] = ()
    maps: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    condition: str = ""
    main: bool = False
    draw: Mapping[str, Any] = field(default_factory=dict)
    scores: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Return ``study/name``, as commands and file paths spell it."""
        return f"{self.study}/{self.name}"

    @property
    def analyses(self) -> tuple[str, ...]:
        """Return the analyses that it reads anything of."""
        return tuple(dict.fromkeys((*self.tables, *self.maps, *self.pairs)))

    def showing(self, measured: Set[str]) -> Figure | None:
        """Return the figure with those of its scores alone that are `measured`; None if nothing is left to show."""

        def cells(cell: str | list[str]) -> str | list[str] | None:
            if isinstance(cell, str):
                return cell if cell in measured else None
            return [name for name in cell if name in measured] or None

        draw = dict(self.draw)
        if "panels" in draw:
            rows = ([left for cell in row if (left := cells(cell))] for row in draw["panels"])
            draw["panels"] = [row for row in rows if row]
        if "by_supervision" in draw:
            draw["by_supervision"] = cells(draw["by_supervision"])
        scores = tuple(name for name in self.scores if name in measured)
        return replace(self, draw=draw, scores=scores) if scores else None

    @property
    def module(self) -> str:
        """Return the module below the package that draws it, "" if the kit does."""
        return "" if self.draw else f"studies.{self.study}.figures.{self.name}"


@dataclass(frozen=True)
class SummaryTable:
    """A table of the study for reading: its name (also its file), title, and number in the study."""

    name: str
    title: str
    number: str = ""


@dataclass(frozen=True)
class Summary:
    """The study's tables for reading, made by its module ``summary`` from tables of some of its analyses.

    Attributes:
        reads: names of these analyses.
        tables: in order.
        published: whether the study's published numbers stand in them.
    """

    reads: tuple[str, ...]
    tables: tuple[SummaryTable, ...]
    published: bool = False


@dataclass(frozen=True)
class Study:
    """A study: everything that is its own.

    Attributes:
        name: its folder.
        title: what it is about.
        reference: ``short`` and, where it has one, ``arxiv``.
        settings: of the study as a whole, by name.
        views: view name -> how a dataset is shown (`studies.plan` spells it out for a model).
        analyses, fits, scores: by name.
        figures: in the order of the report.
        summary: its tables for reading, or None.
        claims: path of the file that has its claims, "" if it makes none.
        files: its description, relative to the repository; what reads it is made again when it changes.
    """

    name: str
    title: str
    reference: Mapping[str, str]
    settings: Mapping[str, Setting]
    views: Mapping[str, Mapping[str, Any]]
    analyses: Mapping[str, Analysis]
    fits: Mapping[str, FitAsk]
    scores: Mapping[str, Score]
    figures: tuple[Figure, ...]
    summary: Summary | None
    claims: str
    files: tuple[str, ...]

    def figure(self, name: str) -> Figure:
        """Return the figure called `name`.

        Raises:
            AtlasError: there is no such figure; the message suggests the nearest.
        """
        for figure in self.figures:
            if figure.name == name:
                return figure
        known = [figure.key for figure in self.figures]
        raise AtlasError(f"no figure '{self.name}/{name}'{nearest(f'{self.name}/{name}', known)}")

    def drawing(self, figure: Figure) -> str:
        """Return everything that decides how `figure` is drawn, as JSON: its words are no part of it."""
        described = {key: getattr(figure, key) for key in ("key", "tables", "maps", "pairs", "module", "draw")}
        return json.dumps(described | {"scores": {name: asdict(self.scores[name]) for name in figure.scores}}, sort_keys=True)
