"""Every figure draws, and its data are the values given."""

from __future__ import annotations

import importlib

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.image import AxesImage

from tests.figures.synthetic import SMALL, save_table
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.figures import catalogue, data, heads, style
from workflow_scripts.figures.save import draw_data
from workflow_scripts.figures.thesis.average_cls_attention import chosen_heads

MAP_FIGURES = [entry.name for entry in catalogue.FIGURES if entry.needs_maps]


def drawn(name, given):
    return draw_data(catalogue.figure("thesis", name), given)


def off_page(figure):
    """Return by how many inches what is drawn reaches beyond the page."""
    with style.atlas_style():
        figure.draw_without_rendering()
        box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    return max(-box.x0, -box.y0, box.x1 - width, box.y1 - height)


@pytest.mark.parametrize("entry", catalogue.FIGURES, ids=lambda entry: entry.name)
def test_draws_several_models_within_the_page(entry, small):
    result = draw_data(entry, small)
    assert len(result.data)
    assert off_page(result.figure) < 0.01
    assert result.figure.get_figwidth() <= style.PAGE_WIDTH + 1e-6


@pytest.mark.parametrize("entry", catalogue.FIGURES, ids=lambda entry: entry.name)
def test_draws_one_model(entry, small_files):
    tables, maps = small_files
    result = draw_data(entry, data.load(tables[1:2], maps[1:2]))
    assert set(result.data["model"]) == {"clip_b16"}
    assert off_page(result.figure) < 0.01


@pytest.mark.parametrize("name", MAP_FIGURES)
def test_draws_twenty_models_with_few_axes(name, twenty):
    result = drawn(name, twenty)
    assert len(set(result.data["model"])) == 20
    assert len(result.figure.axes) <= 20 * len(heads.KIND_NAMES) + 2
    assert result.figure.get_figwidth() <= style.PAGE_WIDTH + 1e-6


@pytest.mark.parametrize("entry", catalogue.FIGURES, ids=lambda entry: entry.name)
def test_order_of_models_is_the_order_of_the_files(entry, small_files):
    tables, maps = (list(reversed(files[:4])) for files in small_files)
    result = draw_data(entry, data.load(tables, maps))
    order = list(dict.fromkeys(result.data["model"]))
    assert order == [shape.id for shape in reversed(SMALL) if shape.id in order]


def test_curves_hold_exactly_the_values_given(small, small_files):
    for name, metric, head in (
        ("attention_distance_by_supervision", "attention_distance", "mean"),
        ("mask_iou", "mask_iou_cls", "best"),
    ):
        shown = drawn(name, small).data
        for path, table in zip(small_files[0], small.tables, strict=True):
            given = pd.read_parquet(path)
            given = given[(given["metric"] == metric) & (given["head"] == head)]
            given = given[~given["setting"].str.startswith("mean over images")].sort_values("layer")
            if table.model.is_random:
                given = given.head(10)
            rows = shown[(shown["model"] == table.model.id) & (shown["metric"] == metric)]
            for column in ("layer", "value", "ci_low", "ci_high"):
                np.testing.assert_array_equal(rows[column].to_numpy(float), given[column].to_numpy(float))


def test_csv_round_trips_table_values(small, tmp_path):
    from workflow_scripts.figures.save import save_drawn

    result = drawn("attention_distance", small)
    paths = [tmp_path / f"x.{suffix}" for suffix in ("pdf", "png", "csv")]
    save_drawn(result, *paths)
    np.testing.assert_array_equal(pd.read_csv(paths[2])["value"], result.data["value"].to_numpy(float))


def test_lines_are_drawn_at_the_values_and_the_random_baseline_is_level(small):
    axes = drawn("attention_distance", small).figure.axes[-1]
    lines = {line.get_color(): line for line in axes.lines if len(line.get_xdata()) > 2}
    table = small.tables[0].select("attention_distance", heads="mean")
    np.testing.assert_array_equal(lines[style.FAMILY_COLOURS["supervised"]].get_ydata(), table["value"].to_numpy(float))
    level = next(line for line in axes.lines if len(line.get_xdata()) == 2).get_ydata()
    random = small.tables[-1].select("attention_distance", heads="mean")["value"]
    assert len(random) == 12
    np.testing.assert_allclose(level, [random[:10].mean()] * 2)


def test_an_unknown_interval_leaves_no_band_and_no_nan(small):
    axes = drawn("attention_distance", small).figure.axes[-1]
    assert axes.collections
    for band in axes.collections:
        for path in band.get_paths():
            assert np.isfinite(path.vertices).all()
            assert path.vertices[:, 0].min() >= 2  # the interval of layer 1 is unknown in every synthetic table


