"""Noise of four bands of frequencies: the noise, its spectrum, and an image with it."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.data.alterations import BANDS
from workflow_scripts.figures.absent import draw_absent
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.layout import figure_text, inch_axes
from workflow_scripts.figures.maps import show_cells
from workflow_scripts.figures.style import COLOUR_MAP, page_width

_ROWS = ("Noise", "Spectrum", "Image")
_COLUMNS = ("model", "band", "noise_mean", "noise_deviation", "largest_log_amplitude")
_NAMES, _EDGE, _HEAD, _GAP = 0.62, 0.05, 0.18, 0.04  # inches
_MIDDLE, _SPREAD = 127.5, 3  # grey of no noise; deviations of all noise that reach black and white


def draw(data: FigureData) -> Drawn:
    """Draw a column per band; noise is the same for all models, so that of the first is drawn."""
    maps = data.maps["patches"][0]
    bands = [band for band in range(1, BANDS + 1) if f"band_noise_{band}" in maps.names]
    if not bands:
        return draw_absent("no band of noise was added", _COLUMNS)
    noise = np.stack([maps.array(f"band_noise_{band}") for band in bands])
    spectrum = np.stack([maps.array(f"band_spectrum_{band}") for band in bands])
    images = [maps.array(f"band_noisy_{band}") for band in bands]
    lines = (_grey(noise), _coloured(spectrum), images)
    height, width = images[0].shape[:2]
    cell = (page_width() - _NAMES - _EDGE) / len(bands)
    tall = cell * height / width
    figure = Figure(figsize=(page_width(), _HEAD + 3 * (tall + _GAP) + _EDGE))
    for place, band in enumerate(bands):
        name = f"Band {band}" + {1: ", lowest", BANDS: ", highest"}.get(band, "")
        figure_text(figure, _NAMES + (place + 0.5) * cell, _HEAD - 0.04, name, ha="center", fontsize=7, weight="bold")
    for turn, (name, pictures) in enumerate(zip(_ROWS, lines, strict=True)):
        top = _HEAD + turn * (tall + _GAP)
        axes = inch_axes(figure, _NAMES, top, len(bands) * cell, tall)
        show_cells(axes, np.concatenate(list(pictures), 1), 1, len(bands), 1.5)
        axes.set(xticks=[], yticks=[])
        figure_text(figure, _NAMES - 0.06, top + tall / 2, name, ha="right", va="center", fontsize=7, weight="bold")
    finite = np.where(np.isfinite(spectrum), spectrum, -np.inf)
    rows = [
        {
            "model": maps.model.id, "band": band, "noise_mean": float(noise[place].mean()),
            "noise_deviation": float(noise[place].std()),
            "largest_log_amplitude": float(finite[place].max()),
        }
        for place, band in enumerate(bands)
    ]  # fmt: skip
    return Drawn(figure, pd.DataFrame(rows, columns=list(_COLUMNS)))


def _grey(noise: np.ndarray) -> np.ndarray:
    """Return noise [B, h, w, 3] around grey, all bands on one scale, uint8."""
    scale = _MIDDLE / max(_SPREAD * float(noise.std()), 1e-6)
    return np.clip(_MIDDLE + scale * noise, 0, 255).round().astype(np.uint8)


def _coloured(spectrum: np.ndarray) -> np.ndarray:
    """Return log amplitudes [B, h, w] in colours of one scale, uint8 [B, h, w, 3]; what the mask took is as the lowest."""
    finite = np.isfinite(spectrum)
    low, high = (float(np.quantile(spectrum[finite], at)) for at in (0.01, 1)) if finite.any() else (0.0, 1.0)
    scaled = np.where(finite, (spectrum - low) / max(high - low, 1e-6), 0).clip(0, 1)
    return matplotlib.colormaps[COLOUR_MAP](scaled, bytes=True)[..., :3]
