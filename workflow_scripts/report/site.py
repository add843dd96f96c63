"""The pages of a report: one look, one navigation, and how a template becomes a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from workflow_scripts.common.atomic import write_text
from workflow_scripts.figures.style import FAMILY_COLOURS, FAMILY_NAMES
from workflow_scripts.report.references import in_the_study

TEMPLATES = Path(__file__).parent


@dataclass(frozen=True)
class Site:
    """What all pages share.

    Attributes:
        folder: where pages are written.
        info: the run's facts, see `run_info`.
        studies: id and name of each study, in order: it has the page ``studies/<id>.html``.
        others: further pages of the report, label by page: they stand in the navigation.
    """

    folder: Path
    info: Mapping[str, Any]
    studies: Sequence[tuple[str, str]]
    others: Mapping[str, str]

    @property
    def pages(self) -> list[tuple[str, str]]:
        """Return page and label of what stands in the navigation at the top."""
        return [("index.html", "Overview"), *self.others.items(), ("glossary.html", "Glossary"), ("run.html", "The run")]

    @cached_property
    def _environment(self) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        environment.filters["anchor"] = anchor
        environment.filters["in_the_study"] = in_the_study
        return environment

    def render(self, template: str, page: str, **content: Any) -> str:
        """Return a page made of a template that extends ``base.html.j2``.

        Args:
            template: file beside this module.
            page: the page's file in the report, "studies/a.html".
            content: what the template shows. Everything is escaped, but for `markupsafe.Markup`.
        """
        return self._environment.get_template(template).render(
            page=page,
            root="../" * page.count("/"),
            info=self.info,
            site=self,
            families=FAMILY_COLOURS,
            family_names=FAMILY_NAMES,
            **content,
        )

    def write(self, template: str, page: str, **content: Any) -> None:
        """Write such a page."""
        write_text(self.folder / page, self.render(template, page, **content))

    def write_look(self) -> None:
        """Write the style sheet and the script of all pages."""
        dots = [f".dot.{family} {{ background: {colour}; }}" for family, colour in FAMILY_COLOURS.items()]
        write_text(self.folder / "assets/report.css", "\n".join([_read("report.css").rstrip(), *dots, ""]))
        write_text(self.folder / "assets/report.js", _read("report.js"))

    def write_data(self, name: str, variable: str, data: Any) -> None:
        """Write data as a classic script, because pages opened from a folder may not fetch."""
        text = json.dumps(data, separators=(",", ":"))  # plain ASCII: no line end of JavaScript's own
        write_text(self.folder / "data" / f"{name}.js", f"window.{variable} = {text};\n")


@dataclass(frozen=True)
class Addition:
    """A page that another part of the workflow makes: its file, its name in the navigation, and what writes it.

    `write` is given the site, and writes its page and data below ``site.folder``.
    """

    page: str
    label: str
    write: Callable[[Site], None]


def anchor(*words: str) -> str:
    """Return words as the id of an element, lower case with hyphens."""
    return "-".join("".join(c if c.isalnum() else "-" for c in word.lower()).strip("-") for word in words)


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")
