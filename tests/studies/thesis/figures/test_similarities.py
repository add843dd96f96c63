"""Figures of similarities: every cell is the value given for it, each value is in the CSV once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from tests.figures.synthetic import RANDOM, SMALL, save_table
from tests.figures.test_style import linear
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.table import read_table
from workflow_scripts.figures import matrices, style
from workflow_scripts.studies.found import find_study

STUDY = find_study("thesis")
NAMES = {shape.id: shape.display_name for shape in (*SMALL, RANDOM)}
ORDER = [shape.id for shape in SMALL]


@pytest.fixture(scope="module")
def values(small_files):
    """Return the similarity at one place, from the file; None if it is not there."""
    frame = pd.read_parquet(small_files.cka)
    frame = frame[frame["metric"] == "cka_minmax"]
    key = ["setting", "model", "facet", "layer", "other_model", "other_facet", "other_layer"]
    table = dict(zip(frame[key].itertuples(index=False, name=None), frame["value"], strict=True))
    return lambda setting, *place: table.get((setting, *place), table.get((setting, *place[3:], *place[:3])))


def expected_last(values, setting):
    depth = {shape.id: shape.layers for shape in (*SMALL, RANDOM)}
    return np.array([[values(setting, a, "token", depth[a], b, "token", depth[b]) for b in depth] for a in depth])


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("cka_last_layer", ["cls", "spatial"]),
        ("cka_last_layer_spatial_variants", ["spatial"]),
        ("cka_last_layer_cls_variants", ["cls"]),
    ],
)
def test_last_layers(name, settings, drawn_small, values):
    result = drawn_small(name)
    for axes, setting in zip(result.figure.axes, settings, strict=False):
        expected = expected_last(values, setting)
        np.testing.assert_array_equal(axes.images[0].get_array(), expected)
        printed = [text.get_text().replace("\N{MINUS SIGN}", "-") for text in axes.texts]
        assert printed == [f"{value:.2f}".replace("-0.00", "0.00") for value in expected.ravel()]
        shown = result.data[result.data["setting"] == setting]
        assert len(shown) == 5 * 6 / 2
        assert not shown.duplicated(["model", "other_model"]).any()
        for row in shown.itertuples():
            assert row.value == values(setting, row.model, "token", row.layer, row.other_model, "token", row.other_layer)
            assert (row.display_name, row.other_display_name) == (NAMES[row.model], NAMES[row.other_model])
            assert row.ci_low < row.value < row.ci_high
    assert len(result.figure.axes) == len(settings) + 1
    assert set(result.data["setting"]) == set(settings)


def expected_depth(values, vertical, horizontal):
    """Brute force: norm1 of block 1, norm2 of block 1, norm1 of block 2 ... of both models."""
    depth = {shape.id: shape.layers for shape in SMALL}
    sites = {
        name: [(norm, layer) for layer in range(1, depth[name] + 1) for norm in ("norm1", "norm2")]
        for name in (vertical, horizontal)
    }
    return np.array([[values("all", vertical, *a, horizontal, *b) for b in sites[horizontal]] for a in sites[vertical]])


def test_depths_of_each_model(drawn_small, values):
    result = drawn_small("cka_depth")
    for axes, model in zip(result.figure.axes, ORDER, strict=False):
        assert axes.get_title(loc="left") == NAMES[model]
        np.testing.assert_array_equal(axes.images[0].get_array(), expected_depth(values, model, model))
        assert axes.images[0].get_clim() == (0, 1)
        assert not axes.yaxis_inverted()  # the first depth at the bottom
        ticks = dict(zip((text.get_text() for text in axes.get_xticklabels()), axes.get_xticks(), strict=True))
        assert ticks["1"] == 0.5  # between the two depths of layer 1
        assert ticks["4"] == 6.5
    assert (result.data["model"] == result.data["other_model"]).all()
    assert len(result.data) == sum((2 * shape.layers) ** 2 for shape in SMALL)


@pytest.mark.parametrize("order", [ORDER, ORDER[::-1]], ids=["as in the file", "reversed"])
def test_depths_of_pairs(order, small_files, values):
    result = small_files.draw(STUDY.figure("cka_depth_pairs"), [*order, RANDOM.id])
    pairs = [(order[line], order[column]) for line in range(4) for column in range(line + 1)]
    assert len(result.figure.axes) == len(pairs) + 1
    for axes, (vertical, horizontal) in zip(result.figure.axes, pairs, strict=False):
        np.testing.assert_array_equal(axes.images[0].get_array(), expected_depth(values, vertical, horizontal))
    assert not result.data.duplicated(["model", "layer", "facet", "other_model", "other_layer", "other_facet"]).any()
    assert RANDOM.id not in set(result.data["model"])
    texts = [text.get_text() for text in result.figure.texts]
    assert texts == [NAMES[name] for name in order for _ in range(2)]  # beside its row and below its column


def test_residual_rows_are_skips_and_columns_branches(drawn_small, values):
    result = drawn_small("residual_cka")
    panels = [(model, part) for model in ORDER for part in ("attention", "mlp")]
    for axes, (model, part) in zip(result.figure.axes, panels, strict=False):
        layers = range(1, dict(zip(ORDER, (shape.layers for shape in SMALL), strict=True))[model] + 1)
        expected = [[values("all", model, f"{part}_skip", i, model, f"{part}_branch", j) for j in layers] for i in layers]
        np.testing.assert_array_equal(axes.images[0].get_array(), expected)
        assert axes.get_title(loc="left") == {"attention": "Attention", "mlp": "MLP"}[part]
    assert result.figure.axes[0].get_ylabel() == "Skip, layer"
    assert result.figure.axes[-2].get_xlabel() == "Branch, layer"
    assert set(result.data["facet"]) == {"attention_skip", "mlp_skip"}
    assert set(result.data["other_facet"]) == {"attention_branch", "mlp_branch"}


def test_only_the_models_asked_for_are_drawn(small_files):
    result = small_files.draw(STUDY.figure("cka_last_layer"), ["dino_b16", "fs_b16"])
    assert set(result.data["model"]) | set(result.data["other_model"]) == {"dino_b16", "fs_b16"}
    assert result.figure.axes[0].images[0].get_array().shape == (2, 2)


def test_printed_values_can_be_read():
    """Type on a cell has a contrast of about 4 or more, whatever the value."""
    import matplotlib

    for value in np.linspace(0, 1, 101):
        cell = matplotlib.colormaps[matrices.COLOURS](value)[:3]
        pair = sorted(linear(colour) @ [0.2126, 0.7152, 0.0722] for colour in (cell, to_rgb(style.text_on(cell))))
        assert (pair[1] + 0.05) / (pair[0] + 0.05) > 3.9


def changed(tmp_path, cka, keep):
    return {"cka": save_table(tmp_path / "cka.parquet", keep(read_table(cka)))}


def test_what_is_missing_is_named(small_files, tmp_path):
    def refuse(name, match, keep):
        with pytest.raises(AtlasError, match=match):
            small_files.draw(STUDY.figure(name), pairs=changed(tmp_path, small_files.cka, keep))

    def without(**place):
        return lambda frame: frame[~np.logical_and.reduce([(frame[name] == value).to_numpy() for name, value in place.items()])]

    pair = {"model": "fs_b16", "other_model": "dino_b16"}
    refuse(
        "cka_last_layer_cls_variants", r"no rows of 'cka_minmax' for token with token, setting 'cls'", without(setting="cls")
    )
    refuse("cka_depth_pairs", "does not compare the depths of 'dino_b16' and 'fs_b16'", without(**pair))
    refuse(
        "residual_cka", "the attention skips and branches of 'untrained'", without(model="untrained", facet="attention_skip")
    )
    refuse("cka_depth", "compared twice at one place", lambda frame: pd.concat([frame, frame]))
    with pytest.raises(AtlasError, match="figure 'thesis/cka_depth' is drawn from the pairs of cka: give --pairs"):
        small_files.draw(STUDY.figure("cka_depth"), pairs={}, tables=small_files.tables["knn"])


def test_a_missing_pair_is_undefined_and_grey(small_files, tmp_path):
    """The workflow writes no row where a representation is the same for all images."""

    def keep(frame):
        of_clip = (frame["model"] == "clip_b16") | (frame["other_model"] == "clip_b16")
        last = of_clip & (frame["facet"] == "token") & (frame["setting"] == "cls")
        first = of_clip & (frame["facet"] == "norm1") & (frame["layer"] == 1)
        return frame[~last & ~first]

    pairs = changed(tmp_path, small_files.cka, keep)
    figure = small_files.draw(STUDY.figure("cka_last_layer_cls_variants"), pairs=pairs).figure
    shown = figure.axes[0].images[0].get_array()
    missing = np.zeros((5, 5), bool)
    missing[1], missing[:, 1] = True, True
    np.testing.assert_array_equal(np.ma.getmaskarray(shown) | np.isnan(np.ma.getdata(shown)), missing)
    assert len(figure.axes[0].texts) == 25 - 9
    assert figure.axes[0].images[0].get_cmap().get_bad()[:3] == pytest.approx(to_rgb(matrices.UNDEFINED))
    shown = small_files.draw(STUDY.figure("cka_depth"), pairs=pairs).figure.axes[1].images[0].get_array()
    assert shown.shape == (8, 8)
    assert np.isnan(np.ma.getdata(shown)).any(1).tolist() == [True] + [False] * 7
