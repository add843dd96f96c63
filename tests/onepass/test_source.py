"""Crops as batches: normalised right, in order, and only if the files belong together."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass.source import CropSource
from workflow_scripts.zoo.normalisation import Normalisation

NORMALISATION = Normalisation(mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 1.0))


def vit(side=4):
    return SimpleNamespace(device=torch.device("cpu"), image_size=(side, side), normalisation=NORMALISATION)


@pytest.fixture
def files(tmp_path):
    crops = np.random.default_rng(0).integers(0, 255, (5, 4, 4, 3), dtype=np.uint8)
    np.save(tmp_path / "c.npy", crops)
    pd.DataFrame({"id": list("abcde"), "label": [0, 1, 2, 1, 0]}).to_parquet(tmp_path / "s.parquet")
    masks = {"object_mask": np.eye(5, 6, dtype=np.uint8), "has_object": np.array([1, 1, 0, 1, 1], np.uint8)}
    write_arrays(tmp_path / "m.safetensors", masks, {})
    return crops, tmp_path / "c.npy", tmp_path / "s.parquet", tmp_path / "m.safetensors"


def test_a_batch(files):
    crops, *paths = files
    source = CropSource(vit(), *paths)
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


def test_a_dataset_without_labels(files):
    _, crops, samples, _ = files
    pd.DataFrame({"id": list("abcde"), "label": [-1] * 5}).to_parquet(samples)
    source = CropSource(vit(), crops, samples)
    assert source.n_classes == 0
    assert source.read(0, 2).label is None
    assert source.read(0, 2).object_mask is None


def test_crops_of_another_size_are_refused(files):
    _, crops, samples, _ = files
    with pytest.raises(AtlasError, match=r"crops of 4 x 4 px, but the model takes 8 x 8"):
        CropSource(vit(8), crops, samples)


def test_files_that_do_not_belong_together_are_refused(files):
    _, crops, samples, _ = files
    pd.DataFrame({"id": ["a"], "label": [0]}).to_parquet(samples)
    with pytest.raises(AtlasError, match=r"5 crops but 1 rows"):
        CropSource(vit(), crops, samples)
