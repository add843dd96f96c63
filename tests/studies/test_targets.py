"""What jobs there are: files, inputs and options of passes, analyses, figures and claims."""

import copy
import json
from pathlib import Path

import pytest

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.settings import load_settings
from workflow_scripts.studies.targets import Targets

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = read_yaml(ROOT / "config/config.yaml") | {"studies": ["thesis"]}


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def merge(base, over):
    both = {key: merge(base[key], value) for key, value in over.items() if isinstance(value, dict) and key in base}
    return base | over | both


def targets(**thesis):
    config = copy.deepcopy(DEFAULT)
    config["thesis"] |= thesis
    return Targets(load_settings(config, ["config/config.yaml"]))


def test_another_precision_makes_passes_and_fits_anew_and_no_table_by_itself():
    made = []
    for precision in ("float32", "bf16"):
        config = copy.deepcopy(DEFAULT) | {"precision": precision, "studies": ["thesis", "segmentation"]}
        one = Targets(load_settings(config, ["config/config.yaml"]))
        analysis = one.analyses["thesis/knn"]
        words = [one.pass_options("demo_fs", "demo_val"), one.fit_options("segmentation", "codebooks", "demo_fs")]
        made.append((words, one.analysis_options(analysis, ["demo_fs"]), one.analysis_settings(analysis)))
    (exact, *tables), (half, *same) = made
    assert tables == same
    for before, after in zip(exact, half, strict=True):
        assert [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]] == [("float32", "bf16")]


def test_a_pass_is_given_the_files_of_all_its_views():
    words = targets().pass_options("demo_fs", "demo_val")
    crops = "resources/crops/demo_val"
    masks = "masks_12x12.safetensors"
    expected = []
    for view, grid_masks in (("resize64-crop60", masks), ("short120-tile60-patch5", masks)):
        files = [f"{crops}/{view}/{name}" for name in ("crops.npy", "samples.parquet")]
        expected += ["--view", view, *files, f"masks={crops}/{view}/{grid_masks}"]
    assert words == [*expected, "--precision", "float32", "--checkpoint", "resources/checkpoints/demo_fs.npz"]
    inputs = targets().pass_inputs("demo_fs", "demo_val")
    assert {word.split("=")[-1] for word in expected if "/" in word} == set(inputs["files"])
    assert inputs["checkpoint"] == "resources/checkpoints/demo_fs.npz"
    assert "workflow_scripts/zoo/timm_vit.py" in inputs["code"]
    assert "workflow_scripts/onepass/propagated_labels.py" not in inputs["code"]
    assert "checkpoint" not in targets().pass_inputs("random_baseline", "demo_val")


def test_what_a_pass_depends_on_has_no_words_in_it():
    network = json.loads(targets().network("demo_fs"))
    assert set(network) == {
        *("layers", "heads", "dim", "patch", "prefix_tokens", "image_size"),
        *("adapter", "build", "checkpoint", "normalisation"),
    }
    assert set(network["checkpoint"]) == {"source", "layout", "drop", "position_resize"}
    assert network["checkpoint"]["source"] == {}


def test_a_pass_that_nobody_asked_for_is_named():
    with pytest.raises(AtlasError, match=r"does not pass davis2017_val through demo_fs \(it passes demo_val, demo_train"):
        targets().pass_inputs("demo_fs", "davis2017_val")
    with pytest.raises(
        AtlasError, match=r"fit 'thesis/basis': no analysis of demo_fs in this configuration uses it \(used: none\)"
    ):
        targets().fit_inputs("thesis", "basis", "demo_fs")


