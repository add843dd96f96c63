"""Object discovery from files in the official layouts to rows: every CorLoc against a loop over single images, one by one."""

import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from tests.formats import coco20k
from tests.formats.voc import OBJECT
from workflow_scripts.common.table import make_table
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.data.crops import write_crops
from workflow_scripts.data.reader import Box, open_reader
from workflow_scripts.data.views import View, parse_view
from workflow_scripts.metrics.object_discovery import discovered_boxes
from workflow_scripts.onepass.batch import LayerView
from workflow_scripts.onepass.facets import facet_of
from workflow_scripts.onepass.states import write_states
from workflow_scripts.run_pass import ViewFiles, pass_view
from workflow_scripts.studies import found
from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.plan import asked, planned_passes
from workflow_scripts.studies.registers import choices, discovery
from workflow_scripts.studies.registers.conditions import CORLOC, SKIPPED, bias, bias_of, sized_bias
from workflow_scripts.studies.registers.located import annotated, corloc_rows, in_images
from workflow_scripts.studies.schema import fill_defaults
from workflow_scripts.zoo.load import open_model
from workflow_scripts.zoo.registry import network_facts, network_from_dict

ROOT = Path(__file__).resolve().parents[3]
MODELS = read_yaml(ROOT / "config/models.yaml")["models"]
MODEL, PATCH, LAYERS = "demo_dinov2reg", 5, 8
BIASES = [-0.1, 0.0, 0.1]
# name -> (height, width) and boxes as the dataset writes them (class, xmin, ymin, xmax, ymax, truncated, difficult).
VOC = {
    "000001": ((60, 45), [("car", 16, 16, 36, 45, 1, 0)]),
    "000002": ((30, 60), [("chair", 21, 8, 48, 22, 0, 1), ("dog", 1, 1, 12, 15, 0, 0)]),
    "000003": ((41, 41), []),  # nothing annotated
    "000004": ((5, 60), [("dog", 1, 1, 60, 5, 0, 0)]),
    "000005": ((60, 4), [("dog", 1, 1, 3, 20, 0, 0), ("cat", 1, 15, 4, 60, 0, 0)]),
    "000006": ((3, 4), [("cat", 1, 1, 4, 3, 0, 0)]),  # smaller than a patch
    "000007": ((1, 1), [("bird", 1, 1, 1, 1, 0, 0)]),
    "000008": ((52, 33), [("dog", 3, 2, 30, 52, 0, 0), ("cat", 11, 11, 20, 20, 0, 0)]),
    "000009": ((47, 60), [("dog", 1, 1, 12, 23, 0, 0)]),
    "000010": ((60, 60), [("dog", 6, 1, 55, 60, 0, 0)]),
}


@pytest.fixture(scope="module")
def study():
    """Return the study of the two analyses alone."""
    whole = found.find_study("registers")
    return replace(whole, analyses={name: whole.analyses[name] for name in ("discovery", "choices")}, fits={})


