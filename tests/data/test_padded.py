"""Images of sizes of their own in crops of one shape: pixels as they are or as PIL scales them, and no image too large."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data import geometry
from workflow_scripts.data.views import Padded, View, crops_per_image, shown_area, whole_grid

sides = st.integers(1, 60)


@settings(deadline=None, max_examples=60)
@given(sides, sides, st.integers(1, 20))
def test_an_image_of_any_proportions_stays_as_it_is(height, width, patch):
    view = View(Padded(60, patch))
    pixels = np.random.default_rng(0).integers(1, 256, (height, width, 3), dtype=np.uint8)
    (crop,) = geometry.crops(view, Image.fromarray(pixels))
    assert crop.shape == (*view.shape, 3)
    assert np.array_equal(crop[:height, :width], pixels)
    assert not crop[height:].any() and not crop[:, width:].any()
    rows, columns = view.seen_size((height, width))
    assert rows % patch == columns % patch == 0
    assert 0 <= rows - height < patch and 0 <= columns - width < patch
    assert view.shape[0] - 60 < patch and view.shape[0] >= 60
    assert crops_per_image(view, (height, width)) == 1
    assert view.scale((height, width)) == 1
    assert shown_area(view, (height, width)) == (0, 0, height, width)
    grid = (view.shape[0] // patch, view.shape[1] // patch)
    assert whole_grid((rows, columns), view.shape, grid) == (rows // patch, columns // patch)


@settings(deadline=None, max_examples=60)
@given(sides, sides, st.integers(1, 90), st.integers(1, 20))
def test_a_scaled_image_is_pil_s_without_distortion(height, width, longest, patch):
    view = View(Padded(longest, patch, scaled=True))
    image = Image.fromarray(np.random.default_rng(0).integers(1, 256, (height, width, 3), dtype=np.uint8))
    (crop,) = geometry.crops(view, image)
    assert crop.shape == (*view.shape, 3)
    top, left, bottom, right = shown_area(view, (height, width))
    assert (top, left, max(bottom, right)) == (0, 0, longest)
    assert abs(min(bottom, right) - max(1, min(height, width) * longest / max(height, width))) <= 0.5
    assert np.array_equal(crop[:bottom, :right], np.asarray(image.resize((right, bottom), Image.Resampling.BICUBIC)))
    assert not crop[bottom:].any() and not crop[:, right:].any()
    seen = view.seen_size((height, width))
    assert all(whole % patch == 0 and 0 <= whole - end < patch for whole, end in zip(seen, (bottom, right), strict=True))
    assert view.seen_size((longest, longest)) == view.shape
    assert crops_per_image(view, (height, width)) == 1
    assert view.scale((height, width)) == pytest.approx(longest / max(height, width))
    assert np.allclose(geometry.points(view, np.array([[width, height]]), (height, width)), [[right, bottom]])


def test_labels_of_a_scaled_image_have_as_much_added_as_it_has():
    view, labels = View(Padded(12, 8, scaled=True)), np.arange(1, 25).reshape(4, 6)
    # Twice as large, 8 x 12, and 8 x 16 with what is added: two columns of the labels.
    assert view.seen_size((4, 6)) == (8, 16)
    seen = geometry.nearest_labels(view, labels, (4, 8))
    assert np.array_equal(seen[:, :6], labels)
    assert not seen[:, 6:].any()


def test_boxes_and_labels_stay_where_they_are():
    view, labels = View(Padded(9, 4)), np.arange(1, 31).reshape(5, 6)
    assert geometry.points(view, np.array([[1.5, 4]]), (5, 6)).tolist() == [[1.5, 4]]
    seen = geometry.nearest_labels(view, labels, (8, 8))
    assert np.array_equal(seen[:5, :6], labels)
    assert not seen[5:].any() and not seen[:, 6:].any()


def test_an_image_that_is_too_large_is_named():
    with pytest.raises(AtlasError, match=r"view 'padded9-patch4': image 8 of the dataset has 10 x 3 px; choose padded10"):
        geometry.crops(View(Padded(9, 4)), Image.new("RGB", (10, 3)), 7)
