"""Every figure is drawn from a made-up run, and its numbers are those of the tables."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Circle, Rectangle

from tests.figures.synthetic import drawing_of
from tests.studies.segmentation.made_up_attention import write_attention
from tests.studies.segmentation.made_up_images import CANVAS, EXAMPLES, NAMES, halves, passes
from tests.studies.segmentation.made_up_study import STUDY, evidence, measured
from tests.studies.segmentation.made_up_study import models as made_up_models
from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.figures.data import FigureData, ModelMaps, ModelTable
from workflow_scripts.figures.save import draw
from workflow_scripts.studies.segmentation import chosen, clustering, overclustering
from workflow_scripts.studies.segmentation.figures import segmented_animals
from workflow_scripts.studies.segmentation.figures.correspondence_layers import shown_layers
from workflow_scripts.studies.segmentation.heat_maps import heat_map

TRUTH = {name: 0.1 * place for place, name in enumerate(NAMES)}
KEPT = ("dino_b", "mae_b", "dinov3_b", "ibot_b")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Tables and maps of some models; the control of the ground truth is there, and the information of each class."""
    folder = tmp_path_factory.mktemp("maps")
    found = evidence(*measured(), kept=lambda model: model.id in KEPT)
    # The example maps have three layers, the models twelve: four times over.
    made = {}
    for kind, analysis, shown in (("usual", clustering, passes()), ("over", overclustering, passes(found=halves))):
        arrays, facts = analysis.maps(shown, {"canvas": CANVAS})
        layered = {"map": 1, "clusters": 1, "aggregate": 0, "named": 0, "sizes": 0}
        for name in arrays:
            facet, _, what = name.partition("_")
            if facet in clustering.FACETS:
                arrays[name] = np.repeat(arrays[name], 4, layered[what])
        made[kind] = arrays, facts
    tables, maps, pairs = [], {"usual": [], "over": []}, []
    points, pair_facts = heat_maps()
    for model in found.models:
        frame = found.table[found.table["model"] == model.id]
        own = frame[frame["analysis"] == "clustering"]
        truth = own[(own["facet"] == clustering.TRUTH) & (own["setting"] == "")]
        more = [truth.assign(metric="class_information", setting=name, value=TRUTH[name]) for name in NAMES]
        token = own[(own["metric"] == "nmi") & (own["facet"] == "token")].assign(metric="class_information")
        more += [token.assign(setting=name, value=token["layer"] * (1 + place)) for place, name in enumerate(NAMES)]
        frame = pd.concat([frame, *more], ignore_index=True)
        tables.append(ModelTable(model, dict.fromkeys(frame["analysis"].unique(), folder), frame))
        for kind, (arrays, facts) in made.items():
            path = folder / kind / f"{model.id}.safetensors"
            write_arrays(path, arrays, facts)
            maps[kind].append(ModelMaps(path, model, facts))
        path = folder / f"{model.id}_pairs.safetensors"
        write_arrays(path, points, pair_facts)
        pairs.append(ModelMaps(path, model, pair_facts))
    attention = tuple(ModelMaps(*write_attention(folder, model)) for model in found.models)
    every = dict.fromkeys(("clustering", "scenes", "parts"), tuple(maps["usual"])) | {"overclustering": tuple(maps["over"])}
    every |= {"locality": attention, "keypoints": tuple(pairs)}
    return FigureData(found.models, tuple(tables), every, {}, STUDY.scores)


def without(data, methods):
    """Return the data of a run that has no model trained by `methods`."""
    models = tuple(model for model in data.models if model.method not in methods)
    kept = {model.id for model in models}
    maps = {analysis: tuple(one for one in every if one.model.id in kept) for analysis, every in data.maps.items()}
    return replace(data, models=models, tables=tuple(one for one in data.tables if one.model.id in kept), maps=maps)


def heat_maps():
    """Return maps of two keypoints of twelve layers: in layer l the point is found l hundredths of the side off."""
    random = np.random.default_rng(0)
    arrays = {f"{end}_image": random.integers(0, 256, (2, 8, 8, 3), dtype=np.uint8) for end in ("source", "target")}
    arrays |= {"target_area": np.array([[0, 0, 1, 1], [0.25, 0, 0.75, 1]], np.float32), "radius": np.float32([0.04, 0.08])}
    arrays |= {f"{end}_point": np.full((2, 2), 0.5, np.float32) for end in ("source", "target")}
    off = np.stack([np.arange(1, 13) / 100, np.zeros(12)], -1)
    for facet in ("key", "query", "value", "token"):
        arrays[f"{facet}_point"] = (0.5 + np.stack([off, off])).astype(np.float32)
        arrays[f"{facet}_cosine"] = random.random((2, 12, 4, 4)).astype(np.float16)
    arrays["value_cosine"][1, 8, 0] = 2  # in the padding, which no number looks at
    return arrays, {"image_ids": json.dumps(["a to b", "b to c"])}


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
    assert len(drawn(data, "best_layers").figure.axes[0].patches) == 3  # frames of MAE, DINOv3 and iBOT, not of DINO


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


