"""Every figure is drawn from a made-up run, and its numbers are those of the tables."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.figures.synthetic import drawing_of
from tests.studies.segmentation.made_up_images import CANVAS, NAMES, halves, passes
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
    # The example maps have three layers, the models twelve: four times over.
    made = {}
    for kind, shown in (("usual", passes()), ("over", passes(found=halves))):
        arrays, facts = clustering.maps(shown, {"canvas": CANVAS})
        layered = {"map": 1, "clusters": 1, "aggregate": 0, "named": 0, "sizes": 0}
        for name in arrays:
            facet, _, what = name.partition("_")
            if facet in clustering.FACETS:
                arrays[name] = np.repeat(arrays[name], 4, layered[what])
        made[kind] = arrays, facts
    tables, maps = [], {"usual": [], "over": []}
    for model in found.models:
        frame = found.table[found.table["model"] == model.id]
        tables.append(ModelTable(model, dict.fromkeys(frame["analysis"].unique(), folder), frame))
        for kind, (arrays, facts) in made.items():
            path = folder / kind / f"{model.id}.safetensors"
            write_arrays(path, arrays, facts)
            maps[kind].append(ModelMaps(path, model, facts))
    every = dict.fromkeys(("clustering", "scenes", "parts"), tuple(maps["usual"])) | {"overclustering": tuple(maps["over"])}
    return FigureData(found.models, tuple(tables), every, {}, STUDY.scores)


def drawn(data, name):
    """Draw a figure of what the workflow gives it: the analyses that it reads, of the models that have all of them."""
    figure = STUDY.figure(name)
    tables = [table for table in data.tables if set(figure.tables) <= set(table.files)]
    own = [replace(table, frame=table.frame[table.frame["analysis"].isin(figure.tables)]) for table in tables]
    maps = {analysis: data.maps[analysis] for analysis in figure.maps}
    return draw(drawing_of(figure), replace(data, models=tuple(table.model for table in own), tables=tuple(own), maps=maps))


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


def test_further_datasets_have_the_pictures_and_bars_of_their_own_analysis(data):
    for kind, truth in (("scenes", 0.15), ("parts", 0.1)):
        assert len(drawn(data, f"segmented_{kind}").figure.axes) == 2 + len(KEPT)
        bars = drawn(data, f"{kind}_bars").data
        assert bars.iloc[0][["name", "value"]].tolist() == ["Ground truth", truth]


def test_clusters_of_tokens_are_pictures_of_more_colours_than_classes(data):
    made = drawn(data, "overclustered_images")
    assert len(made.figure.axes) == 2 + len(KEPT)
    assert len(set(made.data["cluster"])) == 6
    assert {name.partition(", ")[2] for name in made.data["cluster"]} == set(NAMES)
    assert np.allclose(made.data.groupby(["model", "image"])["share"].sum(), 1)


def test_variants_are_drawn_beside_the_usual_codebooks(data):
    made = drawn(data, "sensitivity")
    assert set(made.data["model"]) == {"dinov3_b"}  # the one model that has them
    starts, batches = made.figure.axes[:2]
    assert [len(axes.lines) for axes in (starts, batches)] == [12, 12]
    usual = made.data[made.data["setting"] == "as elsewhere"]
    assert len(usual) == 2 * 4 * 12 and len(made.data) == 6 * 4 * 12
    texts = [text.get_text() for text in batches.get_legend().get_texts()]
    assert texts == ["as elsewhere", "32 images", "48 images"]
