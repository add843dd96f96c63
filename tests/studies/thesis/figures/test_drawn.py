"""Every figure draws on its page; figures of attention show the values given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.image import AxesImage
from matplotlib.text import Text

from tests.figures.synthetic import RANDOM, SMALL, TWENTY, drawing_of, save_table, write_files
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.figures import data, heads, read, style
from workflow_scripts.figures.save import draw, save_figure
from workflow_scripts.studies.found import find_study

STUDY = find_study("thesis")
MAP_FIGURES = [figure.name for figure in STUDY.figures if figure.maps]
# One figure of each drawing: figures that differ only in the rows that they read look alike.
DRAWINGS = (
    "overview", "cka_last_layer", "cka_last_layer_cls_variants", "cka_depth", "cka_depth_pairs", "residual_ratio",
    "residual_cka", "clustering_local", "video_by_supervision", "knn_neighbours",
)  # fmt: skip
GROUPED = {"overview", "cka_last_layer", "cka_last_layer_spatial_variants", "cka_last_layer_cls_variants"}
WITHOUT_BASELINE = {"head_kinds", "residual_ratio", "cka_depth", "cka_depth_pairs", "residual_cka", *MAP_FIGURES} - {"overview"}


def drawn(name, given):
    return draw(drawing_of(STUDY.figure(name)), given)


def off_page(figure):
    """Return by how many inches what is drawn reaches beyond the page."""
    with style.atlas_style():
        figure.draw_without_rendering()
        box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    return max(-box.x0, -box.y0, box.x1 - width, box.y1 - height)


def check_page(figure):
    assert off_page(figure) < 0.01
    assert figure.get_figwidth() <= style.PAGE_WIDTH + 1e-6


@pytest.mark.parametrize("name", [figure.name for figure in STUDY.figures])
def test_draws_several_models_within_the_page(name, drawn_small):
    result = drawn_small(name)
    check_page(result.figure)
    shown = set(result.data["model"]) | set(result.data.get("other_model", pd.Series(dtype=str)).dropna())
    expected = {shape.id for shape in SMALL} | ({RANDOM.id} if name not in WITHOUT_BASELINE else set())
    assert shown == expected


@pytest.mark.parametrize("name", dict.fromkeys((*DRAWINGS, *MAP_FIGURES, "attention_distance", "head_kinds")))
def test_draws_one_model(name, small):
    clip = small.models[1:2]
    maps, pairs = {"attention": small.maps["attention"][1:2]}, {"cka": small.pairs["cka"].of(clip)}
    result = drawn(name, data.FigureData(clip, small.tables[1:2], maps, pairs, small.scores))
    assert set(result.data["model"]) == {"clip_b16"}
    check_page(result.figure)


@pytest.mark.parametrize("name", ["overview", "cka_last_layer", "cka_depth_pairs", "clustering_local", "knn_by_supervision"])
def test_draws_the_demo_within_the_page(name, demo_files):
    check_page(demo_files.draw(STUDY.figure(name)).figure)


HOSTILE = (r"A $\bad{ B$ C", "Cost $5 and $6", r"_x^{2} {0} \frac %s &", "Model" * 12)


@pytest.fixture(scope="module")
def hostile_files(tmp_path_factory):
    """Models whose names are formulas, markup and formats to anybody who reads them as such, or a word without an end."""
    shapes = [replace(shape, display_name=name) for shape, name in zip(SMALL, HOSTILE, strict=True)]
    return write_files(tmp_path_factory.mktemp("hostile"), (*shapes, RANDOM))


@pytest.mark.filterwarnings("error")  # axes that collapse are a warning
@pytest.mark.parametrize("name", dict.fromkeys((*DRAWINGS, *MAP_FIGURES, "attention_distance", "head_kinds")))
def test_names_are_drawn_as_they_are(name, hostile_files, tmp_path):
    figure = hostile_files.draw(STUDY.figure(name)).figure
    save_figure(figure, tmp_path / "x.pdf", tmp_path / "x.png")
    shown = "".join("".join(text.get_text().split()) for text in figure.findobj(Text))
    for expected in HOSTILE:
        assert "".join(expected.split()) in shown


@pytest.mark.parametrize("name", dict.fromkeys((*DRAWINGS, *MAP_FIGURES)))
def test_draws_twenty_models_with_few_axes(name, twenty_files):
    models = [shape.id for shape in TWENTY][: 12 if name == "cka_depth_pairs" else 20]  # whose panels grow with the square
    result = twenty_files.draw(STUDY.figure(name), models)
    assert len(set(result.data["model"]) - {""}) == len(models)  # a mean of many is no model's
    for page in result.pages:
        assert len(page.axes) <= 20 * len(heads.KIND_NAMES) + 2
        check_page(page)
        assert page.get_figheight() <= style.PAGE_HEIGHT + 1e-6


@pytest.mark.parametrize("name", dict.fromkeys((*DRAWINGS, *MAP_FIGURES)))
def test_order_of_models_is_the_order_asked_for(name, small_files):
    order = [shape.id for shape in (*reversed(SMALL), RANDOM)]
    result = small_files.draw(STUDY.figure(name), order)
    found = list(dict.fromkeys(result.data["model"]))
    if name in GROUPED:  # by kind of supervision, whatever the order asked for
        names = [text.get_text() for text in result.figure.axes[0 if name != "overview" else 4].get_yticklabels()]
        assert names[:4] == ["FS B/16", "CLIP B/16", "DINO B/16", "Untrained"]
    elif name in ("cka_depth_pairs", "residual_cka", "cka_depth"):
        titles = [text.get_text() for text in (*result.figure.texts, *(axes.title for axes in result.figure.axes))]
        titles += [axes.get_title(loc="left") for axes in result.figure.axes]
        shown = [title for title in dict.fromkeys(titles) if title in {shape.display_name for shape in SMALL}]
        assert shown == [shape.display_name for shape in reversed(SMALL)]
    else:
        assert found == [model for model in order if model in found]


def test_curves_hold_exactly_the_values_given(drawn_small, small_files):
    for name, metric, head in (
        ("attention_distance_by_supervision", "attention_distance", "mean"),
        ("mask_iou", "mask_iou_cls", "best"),
        ("mask_iou_by_supervision", "mask_iou_cls", "best"),
    ):
        shown = drawn_small(name).data
        for path in small_files.tables["attention"]:
            given = pd.read_parquet(path)
            given = given[(given["metric"] == metric) & (given["head"] == head)]
            given = given[~given["setting"].str.startswith("mean over images")].sort_values("layer")
            if path.stem == "random_baseline":
                given = given.head(10)
            rows = shown[(shown["model"] == path.stem) & (shown["metric"] == metric)]
            for column in ("layer", "value", "ci_low", "ci_high"):
                np.testing.assert_array_equal(rows[column].to_numpy(float), given[column].to_numpy(float))


def test_lines_are_drawn_at_the_values_and_the_random_baseline_is_level(small, drawn_small):
    axes = drawn_small("attention_distance").figure.axes[-1]
    lines = {line.get_color(): line for line in axes.lines if len(line.get_xdata()) > 2}
    table = small.tables[0].select("attention_distance", heads="mean")
    np.testing.assert_array_equal(lines[style.FAMILY_COLOURS["supervised"]].get_ydata(), table["value"].to_numpy(float))
    level = next(line for line in axes.lines if len(line.get_xdata()) == 2).get_ydata()
    random = small.tables[-1].select("attention_distance", heads="mean")["value"]
    assert len(random) == 12
    np.testing.assert_allclose(level, [random[:10].mean()] * 2)


def test_an_unknown_interval_leaves_no_band_and_no_nan(drawn_small):
    axes = drawn_small("attention_distance").figure.axes[-1]
    assert axes.collections
    for band in axes.collections:
        for path in band.get_paths():
            assert np.isfinite(path.vertices).all()
            assert path.vertices[:, 0].min() >= 2 / 6  # the interval of layer 1 is unknown in every synthetic table


@pytest.mark.parametrize("name", MAP_FIGURES)
def test_maps_are_named_and_their_numbers_stay_in_their_file(name, small, drawn_small):
    """A row a map: its range is that of the named array at its layer, head and image."""
    shown = drawn_small(name).data
    shown = shown[shown["array"].notna()]
    assert len(shown) == len(
        shown.drop_duplicates(["model", "array", "layer", "head", *shown.columns.intersection(["image", "kind"])])
    )
    for row in shown.groupby(["model", "array"]).head(5).to_dict("records"):
        maps = next(maps for maps in small.maps["attention"] if maps.model.id == row["model"])
        array = maps.array(row["array"]) if row["array"] == "aligned" else maps.on_grid(row["array"])
        if row["array"] == "single_cls":
            array = array[maps.image_ids.index(row["image"])]
        own = array[row["layer"] - 1, row["head"] - 1]
        assert (row["rows"], row["columns"]) == own.shape
        np.testing.assert_allclose([row["minimum"], row["maximum"]], [own.min(), own.max()])
        assert row["file"].endswith(f"{row['model']}.safetensors")
        assert row["file"].startswith("maps/")  # nothing of where the results lie


def test_mosaic_shows_each_head_in_its_cell(small):
    """The pixels of cell (layer, head) are the colours of that head's map."""
    from workflow_scripts.figures.maps import colour

    maps = small.maps["attention"][1]
    figure = drawn("average_cls_attention_all", data.FigureData(small.models, (), {"attention": (maps,)})).figure
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
    assert heads.chosen_heads(maps).tolist() == [[2, 3, 1]]
    assert heads.chosen_heads(maps[:, :2]).tolist() == [[0, 1]]


