"""A table for reading, and its two spellings: an HTML fragment for the report and a LaTeX fragment for a paper.

The HTML uses the classes of ``report.css``. The LaTeX is a ``tabular`` in a ``table``, with caption and label, and stands in
any document that loads ``booktabs``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import escape

MISSING = "\N{EM DASH}"
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "[": "{[}",  # a row that begins with one would be read as an option of the line break before it
    "*": "{*}",
    "\N{EM DASH}": "---",
    "\N{EN DASH}": "--",
    "\N{MINUS SIGN}": "$-$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{LESS-THAN OR EQUAL TO}": r"$\leq$",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\geq$",
    "\N{NO-BREAK SPACE}": "~",
}


@dataclass(frozen=True)
class Column:
    """A column: its heading, whether it holds numbers, and, for running text, its width in LaTeX (share of the text width)."""

    heading: str
    number: bool = False
    width: float | None = None


@dataclass(frozen=True)
class Cell:
    """What stands in a cell.

    Attributes:
        text: the value.
        note: said beside it in parentheses, as the layer of a score.
        interval: said below it; left out in LaTeX, where the tables keep the study's layout.
        strong: whether it is the best of its column.
        dot: kind of supervision whose colour stands before it; only in HTML.
    """

    text: str
    note: str = ""
    interval: str = ""
    strong: bool = False
    dot: str = ""


@dataclass(frozen=True)
class Fragment:
    """A table; the first cell of a row names the row."""

    label: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        """Refuse a row of another length than the columns."""
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.label}: a row of {len(row)} cells under {len(self.columns)} columns")


def to_html(table: Fragment) -> str:
    """Return the table as an HTML fragment: a region that scrolls sideways where it must."""
    name = escape(table.caption.split(".")[0])
    lines = [
        f'<div class="scroll" role="region" aria-label="{name}, scrolls sideways" tabindex="0">',
        "<table>",
        f"<caption>{escape(table.caption)}</caption>",
        "<thead>",
        "<tr>" + "".join(f'<th scope="col"{_kind(c)}>{escape(c.heading)}</th>' for c in table.columns) + "</tr>",
        "</thead>",
        "<tbody>",
    ]
    for first, *rest in table.rows:
        cells = [f'<th scope="row">{_html(first)}</th>']
        cells += [f"<td{_kind(column)}>{_html(cell)}</td>" for column, cell in zip(table.columns[1:], rest, strict=True)]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "\n".join([*lines, "</tbody>", "</table>", "</div>", ""])


def to_latex(table: Fragment) -> str:
    """Return the table as a LaTeX fragment that needs the package booktabs."""
    lines = [
        r"\begin{table}[tb]",
        r"\centering",
        rf"\caption{{{escape_latex(table.caption)}}}",
        rf"\label{{tab:{table.label}}}",
        r"\small",
        rf"\begin{{tabular}}{{@{{}}{''.join(map(_alignment, table.columns))}@{{}}}}",
        r"\toprule",
        _latex_row(Cell(column.heading) for column in table.columns),
        r"\midrule",
        *(_latex_row(row) for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
        "",
    ]
    return "\n".join(lines)


def escape_latex(text: str) -> str:
    """Return `text` with every character that LaTeX would read as a command made printable."""
    return "".join(_LATEX.get(character, character) for character in re.sub(r"\s*\n\s*", " ", text))


def _html(cell: Cell) -> str:
    text = f"<strong>{escape(cell.text)}</strong>" if cell.strong else str(escape(cell.text))
    if cell.dot:
        text = f'<span class="dot {escape(cell.dot)}" aria-hidden="true"></span>{text}'
    if cell.note:
        text += f' <span class="quiet">({escape(cell.note)})</span>'
    if cell.interval:
        text += f"<br><small>{escape(cell.interval)}</small>"
    return text


def _kind(column: Column) -> str:
    return ' class="number"' if column.number else ""


def _alignment(column: Column) -> str:
    if column.width:
        return rf"p{{{column.width:g}\textwidth}}"
    return "r" if column.number else "l"


def _latex_row(cells: Iterable[Cell]) -> str:
    return " & ".join(map(_latex, cells)) + r" \\"


def _latex(cell: Cell) -> str:
    text = escape_latex(cell.text)
    if cell.strong:
        text = rf"\textbf{{{text}}}"
    return f"{text} ({escape_latex(cell.note)})" if cell.note else text
