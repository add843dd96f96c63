"""What jobs are predicted to take and are given: by hand, in proportion, and more for what is more."""

import copy
from pathlib import Path

import pytest

from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.studies.collector_work import ATTENTION_READ, FEATURE_READ, PIXEL_CLUSTER, Shown, collector_work
from workflow_scripts.studies.cost import forward_flops
from workflow_scripts.studies.durations import (
    DECODE_IMAGE,
    DECODE_PIXEL,
    FILES_PER_SECOND,
    OPEN_VIEW,
    START,
    STEP,
    TORCH_START,
    batch_memory,
    crops_seconds,
    fit_seconds,
    merge_seconds,
    pass_memory,
    pass_seconds,
    shown_image,
    weights_size,
)
from workflow_scripts.studies.needs import LEAST_MEMORY_MB, LEAST_MINUTES, Needs, needs_of
from workflow_scripts.studies.plan import PlannedFit, PlannedPass
from workflow_scripts.studies.settings import load_settings
from workflow_scripts.studies.targets import Targets

ROOT = Path(__file__).resolve().parents[2]
MODELS = read_yaml(ROOT / "config/models.yaml")["models"]
B16, RANDOM = MODELS["dino_b16"], MODELS["random_b16"]
WHOLE = "resize224-crop224"
IMAGES = {"images": 1000, "image_size": [375, 500]}
WEIGHTS = 4 * 12 * 12 * 768**2
SHOWN = Shown(crops=1, tokens=197, patches=196, pixels=224 * 224, layers=12, heads=12, dim=768)


def none(_fit):
    raise AssertionError("no codebooks here")


def seconds(views, entry=B16, tflops=20.0, shards=1, clusters=none):
    return pass_seconds(PlannedPass("images", views), entry, IMAGES, tflops, clusters, shards)


def test_what_a_model_sees_of_an_image():
    assert shown_image(B16, IMAGES, WHOLE) == SHOWN
    tiles = shown_image(B16, IMAGES, "short448-tile224-patch16")  # 448 x 592 pixels: 2 x 3 tiles
    assert (tiles.crops, tiles.tokens, tiles.patches) == (6, 197, 6 * 196)


def test_a_pass_by_hand():
    work = forward_flops(B16) + ATTENTION_READ * 12 * 12 * 197**2 + FEATURE_READ * 12 * 197 * 768
    files = 1000 * 3 * 224 * 224
    expected = TORCH_START + OPEN_VIEW + (WEIGHTS + files) / FILES_PER_SECOND + 1000 * work / 20e12
    assert seconds({WHOLE: {"attention_distance": {}, "residual_ratio": {}}}) == pytest.approx(expected)
    # Twice as fast a card halves the work and nothing else; a model that is noise has no forward pass.
    twice = seconds({WHOLE: {"attention_distance": {}, "residual_ratio": {}}}, tflops=40.0)
    assert expected - twice == pytest.approx(500 * work / 20e12)
    assert seconds({WHOLE: {}}, RANDOM) == pytest.approx(TORCH_START + OPEN_VIEW + files / FILES_PER_SECOND)


def test_collectors_by_hand():
    assert collector_work("mask_iou", {}, SHOWN) == (ATTENTION_READ * 12 * 12 * 197**2, 0)
    stored = {"layers": [-1], "facets": ["token", "key"]}
    assert collector_work("patch_store@one", stored, SHOWN) == (FEATURE_READ * 2 * 197 * 768, 0)
    maps, _ = collector_work("cluster_maps", {}, SHOWN, clusters=27 * 4)
    assert maps == FEATURE_READ * 12 * 197 * 768 + PIXEL_CLUSTER * 27 * 4 * 12 * 224**2
    one, many = (
        collector_work("discovered_boxes", {"layers": [-1], "facets": ["key"], "biases": biases}, SHOWN)
        for biases in ([0.0], [0.0, 0.1, 0.2])
    )
    assert many[1] == pytest.approx(3 * one[1])
    assert many[0] == one[0]  # one Gram matrix serves all biases


def test_shards_divide_what_can_be_cut():
    views = {WHOLE: {"pooled_features": {"facets": ["cls"], "precision": "float16"}}, "squash224": {"propagated_labels": {
        "context_frames": 7, "radius": 12, "top_k": 5, "temperature": 0.1}}}  # fmt: skip
    start = TORCH_START + WEIGHTS / FILES_PER_SECOND
    cut, apart = (seconds({view: views[view]}) - start for view in views)
    assert seconds(views, shards=4) == pytest.approx(start + cut / 4 + apart)
    both = views | {"squash448": views["squash224"]}
    larger = seconds({"squash448": views["squash224"]}) - start
    assert seconds(both, shards=4) == pytest.approx(start + cut / 4 + max(apart, larger))  # in other shards
    assert seconds(both) == pytest.approx(start + cut + apart + larger)


