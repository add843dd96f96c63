"""Sizes as text and as pairs (rows, columns)."""

from __future__ import annotations

from collections.abc import Sequence


def sides(value: int | Sequence[int]) -> tuple[int, int]:
    """Return (rows, columns) of a size that is given as one number or two."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def grid_name(grid: Sequence[int]) -> str:
    """Return a patch grid as ``rowsxcolumns``."""
    return "x".join(map(str, grid))


def parse_grid(name: str) -> tuple[int, int]:
    """Return the (rows, columns) of a patch grid called `name`."""
    rows, columns = (int(side) for side in name.split("x"))
    return rows, columns