def test_an_analysis_is_given_the_files_of_its_asks():
    made = targets()
    knn, cka = made.analyses["thesis/knn"], made.analyses["thesis/cka"]
    described = json.loads(made.analysis_passes(knn, ["demo_fs"]))
    assert described["fits"] == {}
    assert described["asks"]["bank"] == {
        "dataset": "demo_train",
        "view": "resize64-crop60",
        "files": {
            "pass": "results/passes/demo_train/demo_fs.safetensors",
            "samples": "resources/crops/demo_train/resize64-crop60/samples.parquet",
        },
    }
    inputs = made.analysis_inputs(knn, ["demo_fs"])
    assert set(inputs["files"]) == {file for ask in described["asks"].values() for file in ask["files"].values()}
    assert "workflow_scripts/metrics/neighbours.py" in inputs["code"]
    assert "workflow_scripts/metrics/clustering.py" not in inputs["code"]
    assert set(json.loads(made.analysis_passes(cka, made.models))) == set(made.models)
    assert made.analysis_outputs(cka) == {"table": "results/tables/thesis/cka.parquet"}
    retrieval = made.analysis_inputs(made.analyses["thesis/retrieval"], ["demo_fs"])
    assert "workflow_scripts/data/demo_world.py" in retrieval["code"]
    assert "resources/demo/world/val.safetensors" in retrieval["files"]
    reader = json.loads(made.analysis_passes(made.analyses["thesis/retrieval"], ["demo_fs"]))["asks"]["images"]["reader"]
    assert (reader["reader"], reader["options"]) == ("demo_world", {"query_every": 8})


def test_what_is_left_out_is_said_and_takes_its_figures_along():
    made = targets(attention=None, clustering={**DEFAULT["thesis"]["clustering"], "dense": False})
    assert made.left_out == ["thesis.attention: null in the configuration: left out (Attention analysis)"]
    names = {figure.name for figure in made.figures}
    assert "clustering_local" in names
    assert not {"clustering_local_dense", "mask_iou", "overview"} & names
    assert targets().left_out == []


def test_a_part_without_a_dataset_is_left_out_alone():
    made = targets(attention={**DEFAULT["thesis"]["attention"], "mask_dataset": None})
    line = "thesis.attention.mask_dataset: null in the configuration: left out (Attention analysis: IoU of attention masks)"
    assert made.left_out == [line]
    assert {figure.name for figure in targets().figures} - {figure.name for figure in made.figures} == {
        *("mask_iou", "mask_iou_by_supervision"),
    }
    with pytest.raises(AtlasError, match=r"figure 'thesis/mask_iou': this run leaves out what it shows"):
        made.figure(made.study("thesis"), "mask_iou")


def test_a_dataset_without_the_ground_truth_leaves_out_what_needs_it_and_says_so():
    clustering = DEFAULT["thesis"]["clustering"] | {"object_dataset": "demo_pairs", "part_dataset": "demo_val"}
    made = targets(clustering=clustering, video={"dataset": "demo_val"})
    objects, video = made.left_out
    assert objects.startswith(
        "thesis.clustering.object_dataset: 'demo_pairs' has no object_masks: left out (Clustering: objects"
    )
    assert "; datasets that have: demo_" in objects
    assert video.startswith("thesis.video.dataset: 'demo_val' has no video_masks: left out (Video propagation: videos)")
    assert "thesis/video" not in made.analyses
    asks = json.loads(made.analysis_passes(made.analyses["thesis/clustering"], ["demo_fs"]))["asks"]
    assert set(asks) == {"images", "part_normal", "part_dense"}
    drawn = {figure.name: figure for figure in made.figures}
    assert drawn["clustering_local"].draw["panels"] == [["purity_part"]]
    assert drawn["clustering_local"].scores == ("purity_part",)
    assert "video_by_supervision" not in drawn


def test_one_dataset_can_stand_in_place_of_all():
    config = copy.deepcopy(DEFAULT) | {"only_dataset": "demo_pairs"}
    made = Targets(load_settings(config, ["config/config.yaml"]))
    assert set(made.settings.passes["random_baseline"]) == {"demo_pairs"}
    assert set(made.analyses) == {
        *("thesis/attention", "thesis/cka", "thesis/residual", "thesis/clustering", "thesis/knn", "thesis/keypoints"),
    }
    assert {line.split(":")[0] for line in made.left_out} == {
        "thesis.attention.mask_dataset",
        *("thesis.clustering.object_dataset", "thesis.clustering.part_dataset"),
        *("thesis.retrieval.dataset", "thesis.video.dataset"),
    }