def test_fits_crops_and_merges_by_hand():
    options = {"pca_batches": 2, "steps": 8, "batch_size": 24, "clusters": 27, "facets": ["key", "token"]}
    work = forward_flops(B16) + (FEATURE_READ + 6 * 27) * 2 * 12 * 197 * 768
    expected = TORCH_START + WEIGHTS / FILES_PER_SECOND + OPEN_VIEW + 240 * (work / 20e12 + 3 * 224**2 / FILES_PER_SECOND)
    expected += 10 * STEP * 2 * 12
    assert fit_seconds(PlannedFit("images", WHOLE, {"codebooks": options}), B16, IMAGES, 20.0) == pytest.approx(expected)
    decoding = 1000 * (DECODE_IMAGE + DECODE_PIXEL * 375 * 500)
    written = 1000 * 3 * 224 * 224 / FILES_PER_SECOND
    assert crops_seconds(IMAGES, WHOLE, 1) == pytest.approx(START + decoding + written)
    assert crops_seconds(IMAGES, WHOLE, 4) == pytest.approx(START + decoding / 4 + written)
    store = {"patches": 10**9, "layers": "all", "facets": ["token"], "precision": "float16"}
    kept = 1000 * 196 * 12 * 768 * 2
    merge = merge_seconds(PlannedPass("images", {WHOLE: {"patch_store": store}}), B16, IMAGES)
    assert merge == pytest.approx(TORCH_START + 2 * kept / FILES_PER_SECOND)


def test_memory_grows_with_the_batch_and_with_attention_and_not_with_images():
    plan = PlannedPass("images", {WHOLE: {"pooled_features": {}}})
    small, large = (pass_memory(plan, B16, IMAGES, batch) for batch in (8, 16))
    assert large - small == pytest.approx(batch_memory(SHOWN, 8, attention=False))
    assert pass_memory(plan, B16, IMAGES | {"images": 10**6}, 8) == small
    with_maps = pass_memory(PlannedPass("images", {WHOLE: {"attention_distance": {}}}), B16, IMAGES, 8)
    assert with_maps - small == pytest.approx(4 * 8 * 4 * 12 * 197**2)
    assert weights_size(B16) == WEIGHTS
    assert weights_size(RANDOM) == 0


def test_needs_have_room_and_a_floor():
    assert needs_of(1.0, 1e6) == Needs(LEAST_MINUTES, LEAST_MEMORY_MB)
    assert needs_of(3600.0, 10.01e9) == Needs(180, 15100)
    assert needs_of(3600.0, 10.01e9, on_device=True).memory_mb == 15100 + 4000
    assert needs_of(float("inf"), 0.0) == Needs(365 * 24 * 60, LEAST_MEMORY_MB)


@pytest.fixture
def targets(monkeypatch):
    monkeypatch.chdir(ROOT)
    return lambda **keys: Targets(load_settings(copy.deepcopy(read_yaml(ROOT / "config/config.yaml")) | keys, []))


def test_a_bank_is_not_a_demo_split(targets):
    made = targets(gpu="never")
    assert made.pass_needs("demo_dino", "demo_train") == Needs(LEAST_MINUTES, LEAST_MEMORY_MB)
    # Where there may be a GPU, its driver holds memory of the machine too.
    assert targets().pass_needs("demo_dino", "demo_train").memory_mb > LEAST_MEMORY_MB + 2000
    made.settings.datasets["demo_train"] |= {"images": 50_000_000}
    bank = made.pass_needs("demo_dino", "demo_train")
    assert bank.minutes > 5 * LEAST_MINUTES
    assert made.crops_needs("demo_train", "resize64-crop60").minutes > 10 * LEAST_MINUTES
    knn = made.analyses["thesis/knn"]
    more = made.analysis_needs(knn, ["demo_dino"])
    made.settings.datasets["demo_train"] |= {"images": 1200}
    assert more.minutes > 2 * made.analysis_needs(knn, ["demo_dino"]).minutes


def test_an_analysis_of_the_studys_own_images_is_given_what_the_study_states(targets):
    made = targets()
    knn = made.analyses["thesis/knn"]
    for name, size in (("demo_train", 1281167), ("demo_val", 50000)):
        made.settings.datasets[name] |= {"images": size}
    made.settings.models["demo_dino"] |= {"layers": 12, "dim": 768}
    needs = made.analysis_needs(knn, ["demo_dino"])
    assert abs(needs.minutes - knn.needs["minutes"]) <= 1
    assert knn.needs["memory_mb"] <= needs.memory_mb <= knn.needs["memory_mb"] + 1000


def test_shards_are_given_their_part(targets):
    made = targets(shard_images=10_000_000)
    made.settings.datasets["demo_train"] |= {"images": 50_000_000}
    one, of_five = made.pass_needs("demo_mae", "demo_train"), made.shard_needs("demo_mae", "demo_train")
    assert made.sharded == {"demo_train": 5}
    assert one.minutes / 6 < of_five.minutes < one.minutes / 4
    assert made.merge_needs("demo_mae", "demo_train").memory_mb == LEAST_MEMORY_MB
