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


def test_a_ring_of_pairs_is_the_ring():
    ring = [[1.2, 0.7], [6.6, 1.4], [4.1, 6.3]]
    assert drawn(annotation_mask([ring], 8, 8)) == PYCOCOTOOLS_INSIDE
    assert annotation_mask([[[1, 1], [10, 1], [10, 10]]], 30, 40).sum() == 36  # as pycocotools


@pytest.mark.parametrize("at_once", [1, 30, 200])
def test_an_outline_drawn_piece_by_piece_is_the_same(monkeypatch, at_once):
    ring = np.random.default_rng(0).uniform(-5, 45, 60).tolist()
    whole = polygon_mask(ring, 30, 40)
    monkeypatch.setattr("workflow_scripts.data.readers.coco_masks._POINTS_AT_ONCE", at_once)
    assert 200 < whole.sum() < 1000
    assert np.array_equal(polygon_mask(ring, 30, 40), whole)


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
        (None, "neither polygons nor run lengths"),
        ([[1, 1, 10, 1, 10, 10, 5]], "a ring of 7 numbers, expected pairs x, y"),
        ([[0, 0, 2, 0, 2, 2], [1]], "a ring of 1 numbers, expected pairs x, y"),
        ([[1, 1, 1e9, 1, 10, 10]], r"a coordinate of a ring is 1000000000\.0, expected a number of pixels"),
        ([[1, 1, 7, 1, 1, 2]], "a coordinate of a ring is 7, far outside the image of 3 x 2"),
        ([[1, 1, 2, -4, 1, 2]], "a coordinate of a ring is -4, far outside the image of 3 x 2"),
        ([[1, 1, float("nan"), 1, 1, 2]], "a coordinate of a ring is nan"),
        ([[1, 1, float("-inf"), 1, 1, 2]], "a coordinate of a ring is -inf"),
        ([[1, 1, 10**400, 1, 1, 2]], r"a coordinate of a ring is 1000000000000000000000000000000000000000\.\.\."),
        ([[1, 1, "2", 1, 1, 2]], "a coordinate of a ring is '2', expected a number"),
        ([[1, 1, True, 1, 1, 2]], "a coordinate of a ring is True, expected a number"),
        ([[1, 1, None, 1, 1, 2]], "a coordinate of a ring is None, expected a number"),
        ([[[1, 1], [2, 1], [2, 2, 3]]], r"a coordinate of a ring is \[1, 1\], expected a number"),
        ([1, 1, 2, 1, 2, 2], "a segmentation of numbers, expected a list of rings"),
        ([[1, 1], [2, 1], [2, 2]], "3 rings of one point, expected a list of rings"),
        (
            {"counts": [2**63 - 1, 2**63 - 1, 18], "size": [2, 3]},
            "a run length is 9223372036854775807, expected a whole number",
        ),
        ({"counts": [3.0, 3.0], "size": [2, 3]}, r"a run length is 3\.0, expected a whole number"),
        ({"counts": [6, False], "size": [2, 3]}, "a run length is False"),
        ({"counts": None, "size": [2, 3]}, "run lengths that are neither a list nor text"),
        ({"counts": 6, "size": [2, 3]}, "run lengths that are neither a list nor text"),
        ({"counts": [6]}, "for the size None"),
        ({"counts": "o" * 100000 + "0", "size": [2, 3]}, "with other characters, or numbers, than COCO writes"),
        ({"counts": "\ud800", "size": [2, 3]}, "with other characters"),
        ({"counts": "/", "size": [2, 3]}, "with other characters"),
    ],
)
def test_what_cannot_be_drawn(segmentation, reason):
    with pytest.raises(ValueError, match=reason):
        annotation_mask(segmentation, 2, 3)
