"""Resize, crop, tiles and letterbox against torchvision and by hand; ground truth stays on the image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import v2 as transforms
from torchvision.transforms.functional import InterpolationMode

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.geometry import CentreCrop, Letterbox, Squash, Tiles, parse_geometry, tile_corners


def noise(height, width, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8))


GEOMETRIES = [CentreCrop(73, 64), CentreCrop(64, 64), Tiles(128, 64, 16), Tiles(64, 64, 8), Letterbox(64), Squash(64)]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 200), st.integers(1, 200), st.sampled_from([(64, 64), (73, 64), (32, 16)]))
def test_centre_crop_equals_torchvision_on_pil(height, width, sides):
    resize, crop = sides
    reference = transforms.Compose([transforms.Resize(resize, InterpolationMode.BICUBIC), transforms.CenterCrop(crop)])
    image = noise(height, width)
    got = CentreCrop(resize, crop).crops(image)
    assert got.shape == (1, crop, crop, 3)
    assert np.array_equal(got[0], np.asarray(reference(image)))


@pytest.mark.parametrize(
    "geometry", [CentreCrop(256, 224), CentreCrop(224, 224, 224), Tiles(448, 224, 16), Letterbox(224), Squash(224)]
)
def test_name_and_back(geometry):
    assert parse_geometry(str(geometry)) == geometry


def test_names():
    assert str(CentreCrop(256, 224)) == "resize256-crop224"
    assert str(CentreCrop(224, 224, 200)) == "fit200-resize224-crop224"
    assert str(Tiles(448, 224, 14)) == "short448-tile224-patch14"
    assert str(Letterbox(224)) == "letterbox224"


@pytest.mark.parametrize(
    "name", ["224", "resize224", "crop224-resize224", "resize224-crop224-x", "short448-tile224", "letterbox"]
)
def test_wrong_names_are_refused(name):
    with pytest.raises(AtlasError, match="expected a name like resize224-crop224"):
        parse_geometry(name)


def test_sides_that_do_not_fit_are_refused():
    with pytest.raises(AtlasError, match="crop must be between 1 and resize, found 65 and 64"):
        CentreCrop(64, 65)
    for sides in ((448, 224, 15), (450, 224, 16), (112, 224, 16)):
        with pytest.raises(AtlasError, match="tile and short must be multiples of patch"):
            Tiles(*sides)


def test_fit_loses_what_shrinking_loses():
    image = noise(400, 600)
    plain, shrunk = CentreCrop(64, 64).crops(image), CentreCrop(64, 64, 32).crops(image)
    small = image.copy()
    small.thumbnail((32, 32), Image.Resampling.LANCZOS)
    assert np.array_equal(shrunk, CentreCrop(64, 64).crops(small))
    assert not np.array_equal(shrunk, plain)
    assert np.array_equal(CentreCrop(64, 64, 1000).crops(image), plain)


def test_points_follow_the_crop():
    # 80 x 120 -> 64 x 96, then 16 px are cut off at the left.
    assert np.allclose(CentreCrop(64, 64).points(np.array([[60.0, 40.0]]), (80, 120)), [[32, 32]])
    assert CentreCrop(64, 64).scale((80, 120)) == pytest.approx(0.8)


def brute_corners(height, width, tile):
    return [
        (min(i * tile, height - tile), min(j * tile, width - tile))
        for i in range(-(-height // tile))
        for j in range(-(-width // tile))
    ]


def test_tiles_of_480p_as_the_study_defines_them():
    tiles = Tiles(448, 224, 16)
    assert tiles.seen_size((480, 854)) == (448, 784)  # 797.07 -> 49 patches
    crops = tiles.crops(noise(480, 854))
    assert crops.shape == (8, 224, 224, 3)
    assert tile_corners((448, 784), 224) == brute_corners(448, 784, 224)
    whole = np.asarray(noise(480, 854).resize((784, 448), Image.Resampling.BICUBIC))
    assert np.array_equal(crops[3], whole[:224, 560:784])
    assert np.array_equal(crops[4], whole[224:448, :224])


def test_the_long_side_is_exact_where_floating_point_loses_a_patch():
    # 448 / 480 * 960 is 896 exactly; in whole numbers no patch is lost for any size.
    for long in range(448, 1200):
        height, width = Tiles(448, 224, 8).seen_size((448, long))
        assert height == 448
        assert width == long - long % 8


@settings(deadline=None, max_examples=40)
@given(st.integers(20, 300), st.integers(20, 300))
def test_tiles_cover_the_image_and_nothing_else(height, width):
    tiles = Tiles(64, 32, 8)
    size = tiles.seen_size((height, width))
    assert min(size) == 64
    covered = np.zeros(size, int)
    for y, x in tile_corners(size, 32):
        assert 0 <= y <= size[0] - 32
        assert 0 <= x <= size[1] - 32
        covered[y : y + 32, x : x + 32] += 1
    assert covered.min() == 1


def test_letterbox_is_centred_on_black():
    image = Image.fromarray(np.full((40, 80, 3), 200, np.uint8))
    box = Letterbox(64).crops(image)[0]
    assert box.shape == (64, 64, 3)
    assert (box[16:48] == 200).all()
    assert (box[:16] == 0).all()
    assert (box[48:] == 0).all()
    assert np.allclose(Letterbox(64).points(np.array([[40.0, 20.0], [0, 0]]), (40, 80)), [[32, 32], [0, 16]])
    assert Letterbox(64).scale((40, 80)) == pytest.approx(0.8)


def test_letterbox_of_odd_sizes_rounds_and_floors():
    # 33 x 100 at 64: 21.12 -> 21 rows, offset floor(43 / 2) = 21.
    box = Letterbox(64).crops(Image.fromarray(np.full((33, 100, 3), 9, np.uint8)))[0]
    rows = np.flatnonzero(box.any((1, 2)))
    assert (rows[0], rows[-1]) == (21, 41)


def test_a_mask_sums_by_coverage_and_lies_on_its_object():
    mask = np.zeros((80, 120), bool)
    mask[40:80, 80:100] = True  # the lower right quarter of the central 80 x 80 square
    soft = CentreCrop(64, 64).grid_mask(mask, (8, 8)).astype(float)
    assert soft.shape == (8, 8)
    assert soft[4:, 6:].sum() > 0.9 * soft.sum()


def test_a_mask_by_hand_on_exact_blocks():
    mask = np.zeros((64, 64), bool)
    mask[:, :32] = True
    left, right = CentreCrop(64, 64).grid_mask(mask, (1, 2))[0].tolist()
    # PIL's bicubic kernel reaches over the boundary by a little.
    assert left > 0.85 * 255
    assert right < 0.15 * 255
    assert (CentreCrop(64, 64).grid_mask(np.ones((64, 64), bool), (4, 4)) == 255).all()


def test_an_object_outside_the_crop_leaves_nothing():
    mask = np.zeros((50, 200), bool)
    mask[:, :20] = True
    assert not CentreCrop(64, 64).grid_mask(mask, (8, 8)).any()
    assert Tiles(64, 64, 8).grid_mask(mask, (8, 32)).any()


def stitched(geometry, image):
    """The seen image, put together from its crops."""
    size = geometry.seen_size(image.size[::-1])
    whole = np.zeros((*size, 3), np.uint8)
    for (y, x), crop in zip(tile_corners(size, geometry.side), geometry.crops(image), strict=True):
        whole[y : y + geometry.side, x : x + geometry.side] = crop
    return whole


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("size", [(90, 130), (130, 90), (64, 64), (75, 200)])
def test_mask_labels_points_and_image_agree_where_the_object_is(geometry, size):
    image = np.zeros((*size, 3), np.uint8)
    mask = np.zeros(size, bool)
    top, left = size[0] // 3, size[1] // 2 - 10
    mask[top : top + 30, left : left + 30] = True
    image[mask] = 255
    whole = stitched(geometry, Image.fromarray(image))
    rows, columns = whole.shape[0] // 8, whole.shape[1] // 8
    bright = whole[..., 0].reshape(rows, 8, columns, 8).mean((1, 3))
    soft = geometry.grid_mask(mask, (rows, columns)).astype(float)
    assert np.corrcoef(bright.ravel(), soft.ravel())[0, 1] > 0.97
    labels = geometry.grid_labels(mask.astype(np.uint8) * 3, (rows, columns))
    assert set(np.unique(labels)) == {0, 3}
    assert np.corrcoef(bright.ravel(), labels.ravel())[0, 1] > 0.8
    (x0, y0), (x1, y1) = geometry.points(np.array([[left, top], [left + 30, top + 30]], float), size)
    lit = np.argwhere(whole[..., 0] > 127)
    assert np.allclose([lit[:, 1].min(), lit[:, 0].min()], [x0, y0], atol=2)
    assert np.allclose([lit[:, 1].max() + 1, lit[:, 0].max() + 1], [x1, y1], atol=2)
    assert np.sqrt((x1 - x0) * (y1 - y0)) / 30 == pytest.approx(geometry.scale(size), rel=0.05)