def test_a_figure_is_given_what_it_reads_and_no_words():
    made = targets(main_models=["demo_fs"])
    figure = next(figure for figure in made.figures if figure.name == "overview")
    words = made.figure_options(figure)
    assert not any("glance" in word for word in words)
    assert words[:2] == ["--models", "demo_fs"]
    assert "attention=results/maps/thesis/attention/demo_fs.safetensors" in words
    assert "cka=results/tables/thesis/cka.parquet" in words
    assert set(json.loads(words[-1])["scores"]) == {"knn", "retrieval", "video", "video_normal", "keypoints"}
    inputs = made.figure_inputs(figure)
    given = [word.split("=")[-1] for word in words if word.endswith((".parquet", ".safetensors"))]
    assert [*inputs["tables"], *inputs["others"]] == given


def test_an_analysis_asks_for_its_passes_by_name():
    passes = Passes.from_json({"asks": {"images": {"dataset": "d", "view": "squash8", "files": {}}}, "fits": {"basis": "f"}})
    assert passes["images"].dataset == "d"
    assert ("images" in passes, "masks" in passes, len(passes)) == (True, False, 1)
    with pytest.raises(AtlasError, match=r"no pass 'imags' \(asked for: images\); did you mean 'images'"):
        passes["imags"]
    with pytest.raises(AtlasError, match=r"no fit 'base' \(named: basis\)"):
        passes.fit("base")


def test_a_run_without_the_demo_names_no_file_of_its_check():
    made = Targets(load_settings(copy.deepcopy(DEFAULT) | {"models": ["random_baseline"]}, ["config/config.yaml"]))
    assert made.demo_passes("demo_val") == {"view": "", "passes": [], "samples": []}
    assert "knn" not in made.report_inputs()


def test_what_is_fetched_is_all_that_jobs_read_and_do_not_make():
    assert targets().fetched_files() == []  # the demo needs no network
    config = merge(copy.deepcopy(DEFAULT), read_yaml(ROOT / "config/paper.yaml"))
    made = Targets(load_settings(config, ["config/config.yaml", "config/paper.yaml"]))
    read = {made.dataset_file(dataset) for dataset, _ in made.views} | {made.settings.checkpoint(name) for name in made.models}
    sources = {entry["path"] for entry in made.settings.datasets.values() if entry["source"]["type"] != "archives"}
    assert set(made.fetched_files()) == read - {None} - sources
    assert len(made.fetched_files()) > 20


def with_keys(**keys):
    config = copy.deepcopy(DEFAULT) | keys
    return Targets(load_settings(config, ["config/config.yaml"]))


def test_passes_over_more_images_than_a_shard_may_have_are_split():
    assert targets().sharded == {}
    # Of 1200 and 320 painted images; pairs and clips (of 144 and 60 at most) are taken in their order.
    assert with_keys(shard_images=100).sharded == {"demo_train": 12, "demo_val": 4}
    assert with_keys(shard_images=320).sharded == {"demo_train": 4}
    made = with_keys(shard_images=400)
    shards = made.merge_inputs("demo_fs", "demo_train")["shards"]
    assert shards == [f"results/shards/demo_train/demo_fs/{number}of3.safetensors" for number in (1, 2, 3)]
    assert "workflow_scripts/onepass/feature_collectors.py" in made.merge_inputs("demo_fs", "demo_train")["code"]
    with pytest.raises(AtlasError, match="shard_images: found 0, must be at least 1"):
        with_keys(shard_images=0)


def test_datasets_that_do_not_say_how_many_images_they_have_are_not_split():
    made = with_keys(shard_images=1)
    made.settings.datasets["demo_val"].pop("images")
    assert "demo_val" not in made.sharded
