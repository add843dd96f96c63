"""A table for reading, and its spelling as an HTML fragment for the report, with the classes of ``report.css``.

`latex.tables` spells it for LaTeX.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import escape

MISSING = "\N{EM DASH}"


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
        interval: said below it.
        strong: whether it is the best of its column.
        dot: kind of supervision; its colour stands before it in HTML, and room between two kinds in LaTeX.
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