def test_sizes_are_drawn_method_by_method(data):
    made = drawn(data, "segmented_sizes")
    assert list(dict.fromkeys(made.data["model"])) == ["ground truth", "dinov3_b", "ibot_b"]
    assert set(made.data["facet"].dropna()) == {"token"}
    bars = drawn(data, "position_bars_sizes").data
    assert list(dict.fromkeys(bars["model"].dropna())) == ["dinov3_b", "ibot_b"]


def test_further_images_are_keys_tokens_and_values(data):
    made = drawn(data, "segmented_further").data[["model", "facet"]].dropna().drop_duplicates()
    assert made.to_numpy().tolist() == [["mae_b", "key"], ["dinov3_b", "key"], ["mae_b", "value"]]


def test_classes_of_the_highest_information_stand_beside_the_ground_truth(data):
    made = drawn(data, "class_information")
    own = made.data[made.data["model"] == "ibot_b"]
    assert own["class"].tolist() == NAMES[::-1]
    assert own["value"].tolist() == [30, 20, 10]  # layer 10 is the best
    assert own["ground_truth"].tolist() == [TRUTH[name] for name in NAMES[::-1]]


def test_animals_are_the_images_with_most_of_them(data, tmp_path):
    first = data.maps["clustering"][0]
    arrays = {
        name: first.array(name) for name in ("truth_map", "single_image", "truth_aggregate", "token_map", "token_aggregate")
    }
    arrays["truth_map"] = np.where(np.arange(2)[:, None, None] == 1, arrays["truth_map"], 1).astype(np.uint8)
    facts = first.facts | {"class_names": json.dumps([segmented_animals.ANIMAL, *NAMES[1:]])}
    path = tmp_path / "maps.safetensors"
    write_arrays(path, arrays, facts)
    maps = tuple(ModelMaps(path, one.model, facts) for one in data.maps["clustering"])
    made = drawn(replace(data, maps=data.maps | {"clustering": maps}), "segmented_animals").data
    assert set(made["image"]) == {f"image{EXAMPLES[1]}"}  # the other has none
    assert len(set(drawn(data, "segmented_animals").data["image"])) == 2  # no such class: all


def test_images_are_chosen_by_their_share_of_a_class():
    truth = np.zeros((4, 2, 2), np.uint8)
    truth[1, 0], truth[2, 0, 0], truth[3] = 5, 5, 5
    assert chosen.with_most(truth, 5) == [1, 2, 3]
    assert chosen.with_most(truth, 5, limit=2) == [1, 3]
    assert chosen.with_most(truth, 7) == []
    assert chosen.spread(24) == [2, 6, 10, 14, 18, 22]
    assert chosen.spread(3) == [0, 1, 2]


def test_models_are_of_the_sizes_wanted_or_what_there_is():
    models = {model.id: model for model in made_up_models()}
    every = list(models.values())
    assert [m.id for m in chosen.of_methods(every, ["iBOT", "Mugs"], ("B", "L"))] == ["ibot_b", "ibot_l", "mugs_b", "mugs_l"]
    assert [m.id for m in chosen.of_methods(every, ["MAE"], ("L",))] == ["mae_l"]
    assert [m.id for m in chosen.of_methods(every, ["DINO"], ("L",))] == ["dino_b"]
    nameless = replace(models["ibot_b"], architecture="ViT-demo/5")
    assert chosen.of_methods([nameless], ["iBOT"], ("B", "L")) == [nameless]
    assert chosen.of_methods([replace(nameless, random=True)], ["iBOT"], ("B",)) == []


