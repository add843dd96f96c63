"""COCO's masks: by hand, against what pycocotools 2.0.11 gave, and run lengths there and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.data.readers.coco_masks import annotation_mask, decode_counts, polygon_mask, run_mask

PYCOCOTOOLS_INSIDE = [
    "........", "..#####.", "..####..", "...###..", "...##...", "....#...", "........", "........",
]  # fmt: skip
PYCOCOTOOLS_CUT = ["#......", "###....", "####...", "#####..", "####...", "####..."]


def drawn(mask):
    return ["".join(".#"[int(pixel)] for pixel in row) for row in mask]


def test_a_rectangle_on_pixel_edges_covers_just_its_pixels():
    mask = polygon_mask([2, 1, 5, 1, 5, 3, 2, 3], 4, 6)
    assert drawn(mask) == ["......", "..###.", "..###.", "......"]
    assert mask.dtype == bool


def test_polygons_as_pycocotools_draws_them():
    assert drawn(polygon_mask([1.2, 0.7, 6.6, 1.4, 4.1, 6.3], 8, 8)) == PYCOCOTOOLS_INSIDE
    assert drawn(polygon_mask([-3, -2, 5, 3, 2, 9], 6, 7)) == PYCOCOTOOLS_CUT


def test_the_direction_of_a_ring_does_not_matter():
    ring = np.array([[1.2, 0.7], [6.6, 1.4], [4.1, 6.3], [2.0, 5.0]])
    there, back = (polygon_mask(corners.ravel().tolist(), 8, 8) for corners in (ring, ring[::-1]))
    assert (there != back).sum() <= 2  # ties on the fine grid round in the direction of travel
    assert there.sum() > 10


def test_rings_are_united_and_degenerate_ones_left_out():
    rings = [[0, 0, 2, 0, 2, 2, 0, 2], [1, 1, 3, 1, 3, 3, 1, 3], [0, 0, 3, 3], [1, 1]]
    assert drawn(annotation_mask(rings, 3, 3)) == ["##.", "###", ".##"]
    assert not annotation_mask([[0, 0, 3, 3]], 3, 3).any()
    assert not annotation_mask([], 3, 3).any()


def test_runs_go_down_the_columns_and_begin_outside():
    assert drawn(run_mask([1, 2, 2, 1], 2, 3)) == [".#.", "#.#"]
    assert drawn(annotation_mask({"counts": [0, 6], "size": [2, 3]}, 2, 3)) == ["###", "###"]


def test_compressed_runs():
    # The fourth number is the difference -1 from the second: 2 - 1 = 1.
    assert decode_counts("122O") == [1, 2, 2, 1]
    # 42 takes two characters: 10 + 32 and 1, each at 48 and above.
    assert decode_counts(b"Z11") == [42, 1]
    assert decode_counts("6320004")[:3] == [6, 3, 2]
    square = annotation_mask({"size": [5, 5], "counts": "6320004"}, 5, 5)
    assert drawn(square) == [".....", ".###.", ".###.", ".###.", "....."]


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=30))
def test_compressed_runs_there_and_back(counts):
    assert decode_counts(compress(counts)) == counts


def compress(counts):
    """Compress run lengths from the definition of the format: least bits first until what is left is only sign."""
    text = ""
    for i, count in enumerate(counts):
        value = count - counts[i - 2] if i > 2 else count
        while True:
            bits, value = value & 31, value >> 5
            done = value == (-1 if bits & 16 else 0)
            text += chr(48 + bits + (0 if done else 32))
            if done:
                break
    return text


@pytest.mark.parametrize(
    ("segmentation", "reason"),
    [
        ({"counts": [1, 2], "size": [2, 3]}, "do not fill an image of 2 x 3"),
        ({"counts": [8, -2], "size": [2, 3]}, "a run length is 8, expected a whole number from 0 to 6"),
        ({"counts": "P", "size": [2, 3]}, "end within a number"),
        ({"counts": [6], "size": [3, 2]}, r"for the size \[3, 2\], but the image has \[2, 3\]"),
        ("polygon", "neither polygons nor run lengths"),
    ],
)
def test_what_cannot_be_drawn(segmentation, reason):
    with pytest.raises(ValueError, match=reason):
        annotation_mask(segmentation, 2, 3)