def write_voc(folder, year, names):
    """Write images of rectangles of all proportions in VOC's layout."""
    root = folder / f"VOCdevkit/VOC{year}"
    for part in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / part).mkdir(parents=True)
    for place, name in enumerate(names):
        (height, width), objects = VOC[name]
        rng = np.random.default_rng([year, place])
        pixels = np.full((height, width, 3), rng.integers(0, 256, 3), np.uint8)
        pixels[height // 4 : 3 * height // 4, width // 3 : 4 * width // 5] = rng.integers(0, 256, 3)
        pixels[: height // 2, : width // 5] = rng.integers(0, 256, 3)
        Image.fromarray(pixels).save(root / f"JPEGImages/{name}.jpg", quality=95)
        shapes = "".join(OBJECT.format(*thing, part="") for thing in objects)
        (root / f"Annotations/{name}.xml").write_text(f"<annotation>{shapes}\n</annotation>\n")
    (root / "ImageSets/Main/trainval.txt").write_text("".join(f"{name}\n" for name in names))


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    """Return what opens each dataset, by id: reader, path and options."""
    folder = tmp_path_factory.mktemp("datasets")
    write_voc(folder / "voc2007", 2007, [*VOC][:4])
    write_voc(folder / "voc2012", 2012, VOC)
    (folder / "coco20k").mkdir()
    coco20k.write(folder / "coco20k")
    voc = {f"voc{year}_trainval": ("voc", f"voc{year}", {"year": year}) for year in (2007, 2012)}
    return {
        name: {"reader": reader, "path": str(folder / path), "options": options}
        for name, (reader, path, options) in {**voc, "coco20k": ("coco20k", "coco20k", {})}.items()
    }


def configured(study, **over):
    config = read_yaml(ROOT / "config/config.yaml") | {"models": [MODEL]}
    sizes = {"longest": 60, "second_longest": 60, "third_longest": 40, "biases": BIASES}
    config["registers"] = {
        "discovery": sizes | over,
        "choices": {"longest": 60, "sides": [20, 44], "biases": [0.0, 0.3], "facets": ["token", "token_normed", "key"]},
    }
    fill_defaults(config, [study])
    return config


@pytest.fixture(scope="module")
def model():
    entry = MODELS[MODEL]
    checkpoint = ROOT / "config/demo_zoo" / entry["checkpoint"]["file"]
    return open_model(network_from_dict(MODEL, network_facts(entry)), checkpoint)


@pytest.fixture(scope="module")
def passes(study, datasets, model, tmp_path_factory):
    """Return the passes of both analyses, made as the workflow makes them."""
    folder, config = tmp_path_factory.mktemp("passes"), configured(study)
    args = Namespace(model=MODEL, dataset="", batch_size=3)
    for job, planned in planned_passes(config, MODELS, set(), [study])[MODEL].items():
        states, facts = {}, {}
        for view, collectors in planned.views.items():
            reader = open_reader(**datasets[planned.dataset])
            crops, samples = (folder / f"{planned.dataset}-{view}.{suffix}" for suffix in ("npy", "parquet"))
            write_crops(crops, reader, range(len(reader)), parse_view(view), "stop", 1)[0].to_parquet(samples)
            made, facts[view] = pass_view(model, ViewFiles(view, crops, samples, {}), collectors, args, folder)
            states[view] = {name: one.state() for name, one in zip(collectors, made, strict=True)}
        write_states(folder / f"{job}.safetensors", states, {"model": MODEL, "views": json.dumps(facts)})

    def described(one):
        files = {"pass": f"{folder}/{one.job}.safetensors", "samples": f"{folder}/{one.dataset}-{one.view}.parquet"}
        return {"dataset": one.dataset, "view": one.view, "files": files, "reader": datasets[one.dataset]}

    return {
        name: Passes.from_json(
            {"asks": {one.name: described(one) for one in asked(study, analysis, config, PATCH)}, "fits": {}}
        )
        for name, analysis in study.analyses.items()
    }


class Alone:
    """What LOST finds in the images of a dataset, each seen alone, in the images' own pixels."""

    def __init__(self, model, opening, side=None):
        """Run the model over each image, at its own size or scaled to a long side."""
        self.reader = open_reader(**opening)
        self.seen = [self._seen(model, self.reader.image(position), side) for position in range(len(self.reader))]

    def _seen(self, model, image, side):
        shown = image
        if side:
            long = max(image.size)
            sides = [max(1, round(length * side / long)) for length in image.size]
            shown = image.resize(sides, Image.Resampling.BICUBIC)
        values = (np.asarray(shown) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
        values = np.pad(values, [(0, -shown.height % PATCH), (0, -shown.width % PATCH), (0, 0)])
        vit = model.at(values.shape[:2])
        features = {
            (facet, record.index): facet_of(LayerView(record), facet)[0, vit.n_prefix :]
            for record in vit.layers(torch.tensor(values, dtype=torch.float32).permute(2, 0, 1)[None])
            for facet in ("key", "value", "token", "token_normed")
        }
        return image.size, shown.size, vit.grid, features

    def box(self, position, facet, layer, share):
        """Return the box of one image, (x0, y0, x1, y1)."""
        size, shown, grid, features = self.seen[position]
        (patches,) = discovered_boxes(features[facet, layer], grid, [share]).tolist()
        return [min(edge * PATCH, shown[at % 2]) * size[at % 2] / shown[at % 2] for at, edge in enumerate(patches)]

    def corloc(self, facet, layer, share):
        """Return the share of images whose box is on an object, and of how many."""
        right = []
        for position in range(len(self.reader)):
            if truth := [box.xyxy for box in self.reader.boxes(position)]:
                a = self.box(position, facet, layer, share)
                best = 0.0
                for b in truth:
                    both = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
                    areas = [(one[2] - one[0]) * (one[3] - one[1]) for one in (a, b)]
                    best = max(best, both / (sum(areas) - both))
                right.append(best > 0.5)
        return np.mean(right), len(right)


def tabulated(analysis, passes, settings, seed=0):
    return make_table(list(analysis.rows(passes, settings, seed)), study="registers", analysis="a", model=MODEL)


def test_asks_of_one_view_share_their_boxes(study):
    planned = planned_passes(configured(study), MODELS, set(), [study])[MODEL]
    assert {job: [*passed.views] for job, passed in planned.items()} == {
        "voc2007_trainval": ["padded60-patch5"],
        "voc2012_trainval": ["padded60-patch5", "long20-patch5", "long44-patch5"],
        "coco20k": ["padded40-patch5"],
    }
    assert planned["voc2012_trainval"].views["padded60-patch5"]["discovered_boxes"] == {
        "layers": [-1, -4, -3, -2],
        "facets": ["key", "value", "token", "token_normed"],
        "biases": [-0.1, 0.0, 0.1, 0.3],
    }


def test_a_data_set_may_be_left_out(study):
    config = configured(study, second_dataset=None, third_dataset=None)
    assert [one.dataset for one in asked(study, study.analyses["discovery"], config, PATCH)] == ["voc2007_trainval"]
    config = configured(study, dataset=None)
    assert not asked(study, study.analyses["discovery"], config, PATCH)


def test_corloc_of_every_dataset_facet_and_bias_is_that_of_images_one_by_one(study, passes, datasets, model):
    settings = configured(study)["registers"]["discovery"]
    table = tabulated(discovery, passes["discovery"], settings)
    scores = table[table["metric"] == CORLOC]
    assert len(scores) == 3 * 2 * len(BIASES)
    assert set(scores["layer"]) == {LAYERS}
    assert len(set(scores["value"])) > 2
    alone = {name: Alone(model, opening) for name, opening in datasets.items()}
    for row in scores.itertuples():
        share, side = bias_of(row.setting)
        assert (bias(share), side) == (row.setting, None)
        expected, n = alone[row.dataset].corloc(row.facet, LAYERS, share)
        assert (row.value, row.n) == (pytest.approx(expected), n)
        assert 0 <= row.ci_low <= row.value <= row.ci_high <= 1
        assert (row.unit, bool(row.higher_is_better)) == ("share", True)
    skipped = table[table["metric"] == SKIPPED].set_index("dataset")
    # Of COCO one image has no annotation, and a crowd is none of another's.
    assert skipped["value"].to_dict() == {"voc2007_trainval": 1, "voc2012_trainval": 1, "coco20k": 1}
    assert skipped["n"].to_dict() == {"voc2007_trainval": 4, "voc2012_trainval": 10, "coco20k": 3}
    assert set(skipped["facet"]) == {""}


def test_corloc_by_layer_and_size_is_that_of_images_one_by_one(study, passes, datasets, model):
    settings = configured(study)["registers"]["choices"]
    table = tabulated(choices, passes["choices"], settings)
    found = {(row.facet, row.layer, row.setting): row.value for row in table.itertuples()}
    alone = {side: Alone(model, datasets["voc2012_trainval"], side) for side in (None, 20, 44)}
    expected = {
        (facet, layer, sized_bias(share, side)): alone[side].corloc(facet, layer, share)[0]
        for side in alone
        for share in (0.0, 0.3)
        for facet in settings["facets"]
        for layer in ((5, 6, 7, 8) if facet != "token_normed" else (8,))
    }
    assert found == pytest.approx(expected)
    assert len(table) == len(expected)
    assert set(table["n"]) == {9}
    assert len(set(found.values())) >= 3
    for name, one in passes["choices"].items():
        side = int(name.partition("/")[2] or 0) or None
        state = one.state("discovered_boxes")
        boxes = state["token"][:, state["layers"].tolist().index(6), state["biases"].tolist().index(0.3)]
        assert np.allclose(in_images(one, boxes), [alone[side].box(position, "token", 6, 0.3) for position in range(len(VOC))])


def test_one_dataset_in_place_of_all_is_measured_once(study, passes):
    own = passes["discovery"]
    twice = {"first": own["first"], "second": own["first"], "third": own["third"]}
    rows = list(discovery.rows(twice, configured(study)["registers"]["discovery"], 0))
    assert [row["dataset"] for row in rows if row["metric"] == SKIPPED] == ["voc2007_trainval", "coco20k"]


def passed(sizes, objects, boxes, view="padded8-patch2", facet="key"):
    """Return a pass over images of `sizes` (height, width) with annotated boxes and the boxes that were found, in patches."""
    samples = pd.DataFrame(sizes, columns=["image_height", "image_width"]).assign(position=range(len(sizes)))
    state = {facet: np.array(boxes).reshape(len(sizes), 1, 1, 4), "layers": np.array([3]), "biases": np.array([0.0])}
    return SimpleNamespace(
        samples=samples, view=parse_view(view), made={"n_layers": 3}, dataset="photos", state=lambda name: state,
        reader=SimpleNamespace(boxes=lambda position: objects[position]),
    )  # fmt: skip


def test_a_scaled_image_s_box_is_scaled_back_along_each_side():
    """10 x 30 px at 40: 13 x 40 px, in patches of 4 one of 4 x 10 whose last row is one pixel of the image."""
    assert View(parse_view("long40-patch4").geometry).seen_size((10, 30)) == (16, 40)
    one = passed([(10, 30), (40, 20)], [[], []], [[1, 1, 10, 4], [0, 2, 3, 10]], "long40-patch4")
    found = in_images(one, np.array([[1, 1, 10, 4], [0, 2, 3, 10]]))
    assert np.allclose(found, [[4 * 30 / 40, 4 * 10 / 13, 30, 10], [0, 8, 12, 40]])


def test_crowds_and_what_nobody_looks_for_are_no_objects():
    box = (0.0, 0.0, 4.0, 4.0)
    flags = [(), ("crowd",), ("ignored",), ("distractor",), ("difficult", "truncated")]
    objects = [[Box(box, 0, flags=frozenset(own))] for own in flags]
    one = passed([(4, 4)] * 5, objects, [[0, 0, 2, 2]] * 5)
    found = annotated(one)
    assert (found.image.tolist(), found.skipped, found.n) == ([0, 4], 3, 5)
    (row,) = corloc_rows(one, found, ["key"], [-1], [0.0], bias, 0)
    assert (row["value"], row["n"]) == (1.0, 2)


def test_without_any_object_there_is_no_share():
    one = passed([(4, 4)] * 2, [[], []], [[0, 0, 2, 2]] * 2)
    rows = list(discovery.rows({"first": one}, {"facets": ["key"], "biases": [0.0]}, 0))
    assert [(row["metric"], row["value"], row["n"]) for row in rows] == [(SKIPPED, 2, 2)]