def test_example_is_the_median_of_its_kind_or_lies_farthest_off():
    frame = pd.DataFrame(
        {
            "layer": [1, 1, 2, 2, 3, 3, 4],
            "head": [1, 2, 1, 2, 1, 2, 1],
            "kind": ["soft_local"] * 3 + ["offset_local"] * 2 + ["displaced"] * 2,
            "attention_distance": [0.3, 0.1, 0.2, 0.1, 0.1, 0.5, 0.5],
            "offset_distance": [0.0, 0.0, 0.0, 0.4, 0.2, 0.1, 0.3],
            "peak_offset_distance": [0.0, 0.0, 0.0, 0.2, 0.4, 0.9, 0.0],
        }
    )
    assert heads.example(frame, "soft_local")[["layer", "head"]].tolist() == [2, 1]
    assert heads.example(frame, "offset_local")[["layer", "head"]].tolist() == [3, 1]  # by the maximum
    assert heads.example(frame, "displaced")[["layer", "head"]].tolist() == [4, 1]  # by the centre of mass
    assert heads.example(frame, "global") is None


@pytest.mark.parametrize(
    ("kind", "metric", "prefix"),
    [("displaced", "offset_distance", "offset"), ("global", "peak_offset_distance", "peak_offset")],
)
def test_a_model_without_offset_heads_shows_the_head_that_is_offset_most(kind, metric, prefix, small):
    table, maps = small.tables[2], small.maps["attention"][2]
    kinds = table.frame["metric"] == "head_kind"
    changed = table.frame.assign(setting=table.frame["setting"].where(~kinds, kind))
    only = data.FigureData((maps.model,), (replace(table, frame=changed),), {"attention": (maps,)})
    result = drawn("offset_heads", only)
    offset = table.select(metric, heads="each")
    farthest = offset.loc[offset["value"].idxmax()]
    assert result.data[["layer", "head", "kind"]].to_numpy().tolist() == [[farthest["layer"], farthest["head"], kind]]
    assert result.data["offset_distance"].item() == farthest["value"]
    label = result.figure.axes[0].get_xlabel()
    assert label.startswith(f"[{farthest['layer']}, {farthest['head']}]\nx ")
    assert label.endswith("not local by our rule")
    x = (
        table.select(f"{prefix}_x", heads="each")
        .set_index(["layer", "head"])
        .loc[(farthest["layer"], farthest["head"]), "value"]
    )
    assert f"x {x:+.2f}".replace("-", "\N{MINUS SIGN}") in label


