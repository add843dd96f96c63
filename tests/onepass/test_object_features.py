"""Features of boxes by RoIAlign against loops over its points, whole and from tiles; moments of patches against NumPy."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.onepass.fake import FakeSource, FakeVit
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.views import tile_corners
from workflow_scripts.onepass.batch import Batch, Boxes, LayerView
from workflow_scripts.onepass.collector import PassFacts
from workflow_scripts.onepass.collectors import make_collectors
from workflow_scripts.onepass.engine import run_pass
from workflow_scripts.onepass.object_features import FeatureMoments, ObjectFeatures

PATCH = 4  # pixels


def bilinear(plane, y, x):
    """Return the value at a point whose whole numbers are centres of patches, [D]; beyond the last ones it stays as it is."""
    rows, columns = plane.shape[:2]
    y, x = min(max(y, 0), rows - 1), min(max(x, 0), columns - 1)
    top, left = min(int(y), rows - 2) if rows > 1 else 0, min(int(x), columns - 2) if columns > 1 else 0
    total = np.zeros(plane.shape[2])
    for row in {top, min(top + 1, rows - 1)}:
        for column in {left, min(left + 1, columns - 1)}:
            total += plane[row, column] * max(0, 1 - abs(y - row)) * max(0, 1 - abs(x - column))
    return total


def looped(plane, box):
    """Return the mean over 7 x 7 bins of 2 x 2 points of a box in pixels, [D]."""
    x0, y0, x1, y1 = np.asarray(box, float) / PATCH - 0.5
    bins = []
    for i in range(7):
        for j in range(7):
            points = [
                bilinear(plane, y0 + (y1 - y0) / 7 * (i + (2 * a + 1) / 4), x0 + (x1 - x0) / 7 * (j + (2 * b + 1) / 4))
                for a in range(2)
                for b in range(2)
            ]
            bins.append(np.mean(points, 0))
    return np.mean(bins, 0)


def batch_of(planes, boxes, tile=None, n_prefix=2):
    """Return a batch of images whose patches are `planes` [R, C, D] each, with boxes for each, and the layer's view of it.

    With tiles of `tile` patches, their cells are those of the image; without, all images have one grid.
    """
    grid = tile or planes[0].shape[:2]
    crops = [
        plane[y : y + grid[0], x : x + grid[1]].reshape(-1, plane.shape[2])
        for plane in planes
        for y, x in tile_corners(plane.shape[:2], grid)
    ]
    prefix = np.full((len(crops), n_prefix, planes[0].shape[2]), 1e6)
    tokens = torch.tensor(np.concatenate([prefix, np.stack(crops)], 1), dtype=torch.float32)
    view = LayerView(SimpleNamespace(index=1, n_prefix=n_prefix, grid=grid, token=tokens * 0, token_normed=tokens))
    image = np.repeat(np.arange(len(planes)), [len(own) for own in boxes])
    edges = torch.tensor([box for own in boxes for box in own], dtype=torch.float32).reshape(-1, 4)
    batch = Batch(
        np.arange(len(planes)),
        torch.zeros(len(crops), 3, grid[0] * PATCH, grid[1] * PATCH),
        tiles=[plane.shape[:2] for plane in planes] if tile else None,
        boxes=Boxes(np.arange(len(image)), image, edges),
    )
    return view, batch


def kept(kind, view, batch, **options):
    collector = kind(1, None, layers=[1], **options)
    collector.update(view, batch)
    collector.close_batch(batch)
    return {name: value if isinstance(value, np.ndarray) else value.array() for name, value in collector.state().items()}


def features(planes, boxes, tile=None, precision="float32"):
    return kept(ObjectFeatures, *batch_of(planes, boxes, tile), precision=precision)["token_normed"][:, 0]


def planes_of(seed, *grids):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(*grid, 5)) for grid in grids]


def boxes_in(seed, grid, count):
    """Return boxes within an image, small ones and large ones, some at its ends."""
    rng = np.random.default_rng(seed)
    ends = np.array([grid[1], grid[0]]) * PATCH
    found = []
    for _ in range(count):
        one, other = rng.random((2, 2)) * (ends * 1.4) - 0.2 * ends
        least, most = np.clip(np.minimum(one, other), 0, ends), np.clip(np.maximum(one, other), 0, ends)
        found.append([*least, *np.maximum(most, least + 0.01)])
    return found


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 9999))
def test_features_are_means_over_the_points_of_roialign(seed):
    planes = planes_of(seed, (3, 5), (3, 5))
    boxes = [boxes_in(seed, (3, 5), 3), boxes_in(seed + 1, (3, 5), 2)]
    expected = [looped(plane, box) for plane, own in zip(planes, boxes, strict=True) for box in own]
    np.testing.assert_allclose(features(planes, boxes), expected, rtol=1e-4, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 9999))
def test_tiles_are_put_side_by_side_before_boxes_are_cut_out(seed):
    """Images of several sizes, a box over the border of tiles; one without boxes between them."""
    grids = (4, 6), (2, 3), (2, 6)
    planes = planes_of(seed, *grids)
    boxes = [[*boxes_in(seed, grids[0], 3), [9, 5, 15, 11]], [], boxes_in(seed, grids[2], 2)]
    expected = [looped(plane, box) for plane, own in zip(planes, boxes, strict=True) for box in own]
    np.testing.assert_allclose(features(planes, boxes, tile=(2, 3)), expected, rtol=1e-4, atol=1e-5)


@given(st.lists(st.floats(2, 30), min_size=4, max_size=4))
def test_of_a_plane_that_rises_evenly_a_box_has_the_value_at_its_centre(sides):
    """Patches have their centre in pixels as features: known without a loop."""
    y, x = np.meshgrid(*[(np.arange(8) + 0.5) * PATCH] * 2, indexing="ij")
    box = [min(sides[:2]), min(sides[2:]), max(sides[:2]), max(sides[2:])]
    (made,) = features([np.stack([x, y], -1)], [[box]])
    np.testing.assert_allclose(made, [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], atol=1e-3)


def test_a_batch_without_a_box_and_features_too_large_for_their_precision():
    assert "token_normed" not in kept(ObjectFeatures, *batch_of(planes_of(0, (2, 2)), [[]]), precision="float32")
    loud = [np.full((2, 2, 5), 1e5)]
    with pytest.raises(AtlasError, match="a feature of layer 1 is too large for float16; set feature_precision: float32"):
        features(loud, [[[0, 0, 8, 8]]], precision="float16")


@pytest.mark.parametrize("tile", [None, (2, 2)])
def test_moments_are_those_of_all_patches_of_images_once(tile):
    """Where two tiles overlap their cells count once."""
    planes = [1000 + plane for plane in planes_of(3, (2, 3), (2, 3))]
    made = kept(FeatureMoments, *batch_of(planes, [[], []], tile))
    every = np.float32(np.concatenate([plane.reshape(-1, 5) for plane in planes])).astype(np.float64)
    assert made["count"].tolist() == [12]
    np.testing.assert_allclose(made["mean"][0], every.mean(0), rtol=1e-13)
    np.testing.assert_allclose(made["squares"][0] / 12, every.var(0), rtol=1e-9)


def test_both_in_one_pass_at_the_layers_asked():
    """Of the last layer after the final norm, as the model gives it."""
    asked = {"object_features": {"layers": [-1], "precision": "float32"}, "feature_moments": {"layers": [-1]}}
    made = make_collectors(asked, PassFacts(11, 0, 3))
    source, vit = FakeSource(), FakeVit()
    run_pass(vit, "fake", source, made, batch_size=4)
    objects, moments = (collector.state() for collector in made)
    last = vit._layer(source.images, 3, False).token_normed[:, 1:].reshape(-1, 6).double().numpy()
    np.testing.assert_allclose(moments["squares"] / moments["count"][:, None], last.var(0)[None], rtol=1e-10)
    assert objects["token_normed"].shape == (10, 1, 6)
    # Box 8 is the second of image 8, in pixels of 2 x 2 that are 3 x 4 patches.
    plane = vit._layer(source.images[8:9], 3, False).token_normed[0, 1:].reshape(3, 4, 6).numpy()
    box = source.at([8]).boxes.xyxy[1].numpy() * [2, 1.5, 2, 1.5] * PATCH
    np.testing.assert_allclose(objects["token_normed"].array()[8, 0], looped(plane, box), rtol=1e-4, atol=1e-5)
