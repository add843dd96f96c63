"""Information about the class in the position, against loops and scikit-learn, and its bias with few images."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import mutual_info_score

from workflow_scripts.metrics.position_information import (
    canvas_points,
    class_entropy,
    class_information,
    information_bias,
    normalised_information,
    position_counts,
    shuffled,
)

counted = st.tuples(st.integers(1, 5), st.integers(1, 8)).flatmap(lambda s: arrays(np.int64, s, elements=st.integers(0, 9)))


def by_loop(counts):
    total = sum(map(sum, counts.tolist()))
    found = []
    for row in counts.tolist():
        part = 0.0
        for p, count in enumerate(row):
            if count:
                place = sum(other[p] for other in counts.tolist())
                part += count / total * math.log(count * total / (place * sum(row)))
        found.append(part)
    return found


@given(counted)
def test_information_equals_a_loop_and_scikit_learn(counts):
    information = class_information(counts)
    assert information == pytest.approx(by_loop(counts), abs=1e-12)
    assert (information >= 0).all()
    if counts.any():
        k, p = np.nonzero(counts)
        samples = np.repeat(k, counts[k, p]), np.repeat(p, counts[k, p])
        assert information.sum() == pytest.approx(mutual_info_score(*samples), abs=1e-9)
        assert class_entropy(counts) == pytest.approx(mutual_info_score(samples[0], samples[0]), abs=1e-9)
        assert -1e-12 <= normalised_information(counts) <= 1 + 1e-9


@given(counted, st.randoms(use_true_random=False))
def test_names_of_clusters_and_empty_ones_say_nothing(counts, random):
    order = list(range(len(counts)))
    random.shuffle(order)
    assert class_information(counts[order]) == pytest.approx(class_information(counts)[order])
    more = np.vstack([counts, np.zeros((2, counts.shape[1]), int)])
    assert normalised_information(more) == pytest.approx(normalised_information(counts))


def test_position_that_says_all_and_nothing():
    assert normalised_information(np.eye(4) * 7) == pytest.approx(1)
    assert class_information(np.eye(4) * 7) == pytest.approx(np.full(4, math.log(4) / 4))
    assert normalised_information(np.outer([1, 2, 3], [4, 5])) == pytest.approx(0, abs=1e-12)
    assert normalised_information(np.full((1, 9), 3)) == 0  # one class
    assert normalised_information(np.zeros((3, 9))) == 0  # nothing but void


@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 99))
def test_a_coarser_canvas_knows_no_more(classes, half, seed):
    counts = np.random.default_rng(seed).integers(0, 20, (classes, 2 * half))
    joined = counts[:, ::2] + counts[:, 1::2]
    assert class_information(joined).sum() <= class_information(counts).sum() + 1e-12


def test_counts_leave_void_out():
    maps = np.array([[0, 1, 255], [0, 0, 1], [255, 255, 255]], np.uint8)
    assert position_counts(maps, 2).tolist() == [[2, 1, 0], [0, 1, 1]]
    assert position_counts(np.full((2, 3), 255, np.uint8), 2).tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("images", [50, 400])
def test_shuffled_positions_leave_the_bias_of_few_images(images):
    rng = np.random.default_rng(3)
    maps = np.sort(rng.integers(0, 6, (images, 300)).astype(np.uint8), axis=1)  # classes that are tied to positions
    assert class_information(position_counts(maps, 6)).sum() > 1
    control = shuffled(maps, 0)
    assert np.array_equal(np.sort(control, axis=1), maps)  # the classes of each image stay
    left = class_information(position_counts(control, 6)).sum()
    assert left == pytest.approx(information_bias(6, 300, images), rel=0.1)
    assert np.array_equal(control, shuffled(maps, 0)) and not np.array_equal(control, shuffled(maps, 1))


def test_the_bias_of_the_paper_s_test_set():
    assert information_bias(27, 320 * 320, 2175) == pytest.approx(0.006, abs=5e-4)
    assert information_bias(27, 320 * 320, 50) == pytest.approx(0.26, abs=5e-3)


@pytest.mark.parametrize(
    ("size", "canvas", "rows"), [((4, 6), 2, [1, 3]), ((3, 3), 5, [0, 1, 2]), ((322, 322), 320, None), ((9, 9), 3, [1, 4, 7])]
)
def test_a_canvas_sees_the_middles_of_equal_parts(size, canvas, rows):
    found, columns = canvas_points(size, canvas)
    assert rows is None or found.tolist() == rows
    assert len(found) == min(size[0], canvas) and len(set(found.tolist())) == len(found)
    assert found.max() < size[0] and columns.max() < size[1]
