"""Ground truth on patch grids: by hand on tiny images, in the order of the samples, without what was skipped."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.ground_truth import category_names, first_labels, keypoint_pairs, region_masks
from workflow_scripts.data.reader import KeypointPair, Region
from workflow_scripts.data.views import CentreCrop, Letterbox, Squash, Tiles, View, crops_per_image, whole_grid


def samples(positions, view, sizes):
    rows = []
    for position in positions:
        seen = view.seen_size(sizes[position])
        rows.append((position, *sizes[position], *seen, crops_per_image(view, sizes[position])))
    return pd.DataFrame(rows, columns=["position", "image_height", "image_width", "height", "width", "n_crops"])


def block(size, top, left, height, width):
    mask = np.zeros(size, bool)
    mask[top : top + height, left : left + width] = True
    return mask


def test_whole_grid():
    assert whole_grid((448, 784), (224, 224), (14, 14)) == (28, 49)
    assert whole_grid((64, 64), (64, 64), (8, 8)) == (8, 8)
    assert whole_grid((64, 128), (64, 128), (8, 16)) == (8, 16)


def test_regions_of_square_images_with_their_union():
    size = (16, 16)
    objects = {
        0: [Region(block(size, 0, 0, 8, 8), 4), Region(block(size, 8, 8, 8, 8), 7)],
        1: [],
        2: [Region(block(size, 0, 8, 8, 8), 5)],
    }
    reader = SimpleNamespace(objects=objects.__getitem__)
    view = View(CentreCrop(16, 16))
    # The first image was skipped.
    arrays = region_masks(reader, samples([1, 2, 0], view, dict.fromkeys(range(3), size)), view, (2, 2))
    assert arrays["object_image"].tolist() == [1, 2, 2]
    assert arrays["object_label"].tolist() == [5, 4, 7]
    assert arrays["object_cells"].tolist() == [4, 4, 4]
    values = arrays["object_values"].reshape(3, 4)
    assert values.argmax(1).tolist() == [1, 0, 3]
    assert arrays["has_object"].tolist() == [0, 1, 1]
    assert arrays["object_mask"][1, 1] == 1
    assert "part_image" not in arrays


def test_regions_of_tiled_images_have_grids_of_their_own():
    sizes = {0: (16, 32), 1: (16, 16)}
    parts = {p: [Region(block(size, 0, 0, 16, 8), p)] for p, size in sizes.items()}
    reader = SimpleNamespace(objects=lambda position: [], parts=parts.__getitem__)
    view = View(Tiles(16, 16, 8))
    arrays = region_masks(reader, samples([0, 1], view, sizes), view, (2, 2))
    assert arrays["part_cells"].tolist() == [8, 4]
    wide = arrays["part_values"][:8].reshape(2, 4)
    assert (wide[:, 0] > 200).all()
    assert (wide[:, 2:] < 20).all()
    assert len(arrays["object_image"]) == 0
    assert "object_mask" not in arrays


def test_a_region_that_leaves_no_trace_is_left_out():
    reader = SimpleNamespace(objects=lambda position: [Region(block((16, 48), 0, 0, 16, 2), 1)])
    view = View(CentreCrop(16, 16))
    arrays = region_masks(reader, samples([0], view, {0: (16, 48)}), view, (2, 2))
    assert len(arrays["object_image"]) == 0
    assert arrays["has_object"].tolist() == [0]


def test_regions_of_crops_that_are_not_square():
    reader = SimpleNamespace(objects=lambda position: [Region(block((20, 20), 0, 0, 10, 10), 1)])
    view = View(Squash(16, 32))
    arrays = region_masks(reader, samples([0], view, {0: (20, 20)}), view, (2, 4))
    assert (arrays["object_values"].reshape(2, 4) > 127).tolist() == [[True, True, False, False], [False] * 4]
    assert arrays["object_mask"].shape == (1, 8)


class Video:
    """Two clips of three frames; the label map of frame f is f + 1 in the left half."""

    def frame(self, position):
        return f"clip{position // 3}", position % 3

    def object_map(self, position):
        labels = np.zeros((16, 32), np.uint8)
        labels[:, :16] = position % 3 + 1
        return labels


def test_first_labels_of_every_video():
    view = View(Tiles(16, 16, 8))
    arrays = first_labels(Video(), samples(range(6), view, dict.fromkeys(range(6), (16, 32))), view, (2, 2))
    assert arrays["video"].tolist() == [0, 0, 0, 1, 1, 1]
    assert arrays["frame"].tolist() == [0, 1, 2, 0, 1, 2]
    assert arrays["channels"].tolist() == [2, 2]
    assert arrays["cells"].tolist() == [[2, 4], [2, 4]]
    assert arrays["labels"].tolist() == [1, 1, 0, 0, 1, 1, 0, 0] * 2


def test_a_video_without_its_first_frame_or_of_several_sizes_is_named():
    view = View(Tiles(16, 16, 8))
    sizes = dict.fromkeys(range(6), (16, 32))
    with pytest.raises(AtlasError, match="video 'clip1': its first frame is missing"):
        first_labels(Video(), samples([0, 1, 2, 4, 5], view, sizes), view, (2, 2))
    with pytest.raises(AtlasError, match="video 'clip0': its frames have 2 sizes"):
        first_labels(Video(), samples(range(6), view, sizes | {1: (16, 48)}), view, (2, 2))


def pair(source, target, category="b"):
    points = np.array([[10.0, 10.0], [70.0, 30.0]])
    return KeypointPair(source, target, category, points, points + 1, (10.0, 10.0, 50.0, 30.0))


def test_pairs_in_pixels_of_the_crops_without_skipped_images():
    reader = SimpleNamespace(pairs=lambda: [pair(0, 1), pair(1, 2), pair(0, 2, "a")])
    view = View(Letterbox(40))
    sizes = {0: (40, 80), 2: (80, 80)}
    arrays = keypoint_pairs(reader, samples([2, 0], view, sizes), view)
    assert category_names(reader) == ["a", "b"]
    assert arrays["pair_source"].tolist() == [1]
    assert arrays["pair_target"].tolist() == [0]
    assert arrays["pair_category"].tolist() == [0]
    assert arrays["pair_size"].tolist() == [20]  # 40 px wide, at half size
    assert arrays["pair_area"].tolist() == [[0, 0, 40, 40]]
    assert arrays["point_pair"].tolist() == [0, 0]
    assert arrays["point_source"].tolist() == [[5, 15], [35, 25]]  # 10 px of black above
    assert arrays["point_target"].tolist() == [[5.5, 5.5], [35.5, 15.5]]


def test_no_pair_left_is_an_error():
    reader = SimpleNamespace(pairs=lambda: [pair(0, 1)])
    with pytest.raises(AtlasError, match="no pair of keypoints is left"):
        keypoint_pairs(reader, samples([0], View(Letterbox(8)), {0: (8, 8)}), View(Letterbox(8)))
