r"""Tables for reading as LaTeX: numbers aligned on the decimal sign, no wider than the text, over pages where they are long.

They stand in any document that loads ``booktabs``, ``siunitx``, ``adjustbox`` and, for long ones, ``longtable``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from workflow_scripts.report.fragments import MISSING, Cell, Column, Fragment
from workflow_scripts.report.latex.text import escape_latex

LONGEST = 42  # lines of a table that stands on one page
_SIZES = ((88, r"\small"), (104, r"\footnotesize"), (0, r"\scriptsize"))  # characters of a line -> type
_HEADING = 11  # characters of a line of a heading above narrow cells
_NUMBER = re.compile(r"([+\N{MINUS SIGN}-]?)(\d+)(?:\.(\d+))?")


def to_latex(table: Fragment, prefix: str = "") -> str:
    r"""Return the table as a LaTeX fragment, labelled ``tab:<prefix><label>``."""
    return _long(table, prefix) if _lines(table) > LONGEST else _floating(table, prefix)


def number_column(texts: Iterable[str], notes: Iterable[str] = ()) -> str | None:
    """Return the column of siunitx that aligns `texts`, None if less than half of them are numbers.

    Args:
        texts: of the cells.
        notes: what stands behind some of them, as it is printed.
    """
    said = [text for text in texts if text not in ("", MISSING)]
    found = [match.groups() for text in said if (match := _NUMBER.fullmatch(text))]
    if 2 * len(found) <= len(said):
        return None
    sign = "+" if any(sign == "+" for sign, _, _ in found) else "-" if any(sign for sign, _, _ in found) else ""
    whole, decimals = (max(len(part or "") for part in parts) for parts in list(zip(*found, strict=True))[1:])
    longest = max(notes, key=len, default="")
    room = f", table-space-text-post={{{longest}}}" if longest else ""
    return f"S[table-format={sign}{whole}.{decimals}, retain-explicit-plus=true, detect-weight=true, mode=text{room}]"


def number_cell(text: str) -> str:
    """Return a cell of such a column: what is no number is kept from being read as one."""
    if _NUMBER.fullmatch(text):
        return text.replace("\N{MINUS SIGN}", "-")
    return f"{{{escape_latex(text)}}}" if text else ""


def stacked(heading: str, width: int, side: str) -> str:
    """Return a heading broken into lines of about `width` characters."""
    lines = _broken(heading, width)
    text = r"\\".join(map(escape_latex, lines))
    return text if len(lines) == 1 else rf"\shortstack[{side}]{{{text}}}"


def _floating(table: Fragment, prefix: str) -> str:
    head, body = _rows(table)
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escape_latex(table.caption)}}}",
            rf"\label{{tab:{prefix}{table.label}}}",
            _type_size(table),
            r"\begin{adjustbox}{max width=\linewidth}",
            rf"\begin{{tabular}}{{@{{}}{_specification(table)}@{{}}}}",
            r"\toprule",
            head,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{adjustbox}",
            r"\end{table}",
            "",
        ]
    )


def _long(table: Fragment, prefix: str) -> str:
    head, body = _rows(table)
    return "\n".join(
        [
            rf"{{{_type_size(table)}",
            rf"\begin{{longtable}}{{@{{}}{_specification(table)}@{{}}}}",
            rf"\caption{{{escape_latex(table.caption)}}}",
            rf"\label{{tab:{prefix}{table.label}}} \\",
            *continued_head(head),
            *body,
            r"\end{longtable}}",
            "",
        ]
    )


def continued_head(head: str) -> list[str]:
    """Return the heads and feet of a table that goes over pages."""
    rules = [r"\toprule", head, r"\midrule"]
    return [*rules, r"\endfirsthead", *rules, r"\endhead", r"\bottomrule", r"\endfoot"]


def _rows(table: Fragment) -> tuple[str, list[str]]:
    """Return the row of headings, and the lines of the body: an interval below its value, room between families."""
    numbers = [_is_number(table, place) for place in range(len(table.columns))]
    head = " & ".join(_heading(*place) for place in zip(table.columns, _cell_widths(table), numbers, strict=True)) + r" \\"
    body: list[str] = []
    family = None
    for row in table.rows:
        if body and row[0].dot != family:
            body.append(r"\addlinespace")
        family = row[0].dot
        below = any(cell.interval for cell in row)
        # No page ends between a value and its interval.
        body.append(" & ".join(_cell(*place) for place in zip(row, numbers, strict=True)) + (r" \\*" if below else r" \\"))
        if below:
            body.append(" & ".join(map(_interval, row)) + r" \\")
    return head, body


def _cell(cell: Cell, number: bool) -> str:
    text = number_cell(cell.text) if number else escape_latex(cell.text)
    if cell.strong:
        text = rf"\bfseries {text}" if number else rf"\textbf{{{text}}}"
    note = _note(cell)
    return text + (f" {{{note}}}" if note and number else note)


def _note(cell: Cell) -> str:
    return f"~({escape_latex(cell.note)})" if cell.note else ""


def _interval(cell: Cell) -> str:
    return rf"{{\scriptsize {escape_latex(cell.interval)}}}" if cell.interval else ""


def _heading(column: Column, width: int, number: bool) -> str:
    side = "c" if number else "r" if column.number else "l"
    text = stacked(column.heading, max(_HEADING, width), side)
    return f"{{{text}}}" if number else text


def _specification(table: Fragment) -> str:
    return "".join(_alignment(table, place) for place in range(len(table.columns)))


def _alignment(table: Fragment, place: int) -> str:
    column = table.columns[place]
    if column.width:
        return rf">{{\raggedright\arraybackslash}}p{{{column.width:g}\linewidth}}"
    return (_number_column(table, place) or "r") if column.number else "l"


def _is_number(table: Fragment, place: int) -> bool:
    return table.columns[place].number and _number_column(table, place) is not None


def _number_column(table: Fragment, place: int) -> str | None:
    cells = [row[place] for row in table.rows]
    return number_column([cell.text for cell in cells], [_note(cell) for cell in cells])


def _cell_widths(table: Fragment) -> list[int]:
    """Return the characters of each column's widest cell."""
    return [max((_width(row[place]) for row in table.rows), default=0) for place in range(len(table.columns))]


def _width(cell: Cell) -> int:
    return max(len(cell.text) + (len(cell.note) + 3 if cell.note else 0), len(cell.interval) * 3 // 4)


def _type_size(table: Fragment) -> str:
    widths = (
        max(width, *map(len, _broken(column.heading, max(_HEADING, width))))
        for column, width in zip(table.columns, _cell_widths(table), strict=True)
    )
    characters = sum(widths) + 2 * len(table.columns)
    return next(size for most, size in _SIZES if characters <= most or not most)


def _lines(table: Fragment) -> int:
    return sum(1 + any(cell.interval for cell in row) for row in table.rows)


def _broken(text: str, width: int) -> Sequence[str]:
    return list(_break(text, width)) or [""]


def _break(text: str, width: int) -> Iterator[str]:
    line = ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            yield line
            line = word
        else:
            line = f"{line} {word}".strip()
    if line:
        yield line
