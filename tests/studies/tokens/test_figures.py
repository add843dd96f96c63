"""Every figure is drawn from a made-up run, and its numbers are those of the tables and maps."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tests.figures.synthetic import drawing_of
from tests.studies.tokens.made_up_maps import IDS, IMAGES, disc, write_maps
from tests.studies.tokens.made_up_study import ALL, PER_CATEGORY, STUDY, SUPPORTS, measured, models, table
from workflow_scripts.figures.data import FigureData, ModelMaps, ModelTable
from workflow_scripts.figures.maps import outline
from workflow_scripts.figures.save import draw
from workflow_scripts.figures.style import atlas_style
from workflow_scripts.studies.tokens.decisions import CATEGORIES, FIVE, HYPERPLANE, SGD, cosine, setting
from workflow_scripts.studies.tokens.measured import METRICS
from workflow_scripts.studies.tokens.overlays import over_image, overlap

KEPT = ("dino", "mae", "moco")
TASKS = ("classification", "segmentation")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder, run = tmp_path_factory.mktemp("maps"), models()[:3]
    rows = table(measured(run))
    tables = tuple(ModelTable(m, dict.fromkeys(TASKS, Path("made up")), rows[rows["model"] == m.id]) for m in run)
    maps = tuple(write_maps(folder, model, missing=2) for model in run)
    return FigureData(run, tables, {"segmentation": maps}, {}, {})


def drawn(data, name):
    """Draw a figure of what the workflow gives it."""
    figure = STUDY.figure(name)
    tables = [replace(one, frame=one.frame[one.frame["analysis"].isin(figure.tables)]) for one in data.tables]
    maps = {analysis: data.maps[analysis] for analysis in figure.maps}
    return draw(drawing_of(figure), replace(data, tables=tuple(tables), maps=maps))


def of_models(data, *kept):
    """Return the data of some of the models."""
    return replace(
        data,
        models=tuple(model for model in data.models if model.id in kept),
        tables=tuple(one for one in data.tables if one.model.id in kept),
        maps={analysis: tuple(one for one in maps if one.model.id in kept) for analysis, maps in data.maps.items()},
    )


def without(data, gone):
    """Return the data without the rows of which `gone(setting)` is true."""
    tables = [replace(one, frame=one.frame[[not gone(said) for said in one.frame["setting"]]]) for one in data.tables]
    return replace(data, tables=tuple(tables))


def texts(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("figure", STUDY.figures, ids=lambda figure: figure.name)
def test_every_figure_is_drawn(data, figure):
    made = drawn(data, figure.name)
    assert len(made.data) and made.figure.axes
    assert made.figure.get_figwidth() <= 7.17
    assert set(made.data["model"]) == ({"dino", "mae"} if figure.name == "segmented_concepts" else set(KEPT))
    assert figure.main and figure.caption
    assert bool(figure.found) == bool(figure.number) or figure.section == "Pictures"  # ours have found nothing yet


def test_figures_are_those_of_the_paper_and_three_of_ours():
    numbers = [figure.number for figure in STUDY.figures if figure.number]
    assert numbers == ["6 left", "6 right", *map(str, range(7, 15)), "15", "16"]
    assert [figure.name for figure in STUDY.figures if not figure.number] == [
        "classification_optimisers", "segmentation_optimisers", "training_examples",
    ]  # fmt: skip


def test_accuracy_has_a_bar_a_token_and_model(data):
    made = drawn(data, "classification_hyperplane")
    (axes,) = made.figure.axes
    assert [patch.get_height() for patch in axes.patches][:5] == pytest.approx([0.90, 0.946, 0.86, 0.82, 0.714])
    assert len(axes.patches) == len(made.data) == 5 * len(KEPT)
    assert made.data["facet"].tolist() == [*FIVE] * len(KEPT)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["DINO ViT-S/8", "MAE ViT-B/16", "MoCo-v3 ViT-B/16"]


@pytest.mark.parametrize(
    ("name", "rule", "deviates"),
    [
        ("classification_hyperplane_metrics", HYPERPLANE, False),
        ("classification_cosine", cosine(50), True),
        ("segmentation_hyperplane", HYPERPLANE, False),
        ("segmentation_cosine", cosine(50), True),
    ],
)
def test_metrics_are_of_all_concepts_with_the_whiskers_of_their_rule(data, name, rule, deviates):
    made = drawn(data, name)
    assert len(made.data) == len(KEPT) * 4 * 5 and set(made.data["metric"]) == set(METRICS)
    assert set(made.data["setting"]) == {rule}
    axes = made.figure.axes[0]
    row = made.data[(made.data["model"] == "dino") & (made.data["metric"] == "accuracy")].iloc[0]
    low, high = axes.lines[1].get_ydata()
    assert high - low == pytest.approx(2 * (0.1 / 51**0.5 if deviates else 0.02))
    assert (low + high) / 2 == pytest.approx(row["value"])
    assert ("sd_over_trials" in made.data) == deviates


@pytest.mark.parametrize(
    ("name", "metrics", "rule"),
    [
        ("segmentation_categories", ["f1"], HYPERPLANE),
        ("segmentation_precision_recall", ["precision", "recall"], HYPERPLANE),
        ("segmentation_cosine_categories", ["accuracy", "f1"], cosine(50)),
    ],
)
def test_categories_are_groups(data, name, metrics, rule):
    made = drawn(data, name)
    assert len(made.data) == len(KEPT) * len(metrics) * 5 * 5
    assert set(made.data["setting"]) == {setting(rule, category) for category in CATEGORIES}
    shown = [axes for axes in made.figure.axes if axes.get_visible()]
    assert len(shown) == len(KEPT) * len(metrics)
    assert [label.get_text() for label in shown[0].get_xticklabels()] == [*CATEGORIES]
    values = made.data[(made.data["model"] == "mae") & (made.data["metric"] == metrics[-1])]["value"]
    assert [patch.get_height() for patch in shown[2 * len(metrics) - 1 if len(metrics) > 1 else 1].patches] == values.tolist()


@pytest.mark.parametrize("task", TASKS)
def test_both_optimisers_stand_side_by_side_also_of_the_normed_token(data, task):
    made = drawn(data, f"{task}_optimisers")
    assert made.data["setting"].value_counts().to_dict() == dict.fromkeys((HYPERPLANE, SGD), 3 * 2 * 6)
    assert set(made.data["facet"]) == set(ALL)
    first, second = made.figure.axes[0].patches[:2]
    assert second.get_height() == pytest.approx(0.9 * first.get_height())
    assert first.get_facecolor() != second.get_facecolor()


@pytest.mark.parametrize("task", TASKS)
def test_curves_have_a_point_for_every_support_and_bands_of_their_deviation(data, task):
    made = drawn(data, f"{task}_support")
    assert len(made.data) == len(KEPT) * len(SUPPORTS) * 5
    axes = made.figure.axes[0]
    assert axes.get_xscale() == "log" and [*axes.lines[0].get_xdata()] == [*SUPPORTS]
    band = axes.collections[0].get_paths()[0].vertices
    first = band[band[:, 0] == 1][:, 1]
    assert first.max() - first.min() == pytest.approx(2 * 0.1 / 2**0.5)


def test_examples_are_points_hollow_where_sampled(data):
    made = drawn(data, "training_examples")
    own = made.data[made.data["model"] == "dino"]
    assert len(own) == PER_CATEGORY * len(CATEGORIES) and set(own["facet"]) == {"key"}
    assert set(made.data.loc[made.data["model"] == "mae", "facet"]) == {"token"}
    assert (own["sampled"] == (own["examples"] > 20000)).all() and own["sampled"].any()
    axes = made.figure.axes[0]
    assert texts(axes) == ["2 concepts left out"]
    hollow = sum(len(points.get_offsets()) for points in axes.collections if not len(points.get_facecolors()))
    assert hollow == own["sampled"].sum()


def test_concepts_are_shown_from_the_best_to_the_worst(data):
    made = drawn(data, "segmented_concepts")
    assert len(made.figure.axes) == 5 * len(CATEGORIES)
    assert len(made.data) == 5 * len(CATEGORIES) * 4
    one = made.data[(made.data["category"] == "part") & (made.data["model"] == "dino") & (made.data["rule"] == HYPERPLANE)]
    assert [name[:6] for name in one["concept"]] == ["part 1", "part 3", "part 4", "part 5", "part 7"]
    assert one["f1"].is_monotonic_decreasing and one["f1"].max() == pytest.approx(0.817 + 0.15)
    assert one["image"].tolist() == [IDS[PER_CATEGORY + place] for place in (0, 2, 3, 4, 6)]
    assert made.data.groupby("rule")["facet"].unique().map(list).to_dict() == {
        HYPERPLANE: ["key"], cosine(50): ["attention_output"],
    }  # fmt: skip
    maps = next(one for one in data.maps["segmentation"] if one.model.id == "dino")
    place = PER_CATEGORY
    expected = overlap(maps.array("largest_truth")[place], maps.array("largest_hyperplane_key")[place])
    assert one["iou_in_image"].iloc[0] == pytest.approx(expected) and 0.3 < expected < 1


def test_other_models_stand_in_for_those_a_run_lacks(data):
    made = drawn(of_models(data, "moco", "mae"), "segmented_concepts")
    assert list(dict.fromkeys(made.data["model"])) == ["moco", "mae"]
    alone = drawn(of_models(data, "moco"), "segmented_concepts")
    assert set(alone.data["model"]) == {"moco"} and len(alone.data) == 5 * len(CATEGORIES) * 2


def test_the_best_concepts_have_their_images_and_no_more(data):
    made = drawn(data, "segmented_best")
    assert len(made.figure.axes) == len(KEPT) * 2 * 5
    assert len(made.data) == len(KEPT) * 2 * (5 * IMAGES - 2)
    own = made.data[(made.data["model"] == "mae") & (made.data["rule"] == "cosine")]
    assert own["iou"].iloc[0] == pytest.approx(0.9) and own["rank"].tolist() == [
        *[1] * 5,
        *[2] * 5,
        *[3] * 5,
        *[4] * 5,
        *[5] * 3,
    ]
    assert len(made.figure.axes[0].collections) == IMAGES + 1  # outlines, and the lines between pictures
    assert len(made.figure.axes[4].collections) == IMAGES - 2 + 1


def test_what_was_not_measured_is_said(data):
    bare = without(data, lambda said: said.startswith("cosine"))
    for name in ("classification_cosine", "segmentation_cosine_categories", "segmentation_support"):
        made = drawn(bare, name)
        assert made.data.empty and "none: not measured" in texts(made.figure.axes[0])
    assert set(drawn(bare, "segmented_concepts").data["rule"]) == {HYPERPLANE}
    nothing = without(data, lambda said: True)
    (text,) = texts(drawn(nothing, "segmented_concepts").figure.axes[0])
    assert text == "none: no concept was decided on"
    assert drawn(nothing, "training_examples").data.empty
    maps = tuple(ModelMaps(one.path, one.model, {"image_ids": json.dumps([])}) for one in data.maps["segmentation"])
    made = drawn(replace(data, maps={"segmentation": maps}), "segmented_best")
    assert made.data.empty and texts(made.figure.axes[0]) == ["none: no concept was decided on"]


@pytest.mark.parametrize("name", ["segmentation_support", "segmentation_cosine", "training_examples"])
def test_a_model_without_numbers_takes_no_ticks_from_the_others(data, name):
    gone = [replace(one, frame=one.frame[:0]) if one.model.id == "mae" else one for one in data.tables]
    made = drawn(replace(data, tables=tuple(gone)), name)
    assert set(made.data["model"]) == {"dino", "moco"}
    first, second, third = made.figure.axes[:3]
    assert texts(second) == ["none: not measured"]
    for axes in (first, third):
        low, high = axes.get_ylim()
        assert low < high and len([tick for tick in axes.get_yticks() if low <= tick <= high]) > 2
        assert len(axes.get_xticks()) > 2


def test_legends_fit_a_figure_of_one_model(data):
    alone = of_models(data, "dino")
    for name in ("segmentation_hyperplane", "segmentation_support", "training_examples"):
        figure = drawn(alone, name).figure
        with atlas_style():
            FigureCanvasAgg(figure).draw()
            (legend,) = figure.legends
            box = legend.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= figure.bbox.width


def test_a_mask_is_red_over_a_grey_image():
    image = np.full((8, 8, 3), (200, 100, 0), np.uint8)
    mask = np.zeros((2, 4), bool)
    mask[0, 1] = True
    shown = over_image(image, mask)
    inside = np.zeros((8, 8), bool)
    inside[:4, 2:4] = True
    assert (shown[~inside] == shown[~inside][:, :1]).all()  # grey
    assert (shown[inside][:, 0] > shown[inside][:, 1] + 50).all()


def test_outlines_enclose_the_mask_alone():
    axes = Figure().add_axes((0, 0, 1, 1))
    outline(axes, 0, 2, np.array([[False, True], [False, False]]))
    (lines,) = axes.collections
    ends = {tuple(sorted(map(tuple, segment.tolist()))) for segment in lines.get_segments()}
    assert ends == {((2.5, 0), (3, 0)), ((2.5, 0.5), (3, 0.5)), ((2.5, 0), (2.5, 0.5)), ((3, 0), (3, 0.5))}


def test_overlap_is_intersection_over_union():
    one, other = disc(10, (0.3, 0.5), 0.2), disc(10, (0.7, 0.5), 0.2)
    assert overlap(one, one) == 1 and overlap(one, other) == 0 and overlap(one & False, one & False) == 0
    assert overlap(np.array([True, True, False]), np.array([False, True, True])) == pytest.approx(1 / 3)
