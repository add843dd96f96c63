"""What high-norm tokens are, object discovery: figures of a made-up run have the numbers of its tables and maps."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb

from tests.studies.registers.made_up_others import (
    BIASES,
    CLASSES,
    COSINES,
    DATASETS,
    FIGURES,
    GRID,
    LAST,
    LOCAL,
    ROOM,
    SIDES,
    corloc,
    drawing,
    figure_data,
    has_outliers,
    models,
)
from workflow_scripts.figures.save import draw
from workflow_scripts.figures.style import MARK, atlas_style
from workflow_scripts.studies.registers.conditions import BORDER, CLS, HIGH, INSIDE, NORMAL, bias, of_all_images
from workflow_scripts.studies.registers.corloc_by_choice import Choice, best, choices, study_choice
from workflow_scripts.studies.registers.kind_colours import KIND_COLOURS
from workflow_scripts.studies.registers.measured import Measured
from workflow_scripts.studies.registers.methods import published_facet
from workflow_scripts.studies.registers.model_bars import Bar, Line, Panel, draw_model_bars
from workflow_scripts.studies.registers.twin_order import beside_twins, twin_spans


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return figure_data(tmp_path_factory.mktemp("maps"), models())


def of_models(data, count):
    """Return the data of the first models."""
    maps = {analysis: every[:count] for analysis, every in data.maps.items()}
    return replace(data, models=data.models[:count], tables=data.tables[:count], maps=maps)


def drawn(data, name):
    return draw(drawing(name), data)


def without(data, gone):
    """Return the data without the rows of which `gone(row)` is true."""
    tables = [replace(one, frame=one.frame[[not gone(row) for row in one.frame.itertuples()]]) for one in data.tables]
    return replace(data, tables=tuple(tables))


def texts(axes):
    return [text.get_text() for text in axes.texts]


def names(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def shown(made):
    return [axes for axes in made.figure.axes if axes.get_visible()]


@pytest.mark.parametrize("count", [1, 3, 9])
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_drawn_within_the_page(data, name, count):
    made = drawn(of_models(data, count), name)
    shown, every = set(made.data["model"]), {model.id for model in models(count)}
    # A figure that no page holds shows fewer, and says so.
    assert shown == every or (shown < every and made.note.startswith(f"{len(shown)} of {len(every)} models"))
    assert made.figure.get_figwidth() <= 7.17
    with atlas_style():
        FigureCanvasAgg(made.figure).draw()
        for legend in made.figure.legends:
            box = legend.get_window_extent()
            assert box.x0 >= 0 and box.x1 <= made.figure.bbox.width and box.y0 >= 0 and box.y1 <= made.figure.bbox.height


def test_every_module_is_described():
    modules = {path.stem for path in (ROOM / "figures").glob("*.py")}
    assert set(FIGURES) <= modules
    for figure in FIGURES.values():
        assert figure["caption"] and figure["models"] == "main" and (figure.get("tables") or figure.get("maps"))


def test_neighbours_have_a_curve_a_kind_and_their_means(data):
    made = drawn(data, "neighbour_similarity")
    first, second = made.figure.axes[:2]
    assert len(first.lines) == 4 and len(second.lines) == 2  # curves and means
    assert texts(first) == ["mean: normal 0.31, high-norm 0.72"]
    assert texts(second) == ["mean: normal 0.31, no high-norm tokens"]
    assert first.get_xlim() == (-1, 1)
    means = made.data[made.data["metric"] == "neighbour_cosine"]
    assert means[means["model"] == "dinov2_g"].set_index("setting")["value"].to_dict() == pytest.approx(COSINES)
    curve = made.data[(made.data["model"] == "dinov2_g") & (made.data["setting"] == HIGH) & (made.data["metric"] == "density")]
    assert len(curve) == 200 and curve["cosine"].iloc[curve["value"].argmax()] == pytest.approx(COSINES[HIGH], abs=0.01)
    assert np.trapezoid(curve["value"], curve["cosine"]) == pytest.approx(1, abs=0.01)


def test_positions_are_maps_below_their_shares(data):
    made = drawn(data, "position_share")
    maps = [axes for axes in made.figure.axes if axes.images and axes.get_label() != "<colorbar>"]
    assert len(maps) == sum(map(has_outliers, data.models))
    assert maps[0].images[0].get_array().shape == GRID and maps[0].images[0].get_clim() == (0, 0.34)
    space = "\N{NO-BREAK SPACE}"
    assert texts(maps[0]) == [f"high-norm: border 4.6{space}%, inside 1.2{space}%"]
    assert "no high-norm tokens" in texts(made.figure.axes[1])
    cells = made.data[(made.data["model"] == "dinov2_g") & (made.data["metric"] == "share_by_position")]
    assert len(cells) == GRID[0] * GRID[1]
    assert cells.loc[(cells["row"] == 1) & (cells["column"] == 1), "value"].item() == pytest.approx(0.34)
    shares = made.data[(made.data["model"] == "dinov2_g") & (made.data["metric"] == "border_share")]
    assert shares.set_index("setting")["value"].to_dict() == pytest.approx({BORDER: 0.046, INSIDE: 0.012})


def test_positions_of_no_high_norm_tokens_are_one_line(data):
    plain = replace(data, models=tuple(model for model in data.models if not has_outliers(model)))
    kept = {kind: tuple(maps for maps in of if maps.model in plain.models) for kind, of in data.maps.items()}
    made = drawn(replace(plain, maps=kept), "position_share")
    assert texts(made.figure.axes[0]) == ["none: no model of this run has high-norm tokens"]
    assert set(made.data["model"]) == {model.id for model in plain.models} and not made.data["value"].any()


def test_local_information_has_three_panels_with_the_kinds_of_every_model(data):
    made = drawn(data, "local_information")
    assert [axes.get_title(loc="left").replace("\n", " ") for axes in made.figure.axes] == [
        "Position found, %", "Distance from it, patches", "Error of pixels, L2",
    ]  # fmt: skip
    for axes, values in zip(made.figure.axes, LOCAL.values(), strict=True):
        factor = 1 if max(values) > 1 else 100
        assert [bar.get_width() for bar in axes.patches[:3]] == pytest.approx([factor * value for value in values])
        assert len(axes.patches) == 2 * 9 + sum(map(has_outliers, data.models))
        assert texts(axes).count("no high-norm tokens") == 9 - sum(map(has_outliers, data.models))
    assert names(made.figure.axes[0]) == [model.display_name for model in data.models]
    assert " 41.7" in texts(made.figure.axes[0]) and " 5.09" in texts(made.figure.axes[1])


def test_one_token_has_whiskers_of_draws_and_pale_bars_without_high_norm_tokens(data):
    made = drawn(data, "one_token_classification")
    (axes,) = made.figure.axes
    assert [bar.get_width() for bar in axes.patches[:3]] == pytest.approx([100 * value for value in CLASSES.values()])
    low, high = axes.lines[0].get_xdata()
    assert (low, high) == pytest.approx((65.8 - 0.5, 65.8 + 0.5))
    pale = made.data[made.data["model"] == "dino_b"]
    assert pale["setting"].tolist() == [of_all_images(NORMAL), of_all_images(CLS)]
    full, light = axes.patches[0].get_facecolor()[:3], axes.patches[3].get_facecolor()[:3]
    assert full == pytest.approx(to_rgb(KIND_COLOURS[NORMAL])) and min(light) > min(full)
    assert texts(axes).count("no high-norm tokens") == 9 - sum(map(has_outliers, data.models))
    assert (
        made.data["sd_over_draws"].notna().sum()
        == (made.data["setting"].str.startswith(NORMAL) | (made.data["setting"] == HIGH)).sum()
    )


def test_twins_stand_below_each_other():
    run = models()
    ordered = beside_twins(run)
    assert [model.id for model in ordered][:5] == ["dinov2_g", "dinov2reg_g", "dino_b", "dinov2_s", "dinov2reg_s"]
    assert sorted(model.id for model in ordered) == sorted(model.id for model in run)
    assert twin_spans(ordered) == [(0, 1), (3, 4)]
    alone = [model for model in run if model.id != "dinov2_g"]
    assert [model.id for model in beside_twins(alone)][:2] == ["dino_b", "dinov2reg_g"]


def test_corloc_is_of_the_paper_s_facet_without_bias(data):
    made = drawn(data, "corloc")
    assert [axes.get_title(loc="left") for axes in made.figure.axes] == [*DATASETS]
    assert set(made.data["setting"]) == {bias(0)} and len(made.data) == 3 * 9
    assert set(made.data.loc[made.data["model"] == "deit3_b", "facet"]) == {"value"}
    assert names(made.figure.axes[0])[:2] == ["DINOv2 ViT-g/14, keys", "DINOv2+reg ViT-g/14, keys"]
    assert names(made.figure.axes[0])[5] == "DeiT-III ViT-B/16, values"
    bars = [patch for patch in made.figure.axes[2].patches if patch.get_height() < 1]
    expected = [100 * corloc(model, published_facet(model), dataset="coco20k") for model in beside_twins(data.models)]
    assert [bar.get_width() for bar in bars] == pytest.approx(expected)
    assert [bool(bar.get_hatch()) for bar in bars][:5] == [False, True, False, False, True]
    assert len({axes.get_xlim() for axes in made.figure.axes}) == 1


def test_bias_has_a_line_a_facet_and_dataset_and_rings_the_study_s_setting(data):
    made = drawn(data, "corloc_bias")
    assert len(made.data) == 9 * 2 * 3 * len(BIASES) and set(made.data["layer"]) == {LAST}
    axes = made.figure.axes[0]
    lines = [line for line in axes.lines if len(line.get_xdata()) == len(BIASES)]
    assert len(lines) == 6 and list(lines[0].get_xdata()) == pytest.approx([100 * shift for shift in BIASES])
    rings = [line for line in axes.lines if line.get_markerfacecolor() == "none"]
    assert [ring.get_ydata()[0] for ring in rings] == pytest.approx(
        [100 * corloc(data.models[0], "key", dataset=name) for name in DATASETS]
    )


def test_choices_are_cells_with_the_best_and_the_study_s_marked(data):
    made = drawn(of_models(data, 1), "corloc_choices")
    assert len(made.data) == (4 * 4 + 1) * len(BIASES) * len(SIDES)
    cells = [axes for axes in made.figure.axes if axes.images]
    assert len(cells) == 5 * len(SIDES)
    assert cells[0].images[0].get_array().shape == (4, len(BIASES))
    keys = cells[1]  # long side 672
    best_value = corloc(data.models[0], "key", LAST - 1, 0.1, 672)
    assert texts(keys)[len(BIASES) : 2 * len(BIASES)][BIASES.index(0.1)] == f"{100 * best_value:.0f}"
    (frame,) = [patch for patch in keys.patches if patch.get_edgecolor()[:3] == pytest.approx(to_rgb(MARK))]
    assert frame.get_xy() == (BIASES.index(0.1) - 0.5, 0.5)
    own = cells[3]  # own size
    assert {patch.get_xy() for patch in own.patches} == {(BIASES.index(0) - 0.5, -0.5)}
    assert not [patch for axes in cells if axes not in (keys, own) for patch in axes.patches]
    written = [text.get_text() for text in made.figure.texts]
    assert f"best {100 * best_value:.1f}: keys, layer 11, bias +10 %, 672 px" in written
    assert "study 18.3: keys, layer 12, bias 0 %, own size" in written
    assert min(text.get_fontsize() for axes in cells for text in axes.texts) >= 5.5


def test_few_choices_stand_side_by_side(data):
    data = of_models(data, 3)
    few = without(data, lambda row: row.analysis == "choices" and ("long" in row.setting or "0.05" in row.setting))
    made = drawn(few, "corloc_choices")
    assert made.figure.get_figheight() < 0.5 * drawn(data, "corloc_choices").figure.get_figheight()
    tops = [text.get_position() for text in made.figure.texts if text.get_text() in ("DINOv2 ViT-g/14", "DINOv2+reg ViT-g/14")]
    assert tops[0][1] == tops[1][1] and tops[0][0] < tops[1][0]


def test_cells_that_were_not_measured_are_empty_and_the_study_s_choice_may_be_missing(data):
    few = without(of_models(data, 1), lambda row: row.analysis == "choices" and row.facet == "key" and row.layer == LAST)
    made = drawn(few, "corloc_choices")
    assert not [text for text in made.figure.texts if text.get_text().startswith("study ")]
    holes = without(of_models(data, 1), lambda row: row.analysis == "choices" and row.facet == "key" and "672" in row.setting)
    cells = [axes for axes in drawn(holes, "corloc_choices").figure.axes if axes.images]
    assert texts(cells[1]) == [] and len(texts(cells[0])) == 4 * len(BIASES)


def test_the_best_choice_is_the_first_of_equal_ones():
    found = {Choice("key", 12, 0.0, None): {"value": 0.3}, Choice("value", 12, 0.0, None): {"value": 0.3}}
    assert best(found).facet == "key"
    assert study_choice(models(1)[0], found) == Choice("key", 12, 0.0, None)
    assert study_choice(models(1)[0], {Choice("key", 12, 0.1, None): {"value": 0.3}}) is None


def test_what_was_not_measured_is_said(data):
    nothing = without(data, lambda row: True)
    for name in ("local_information", "one_token_classification", "corloc", "corloc_bias"):
        made = drawn(nothing, name)
        assert made.data.empty
        assert all("not measured" in " ".join(texts(axes)) for axes in shown(made))
    made = drawn(nothing, "corloc_choices")
    assert made.data.empty and texts(made.figure.axes[0]) == ["none: not measured"]
    maps = replace(nothing, maps={"outliers": data.maps["outliers"][:1]})
    made = drawn(maps, "neighbour_similarity")
    assert set(made.data["model"]) == {"dinov2_g"} and texts(made.figure.axes[1])[-1] == "none: not measured"
    assert set(drawn(maps, "position_share").data["model"]) == {"dinov2_g"}


@pytest.mark.parametrize("name", [name for name in FIGURES if name != "corloc_choices"])
def test_one_model_without_numbers_leaves_the_others(data, name):
    gone = without(of_models(data, 3), lambda row: row.model == "dino_b")
    made = drawn(gone, name)
    assert {"dinov2_g", "dinov2reg_g"} <= set(made.data["model"])


def test_noise_is_left_out(data):
    data, noise = of_models(data, 1), replace(models(1)[0], id="noise", random=True)
    with_noise = replace(data, models=(*data.models, noise), tables=(*data.tables, replace(data.tables[0], model=noise)))
    for name in FIGURES:
        assert "noise" not in set(drawn(with_noise, name).data["model"])


def test_many_models_fit_a_page_and_lose_their_numbers_not_their_bars(data):
    row = Measured.of(data.tables[0].frame, "dinov2_g", "local_information").row("position_accuracy", NORMAL)
    lines = [Line(f"model {place}", "black", ((Bar(row, "black"),) * 3,)) for place in range(60)]
    with atlas_style():
        made = draw_model_bars([Panel("title", percent=True)], lines, [])
    assert made.figure.get_figheight() < 20 and len(made.figure.axes[0].patches) == 180 and not texts(made.figure.axes[0])


def test_rows_are_found_by_what_they_say(data):
    measured = Measured.of(data.tables[0].frame, "dinov2_g", "discovery")
    assert measured.last == LAST and measured.datasets == [*DATASETS]
    assert measured.value("corloc", bias(0.1), facet="value", dataset="coco20k") == pytest.approx(
        corloc(data.models[0], "value", shift=0.1, dataset="coco20k")
    )
    assert measured.row("corloc", bias(0.1)) is None and np.isnan(measured.value("no such metric"))
    empty = Measured(measured.frame[:0])
    assert empty.last == 0 and empty.rows("corloc") == [] and choices(empty, "") == {}
