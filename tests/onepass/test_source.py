"""Crops as batches: normalised right, in order, and only if the files belong together."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass.batch import LayerView
from workflow_scripts.onepass.source import CropSource
from workflow_scripts.zoo.normalisation import Normalisation

NORMALISATION = Normalisation(mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 1.0))


def vit(side=4, columns=None):
    size = (side, columns or side)
    return SimpleNamespace(device=torch.device("cpu"), image_size=size, normalisation=NORMALISATION, grid=(2, size[1] // 2))


def samples_table(path, labels=(0, 1, 2, 1, 0), sizes=((4, 4),) * 5):
    counts = [-(-height // 4) * -(-width // 4) for height, width in sizes]
    columns = {"id": list("abcde")[: len(labels)], "label": list(labels), "n_crops": counts}
    columns |= {"height": [size[0] for size in sizes], "width": [size[1] for size in sizes]}
    columns["first_crop"] = np.cumsum([0, *counts[:-1]])
    pd.DataFrame(columns).to_parquet(path)


@pytest.fixture
def files(tmp_path):
    crops = np.random.default_rng(0).integers(0, 255, (5, 4, 4, 3), dtype=np.uint8)
    np.save(tmp_path / "c.npy", crops)
    samples_table(tmp_path / "s.parquet")
    masks = {"object_mask": np.eye(5, 4, dtype=np.uint8), "has_object": np.array([1, 1, 0, 1, 1], np.uint8)}
    write_arrays(tmp_path / "m.safetensors", masks, {})
    return crops, tmp_path / "c.npy", tmp_path / "s.parquet", tmp_path / "m.safetensors"


def test_a_batch(files):
    crops, crop_file, samples, masks = files
    source = CropSource(vit(), crop_file, samples, {"masks": masks})
    batch = source.read(1, 4)
    assert len(source) == 5
    assert batch.index.tolist() == [1, 2, 3]
    assert batch.label.tolist() == [1, 2, 1]
    assert source.n_classes == 3
    assert source.name(3) == "d"
    assert batch.object_mask.dtype == torch.bool
    assert batch.has_object.tolist() == [True, False, True]
    expected = (crops[1:4].transpose(0, 3, 1, 2) / 255 - np.array([0.5, 0.25, 0])[:, None, None]) / np.array([0.5, 0.25, 1])[
        :, None, None
    ]
    assert np.allclose(batch.image, expected, atol=1e-6)


def test_class_maps_of_a_batch(files, tmp_path):
    _, crop_file, samples, _ = files
    classes = np.random.default_rng(1).integers(0, 256, (5, 4, 4), dtype=np.uint8)
    write_arrays(tmp_path / "k.safetensors", {"classes": classes}, {"names": '["sky", "sea", "sand"]'})
    batch = CropSource(vit(), crop_file, samples, {"classes": tmp_path / "k.safetensors"}).read(1, 3)
    assert batch.classes.count == 3
    assert batch.classes.pixels.dtype == torch.uint8
    assert np.array_equal(batch.classes.pixels, classes[1:3])
    assert CropSource(vit(), crop_file, samples).read(0, 2).classes is None


def test_a_dataset_without_labels(files):
    _, crops, samples, _ = files
    samples_table(samples, [-1] * 5)
    source = CropSource(vit(), crops, samples)
    assert source.n_classes == 0
    assert source.read(0, 2).label is None
    assert source.read(0, 2).object_mask is None


def test_crops_of_another_size_are_refused(files):
    _, crops, samples, _ = files
    with pytest.raises(AtlasError, match=r"crops of 4 x 4 px, but the model was built for 8 x 8"):
        CropSource(vit(8), crops, samples)


def test_crops_that_are_not_square(tmp_path):
    np.save(tmp_path / "c.npy", np.zeros((2, 4, 6, 3), np.uint8))
    samples_table(tmp_path / "s.parquet", [0, 1], [(4, 4)] * 2)
    pd.read_parquet(tmp_path / "s.parquet").assign(height=4, width=6).to_parquet(tmp_path / "s.parquet")
    batch = CropSource(vit(4, 6), tmp_path / "c.npy", tmp_path / "s.parquet").read(0, 2)
    assert batch.image.shape == (2, 3, 4, 6)
    assert batch.tiles is None
    write_arrays(tmp_path / "p.safetensors", {"pair_source": np.zeros(1)}, {})
    with pytest.raises(AtlasError, match="crops of 4 x 6 px; keypoints are matched in square crops only"):
        CropSource(vit(4, 6), tmp_path / "c.npy", tmp_path / "s.parquet", {"pairs": tmp_path / "p.safetensors"})


def test_files_that_do_not_belong_together_are_refused(files):
    _, crops, samples, _ = files
    samples_table(samples, [0], [(4, 4)])
    with pytest.raises(AtlasError, match=r"5 crops but 1 by .*delete both"):
        CropSource(vit(), crops, samples)


@pytest.fixture
def tiled(tmp_path):
    """Three images of 4 x 6, 4 x 4 and 8 x 4 px as tiles of 4 px with 2 x 2 patches each: two, one and two tiles."""
    np.save(tmp_path / "c.npy", np.zeros((5, 4, 4, 3), np.uint8))
    samples_table(tmp_path / "s.parquet", [-1, -1, -1], [(4, 6), (4, 4), (8, 4)])
    return tmp_path / "c.npy", tmp_path / "s.parquet"


def layer_of(batch, n_prefix=1):
    """A layer whose patch tokens carry (number of the crop, number of the cell in it)."""
    crops = torch.arange(len(batch.image)).float()[:, None, None].expand(-1, 5, 1)
    cells = torch.arange(-1, 4).float()[None, :, None].expand(len(batch.image), -1, 1)
    return SimpleNamespace(index=1, n_prefix=n_prefix, grid=(2, 2), token=torch.cat([crops, cells], -1))


def test_tiles_become_the_patch_tokens_of_their_image(tiled):
    source = CropSource(vit(), *tiled)
    assert (len(source), source.crops_per_image) == (3, 2)
    batch = source.read(0, 3)
    assert (len(batch), len(batch.image)) == (3, 5)
    view = LayerView(layer_of(batch))
    assert view.patch_grids(batch) == [(2, 3), (2, 2), (4, 2)]
    wide, square, high = (tokens.int().tolist() for tokens in view.patch_tokens(batch))
    # The second tile of the wide image is shifted back over the first, whose cells are kept.
    assert wide == [[0, 0], [0, 1], [1, 1], [0, 2], [0, 3], [1, 3]]
    assert square == [[2, 0], [2, 1], [2, 2], [2, 3]]
    assert high == [[3, 0], [3, 1], [3, 2], [3, 3], [4, 0], [4, 1], [4, 2], [4, 3]]
    assert [batch.image_of_crop(crop, (2, 2)) for crop in range(5)] == [0, 0, 1, 2, 2]


def test_a_batch_of_tiles_begins_at_its_first_image(tiled):
    batch = CropSource(vit(), *tiled).read(1, 3)
    assert len(batch.image) == 3
    assert batch.index.tolist() == [1, 2]
    assert batch.tiles == [(2, 2), (4, 2)]


def test_regions_of_a_batch(files, tmp_path):
    _, crops, samples, _ = files
    masks = {
        "object_image": np.array([0, 2, 2, 4]),
        "object_label": np.array([5, 6, 7, 8]),
        "object_cells": np.array([4, 4, 4, 4]),
        "object_values": np.array([1, 0, 0, 0, 0, 255, 0, 255, 0, 0, 2, 2, 9, 9, 9, 9], np.uint8),
    }
    write_arrays(tmp_path / "r.safetensors", masks, {})
    regions = CropSource(vit(), crops, samples, {"masks": tmp_path / "r.safetensors"}).read(2, 5).regions["object"]
    assert regions.index.tolist() == [1, 2, 3]
    assert regions.image.tolist() == [0, 0, 2]
    assert [mask.tolist() for mask in regions.mask] == [[0, 0.5, 0, 0.5], [0, 0, 0.5, 0.5], [0.25] * 4]


def test_pairs_of_a_batch(files, tmp_path):
    _, crops, samples, _ = files
    pairs = {
        "pair_source": np.array([0, 3]),
        "pair_target": np.array([2, 1]),
        "pair_category": np.array([0, 0]),
        "pair_size": np.array([3, 2], np.float32),
        "pair_area": np.array([[0, 1, 4, 3], [0, 0, 4, 4]]),
        "point_pair": np.array([0, 0, 1]),
        "point_source": np.array([[1, 2], [3, 0], [2, 2]], np.float32),
        "point_target": np.array([[2, 2], [3, 1], [1, 1]], np.float32),
    }
    write_arrays(tmp_path / "p.safetensors", pairs, {})
    source = CropSource(vit(), crops, samples, {"pairs": tmp_path / "p.safetensors"})
    found = source.read(0, 2).pairs
    assert found is source.read(2, 5).pairs
    for name in ("source", "target", "area"):
        assert np.array_equal(getattr(found, name), pairs[f"pair_{name}"])
    for name in ("point_pair", "point_source"):
        assert np.array_equal(getattr(found, name), pairs[name])
    assert found.side == 4


def test_boxes_of_a_batch(files, tmp_path):
    _, crops, samples, _ = files
    boxes = {
        "video": np.zeros(5, np.int64),
        "frame": np.arange(5),
        "box_image": np.array([0, 0, 2, 4, 4]),
        "box_xyxy": np.arange(20, dtype=np.float32).reshape(5, 4),
        "box_track": np.array([0, 1, 0, 1, 2]),
        "box_label": np.zeros(5, np.int64),
        "box_ignored": np.zeros(5, np.uint8),
    }
    write_arrays(tmp_path / "b.safetensors", boxes, {})
    source = CropSource(vit(), crops, samples, {"boxes": tmp_path / "b.safetensors"})
    found = source.read(1, 5).boxes
    assert found.index.tolist() == [2, 3, 4] and found.image.tolist() == [1, 3, 3]
    assert np.array_equal(found.xyxy, boxes["box_xyxy"][2:])
    assert len(source.read(1, 2).boxes.index) == 0
    assert CropSource(vit(), crops, samples).read(1, 5).boxes is None


def test_frames_of_a_batch(files, tmp_path):
    _, crops, samples, _ = files
    labels = {
        "video": np.array([0, 0, 1, 1, 1]),
        "frame": np.array([0, 1, 0, 1, 2]),
        "channels": np.array([2, 3]),
        "cells": np.array([[2, 2], [2, 2]]),
        "labels": np.array([0, 1, 1, 0, 2, 2, 0, 1], np.uint8),
    }
    write_arrays(tmp_path / "l.safetensors", labels, {})
    frames = CropSource(vit(), crops, samples, {"labels": tmp_path / "l.safetensors"}).read(1, 4).frames
    assert frames.video.tolist() == [0, 1, 1]
    assert frames.frame.tolist() == [1, 0, 1]
    assert list(frames.first_labels) == [1]
    assert frames.first_labels[1].tolist() == [[0, 0, 1, 0], [0, 0, 0, 1], [1, 1, 0, 0]]


def test_images_in_any_order(files):
    _, crop_file, samples, masks = files
    source = CropSource(vit(), crop_file, samples, {"masks": masks})
    batch = source.at(np.array([3, 0, 4]))
    assert batch.index.tolist() == [3, 0, 4]
    assert batch.label.tolist() == [1, 0, 0]
    whole = source.read(0, 5)
    assert torch.equal(batch.image, whole.image[[3, 0, 4]])
    assert batch.object_mask is None  # a fit sees images and labels


def test_tiles_are_not_fitted(tiled):
    with pytest.raises(AtlasError, match="images of several crops"):
        CropSource(vit(), *tiled).at(np.array([0]))
