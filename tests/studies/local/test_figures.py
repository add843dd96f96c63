"""Every figure is drawn from a made-up run, full, thin or empty, and its numbers are those of the tables and maps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from tests.figures.synthetic import drawing_of
from tests.studies.local.made_up_maps import scene, write_maps
from tests.studies.local.made_up_study import (
    CLASSES,
    GAPS,
    LAST,
    LEVELS,
    REMOVED,
    SCENES,
    SIZES,
    STUDY,
    SWEEP,
    WIDTH,
    measured,
    models,
    table,
)
from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.figures.data import FigureData, ModelTable
from workflow_scripts.figures.save import draw
from workflow_scripts.figures.style import PAGE_WIDTH, atlas_style
from workflow_scripts.metrics.patch_retrieval import CATEGORIES
from workflow_scripts.studies.local.conditions import LINEAR, NN
from workflow_scripts.studies.local.kind_areas import KIND_COLOURS
from workflow_scripts.studies.local.methods import reference
from workflow_scripts.studies.local.street_classes import EASY, STREET_COLOURS, VOID, class_colours, paint

NUMBERS = {
    "training_size": "1", "feature_variance": "2a", "removal_mae": "2b", "removal": "2c", "layers": "3", "robustness": "4",
    "retrieval": "5", "other_images": "6", "association": "7", "resolution": "8", "other_association": "9", "band_noise": "10",
    "retrieval_contrastive": "11", "full_image_association": "12", "predictions": "13",
}  # fmt: skip
TABLES = [figure for figure in STUDY.figures if figure.tables]


@pytest.fixture(scope="module")
def rows():
    return table(measured())


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("maps")
    return {model.id: write_maps(folder, model) for model in models()[:3]}


def drawn(rows, name, maps=None, kept=lambda model: True, run=None):
    """Draw a figure as the workflow does: of the models that every analysis it reads was made of."""
    figure = STUDY.figure(name)
    measured_by = set(zip(rows["model"], rows["analysis"], strict=True))
    there = [
        model
        for model in run or models()
        if kept(model) and all((model.id, analysis) in measured_by for analysis in figure.tables)
        if not figure.maps or model.id in maps
    ]
    tables = [
        ModelTable(
            model,
            dict.fromkeys(figure.tables, Path("made up")),
            rows[(rows["model"] == model.id) & rows["analysis"].isin(figure.tables)],
        )
        for model in there
    ]
    given = {analysis: tuple(maps[model.id] for model in there) for analysis in figure.maps}
    return draw(drawing_of(figure), FigureData(tuple(there), tuple(tables) if figure.tables else (), given, {}, {}))


def rendered(made):
    """Lay the figure out, as saving does."""
    with atlas_style():
        FigureCanvasAgg(made.figure).draw()
    return made


def texts(made):
    return [text.get_text() for axes in made.figure.axes for text in axes.texts]


def test_figures_are_those_of_the_paper_and_one_of_ours():
    assert {figure.name: figure.number for figure in STUDY.figures} == NUMBERS | {"variants": ""}
    assert all(figure.main and figure.caption for figure in STUDY.figures)
    pictures = {"band_noise", "predictions", "variants"}  # of which the paper says nothing in words
    assert {figure.name for figure in STUDY.figures if not figure.found} == pictures


@pytest.mark.parametrize("figure", TABLES, ids=lambda figure: figure.name)
def test_every_figure_is_drawn(rows, figure):
    made = rendered(drawn(rows, figure.name))
    assert len(made.data) and made.figure.get_figwidth() <= PAGE_WIDTH + 0.01
    for legend in made.figure.legends:
        box = legend.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= made.figure.bbox.width


@pytest.mark.parametrize("model", ["dino", "mae", "scalemae"])
def test_every_figure_is_drawn_of_one_model(rows, model):
    analyses = set(rows[rows["model"] == model]["analysis"])
    of_it = [figure.name for figure in TABLES if analyses & set(figure.tables)]
    assert of_it
    for name in of_it:
        made = rendered(drawn(rows, name, kept=lambda one: one.id == model))
        assert set(made.data["model"]) <= {model}, name


@pytest.mark.parametrize("figure", TABLES, ids=lambda figure: figure.name)
def test_every_figure_is_drawn_of_thin_tables(rows, figure):
    """Every third row is lacking, and the number of features removed."""
    thin = rows[(np.arange(len(rows)) % 3 > 0) & (rows["metric"] != "removed_main")]
    made = drawn(thin, figure.name)
    full = drawn(rows, figure.name).data
    shown = set(made.data.get("setting", pd.Series(dtype=str))) - {
        text for text in made.data.get("setting", []) if "mean of" in text
    }
    assert len(made.data) < len(full) and shown <= set(full.get("setting", []))


@pytest.mark.parametrize("figure", TABLES, ids=lambda figure: figure.name)
def test_a_figure_without_numbers_says_so(rows, figure):
    empty = rows.assign(value=np.nan, metric="nothing")
    made = drawn(empty, figure.name)
    assert made.data.empty and any("none:" in text for text in texts(made))


def test_training_sizes_are_pairs_of_both_rules(rows):
    data = drawn(rows, "training_size").data
    assert set(data["images"]) == {36, 72, 144}
    one = data[(data["model"] == "mae") & (data["images"] == 144)]
    assert one["value"].tolist() == pytest.approx([0.066, 0.395])


def test_variances_are_ranked(rows):
    data = drawn(rows, "feature_variance").data
    own = data[data["model"] == "mae"]
    assert own["rank"].tolist() == list(range(1, WIDTH + 1)) and own["value"].is_monotonic_decreasing
    assert own["value"].iloc[0] == pytest.approx(30.002)


def test_removal_starts_without_any_and_mae_is_marked_at_the_run_s_own(rows):
    made = drawn(rows, "removal_mae")
    (axes,) = made.figure.axes
    assert [*axes.lines[0].get_xdata()] == list(SWEEP)
    assert axes.lines[-1].get_xdata()[0] == REMOVED
    assert made.data["value"].iloc[0] == pytest.approx(0.058) and set(made.data["model"]) == {"mae"}
    every = drawn(rows, "removal").data
    assert len(every) == 8 * 2 * len(SWEEP)


def test_the_reference_is_mae_or_what_reconstructs_or_the_first():
    run = models()
    assert reference(run).id == "mae"
    assert reference([run[0], run[6]]).id == "simmim" and reference(run[:2]).id == "supervised"


def test_layers_have_easy_and_hard_classes(rows):
    made = drawn(rows, "layers")
    assert len(made.figure.axes) == 3
    settings = dict.fromkeys(made.data["setting"])
    assert len(settings) == 3 and NN in settings
    easy = next(text for text in settings if "road" in text)
    own = made.data[(made.data["model"] == "dino") & (made.data["setting"] == easy) & (made.data["layer"] == LAST)]
    scores = rows[(rows["model"] == "dino") & (rows["metric"] == "class_iou") & (rows["layer"] == LAST)]
    names = scores["setting"].str.removeprefix("1-NN; class ")
    assert own["value"].item() == pytest.approx(scores["value"][names.isin(EASY)].mean())
    assert max(line.get_ydata().max() for axes in made.figure.axes for line in axes.lines) < made.figure.axes[0].get_ylim()[1]


def test_layers_without_easy_classes_are_one_panel(rows):
    own = rows[~rows["setting"].str.contains("|".join(EASY))]
    assert len(drawn(own, "layers").figure.axes) == 1


def test_robustness_sets_altered_against_clean(rows):
    made = drawn(rows, "robustness")
    assert len(made.figure.axes) == 6
    one = made.data[(made.data["setting"] == "1-NN; without 20; altered blur10") & (made.data["model"] == "mae")]
    assert one["clean"].item() == pytest.approx(0.295) and one["value"].item() == pytest.approx(0.295 * 0.5)
    assert set(made.data["altered"]) == {""} | {
        f"{kind}{level}" for kind in ("blur", "noise", "band") for level in LEVELS[kind]
    }
    hollow = made.data[made.data["setting"].str.contains("without")]
    assert set(hollow["model"]) == {"mae", "simmim", "beit"}  # those that reconstruct, by 1-NN alone
    assert not hollow["setting"].str.startswith(LINEAR).any()


def test_retrieval_stacks_all_kinds_to_the_whole(rows):
    made = drawn(rows, "retrieval")
    own = made.data[(made.data["model"] == "dino") & (made.data["metric"] == "share")]
    assert len(own) == 5 * 4 * len(CATEGORIES)
    assert own["value"].sum() == pytest.approx(5 * 4)
    shown = [axes for axes in made.figure.axes if axes.get_visible()]
    assert len(shown) == 5 * 8  # six models, two of them also without features
    top = shown[0].collections[-1].get_paths()[0].vertices[:, 1].max()
    assert top == pytest.approx(100)
    assert set(made.data[made.data["metric"] == "upper_bound"]["setting"]) == {
        f"1-NN; altered {kind}{level}" for kind in ("shift", "rotation", "scale") for level in LEVELS[kind]
    }


def test_contrastive_models_have_a_figure_of_their_own(rows):
    assert set(drawn(rows, "retrieval_contrastive").data["model"]) == {"dino", "ibot", "dinov2"}
    others = drawn(rows, "retrieval_contrastive", kept=lambda model: model.supervision != "contrastive")
    assert others.data.empty and texts(others) == ["none: no contrastive model"]


def test_other_images_count_patches(rows):
    data = drawn(rows, "other_images").data
    one = data[(data["model"] == "dinov2") & data["setting"].str.contains("blur10; ")]
    assert one["patches"].sum() == pytest.approx(5850, abs=2)  # each is rounded
    assert one["patches"].iloc[0] == round(5850 * 0.62 * 0.95)
    assert data["setting"].str.contains("elsewhere yes").all() and not data["setting"].str.contains("kind same patch").any()


@pytest.mark.parametrize("name", ["association", "other_association"])
def test_objects_and_categories_are_lines_by_gap(rows, name):
    made = drawn(rows, name)
    left, right = made.figure.axes
    assert len(left.lines) == len(right.lines) == 8 + 3
    assert len(made.data) == 2 * 11 * len(GAPS) and not made.data["setting"].str.contains("view").any()
    own = made.data[(made.data["model"] == "dino") & (made.data["metric"] == "instance")]
    assert own["value"].iloc[0] == pytest.approx(0.985 - (0.05 if name == "other_association" else 0))


def test_whole_frames_are_shown_of_models_that_had_them(rows):
    data = drawn(rows, "full_image_association").data
    assert set(data["model"]) == {"dino", "mae"} and len(data) == 2 * 2 * 2 * len(GAPS)


def test_resolutions_have_four_lines_a_data_set(rows):
    made = drawn(rows, "resolution")
    assert [len(axes.lines) for axes in made.figure.axes] == [4] * len(SCENES)
    assert len(made.data) == len(SCENES) * 4 * len(SIZES)
    assert made.figure.axes[0].lines[0].get_xdata()[-1] == 1


def test_variants_are_named(rows):
    data = drawn(rows, "variants").data
    own = data[data["model"] == "mae"].set_index(["panel", "variant"])["value"]
    assert own["Linear probes", "no batch norm"] == pytest.approx(0.15)
    assert own["Pixels or patches", "1-NN, patches"] == pytest.approx(1.03 * 0.058)
    assert own["Distances of 1-NN", "cosine, without m"] == pytest.approx(0.99 * 0.295)


def test_bands_have_no_mean_but_the_lowest_and_their_spectra(rows, maps):
    made = rendered(drawn(rows, "band_noise", maps))
    assert made.data["band"].tolist() == [1, 2, 3, 4] and set(made.data["model"]) == {"supervised"}
    assert made.data["noise_mean"].iloc[1:].abs().max() < 1e-4 and (made.data["noise_deviation"] > 5).all()
    assert np.isfinite(made.data["largest_log_amplitude"]).all()


def test_predictions_are_shares_with_their_accuracy(rows, maps):
    made = rendered(drawn(rows, "predictions", maps))
    data = made.data
    assert set(data["model"]) == set(maps) and data.groupby(["model", "image", "rule"])[
        "share"
    ].sum().to_numpy() == pytest.approx(1)
    _, mask = scene(0)
    predicted = maps["dino"].array("nn_0").repeat(8, 0).repeat(8, 1)
    expected = (predicted == mask)[mask != VOID].mean()
    own = data[(data["model"] == "dino") & (data["image"] == 0) & (data["rule"] == "1-NN")]
    assert own["accuracy"].iloc[0] == pytest.approx(expected)
    names = [text.get_text() for text in made.figure.legends[0].get_texts()]
    assert {"road", "sky", "car"} <= set(names) <= set(CLASSES)


def test_colours_are_cityscapes_where_the_classes_are():
    assert class_colours(["road", "car"]).tolist() == [list(STREET_COLOURS["road"]), list(STREET_COLOURS["car"])]
    others = class_colours(["road", "sand", "water"])
    assert len({tuple(colour) for colour in others.tolist()}) == 3 and others[0].tolist() != list(STREET_COLOURS["road"])
    assert paint(np.array([[1, VOID]]), others).tolist() == [[others[1].tolist(), [0, 0, 0]]]
    assert len(STREET_COLOURS) == 19 and len(KIND_COLOURS) == len(CATEGORIES)


def test_pictures_are_those_that_a_run_has(rows, maps, tmp_path):
    """One test image and two bands alone; and no band at all."""
    kept = {name: maps["dino"].array(name) for name in maps["dino"].names if not name.endswith(("_1", "_4"))}
    for arrays, bands in ((kept, [2, 3]), ({name: kept[name] for name in kept if "band" not in name}, [])):
        path = tmp_path / "dino.safetensors"
        write_arrays(path, arrays, maps["dino"].facts)
        own = {"dino": replace(maps["dino"], path=path)}
        assert drawn(rows, "band_noise", own).data["band"].tolist() == bands
        assert set(drawn(rows, "predictions", own).data["image"]) == {0}


def test_a_run_of_many_models_keeps_to_the_page(rows):
    """Figures whose panels or legends are models."""
    run, own = [], []
    for turn in range(12):
        source = models()[(0, 2, 3, 4, 5)[turn % 5]]  # which have both analyses
        model = replace(source, id=f"m{turn}", display_name=f"{source.display_name} {turn}")
        run.append(model)
        own.append(rows[rows["model"] == source.id].assign(model=model.id))
    every = pd.concat(own)
    for name in ("retrieval", "robustness", "variants"):
        made = rendered(drawn(every, name, run=run))
        assert made.figure.get_figwidth() <= PAGE_WIDTH + 0.01 and made.figure.get_figheight() < 16
