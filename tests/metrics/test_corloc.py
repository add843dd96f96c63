"""The public IoU and CorLoc against hand-checked boxes and a plain transcription."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.metrics.corloc import corloc, hits, pixel_boxes, public_iou

boxes = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 20), st.integers(1, 20)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


def plain_iou(a, b):
    both = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    area = [(box[2] - box[0]) * (box[3] - box[1] + 1e-7) for box in (a, b)]
    return both / (area[0] + area[1] - both + 1e-7)


@given(boxes, boxes)
def test_the_iou_is_that_of_the_public_code(a, b):
    found = public_iou(np.array(a), np.array(b))
    assert found == pytest.approx(plain_iou(a, b), abs=1e-12)
    assert 0 <= found < 1


def test_exactly_a_half_is_a_miss_and_a_little_more_a_hit():
    found = np.array([[0, 0, 10, 10], [0, 0, 10, 10]])
    assert hits(found, np.array([[0, 0, 10, 20], [0, 0, 10, 19]]), np.array([0, 1])).tolist() == [0, 1]


def test_any_object_counts_and_images_without_are_skipped():
    found = np.array([[0, 0, 4, 4], [0, 0, 4, 4], [0, 0, 4, 4]])
    truth = np.array([[9, 9, 12, 12], [0, 0, 4, 5], [8, 8, 9, 9]])
    made = hits(found, truth, np.array([0, 0, 2]))
    assert np.array_equal(made, [1, np.nan, 0], equal_nan=True)
    assert corloc(made) == (0.5, 1)
    share, skipped = corloc(hits(found, np.empty((0, 4)), np.empty(0, int)))
    assert math.isnan(share) and skipped == 3


@settings(deadline=None)
@given(st.lists(st.tuples(boxes, st.lists(boxes, max_size=4)), min_size=1, max_size=6))
def test_corloc_is_a_loop_over_images(images):
    found = np.array([box for box, _ in images])
    truth = np.array([box for _, own in images for box in own]).reshape(-1, 4)
    image = np.repeat(np.arange(len(images)), [len(own) for _, own in images])
    right = [any(plain_iou(box, other) >= 0.5 for other in own) for box, own in images if own]
    share, skipped = corloc(hits(found, truth, image))
    assert skipped == len(images) - len(right)
    assert share == pytest.approx(np.mean(right)) if right else math.isnan(share)


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_pixels_end_with_the_image_before_padding(height, width, data):
    patch = 14
    rows, columns = -(-height // patch), -(-width // patch)
    x0, y0 = data.draw(st.integers(0, columns - 1)), data.draw(st.integers(0, rows - 1))
    box = [x0, y0, data.draw(st.integers(x0 + 1, columns)), data.draw(st.integers(y0 + 1, rows))]
    pixels = pixel_boxes(np.array(box), (patch, patch), (height, width))
    assert pixels.tolist() == [x0 * 14, y0 * 14, min(box[2] * 14, width), min(box[3] * 14, height)]
    assert pixels[0] < pixels[2] <= width and pixels[1] < pixels[3] <= height


def test_pixels_of_many_boxes_with_sizes_of_their_own():
    boxes = np.array([[[0, 0, 2, 1]], [[1, 0, 2, 2]]])
    sizes = np.array([[[15, 20]], [[29, 31]]])
    assert pixel_boxes(boxes, (15, 16), sizes).tolist() == [[[0, 0, 20, 15]], [[16, 0, 31, 29]]]
