"""The paper's configuration in small, from the servers and the incoming folder to tables and figures, and what may go wrong."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image

from tests.fetch.archives import tree
from tests.fetch.server import FaultServer
from tests.workflow.real_path import GEOMETRY, GUARD, MAIN, MODELS, OWNERS, SIDE, real_path
from tests.zoo.zoo_families import library_outputs
from workflow_scripts.common.table import read_table
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.data.geometry import crops
from workflow_scripts.data.jpeg import TOLERANCE
from workflow_scripts.data.reader import open_reader
from workflow_scripts.data.views import parse_view
from workflow_scripts.onepass.states import read_metadata, read_state
from workflow_scripts.zoo.build import build_model
from workflow_scripts.zoo.layouts import LAYOUTS
from workflow_scripts.zoo.registry import entry_from_dict

# At least one of each analysis; their tables come with them.
FIGURES = [
    "average_cls_attention", "mask_iou", "clustering_image", "clustering_local_dense", "residual_ratio",
    "cka_last_layer_cls_variants", "global_tasks", "local_tasks",
]  # fmt: skip
# table -> (datasets, one of its metrics)
TABLES = {
    "attention": ({"imagenet50", "partimagenet_100"}, "mask_iou_cls"),
    "clustering": ({"imagenet50", "coco2017_val_1000", "partimagenet_100"}, "purity"),
    "residual": ({"imagenet50"}, "skip_branch_ratio"),
    "knn": ({"imagenet1k_val"}, "knn_top1"),
    "retrieval": ({"roxford5k_whole_queries"}, "mean_average_precision"),
    "video": ({"davis2017_val"}, "jf_mean"),
    "keypoints": ({"spair71k"}, "pck_0.1"),
}
STUDIED = ["imagenet50", "imagenet1k_train", "imagenet1k_val", "partimagenet_100", "coco2017_val_1000"]
# One dataset of every further folder, as far as its images.
FURTHER = [
    "tiny_imagenet_val", "rparis6k", "cocostuff27_val", "cityscapes27_val", "ade20k_few_val", "broden_train",
    "pascal_part_animals_train", "fair1m_few", "bdd100k_mot_4", "mot17_train", "voc2007_trainval", "voc2012_trainval",
    "coco20k", "uc_merced", "resisc45", "eurosat",
]  # fmt: skip
BY_HAND = {
    "ILSVRC2012_img_train.tar": "https://www.image-net.org/download.php",
    "ILSVRC2012_img_val.tar": "https://www.image-net.org/download.php",
    "ILSVRC2012_devkit_t12.tar.gz": "https://www.image-net.org/download.php",
    "simmim_pretrain__vit_base__img224__800ep.pth": "https://drive.google.com/file/d/1dJn6GYkwMIcoP3zqOEyW1_iQfpBi8UOw/view",
    OWNERS["source"]["name"]: OWNERS["source"]["url"],
}
RESULTS = "results/paper"
WHOLE_IMAGE = f"letterbox{SIDE}"


@pytest.fixture(scope="session")
def server():
    made = FaultServer()
    yield made
    made.close()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory, server):
    """A checkout in which nothing has run."""
    return real_path(tmp_path_factory.mktemp("real"), server)


@pytest.fixture(scope="session")
def real(prepared):
    """The same after the run. Tests must leave it as it was."""
    figures = [f"{RESULTS}/figures/thesis/{name}.png" for name in FIGURES]
    prepared.run(*figures, *(f"resources/crops/{name}/{WHOLE_IMAGE}/crops.npy" for name in FURTHER))
    prepared.asked = Counter(path for path, _ in prepared.server.requests)
    return prepared


class TestMissingFiles:
    """Files that only a person can get."""

    WITHOUT = ("--config", "incoming=nowhere", "resources=untouched/resources", "results=untouched/results")

    def test_all_are_named_at_once_before_any_job(self, prepared):
        made = prepared.run(*self.WITHOUT, check=False)
        assert made.returncode == 1
        lines = [line for line in made.text.splitlines() if line.startswith("error:")]
        assert len(lines) == len(BY_HAND)
        for name, page in BY_HAND.items():
            (line,) = [line for line in lines if f"nowhere/{name}: not there yet" in line]
            assert f"get it from {page} (terms: " in line
        assert "Put these files into nowhere/ and run the same command again." in made.text
        assert "Traceback" not in made.text
        assert prepared.started() == []
        assert not list((prepared.path / "untouched").rglob("*.*"))

    def test_a_dry_run_and_the_plan_work_without_them(self, prepared):
        jobs = prepared.planned(*self.WITHOUT)
        assert jobs["fetch_model"] == len(MODELS) - 1
        assert jobs["fetch_dataset"] == 7
        # One per dataset, over all its views; of large ones in shards.
        assert jobs["run_pass"] + jobs["merge_shards"] == 8 * len(MODELS)
        plan = prepared.run("plan", *self.WITHOUT).text
        assert all(name in plan for name in BY_HAND)
        assert prepared.started() == ["print_plan"]
        assert prepared.server.requests == []


def test_the_run_covers_every_folder_every_layout_and_every_analysis(prepared):
    fetched = {name for name, entry in prepared.datasets.items() if entry["source"]["type"] == "archives"}
    used = {*STUDIED, *FURTHER, "roxford5k_whole_queries", "davis2017_val", "spair71k"}
    assert {prepared.folder(name) for name in fetched} == {prepared.folder(name) for name in used}
    assert {prepared.models[name]["checkpoint"].get("layout") for name in MODELS} == {*LAYOUTS, None}


def test_every_open_file_is_fetched_once_though_datasets_share_them(real):
    assert real.asked == dict.fromkeys(real.addresses.values(), 1)


def test_datasets_are_complete_and_say_what_they_were_compared_with(real):
    for entry in real.datasets.values():
        if entry["source"]["type"] != "archives":
            continue
        folder = entry["path"].rsplit("/", 1)[1]
        done = json.loads((real.path / f"resources/datasets/{folder}/.complete.json").read_text())
        files = {file["name"]: file for file in entry["source"]["files"]}
        assert {file["name"]: file["sha256"] for file in done["files"]} == {name: real.sha256(name) for name in files}
        for file in done["files"]:
            assert file["published"] == bool(files[file["name"]].keys() & {"md5", "sha1", "sha256"})


def test_what_nobody_published_is_recorded_and_nothing_else(real):
    recorded = read_yaml(real.path / "config/fetched.lock.yaml")
    published = {"md5", "sha1", "sha256"}
    files = {
        f"downloads/{file['name']}": file["name"]
        for entry in real.datasets.values()
        for file in entry["source"].get("files", [])
        if not file.keys() & published
    }
    for name in MODELS:
        spec = real.models[name]["checkpoint"]
        if spec["source"]["type"] != "none" and not spec["source"].keys() & published:
            files[f"checkpoints/{spec['file']}"] = spec["source"].get("name", spec["file"])
    assert {key: entry["sha256"] for key, entry in recorded.items()} == {key: real.sha256(name) for key, name in files.items()}


@pytest.mark.parametrize(
    ("name", "view"), [*((name, GEOMETRY) for name in STUDIED), *((name, WHOLE_IMAGE) for name in FURTHER)]
)
def test_crops_are_the_images_of_the_official_layout(real, name, view):
    entry = real.datasets[name]
    reader = open_reader(entry["reader"], real.trees / real.folder(name), entry.get("options", {}))
    made = np.load(real.path / f"resources/crops/{name}/{view}/crops.npy")
    assert made.shape == (len(reader), SIDE, SIDE, 3)
    for i in range(0, len(reader), max(1, len(reader) // 4)):
        expected = crops(parse_view(view), reader.image(i))[0]
        assert np.abs(made[i].astype(int) - expected).max() <= TOLERANCE


@pytest.mark.parametrize("name", TABLES)
def test_every_analysis_has_its_table(real, name):
    datasets, metric = TABLES[name]
    table = read_table(real.path / f"{RESULTS}/tables/thesis/{name}/{MAIN}.parquet")
    assert set(table.loc[table["metric"] == metric, "layer"]) == {1, 2}
    assert set(table["dataset"]) == datasets
    assert set(table["model"]) == {MAIN}
    assert np.isfinite(table["value"]).all()
    assert (table["n"] > 0).all()


def test_another_patience_or_folder_is_no_reason_to_fetch_again(real):
    targets = (f"resources/checkpoints/{MAIN}.pth", "resources/datasets/davis2017/.complete.json")
    assert real.planned("--nolock", *targets, "--config", "fetch_limits={attempts: 3}", "incoming=elsewhere") == {}


def test_models_of_every_layout_are_compared(real):
    table = read_table(real.path / f"{RESULTS}/tables/thesis/cka.parquet")
    assert set(table["model"]) == set(table["other_model"]) == set(MODELS)
    same = table.query("metric == 'cka_plain' and model == other_model and layer == other_layer and facet == other_facet")
    assert np.allclose(same["value"], 1)
    others = table.query("metric == 'cka_plain' and model != other_model")
    assert others["value"].max() < 0.9999


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_drawn(real, name):
    base = real.path / f"{RESULTS}/figures/thesis/{name}"
    with Image.open(base.with_suffix(".png")) as image:
        assert min(image.size) > 100
    assert MAIN in base.with_suffix(".csv").read_text()


@pytest.mark.parametrize("name", [name for name in MODELS if not name.startswith("random")])
def test_passes_used_the_weights_that_were_served(real, name):
    spec = real.models[name]["checkpoint"]
    made = read_metadata(real.path / f"{RESULTS}/passes/imagenet50/{name}.safetensors")
    assert made["weights_sha256"] == real.sha256(spec["source"].get("name", spec["file"]))


def test_features_are_those_of_the_library_on_the_official_images(real):
    """From the archive of images and the file of weights to numbers, without a line of the workflow."""
    entry = entry_from_dict(MAIN, real.models[MAIN])
    network = build_model(entry).eval()
    network.load_state_dict(torch.load(real.archives / entry.checkpoint.file, weights_only=True))
    files = sorted((real.trees / "imagenet_train/train").rglob("n*.JPEG"))
    first = {path.parent.name: path for path in reversed(files)}  # of each class by name
    del first["n01440764"]  # not one of the fifty
    batch = []
    for path in sorted(first.values()):
        with Image.open(path) as image:
            width, height = image.size
            scale = SIDE / min(width, height)
            resized = image.convert("RGB").resize((round(width * scale), round(height * scale)), Image.Resampling.BICUBIC)
        centre = resized.getpixel((resized.width // 2, resized.height // 2))  # the pictures have one colour
        batch.append(torch.tensor(centre, dtype=torch.float32).reshape(3, 1, 1).expand(3, SIDE, SIDE) / 255)
    mean, std = (torch.tensor(numbers).reshape(3, 1, 1) for numbers in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    outputs, _ = library_outputs(network, "timm_vit", (torch.stack(batch) - mean) / std)
    expected = torch.stack([output[:, 0] for output in outputs], dim=1).numpy()
    state = read_state(real.path / f"{RESULTS}/passes/imagenet50/{MAIN}.safetensors", GEOMETRY, "pooled_features")
    assert state["cls"].shape == (50, 2, 48)
    assert np.allclose(state["cls"], expected, rtol=0, atol=0.02 * np.abs(expected).max())


def test_no_job_but_those_that_fetch_touches_the_network(real):
    """All of them ran under a guard that refuses and notes every attempt."""
    jobs = Counter(real.started())
    assert jobs["fetch_dataset"] == 23
    assert jobs["fetch_model"] == len(MODELS) - 1
    assert {"crop_images", "reduce_truth", "run_pass", "draw_figure"} <= set(jobs)
    assert jobs["tabulate"] == len(TABLES) + 1  # of one model each, and CKA of all
    assert real.attempts() == ""


def test_the_guard_keeps_a_process_from_the_network(server, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(GUARD)
    port = server.http.server_address[1]
    code = f"import socket; socket.create_connection(('127.0.0.1', {port}))"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    made = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert made.returncode == 1
    assert "touches the network" in made.stderr
    assert "socket.getaddrinfo" in (tmp_path / "attempts.txt").read_text()


PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>" + b"x" * 5000 + b"</body></html>"
# file -> (where its rule puts it, what is wrong with it, what is said)
FAULTS = {
    "DAVIS-2017-trainval-480p.zip": ("datasets/davis2017", "digest", r"sha256 is \w+, small/datasets.yaml says \w+"),
    "sup_tv_b16.pth": ("checkpoints", "digest", r"sha256 is \w+, small/models.yaml says \w+"),
    "ADEChallengeData2016.zip": (
        "datasets/ade20k",
        "drop",
        r"after 2 attempts .* are kept: run the same command again",
    ),
    "mae_b16.pth": ("checkpoints", "drop", r"after 2 attempts .* are kept: run the same command again"),
    "MOT17.zip": ("datasets/mot17", "gone", r"answers 404 .*: the file is not there"),
    "fs_b16.npz": ("checkpoints", "gone", r"answers 404 .*: the file is not there"),
    "broden1_224.zip": ("datasets/broden", "page", r"sends a web page \('Sign in'\) in place of the file"),
    "dino_b16.pth": ("checkpoints", "page", r"sends a web page \('Sign in'\) in place of the file"),
}
DROP = 1000


def spoil(real, name, fault):
    if fault == "digest":
        content = bytearray((real.archives / name).read_bytes())
        content[len(content) // 2] ^= 0xFF
        real.serve(name, data=bytes(content))
    elif fault == "drop":
        real.serve(name, drop_after=[DROP, DROP])
    elif fault == "gone":
        del real.server.files[real.addresses[name]]
    else:
        real.serve(name, data=PAGE, content_type="text/html")


def unpacked(folder):
    """What came out of the archives, without what the workflow noted about it."""
    return {name: content for name, content in tree(folder).items() if name not in (".complete.json", ".unpacked.json")}


def test_faults_of_servers_are_lines_do_no_damage_and_are_got_over(real):
    place = real.path / "faulty"
    made_of = {name: f"{folder}/{'.complete.json' if '/' in folder else name}" for name, (folder, _, _) in FAULTS.items()}
    command = (*(f"faulty/{path}" for path in made_of.values()), "--keep-going", "--config", "resources=faulty")
    lock = (real.path / "config/fetched.lock.yaml").read_bytes()
    for name, (_, fault, _) in FAULTS.items():
        spoil(real, name, fault)

    try:
        made = real.run(*command, check=False)
        assert made.returncode == 1
        assert "Traceback" not in made.text
        # Said as it happens, and once more from the log of the job.
        errors = {line for line in made.text.splitlines() if line.startswith("error:")}
        assert len(errors) == len(FAULTS)
        for name, (folder, _, said) in FAULTS.items():
            (line,) = [line for line in errors if name in line]
            assert re.search(said, line)
            assert "put it into data/incoming as" in line
            assert not (place / made_of[name]).exists()
            assert not (place / "downloads" / name).exists()
            assert "/" not in folder or not (place / folder).exists()
        assert (real.path / "config/fetched.lock.yaml").read_bytes() == lock
    finally:
        for name in FAULTS:
            real.serve(name)

    asked = len(real.server.requests)
    real.run(*command)
    ranges = {path: headers.get("Range") for path, headers in real.server.requests[asked:]}
    for name, (folder, fault, _) in FAULTS.items():
        assert ranges[real.addresses[name]] == (f"bytes={2 * DROP}-" if fault == "drop" else None)
        if "/" in folder:
            assert unpacked(place / folder) == unpacked(real.path / "resources" / folder)
        else:
            assert (place / folder / name).read_bytes() == (real.archives / name).read_bytes()
    assert not list(place.rglob("*.part"))
    assert (real.path / "config/fetched.lock.yaml").read_bytes() == lock
    shutil.rmtree(place)
