"""What a plan reckons: operations against counted ones, crops against cut ones, sums by hand."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.data.geometry import crops
from workflow_scripts.data.views import crops_per_image, parse_view
from workflow_scripts.onepass.collectors import fit_class
from workflow_scripts.onepass.fit_sizes import BATCHES, images_seen
from workflow_scripts.onepass.names import FITS
from workflow_scripts.print_plan import _passes, plan_text
from workflow_scripts.studies.cost import (
    PassCost,
    crops_bytes,
    fit_costs,
    forward_flops,
    pass_costs,
    stores_bytes,
    weights_bytes,
)
from workflow_scripts.studies.plan import PlannedFit, PlannedPass
from workflow_scripts.studies.settings import load_settings
from workflow_scripts.zoo.load import build_model
from workflow_scripts.zoo.registry import entry_from_dict

ROOT = Path(__file__).resolve().parents[2]
MODELS = read_yaml(ROOT / "config/models.yaml")["models"]


@pytest.mark.parametrize("name", ["dino_s16", "beit_b16"])
def test_operations_are_those_that_torch_counts(name):
    entry = MODELS[name]
    with torch.device("meta"):
        model = build_model(entry_from_dict(name, entry))
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model(torch.empty(1, 3, 224, 224, device="meta"))
    # The patch embedding and norms are left out of the estimate.
    assert forward_flops(entry) == pytest.approx(counter.get_total_flops(), rel=0.05)


def test_images_of_a_known_size_are_cut_as_often_as_they_are():
    streets = {"images": 3, "image_size": [1024, 2048]}
    assert crops_bytes(streets, "tile256-resize224") == 3 * 32 * 224 * 224 * 3
    options = {"patches": 10**9, "layers": "all", "facets": ["token_normed"], "precision": "float16"}
    passes = {"dino_s16": {"streets": PlannedPass("streets", {"tile256-resize224": {"patch_store": options}})}}
    assert pass_costs(passes, MODELS, {"streets": streets})[0].crops == 96
    assert stores_bytes(passes, MODELS, {"streets": streets}) == 3 * 32 * 196 * 12 * 384 * 2


@pytest.mark.parametrize(
    "name", ["resize64-crop64", "tile60-resize40", "short128-tile64-patch8", "squash64x128", "letterbox64-blur3"]
)
@pytest.mark.parametrize("size", [(375, 500), (480, 854), (64, 64)])
def test_crops_are_as_many_as_are_cut(name, size):
    image = Image.fromarray(np.zeros((*size, 3), np.uint8))
    view = parse_view(name)
    assert crops_per_image(view, size) == len(crops(view, image))


@pytest.mark.parametrize(
    ("view", "size", "seen"),
    [
        ("padded640-patch16", [480, 600], (480, 608)),
        ("long224-patch16", [480, 640], (176, 224)),  # 168 rows in whole patches
        ("padded500-patch16", None, (384, 512)),  # a typical photograph
        ("padded64-patch16", None, (64, 64)),  # of images that are not known, at most as large as they may be
    ],
)
def test_a_padded_image_costs_what_a_model_sees_of_it(view, size, seen):
    datasets = {"photos": {"images": 3} | ({"image_size": size} if size else {})}
    (cost,) = pass_costs({"dino_s16": {"photos": PlannedPass("photos", {view: {}})}}, MODELS, datasets)
    assert (cost.crops, cost.flops) == (3, 3 * forward_flops(MODELS["dino_s16"], seen))
    rows, columns = parse_view(view).shape
    assert crops_bytes(datasets["photos"], view) == 3 * rows * columns * 3  # a file has crops of one shape


def test_sums_by_hand():
    datasets = {"known": {"images": 10}, "unknown": {}}
    passes = {
        "dino_s16": {
            "known": PlannedPass("known", {"resize224-crop224": {}}),
            "unknown/part": PlannedPass("unknown", {"squash224": {}}),
        }
    }
    known, unknown = pass_costs(passes, MODELS, datasets)
    assert (known.images, known.crops) == (10, 10)
    assert known.flops == 10 * forward_flops(MODELS["dino_s16"])
    assert (unknown.dataset, unknown.images, unknown.flops) == ("unknown", None, None)
    views = {"squash224": {}, "squash448": {}}
    small, large = pass_costs({"dino_s16": {"known": PlannedPass("known", views)}}, MODELS, datasets)
    assert small.flops == known.flops
    assert large.flops > 4 * small.flops  # four times the tokens, and attention grows with their square
    assert crops_bytes({"images": 2}, "squash64x128") == 2 * 64 * 128 * 3


def test_fits_are_counted_by_the_images_of_their_steps():
    fit = PlannedFit("known", "squash320", {"codebooks": {"pca_batches": 96, "steps": 5000, "batch_size": 24, "clusters": 27}})
    (cost,) = fit_costs({"dino_s16": [fit]}, MODELS)
    assert cost.images == 24 * 5096
    assert cost.flops == cost.images * forward_flops(MODELS["dino_s16"], (320, 320))
    fit = PlannedFit("known", "squash64", {"principal_components": {"batches": 3, "batch_size": 10, "facets": ["key"]}})
    assert fit_costs({"random_b16": [fit]}, MODELS)[0] == PassCost("random_b16", "known", "squash64", 30, 30, 0.0)


@pytest.mark.parametrize("name", FITS)
def test_every_fit_says_how_many_images_it_sees(name):
    options = {"batch_size": 2, "facets": ["key"]} | {option: 3 + place for place, option in enumerate(BATCHES[name])}
    made = fit_class(name)(
        2, **options | ({"clusters": 2, "learning_rate": 0.1, "pca_interval": 2} if name == "codebooks" else {})
    )
    assert sum(map(len, made.batches(7, 0))) == images_seen(name, options)


def test_stores_are_counted_by_what_they_keep():
    options = {"patches": 1000, "layers": [1, -1], "facets": ["token", "key"], "precision": "float16"}
    passes = {"dino_s16": {"known": PlannedPass("known", {"resize224-crop224": {"patch_store": options}})}}
    # 100 patches of each of 10 images, two layers, two facets, 384 numbers of two bytes.
    assert stores_bytes(passes, MODELS, {"known": {"images": 10}}) == 10 * 100 * 2 * 2 * 384 * 2
    options["patches"] = 10**6  # no more than there are: 14 x 14
    assert stores_bytes(passes, MODELS, {"known": {"images": 10}}) == 10 * 196 * 2 * 2 * 384 * 2
    assert stores_bytes(passes, MODELS, {"known": {}}) == 0


def test_tiles_of_several_patches_are_one_line_of_the_plan_and_blurred_ones_another():
    views = ["short448-tile224-patch14", "short448-tile224-patch16", "short448-tile224-patch16-blur20"]
    text = _passes([PassCost("model", "data", view, 1, 8, 1.0) for view in views], [3600.0] * 3)
    assert [line.split()[1:3] for line in text.splitlines() if line.split()[:1] == ["data"]] == [
        ["short448-tile224", "2"],
        ["short448-tile224-blur20", "1"],
    ]


def test_the_size_of_weights():
    assert weights_bytes(MODELS["random_b16"]) is None
    assert weights_bytes(MODELS["demo_fs"]) is None
    # Four bytes a parameter, and nothing but rounding and heads beside them.
    assert weights_bytes(MODELS["dino_b16"]) == pytest.approx(4e6 * MODELS["dino_b16"]["parameters"], rel=0.02)


def test_the_plan_of_the_paper_names_what_a_person_must_know(monkeypatch):
    monkeypatch.chdir(ROOT)
    config = copy.deepcopy(read_yaml(ROOT / "config/config.yaml"))

    def merge(base, over):
        for key, value in over.items():
            if isinstance(value, dict):
                merge(base.setdefault(key, {}), value)
            else:
                base[key] = value

    merge(config, read_yaml(ROOT / "config/paper.yaml"))
    settings = load_settings(config, ["config/config.yaml", "config/paper.yaml"])
    text = plan_text(settings)
    sections = {part.split("\n")[0].split(":")[0].split(",")[0] for part in text.split("\n\n")}
    assert {"Jobs", "Datasets", "Models", "Not verified"} <= sections
    assert "ILSVRC2012_img_train.tar" in text
    assert "imagenet1k_train" in text
    assert "1,281,167" in text
    models = text.split("\n\nModels\n")[1].split("\n\n")[0].splitlines()[1:]
    assert [line.split()[0] for line in models] == config["models"]
    hours = float(text.split("Together ")[1].split()[0])
    assert 5 < hours < 500
