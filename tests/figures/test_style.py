"""Colours: one per family, the same in every figure, told apart by the colour-blind."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from tests.figures.synthetic import TWENTY
from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures import style

# Machado, Oliveira and Fernandes 2009, severity 1, for linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(colour):
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ np.clip(rgb, 0, 1)
    f = np.cbrt(np.maximum(xyz / [0.9505, 1, 1.089], 1e-6))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("kind", BLINDNESS)
def test_families_are_told_apart(kind):
    seen = {family: lab(BLINDNESS[kind] @ linear(colour)) for family, colour in style.FAMILY_COLOURS.items()}
    for a, b in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[a] - seen[b]) > 18, (kind, a, b)


def test_names_are_readable_on_white():
    for colour in style.FAMILY_TEXT_COLOURS.values():
        luminance = linear(colour) @ [0.2126, 0.7152, 0.0722]
        assert 1.05 / (luminance + 0.05) > 4


def test_models_of_a_family_share_its_colour_and_differ_in_dash_or_marker():
    models = [RunModel(shape.id, shape.display_name, shape.supervision) for shape in TWENTY]
    styles = style.model_styles(models)
    assert all(styles[m.id].colour == style.FAMILY_COLOURS[m.supervision] for m in models)
    assert len({(s.colour, s.dash, s.marker) for s in styles.values()}) == len(models)


@pytest.mark.parametrize("n_layers", [1, 4, 6, 12, 24, 32, 48])
def test_layer_ticks_start_at_one_and_do_not_crowd(n_layers):
    for at_most in (3, 6, 12):
        ticks = style.layer_ticks(n_layers, at_most)
        assert ticks[0] == 1
        assert len(ticks) <= at_most
        assert ticks == sorted(set(ticks))
        assert ticks[-1] <= n_layers