def test_maps_hold_the_values_at_their_layer_head_row_and_column(small):
    shown = drawn("average_cls_attention_all", small).data
    for maps in small.maps:
        given = maps.array("average_cls")
        rows = shown[shown["model"] == maps.model.id]
        place = maps.n_prefix + (rows["row"] - 1) * maps.columns + rows["column"] - 1
        np.testing.assert_array_equal(rows["value"], given[rows["layer"] - 1, rows["head"] - 1, place])
        assert len(rows) == given.shape[0] * given.shape[1] * maps.rows * maps.columns


def test_aligned_rows_count_from_the_attending_token(small):
    shown = drawn("aligned_attention_all", small).data
    maps = small.maps[1]
    aligned = maps.array("aligned")
    centre = shown[(shown["model"] == maps.model.id) & (shown["row"] == 0) & (shown["column"] == 1)]
    np.testing.assert_array_equal(centre["value"], aligned[:, :, maps.rows - 1, maps.columns].ravel())


def test_mosaic_shows_each_head_in_its_cell(small):
    """The pixels of cell (layer, head) are the colours of that head's map."""
    from workflow_scripts.figures.maps import colour

    maps = small.maps[1]
    figure = drawn("average_cls_attention_all", data.FigureData(small.models, (), small.maps[1:2])).figure
    image = figure.findobj(AxesImage)[0].get_array()
    layer, head = 2, 1
    scale = image.shape[0] // (len(maps.array("average_cls")) * maps.rows)
    top, left = layer * maps.rows * scale, head * maps.columns * scale
    cell = image[top : top + maps.rows * scale : scale, left : left + maps.columns * scale : scale]
    np.testing.assert_array_equal(cell, colour(maps.on_grid("average_cls")[layer, head]))


def test_chosen_heads_are_least_median_and_most_concentrated():
    maps = np.full((1, 4, 3, 3), 0.02)
    for head, peak in enumerate((0.5, 5.0, 0.02, 0.1)):
        maps[0, head, 1, 1] = peak
    assert chosen_heads(maps).tolist() == [[2, 3, 1]]
    assert chosen_heads(maps[:, :2]).tolist() == [[0, 1]]


def test_example_is_the_median_of_its_kind_and_the_largest_offset():
    frame = pd.DataFrame(
        {
            "layer": [1, 1, 2, 2, 3],
            "head": [1, 2, 1, 2, 1],
            "kind": ["soft_local"] * 3 + ["offset_local"] * 2,
            "attention_distance": [0.3, 0.1, 0.2, 0.1, 0.1],
            "offset_distance": [0.0, 0.0, 0.0, 0.2, 0.4],
        }
    )
    assert heads.example(frame, "soft_local")[["layer", "head"]].tolist() == [2, 1]
    assert heads.example(frame, "offset_local")[["layer", "head"]].tolist() == [3, 1]
    assert heads.example(frame, "global") is None


def test_model_without_offset_heads_says_so_and_others_have_red_mid_lines(small):
    figure = drawn("offset_heads", small).figure
    by_title = {axes.get_title(): axes for axes in figure.axes}
    assert [text.get_text() for text in by_title["Untrained"].texts] == ["none found"]
    assert not by_title["Untrained"].lines
    assert {to_hex(line.get_color()) for line in by_title["DINO B/16"].lines} == {style.MARK}
    assert "untrained" not in set(drawn("offset_heads", small).data["model"])


def test_head_shares_are_counts_over_heads(small, small_files):
    shown = drawn("head_kinds", small).data
    given = pd.read_parquet(small_files[0][1])
    kinds = given[(given["metric"] == "head_kind") & (given["layer"] == 2)]["setting"].value_counts() / 3
    rows = shown[(shown["model"] == "clip_b16") & (shown["layer"] == 2)].set_index("kind")["share"]
    assert rows[rows > 0].to_dict() == pytest.approx(kinds.to_dict())
    assert "random_baseline" not in set(shown["model"])


def test_two_values_for_one_layer_stop(small_files, tmp_path):
    frame = pd.read_parquet(small_files[0][0])
    again = frame[frame["metric"] == "attention_distance"].assign(dataset="other")
    path = save_table(tmp_path / "fs_b16.parquet", pd.concat([frame, again]), SMALL[0])
    with pytest.raises(AtlasError, match="several values for layer 1"):
        drawn("attention_distance", data.load([path], []))


def test_mask_iou_has_a_row_of_panels_per_dataset(small_files, tmp_path):
    frame = pd.read_parquet(small_files[0][0])
    again = frame[frame["metric"].str.startswith("mask_iou")].assign(dataset="coco")
    path = save_table(tmp_path / "fs_b16.parquet", pd.concat([frame, again]), SMALL[0])
    result = drawn("mask_iou", data.load([path], []))
    assert [axes.get_title(loc="left") for axes in result.figure.axes[::2]] == [
        "CLS token, demo_val",
        "CLS token, coco",
    ]
    assert set(result.data["dataset"]) == {"demo_val", "coco"}


def test_each_figure_module_offers_draw_only_through_the_catalogue():
    for entry in catalogue.FIGURES:
        assert importlib.import_module(entry.module).draw.__doc__
