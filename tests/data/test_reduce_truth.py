"""The command that reduces ground truth: every kind of file from a dataset's crops, and what it refuses."""

import json
import sys

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

from workflow_scripts import crop_images, paint_world, reduce_truth
from workflow_scripts.common.errors import AtlasError


def run(monkeypatch, command, **options):
    arguments = [text for name, value in options.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    monkeypatch.setattr(sys, "argv", ["command", *arguments])
    command.main()


@pytest.fixture
def world(tmp_path, monkeypatch):
    options = {"train_images": 4, "val_images": 20, "clips": 1, "frames": 3, "seed": 0}
    files = {name: tmp_path / f"{name}.safetensors" for name in ("train", "val", "clip_file")}
    run(monkeypatch, paint_world, **options, **files)
    return files


def crop(monkeypatch, tmp_path, dataset, view):
    outputs = {name: tmp_path / f"out.{name}" for name in ("crops", "samples", "skipped")}
    run(monkeypatch, crop_images, **dataset, view=view, on_bad_image="stop", **outputs)
    return outputs


@pytest.mark.parametrize(
    ("kind", "reader", "file", "view", "grid", "name", "shape"),
    [
        ("masks", "demo_world", "val", "resize64-crop64", "8x8", "object_mask", (20, 64)),
        ("masks", "demo_world", "val", "resize64-crop64-blur9", "8x8", "object_mask", (20, 64)),
        ("labels", "demo_clips", "clip_file", "squash64x128", "8x16", "labels", (128,)),
        ("pairs", "demo_pairs", "val", "letterbox64", None, "pair_source", None),
        ("classes", "demo_world", "val", "resize64-crop60", None, "classes", (20, 60, 60)),
        ("concepts", "demo_world", "val", "resize64-crop60", "12x12", "concept_count", (20, 144)),
        ("boxes", "demo_clips", "clip_file", "short64-tile32-patch8", None, "frame", (3,)),
    ],
)
def test_every_kind(tmp_path, monkeypatch, world, kind, reader, file, view, grid, name, shape):
    dataset = {"dataset": "d", "reader": reader, "path": world[file]}
    samples = crop(monkeypatch, tmp_path, dataset, view)["samples"]
    options = {"grid": grid} if grid else {}
    output = tmp_path / "truth.safetensors"
    run(monkeypatch, reduce_truth, kind=kind, **dataset, view=view, samples=samples, output=output, **options)
    with safe_open(output, "numpy") as made:
        assert name in made.keys()  # noqa: SIM118
        assert shape is None or made.get_tensor(name).shape == shape
        words = {"pairs": {"categories"}, "classes": {"names"}, "concepts": {"names", "categories"}}
        words["boxes"] = {"names", "left_out"}
        assert set(made.metadata() or {}) == words.get(kind, set())


@pytest.mark.parametrize(("kind", "grid"), [("masks", {}), ("pairs", {"grid": "8x8"}), ("classes", {"grid": "8x8"})])
def test_a_grid_belongs_to_some_kinds(tmp_path, monkeypatch, capsys, kind, grid):
    options = {"dataset": "d", "reader": "demo_world", "path": tmp_path, "view": "squash64", "samples": "s", "output": "o"}
    with pytest.raises(SystemExit):
        run(monkeypatch, reduce_truth, kind=kind, **options, **grid)
    assert "--grid is for the kinds masks, labels, concepts, and these need it" in capsys.readouterr().err


def test_what_is_wrong_is_said_with_the_name_of_the_dataset(tmp_path, monkeypatch):
    (tmp_path / "images").mkdir()
    Image.new("RGB", (40, 30)).save(tmp_path / "images/a.png")
    dataset = {"dataset": "mine", "reader": "image_folder", "path": tmp_path / "images"}
    samples = crop(monkeypatch, tmp_path, dataset, "squash16")["samples"]
    with pytest.raises(AtlasError, match="dataset 'mine': no masks; choose a dataset that has them"):
        run(monkeypatch, reduce_truth, kind="masks", **dataset, view="squash16", grid="2x2", samples=samples, output="o")


def test_a_blurred_view_of_a_folder_of_images(tmp_path, monkeypatch):
    (tmp_path / "images").mkdir()
    edge = np.zeros((32, 32, 3), np.uint8)
    edge[:, 16:] = 240
    Image.fromarray(edge).save(tmp_path / "images/a.png")
    dataset = {"dataset": "mine", "reader": "image_folder", "path": tmp_path / "images"}
    outputs = crop(monkeypatch, tmp_path, dataset, "resize32-crop16-blur4")
    made = np.load(outputs["crops"])
    assert made.shape == (1, 16, 16, 3)
    # Windows of two pixels before and one after: the edge at column 16 spreads over columns 15 to 17.
    assert made[0, 8, :, 0].tolist() == [0] * 7 + [60, 120, 180] + [240] * 6
    assert json.loads(outputs["skipped"].read_text()) == []
