"""Concepts of patches: the definition's nearest neighbour word for word, layers and whole images, and what does not fit."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.alterations import Shift
from workflow_scripts.data.concept_lists import concept_lists
from workflow_scripts.data.geometry import nearest_labels
from workflow_scripts.data.views import CentreCrop, Squash, View

VIEW = View(Squash(64, 64))


def samples(n, crops=1):
    return pd.DataFrame({"position": range(n), "id": [f"image{i}" for i in range(n)], "n_crops": crops})


def lists(concepts, grid, view=VIEW):
    """Return the concepts of each patch of each image."""
    made = concept_lists(SimpleNamespace(concepts=concepts.__getitem__), samples(len(concepts)), view, grid)
    assert made["concept_count"].dtype == np.uint8 and made["concept"].dtype == np.uint16
    each = np.split(made["concept"], np.cumsum(made["concept_count"])[:-1])
    assert len(each) == len(concepts) * grid[0] * grid[1]
    return [numbers.tolist() for numbers in each]


@given(st.integers(1, 130), st.integers(1, 130), st.integers(1, 30), st.integers(1, 30))
def test_a_cell_takes_the_pixel_at_its_centre(height, width, rows, columns):
    labels = np.arange(height * width, dtype=np.int32).reshape(height, width)
    found = nearest_labels(VIEW, labels, (rows, columns))
    for i in range(rows):
        for j in range(columns):
            y, x = (2 * i + 1) * height // (2 * rows), (2 * j + 1) * width // (2 * columns)
            assert found[i, j] == labels[y, x]
    # The side of Broden's maps and the grids of both models, as the study writes it.
    assert [int((i + 0.5) * 112 / 28) for i in range(28)] == [(2 * i + 1) * 112 // 56 for i in range(28)]


def test_what_is_cut_off_is_not_seen_and_maps_keep_their_own_resolution():
    """A map half as large as the image of 32 x 16 px, of which the central square of 12 px is seen."""
    labels = np.arange(128, dtype=np.int32).reshape(8, 16) + 70000
    found = nearest_labels(View(CentreCrop(16, 12)), labels, (3, 3))
    np.testing.assert_array_equal(found, labels[1:7, 5:11][1::2, 1::2])


def test_several_layers_whole_images_and_patches_without_a_label():
    left = np.zeros((4, 4), np.int32)
    left[:, :2] = 9
    top = np.where(np.arange(4)[:, None] < 2, 300, 9).repeat(4, 1).astype(np.int32)
    concepts = [
        {"object": np.stack([left, top]), "scene": np.array([[[5]]], np.int32)},
        {},
        {"part": left[None], "texture": np.array([[[0]], [[65535]]], np.int32)},
    ]
    each = lists(concepts, (2, 2))
    assert each[:4] == [[5, 9, 300], [5, 300], [5, 9], [5, 9]]  # what two layers say counts once
    assert each[4:8] == [[]] * 4
    assert each[8:] == [[9, 65535], [65535], [9, 65535], [65535]]


def test_what_does_not_fit_is_said():
    whole = {"scene": np.array([[[65536]]], np.int32)}
    with pytest.raises(AtlasError, match=r"image image0: concept 65536 .* number concepts from 1 to 65535"):
        lists([whole], (2, 2))
    many = {"object": np.arange(1, 257, dtype=np.int32)[:, None, None]}
    with pytest.raises(AtlasError, match="the 256 concepts of one patch are more than can be kept"):
        lists([many], (2, 2))
    with pytest.raises(AtlasError, match="no patch has a concept"):
        lists([{}, {}], (2, 2))
    with pytest.raises(AtlasError, match="images of several crops"):
        concept_lists(SimpleNamespace(), samples(1, crops=2), VIEW, (2, 2))


def test_moved_images_are_refused():
    with pytest.raises(AtlasError, match=r"moved images; maps of concepts may be smaller .*choose a view without shift"):
        lists([{}], (2, 2), View(Squash(64, 64), Shift(2)))
