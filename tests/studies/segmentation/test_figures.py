"""Every figure is drawn from a made-up run, and its numbers are those of the tables."""

from pathlib import Path

import numpy as np
import pytest

from tests.figures.synthetic import drawing_of
from tests.studies.segmentation.made_up_images import CANVAS, NAMES, passes
from tests.studies.segmentation.made_up_study import STUDY, evidence, measured
from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.figures.data import FigureData, ModelMaps, ModelTable
from workflow_scripts.figures.save import draw
from workflow_scripts.studies.segmentation import clustering

KEPT = ("dino_b", "mae_b", "dinov3_b")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Tables of three models whose maps are of three layers; the control of the ground truth is there."""
    folder = tmp_path_factory.mktemp("maps")
    found = evidence(*measured(), kept=lambda model: model.id in KEPT)
    arrays, facts = clustering.maps(passes(), {"canvas": CANVAS})
    # The example maps have three layers, the models twelve: four times over.
    for name in ("key", "token"):
        arrays[f"{name}_map"] = np.repeat(arrays[f"{name}_map"], 4, 1)
        arrays[f"{name}_aggregate"] = np.repeat(arrays[f"{name}_aggregate"], 4, 0)
    tables, maps = [], []
    for model in found.models:
        frame = found.table[found.table["model"] == model.id]
        control = frame[frame["facet"] == clustering.TRUTH].assign(setting=clustering.SHUFFLED, value=0.01)
        path = folder / f"{model.id}.safetensors"
        write_arrays(path, arrays, facts)
        frame = type(frame)(np.concatenate([frame, control]), columns=frame.columns).astype(frame.dtypes)
        tables.append(ModelTable(model, {"clustering": path, "locality": path, "keypoints": path}, frame))
        maps.append(ModelMaps(path, model, facts))
    return FigureData(found.models, tuple(tables), {"clustering": tuple(maps)}, {}, STUDY.scores)


def drawn(data, name):
    return draw(drawing_of(STUDY.figure(name)), data)


@pytest.mark.parametrize("name", [figure.name for figure in STUDY.figures])
def test_every_figure_is_drawn(data, name):
    made = drawn(data, name)
    assert len(made.data) and made.figure.axes
    assert made.figure.get_figwidth() <= 7.2


def test_pictures_have_a_row_a_model_and_their_shares_are_whole(data):
    made = drawn(data, "segmented_images")
    assert len(made.figure.axes) == 2 + len(KEPT)
    assert set(made.data["class"]) <= set(NAMES)
    shares = made.data[made.data["model"] != "ground truth"].groupby(["model", "image"])["share"].sum()
    assert np.allclose(shares, 1)
    assert set(made.data["layer"].dropna()) == {10}  # the best of the made-up keys
    layers = drawn(data, "segmented_layers")
    assert len(layers.figure.axes) == 4 * len(KEPT)
    assert set(layers.data["layer"]) == set(range(1, 13))


def test_best_layers_are_those_of_the_table(data):
    made = drawn(data, "best_layers").data
    token = made[(made["facet"] == "token") & (made["model"] == "mae_b")].iloc[0]
    assert (token["value"], token["layer"]) == (pytest.approx(0.2), 10)
    assert len(drawn(data, "best_layers").figure.axes[0].patches) == 2  # frames of MAE and DINOv3, not of DINO


def test_bars_begin_with_the_ground_truth_and_have_its_control(data):
    made = drawn(data, "position_bars").data
    assert made.iloc[0][["name", "value"]].tolist() == ["Ground truth", 0.05]
    assert made.iloc[-1]["setting"] == clustering.SHUFFLED
    nmi = made[(made["metric"] == "nmi") & (made["model"] == "dinov3_b")].iloc[0]
    assert (nmi["value"], nmi["layer"]) == (0.25, 10)


def test_locality_is_a_cell_a_layer(data):
    made = drawn(data, "locality")
    assert made.figure.axes[0].images[0].get_array().shape == (len(KEPT), 12)
    assert len(made.data) == len(KEPT) * 12
    assert len(drawn(data, "position_against_locality").data) == len(KEPT) * 2 * 12


def test_deep_models_have_a_bar_of_colours_instead_of_numbers():
    found = evidence(*measured(), kept=lambda model: model.id in ("mae_b", "mae_l"))
    tables = tuple(
        ModelTable(model, {"locality": Path("made up")}, found.table[found.table["model"] == model.id])
        for model in found.models
    )
    made = drawn(FigureData(found.models, tables, {}, {}, STUDY.scores), "locality")
    cells, bar = made.figure.axes
    assert not cells.texts
    assert bar.get_xlabel() == "I(K, Q), nats"
    assert np.isnan(np.ma.filled(cells.images[0].get_array(), np.nan)[0, 12:]).all()  # a model of twelve layers


def test_every_layer_and_embedding_is_a_point(data):
    made = drawn(data, "position_against_classes").data
    assert len(made) == len(KEPT) * 4 * 12
    assert made["rho"].nunique() == 1 and -1 <= made["rho"].iloc[0] < 0
