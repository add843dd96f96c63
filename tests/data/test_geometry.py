"""Resize and crop against torchvision; ground truth stays on the image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import v2 as transforms
from torchvision.transforms.functional import InterpolationMode

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.geometry import Geometry


def noise(height, width, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 200), st.integers(1, 200), st.sampled_from([(64, 64), (73, 64), (32, 16)]))
def test_image_equals_torchvision_on_pil(height, width, sides):
    resize, crop = sides
    reference = transforms.Compose([transforms.Resize(resize, InterpolationMode.BICUBIC), transforms.CenterCrop(crop)])
    image = noise(height, width)
    got = Geometry(resize, crop).image(image)
    assert got.shape == (crop, crop, 3)
    assert np.array_equal(got, np.asarray(reference(image)))


def test_name_and_back():
    assert str(Geometry(256, 224)) == "resize256-crop224"
    assert Geometry.parse("resize256-crop224") == Geometry(256, 224)


@pytest.mark.parametrize("name", ["224", "resize224", "crop224-resize224", "resize224-crop224-x"])
def test_wrong_names_are_refused(name):
    with pytest.raises(AtlasError, match="expected a name like resize224-crop224"):
        Geometry.parse(name)


def test_crop_larger_than_resize_is_refused():
    with pytest.raises(AtlasError, match="crop must be between 1 and resize, found 65 and 64"):
        Geometry(64, 65)


def test_soft_mask_sums_to_one_and_lies_on_its_object():
    mask = np.zeros((80, 120), bool)
    mask[40:80, 80:100] = True  # the lower right quarter of the central 80 x 80 square
    soft = Geometry(64, 64).soft_mask(mask, (8, 8))
    assert soft.shape == (8, 8)
    assert soft.sum() == pytest.approx(1)
    assert soft[4:, 6:].sum() > 0.9


def test_soft_mask_by_hand_on_exact_blocks():
    mask = np.zeros((64, 64), bool)
    mask[:, :32] = True
    soft = Geometry(64, 64).soft_mask(mask, (1, 2))
    # PIL's bicubic kernel reaches over the boundary by a little.
    assert 0.85 < soft[0, 0] < 1
    full = Geometry(64, 64).soft_mask(np.ones((64, 64), bool), (4, 4))
    assert np.allclose(full, 1 / 16)


def test_an_object_outside_the_crop_leaves_nothing():
    mask = np.zeros((50, 200), bool)
    mask[:, :20] = True
    assert Geometry(64, 64).soft_mask(mask, (8, 8)).sum() == 0


def test_mask_and_image_agree_where_the_object_is():
    image = np.zeros((90, 130, 3), np.uint8)
    mask = np.zeros((90, 130), bool)
    mask[20:50, 60:90] = True
    image[mask] = 255
    geometry = Geometry(64, 64)
    bright = geometry.image(Image.fromarray(image))[..., 0].reshape(8, 8, 8, 8).mean((1, 3))
    soft = geometry.soft_mask(mask, (8, 8))
    assert np.corrcoef(bright.ravel(), soft.ravel())[0, 1] > 0.99
