"""Class maps: dense labels in the pixels of the crops, void where there is none."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.data.test_ground_truth import samples
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.class_maps import VOID, class_maps
from workflow_scripts.data.views import CentreCrop, Letterbox, Squash, Tiles, View


def reader(*maps, classes=3):
    labels = [np.array(one, np.int16) for one in maps]
    return SimpleNamespace(dense_labels=labels.__getitem__, dense_classes=[f"c{i}" for i in range(classes)])


def made(maps, view, positions=None, classes=3):
    sizes = {i: np.shape(one) for i, one in enumerate(maps)}
    return class_maps(reader(*maps, classes=classes), samples(positions or list(sizes), view, sizes), view)


def test_labels_as_they_are_and_in_the_order_of_the_samples():
    maps = [[[0, 1], [2, -1]], [[1, 1], [1, 1]]]
    found = made(maps, View(CentreCrop(2, 2)), [1, 0])
    assert found.dtype == np.uint8
    assert found.tolist() == [[[1, 1], [1, 1]], [[0, 1], [2, VOID]]]


def test_the_crop_and_the_size_are_those_of_the_image():
    quarters = np.repeat(np.repeat([[0, 1], [2, -1]], 4, 0), 4, 1)
    wide = np.pad(quarters, ((0, 0), (4, 4)), constant_values=2)  # cropped away
    found = made([wide], View(CentreCrop(4, 4)))
    assert found[0].tolist() == [[0, 0, 1, 1]] * 2 + [[2, 2, VOID, VOID]] * 2
    # Smaller squares of a larger image: the middle.
    assert made([quarters], View(CentreCrop(8, 4)))[0].tolist() == found[0].tolist()
    assert made([quarters], View(Squash(2, 4)))[0].tolist() == [[0, 0, 1, 1], [2, 2, VOID, VOID]]


def test_what_shows_no_image_is_void_and_class_0_is_a_class():
    found = made([np.zeros((2, 4))], View(Letterbox(4)))
    assert found[0].tolist() == [[VOID] * 4, [0] * 4, [0] * 4, [VOID] * 4]


def test_as_many_classes_as_fit_and_no_more():
    last = np.full((2, 2), VOID - 1)
    assert made([last], View(CentreCrop(2, 2)), classes=VOID).max() == VOID - 1
    with pytest.raises(AtlasError, match="256 classes of pixels; maps hold 255 at most"):
        made([last], View(CentreCrop(2, 2)), classes=256)


def test_what_cannot_be_used_is_refused():
    with pytest.raises(AtlasError, match=r"images of several crops; .* choose a view without tiles"):
        made([np.zeros((4, 8))], View(Tiles(4, 4, 2)))
    with pytest.raises(AtlasError, match="no pixel that is seen has a class"):
        made([np.full((2, 2), -1)], View(CentreCrop(2, 2)))


def test_a_map_of_another_size_than_its_image_is_named():
    maps = [np.zeros((2, 2)), np.zeros((4, 2))]
    view = View(CentreCrop(2, 2))
    table = samples([0, 1], view, {0: (2, 2), 1: (4, 4)}).assign(id=["a", "b"])
    with pytest.raises(AtlasError, match="image b: its label map is 2 x 4 pixels, but the image 4 x 4; give the map"):
        class_maps(reader(*maps), table, view)