def test_every_model_has_red_mid_lines_and_only_heads_that_are_not_local_say_so(drawn_small):
    result = drawn_small("offset_heads")
    by_title = {axes.get_title(): axes for axes in result.figure.axes}
    for title, axes in by_title.items():
        assert {to_hex(line.get_color()) for line in axes.lines} == {style.MARK}
        assert ("not local" in axes.get_xlabel()) == (title == "Untrained")


def test_the_ratio_to_uniform_attention_is_flat_for_uniform_attention(small, drawn_small):
    from workflow_scripts.metrics.heads import uniform_aligned

    np.testing.assert_allclose(heads.ratio_to_uniform(3 * uniform_aligned(4, 6)), 1)
    skewed = uniform_aligned(4, 6)
    skewed[0, 0] *= 5
    assert heads.ratio_to_uniform(skewed)[0, 0] == pytest.approx(5, rel=0.05)
    result, plain = drawn_small("aligned_attention_ratio"), drawn_small("aligned_attention")
    assert set(result.data["kind"]) == set(plain.data["kind"]) - {"sparse_repeating"}


def test_head_shares_are_counts_over_heads(drawn_small, small_files):
    shown = drawn_small("head_kinds").data
    given = pd.read_parquet(small_files.tables["attention"][1])
    kinds = given[(given["metric"] == "head_kind") & (given["layer"] == 2)]["setting"].value_counts() / 3
    rows = shown[(shown["model"] == "clip_b16") & (shown["layer"] == 2)].set_index("kind")["share"]
    assert rows[rows > 0].to_dict() == pytest.approx(kinds.to_dict())


def test_two_values_for_one_layer_stop(small_files, tmp_path):
    frame = pd.read_parquet(small_files.tables["attention"][0])
    again = frame[frame["head"].str.isdigit() & (frame["metric"] == "attention_distance")].assign(dataset="other")
    path = save_table(tmp_path / "fs_b16.parquet", pd.concat([frame, again]))
    with pytest.raises(AtlasError, match=r"several values for layer 1, head '1' \(demo_val / attention / , other / att"):
        drawn("attention_distance", read.load(small_files.run_models(["fs_b16"]), [path]))


def test_a_model_has_one_colour_in_all_figures(small, drawn_small):
    expected = {model.display_name: style.model_styles(small.models)[model.id] for model in small.models}
    found = 0
    for described in STUDY.figures:
        figure = drawn_small(described.name).figure
        for text in figure.findobj(Text):
            name = text.get_text().replace("\n", " ")
            if name in expected and text.get_color() not in (style.INK, "black"):  # legends write names in ink
                assert text.get_color() == expected[name].text, (described.name, name)
                found += 1
        for axes in figure.axes:
            for line in axes.get_legend_handles_labels()[0] if axes.get_legend() else ():
                assert line.get_color() == expected[line.get_label()].colour
    assert found >= 4 * 20  # many figures write names in panels or rows, not in the legend alone
