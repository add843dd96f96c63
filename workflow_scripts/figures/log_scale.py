"""Logarithmic axes, their numbers written out: formulas are off, because a name in a figure may have a `$` in it."""

from __future__ import annotations

from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

_FEW = 50  # largest over smallest number from which decades alone are named
_MOST = 6  # numbers on an axis
_RAISED = str.maketrans("-0123456789", "\N{SUPERSCRIPT MINUS}⁰¹²³⁴⁵⁶⁷⁸⁹")


def log_scale(axis: Axis, low: float, high: float) -> None:
    """Make an axis from `low` to `high` logarithmic, with numbers at decades, or closer if these are few."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < _FEW else (1,), numticks=_MOST))
    axis.set_major_formatter(FuncFormatter(lambda value, _: power(value)))
    axis.set_minor_formatter(NullFormatter())


def power(value: float) -> str:
    """Return a number of a logarithmic axis: 0.02 and 500 as they are, others as powers of ten."""
    if 1e-3 <= value < 1e5:
        return f"{value:g}"
    digit, exponent = f"{value:.0e}".split("e")
    raised = f"10{str(int(exponent)).translate(_RAISED)}"
    return raised if digit == "1" else f"{digit} \N{MULTIPLICATION SIGN} {raised}"
