"""Resize, crop, tiles, letterbox and alterations against torchvision and by hand; ground truth stays on the image."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import v2 as transforms
from torchvision.transforms.functional import InterpolationMode

from workflow_scripts.data.alterations import Band, Blur, Noise, Rotation, Scale, Shift
from workflow_scripts.data.geometry import crops, grid_labels, grid_mask, points, tile_labels
from workflow_scripts.data.views import (
    Area,
    CentreCrop,
    Cut,
    Letterbox,
    Squash,
    Tiles,
    View,
    parse_view,
    shown_area,
    tile_corners,
)


def noise(height, width, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8))


GEOMETRIES = [
    CentreCrop(73, 64), CentreCrop(64, 64), Tiles(128, 64, 16), Tiles(64, 64, 8), Letterbox(64), Squash(64, 64),
    Squash(64, 128), Squash(128, 64), Cut(32, 64), Cut(48, 40), Cut(32, 48, 64, 96), Area(64),
]  # fmt: skip
VIEWS = [*map(View, GEOMETRIES), View(CentreCrop(73, 64), Blur(5)), View(Tiles(128, 64, 16), Blur(4))]
VIEWS += [View(CentreCrop(73, 64), Noise(20)), View(Squash(64, 128), Band(4)), View(Letterbox(64), Shift(9))]
VIEWS += [View(CentreCrop(73, 64), Scale(80)), View(Tiles(128, 64, 16), Scale(110)), View(Squash(64, 64), Rotation(2))]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 200), st.integers(1, 200), st.sampled_from([(64, 64), (73, 64), (32, 16)]))
def test_centre_crop_equals_torchvision_on_pil(height, width, sides):
    resize, crop = sides
    reference = transforms.Compose([transforms.Resize(resize, InterpolationMode.BICUBIC), transforms.CenterCrop(crop)])
    image = noise(height, width)
    got = crops(View(CentreCrop(resize, crop)), image)
    assert got.shape == (1, crop, crop, 3)
    assert np.array_equal(got[0], np.asarray(reference(image)))


def test_fit_loses_what_shrinking_loses():
    image = noise(400, 600)
    plain, shrunk = crops(View(CentreCrop(64, 64)), image), crops(View(CentreCrop(64, 64, 32)), image)
    small = image.copy()
    small.thumbnail((32, 32), Image.Resampling.LANCZOS)
    assert np.array_equal(shrunk, crops(View(CentreCrop(64, 64)), small))
    assert not np.array_equal(shrunk, plain)
    assert np.array_equal(crops(View(CentreCrop(64, 64, 1000)), image), plain)


def test_area_is_the_mean_of_what_a_pixel_covers():
    image = noise(96, 48)
    pixels = np.asarray(image).astype(float)
    shrunk = crops(View(Area(16)), image)
    assert shrunk.shape == (1, 16, 16, 3)
    assert np.abs(shrunk[0] - pixels.reshape(16, 6, 16, 3, 3).mean((1, 3))).max() <= 1  # rounded once along each axis
    assert np.array_equal(crops(View(Area(96)), image)[0], pixels.repeat(2, 1))  # what is enlarged is repeated
    assert View(Area(16)).scale((96, 24)) == pytest.approx(1 / 3)


def test_points_follow_the_crop():
    # 80 x 120 -> 64 x 96, then 16 px are cut off at the left.
    assert np.allclose(points(View(CentreCrop(64, 64)), np.array([[60.0, 40.0]]), (80, 120)), [[32, 32]])
    assert CentreCrop(64, 64).scale((80, 120)) == pytest.approx(0.8)


def test_tiles_of_480p_as_the_study_defines_them():
    view = View(Tiles(448, 224, 16))
    assert view.seen_size((480, 854)) == (448, 784)  # 797.07 -> 49 patches
    made = crops(view, noise(480, 854))
    assert made.shape == (8, 224, 224, 3)
    whole = np.asarray(noise(480, 854).resize((784, 448), Image.Resampling.BICUBIC))
    assert np.array_equal(made[3], whole[:224, 560:784])
    assert np.array_equal(made[4], whole[224:448, :224])


def test_tiles_are_cut_and_resized_alone():
    image = noise(50, 70)
    made = crops(View(Cut(32, 24)), image)
    assert made.shape == (6, 24, 24, 3)  # 2 x 3 tiles
    padded = np.zeros((64, 96, 3), np.uint8)
    padded[:50, :70] = np.asarray(image)
    for number, (y, x) in enumerate([(0, 0), (0, 32), (0, 64), (32, 0), (32, 32), (32, 64)]):
        tile = Image.fromarray(padded[y : y + 32, x : x + 32])
        assert np.array_equal(made[number], np.asarray(tile.resize((24, 24), Image.Resampling.BICUBIC)))
    assert np.array_equal(crops(View(Cut(32, 32)), image)[0], np.asarray(image)[:32, :32])  # nothing is resampled
    small = image.resize((96, 32), Image.Resampling.BICUBIC)
    assert np.array_equal(crops(View(Cut(32, 24, 32, 96)), image), crops(View(Cut(32, 24)), small))


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 40), st.sampled_from([None, Shift(3), Scale(120)]))
def test_labels_of_tiles_are_those_of_the_pixels_shown(height, width, tile, alteration):
    """A map that is also the image, at a scale of 1: what a tile shows is what it is labelled, black is void."""
    labels = np.random.default_rng(height * width).integers(1, 250, (height, width)).astype(np.int16)
    image = Image.fromarray(np.repeat(labels.astype(np.uint8)[..., None], 3, 2))
    geometry = Cut(tile, tile)
    told = tile_labels(View(geometry), labels)
    shown = crops(View(geometry), image)[..., 0].astype(int)
    assert np.array_equal(told, np.where(shown == 0, -1, shown))
    whole = tile_labels(View(Squash(height, width), alteration), labels)
    assert whole.shape == (1, height, width)
    parts = tile_labels(View(geometry, alteration), labels)
    rows, columns = geometry.tiles((height, width))
    joined = parts.reshape(rows, columns, tile, tile).transpose(0, 2, 1, 3).reshape(rows * tile, columns * tile)
    assert np.array_equal(joined[:height, :width], whole[0])  # moved before it is cut
    assert (joined[height:] == -1).all()
    assert (joined[:, width:] == -1).all()


def test_labels_of_a_resized_image_are_the_nearest():
    labels = np.arange(8, dtype=np.int16).reshape(2, 4)
    told = tile_labels(View(Cut(2, 5, 4, 2)), labels)  # 2 x 4 pixels to 4 x 2, two tiles of 2 x 2
    assert told.tolist() == [[[1, 3], [1, 3]], [[5, 7], [5, 7]]]


def test_where_a_cut_image_lies():
    assert shown_area(View(Cut(32, 64)), (50, 70)) == (0, 0, 100, 140)
    assert shown_area(View(Cut(32, 64, 64, 96)), (50, 70)) == (0, 0, 128, 192)
    assert np.allclose(points(View(Cut(32, 64, 64, 96)), np.array([[35.0, 25.0]]), (50, 70)), [[96, 64]])


def test_letterbox_is_centred_on_black():
    image = Image.fromarray(np.full((40, 80, 3), 200, np.uint8))
    box = crops(View(Letterbox(64)), image)[0]
    assert box.shape == (64, 64, 3)
    assert (box[16:48] == 200).all()
    assert (box[:16] == 0).all()
    assert (box[48:] == 0).all()
    assert np.allclose(points(View(Letterbox(64)), np.array([[40.0, 20.0], [0, 0]]), (40, 80)), [[32, 32], [0, 16]])
    assert Letterbox(64).scale((40, 80)) == pytest.approx(0.8)


def test_letterbox_of_odd_sizes_rounds_and_floors():
    # 33 x 100 at 64: 21.12 -> 21 rows, offset floor(43 / 2) = 21.
    box = crops(View(Letterbox(64)), Image.fromarray(np.full((33, 100, 3), 9, np.uint8)))[0]
    rows = np.flatnonzero(box.any((1, 2)))
    assert (rows[0], rows[-1]) == (21, 41)


def test_a_mask_sums_by_coverage_and_lies_on_its_object():
    mask = np.zeros((80, 120), bool)
    mask[40:80, 80:100] = True  # the lower right quarter of the central 80 x 80 square
    soft = grid_mask(View(CentreCrop(64, 64)), mask, (8, 8)).astype(float)
    assert soft.shape == (8, 8)
    assert soft[4:, 6:].sum() > 0.9 * soft.sum()


def test_a_mask_by_hand_on_exact_blocks():
    mask = np.zeros((64, 64), bool)
    mask[:, :32] = True
    left, right = grid_mask(View(CentreCrop(64, 64)), mask, (1, 2))[0].tolist()
    # PIL's bicubic kernel reaches over the boundary by a little.
    assert left > 0.85 * 255
    assert right < 0.15 * 255
    assert (grid_mask(View(CentreCrop(64, 64)), np.ones((64, 64), bool), (4, 4)) == 255).all()


def test_an_object_outside_the_crop_leaves_nothing():
    mask = np.zeros((50, 200), bool)
    mask[:, :20] = True
    assert not grid_mask(View(CentreCrop(64, 64)), mask, (8, 8)).any()
    assert grid_mask(View(Tiles(64, 64, 8)), mask, (8, 32)).any()


def stitched(view, image):
    """The seen image, put together from its crops."""
    size, (rows, columns) = view.seen_size(image.size[::-1]), view.shape
    whole = np.zeros((*size, 3), np.uint8)
    for (y, x), crop in zip(tile_corners(size, view.shape), crops(view, image), strict=True):
        whole[y : y + rows, x : x + columns] = crop
    return whole


@pytest.mark.parametrize("view", VIEWS, ids=str)
@pytest.mark.parametrize("size", [(90, 130), (130, 90), (64, 64), (75, 200)])
def test_mask_labels_points_and_image_agree_where_the_object_is(view, size):
    image = np.zeros((*size, 3), np.uint8)
    mask = np.zeros(size, bool)
    top, left = size[0] // 3, size[1] // 2 - 10
    mask[top : top + 30, left : left + 30] = True
    image[mask] = 255
    whole = stitched(view, Image.fromarray(image))
    rows, columns = whole.shape[0] // 8, whole.shape[1] // 8
    bright = whole[..., 0].reshape(rows, 8, columns, 8).mean((1, 3))
    soft = grid_mask(view, mask, (rows, columns)).astype(float)
    assert np.corrcoef(bright.ravel(), soft.ravel())[0, 1] > 0.97
    labels = grid_labels(view, mask.astype(np.uint8) * 3, (rows, columns))
    assert set(np.unique(labels)) == {0, 3}
    assert np.corrcoef(bright.ravel(), labels.ravel())[0, 1] > 0.8
    (x0, y0), (x1, y1) = points(view, np.array([[left, top], [left + 30, top + 30]], float), size)
    lit = np.argwhere(whole[..., 0] > 127)
    assert np.allclose([lit[:, 1].min(), lit[:, 0].min()], [x0, y0], atol=2)
    assert np.allclose([lit[:, 1].max() + 1, lit[:, 0].max() + 1], [x1, y1], atol=2)
    assert np.sqrt((x1 - x0) * (y1 - y0)) / 30 == pytest.approx(view.scale(size), rel=0.05)


def pattern(height, width):
    y, x = np.mgrid[:height, :width]
    return np.stack([(7 * y + 3 * x + 50 * c + (x * y) % (31 + c)) % 256 for c in range(3)], -1).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("resize73-crop64", "4da080dc186ee2cf"),
        ("fit50-resize64-crop64", "3723b92d4930ef04"),
        ("short64-tile32-patch8", "972eb23a5c95f5a4"),
        ("letterbox64", "6e5a48d0cde0c6fc"),
        ("squash64", "5e439adfcc6f3eb9"),
    ],
)
def test_results_are_those_of_the_code_that_had_no_views(name, digest):
    view, found = parse_view(name), hashlib.sha256()
    for size in [(90, 131), (130, 77)]:
        pixels, (height, width) = pattern(*size), view.seen_size(size)
        grid = (height // 8, width // 8)
        for part in (
            crops(view, Image.fromarray(pixels)),
            grid_mask(view, pixels[..., 0] > 150, grid),
            grid_labels(view, pixels[..., 1] // 50, grid),
            points(view, np.array([[3.5, 20.25], [70, 11]]), size),
            np.array([view.scale(size)]),
        ):
            found.update(f"{part.shape} {part.dtype}".encode() + np.ascontiguousarray(part).tobytes())
    assert found.hexdigest()[:16] == digest


def brute_blur(pixels, kernel):
    height, width, _ = pixels.shape

    def mirrored(index, side):
        index = abs(index) % max(1, 2 * side - 2)
        return min(index, 2 * side - 2 - index) if side > 1 else 0

    reach = range(-(kernel // 2), kernel - kernel // 2)
    blurred = np.zeros(pixels.shape, np.uint8)
    for y in range(height):
        for x in range(width):
            window = [pixels[mirrored(y + dy, height), mirrored(x + dx, width)].astype(int) for dy in reach for dx in reach]
            blurred[y, x] = np.floor(sum(window) / kernel**2 + 0.5)
    return blurred


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 12), st.integers(0, 9))
def test_blur_is_the_mean_of_the_box_around_every_pixel(height, width, kernel, seed):
    image = noise(height, width, seed)
    blurred = crops(View(Squash(height, width), Blur(kernel)), image)[0]
    assert np.array_equal(blurred, brute_blur(np.asarray(image), kernel))


def test_blur_of_an_even_kernel_by_hand():
    line = np.repeat(np.array([[0, 100, 200, 51]], np.uint8)[..., None], 3, axis=2)
    # Windows of one pixel before and the pixel itself; before the first comes its mirror image, the second.
    blurred = crops(View(Squash(1, 4), Blur(2)), Image.fromarray(line))
    assert blurred[0, 0, :, 0].tolist() == [50, 50, 150, 126]


def test_blur_comes_before_resizing_and_leaves_ground_truth_as_it_is():
    image, geometry = noise(90, 130), CentreCrop(73, 64)
    view = View(geometry, Blur(5))
    blurred = Image.fromarray(brute_blur(np.asarray(image), 5))
    assert np.array_equal(crops(view, image), crops(View(geometry), blurred))
    labels = np.asarray(image)[..., 0] // 64
    assert np.array_equal(grid_labels(view, labels, (8, 8)), grid_labels(View(geometry), labels, (8, 8)))
    assert np.array_equal(grid_mask(view, labels > 1, (8, 8)), grid_mask(View(geometry), labels > 1, (8, 8)))
    xy = np.array([[10.0, 20.0], [60.0, 70.0]])
    assert np.array_equal(points(view, xy, (90, 130)), points(View(geometry), xy, (90, 130)))


@pytest.mark.parametrize("alteration", [Noise(20), Band(3)], ids=str)
def test_noise_is_of_the_whole_image_and_of_its_place_in_the_dataset(alteration):
    image, whole, tiled = noise(64, 128), View(Squash(64, 128), alteration), View(Tiles(64, 64, 8), alteration)
    seen = crops(whole, image, 7)
    assert np.array_equal(seen, crops(whole, image, 7))
    assert not np.array_equal(seen, crops(whole, image, 8))
    assert np.array_equal(np.concatenate(crops(tiled, image, 7), axis=1), seen[0])  # noise before tiling
    assert np.array_equal(grid_labels(whole, np.eye(64, 128, dtype=np.uint8), (64, 128)), np.eye(64, 128))


@pytest.mark.parametrize("alteration", [Shift(4), Rotation(15), Scale(80), Scale(120)], ids=str)
@pytest.mark.parametrize("size", [(90, 130), (64, 64), (75, 61)])
def test_image_labels_and_points_are_moved_alike(alteration, size):
    """A square of grey level 200 and label 3: beyond the half pixel at its edges, both are where the other is."""
    labels = np.zeros(size, np.uint8)
    labels[20:50, 22:45] = 3
    view = View(Squash(*size), alteration)
    pixels = crops(view, Image.fromarray(np.repeat(labels[..., None] // 3 * 200, 3, 2)))[0, ..., 0]
    moved = grid_labels(view, labels, size)
    assert np.array_equal(grid_mask(view, labels > 0, size) > 0, moved > 0)
    assert not (moved[pixels == 200] != 3).any()
    assert not (moved[pixels == 0] != 0).any()
    assert ((pixels > 0) & (pixels < 200)).sum() < 300
    # The middle of the square is seen in the middle of what is seen of it, which are whole pixels.
    middle = points(view, np.array([[33.5, 35.0]]), size)[0]
    assert np.allclose(np.argwhere(moved).mean(0)[::-1] + 0.5, middle, atol=0.51)


def test_moved_images_of_void_labels_are_void_where_nothing_is_seen():
    # Class maps are given as class + 1, so that 0 is void.
    labels = np.full((6, 6), 5, np.uint8)
    moved = grid_labels(View(Squash(6, 6), Shift(2)), labels, (6, 6))
    assert not moved[:2].any() and not moved[:, :2].any() and (moved[2:, 2:] == 5).all()


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 70))
def test_where_an_image_is_on_a_letterbox(height, width, side):
    view = View(Letterbox(side))
    top, left, bottom, right = shown_area(view, (height, width))
    expected = np.zeros((side, side), bool)
    expected[top:bottom, left:right] = True
    box = crops(view, Image.fromarray(np.full((height, width, 3), 9, np.uint8)))[0]
    assert np.array_equal(box[..., 0] > 0, expected)


def test_other_views_are_filled_by_the_image():
    assert shown_area(View(CentreCrop(73, 64)), (40, 80)) == (0, 0, 64, 64)
    assert shown_area(View(Squash(16, 32), Blur(3)), (40, 80)) == (0, 0, 16, 32)
    assert shown_area(View(Tiles(64, 64, 8)), (40, 80)) == (0, 0, 64, 128)
