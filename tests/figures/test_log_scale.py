"""Logarithmic axes: numbers that can be read where formulas are off, and not too many of them."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from workflow_scripts.figures.log_scale import log_scale, power
from workflow_scripts.figures.style import atlas_style


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "1"), (0.02, "0.02"), (5e4, "50000"), (1e-5, "10⁻⁵"), (2e6, "2 \N{MULTIPLICATION SIGN} 10⁶"), (1e12, "10¹²")],
)
def test_numbers_are_written_out(value, text):
    assert power(value) == text


@pytest.mark.parametrize("span", [8, 300, 1e7])
def test_an_axis_has_a_few_numbers_and_no_formulas(span):
    with atlas_style():
        figure = Figure(figsize=(3, 2))
        axes = figure.subplots()
        axes.plot([1, 2], [2e-6, 2e-6 * span])
        log_scale(axes.yaxis, 2e-6, 2e-6 * span)
        figure.draw_without_rendering()
    low, high = axes.get_ylim()
    named = [label.get_text() for at, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True) if low <= at <= high]
    assert 2 <= len(named) <= 7
    assert all(named) and not any("$" in name for name in named)
    assert not any(label.get_text() for label in axes.get_yticklabels(minor=True))