def test_a_twentieth_of_every_matrix_is_drawn_and_the_sketch_has_its_information(data):
    made = drawn(data, "attention_matrices").data
    counts = made[made["model"].notna()].groupby(["model", "shown"]).size()
    assert set(counts) == {round(0.05 * 36**2)} and len(counts) == 2 * len(KEPT)
    sketch = made[made["model"].isna()].drop_duplicates("shown").set_index("shown")["information"]
    assert sketch.tolist() == pytest.approx([0, math.log(12)], abs=1e-12)
    # The mean matrix is local, that of one image has stripes (`made_up_attention`).
    local = made[(made["model"] == "mae_b") & (made["shown"] == "all images")]
    assert (local["query"] == local["key"]).sum() == 36
    stripes = made[(made["model"] == "mae_b") & (made["shown"] == "one image")]
    assert stripes["key"].nunique() == 2


def test_queries_are_of_one_model_of_each_kind(data):
    made = drawn(data, "attention_of_queries").data
    assert list(dict.fromkeys(made["model"])) == ["dino_b", "dinov3_b"]
    assert set(made["head"]) == {"mean", "3"}
    assert made.groupby(["model", "query", "head"]).size().tolist() == [36] * 8
    (maps,) = [one for one in data.maps["locality"] if one.model.id == "dino_b"]
    own = made[(made["model"] == "dino_b") & (made["query"] == 2) & (made["head"] == "3")]
    assert np.array_equal(own["value"], maps.array("query_heads")[0, 1, 2])
    mean = made[(made["model"] == "dino_b") & (made["query"] == 1) & (made["head"] == "mean")]
    assert np.array_equal(mean["value"], maps.array("single_matrix")[0, 21])


@pytest.mark.parametrize(
    "name", ["segmented_sizes", "position_bars_sizes", "class_information", "segmented_animals", "segmented_further"]
)
def test_a_run_without_such_models_says_so(data, name):
    made = drawn(without(data, ("MAE", "iBOT", "DINOv3")), name)
    (text,) = made.figure.axes[0].texts
    assert text.get_text().startswith("none: no model of this run was trained by ")
    assert made.data.empty


def test_heat_maps_are_those_of_the_best_and_of_the_last_layer(data):
    made = drawn(data, "correspondence_best_last")
    layers = made.data.groupby("model")["layer"].apply(list).to_dict()
    assert layers == {model: [12 if model == "ibot_b" else 11, 12] * 2 for model in KEPT}  # iBOT's best is its last
    assert set(made.data["facet"]) == {"token"}
    # Layer 11 is off by 11 hundredths: of radii of 4 and of 8.
    first, _, second, _ = made.data["distance_over_radius"][:4]
    assert (first, second) == (pytest.approx(11 / 4), pytest.approx(11 / 8))
    top, *rows = made.figure.axes
    assert len(top.images) == 1 and len(rows) == len(KEPT)
    frames = [patch for patch in rows[0].patches if isinstance(patch, Rectangle)]
    assert [round(patch.get_x()) for patch in frames] == [0, 2]
    circles = [patch for patch in rows[0].patches if isinstance(patch, Circle) and patch.get_edgecolor()[:3] == (1, 1, 1)]
    assert [circle.get_radius() for circle in circles] == pytest.approx([0.04, 0.04, 0.08, 0.08])


def test_the_last_layers_are_shown_and_the_best_one_among_them(data):
    made = drawn(data, "correspondence_layers")
    facets = made.data.groupby("model")["facet"].unique()
    assert {model: list(own) for model, own in facets.items()} == {
        "mae_b": ["value"], "dinov3_b": ["token"], "dino_b": ["token"], "ibot_b": ["token"],
    }  # fmt: skip
    assert made.data["layer"].tolist() == [*range(5, 13)] * len(KEPT)
    assert (made.data["pair"] == "a to b").all()
    assert shown_layers(12, 11) == [5, 6, 7, 8, 9, 10, 11, 12]
    assert shown_layers(24, 3) == [3, 6, 9, 12, 15, 18, 21, 24]
    assert shown_layers(6, 2) == [1, 2, 3, 4, 5, 6]


def test_colours_and_numbers_of_a_heat_map_are_of_the_image_alone(data):
    maps = data.maps["keypoints"][0]
    heat = heat_map(maps, 1, "value", 9)
    cosine = maps.array("value_cosine")[1, 8].astype(float)
    assert heat.facts["highest_cosine"] == pytest.approx(cosine[1:3].max()) != pytest.approx(cosine.max())
    assert heat.facts["lowest_cosine"] == pytest.approx(cosine[1:3].min())
    assert (heat.picture[[0, 1, 6, 7]] == 255).all() and not (heat.picture[2:6] == 255).all(-1).any()


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
