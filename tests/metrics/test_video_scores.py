"""Masks, J and F against slow versions written from the definitions, torch's interpolation, and hand-checked cases."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from workflow_scripts.metrics import video_scores as m

# --- output masks


def brute_stretched(soft, patch):
    """The upsampled channels after the min-max of the definition, float64 [C, H, W]."""
    up = torch.nn.functional.interpolate(torch.tensor(soft)[None].double(), scale_factor=patch, mode="bilinear")[0].numpy()
    for channel in up:
        if channel.max() > 0:
            channel -= channel.min()
            channel /= channel.max()
    return up


def nearest(image, size):
    # Which pixel is nearest is Pillow's to say: where two are equally near, its rounding decides.
    index = Image.fromarray(np.arange(image.size, dtype=np.int32).reshape(image.shape))
    return image.ravel()[np.asarray(index.resize(size[::-1], Image.Resampling.NEAREST))]


@pytest.mark.parametrize(("cells", "factor"), [(1, 4), (5, 1), (3, 16), (7, 14), (4, 3)])
def test_upsampling_is_bilinear_interpolation(cells, factor):
    values = np.random.default_rng(0).random(cells).astype(np.float32)
    expected = torch.nn.functional.interpolate(torch.tensor(values)[None, None], scale_factor=factor, mode="linear")[0, 0]
    matrix = m.upsampling(cells, factor)
    assert matrix.shape == (cells * factor, cells)
    assert np.allclose(matrix @ values, expected, atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 5),
    st.tuples(st.integers(2, 6), st.integers(2, 6)),
    st.sampled_from([1, 3, 8]),
    st.tuples(st.integers(1, 50), st.integers(1, 50)),
    st.integers(0, 1000),
)
def test_output_mask_equals_the_definition(channels, grid, patch, size, seed):
    soft = np.random.default_rng(seed).dirichlet(np.ones(channels), grid).transpose(2, 0, 1)
    if channels == 1:
        soft *= np.random.default_rng(seed).random(grid)
    stretched = brute_stretched(soft, patch)
    got = m.output_mask(soft.astype(np.float32), patch, size)
    assert got.shape == size
    assert got.dtype == np.uint8
    # Where two channels are as good as equal, rounding may choose either.
    close = np.array([nearest(channel, size) for channel in stretched.max(0) - stretched < 1e-5])
    assert np.take_along_axis(close, got[None].astype(int), 0).all()
    clear = close.sum(0) == 1
    assert (got == nearest(stretched.argmax(0), size))[clear].all()


def test_the_nearest_pixel_is_that_of_pillow():
    rng = np.random.default_rng(0)
    for size in [(480, 854), (448, 784), (100, 37)]:
        soft = rng.random((3, 28, 49)).astype(np.float32)
        full = m.output_mask(soft, 16, (448, 784))
        resized = np.asarray(Image.fromarray(full).resize(size[::-1], Image.Resampling.NEAREST))
        assert np.array_equal(m.output_mask(soft, 16, size), resized)


def test_output_mask_by_hand():
    # Without upsampling and stretching: 2 x 2 cells to 3 x 3 pixels take cells 0, 1, 1 along each axis.
    soft = np.array([[[1, 0], [0, 1.0]], [[0, 1], [1, 0.0]]])
    assert m.output_mask(soft, 1, (3, 3)).tolist() == [[0, 1, 1], [1, 0, 0], [1, 0, 0]]
    # The stretch lifts a weak object to the level of the background.
    soft = np.array([[[0.9, 0.9, 0.8]], [[0.1, 0.1, 0.2]]])
    assert m.output_mask(soft, 1, (1, 3)).tolist() == [[0, 0, 1]]
    # Equal channels: the first wins.
    assert m.output_mask(np.array([[[1, 0]], [[1, 0.0]]]), 1, (1, 2)).tolist() == [[0, 0]]


def test_a_constant_channel_is_left_as_it_is():
    # Everything is background: 0 / 0 would make a NaN of it.
    soft = np.stack([np.ones((2, 3)), np.zeros((2, 3))])
    assert (m.output_mask(soft, 4, (8, 12)) == 0).all()
    # An object that has taken the whole grid, but for the rounding of its weights.
    soft = np.stack([np.zeros((2, 3)), np.ones((2, 3)) + 2e-7 * np.random.default_rng(0).random((2, 3))])
    assert (m.output_mask(soft, 4, (8, 12)) == 1).all()
    # A constant 0.5 stays below a channel that reaches 1 and above one that is 0.
    soft = np.array([[[0.5, 0.5]], [[0.5, 0.0]]])
    assert m.output_mask(soft, 1, (1, 2)).tolist() == [[1, 0]]


# --- region similarity and contour accuracy


def brute_boundary(mask):
    height, width = mask.shape
    edge = np.zeros(mask.shape, bool)
    for y, x in np.ndindex(height, width):
        others = []
        if x + 1 < width:
            others.append(mask[y, x + 1])
        if y + 1 < height:
            others.append(mask[y + 1, x])
        if x + 1 < width and y + 1 < height:
            others.append(mask[y + 1, x + 1])
        edge[y, x] = any(other != mask[y, x] for other in others)
    return edge


def brute_dilation(pixels, radius):
    result = np.zeros(pixels.shape, bool)
    for y, x in np.argwhere(pixels):
        for dy in range(-radius, radius + 1):
            for dx in range(-radius, radius + 1):
                inside = 0 <= y + dy < pixels.shape[0] and 0 <= x + dx < pixels.shape[1]
                if inside and dy * dy + dx * dx <= radius * radius:
                    result[y + dy, x + dx] = True
    return result


def brute_j(result, truth):
    union = (result | truth).sum()
    return (result & truth).sum() / union if union else 1.0


def brute_f(result, truth):
    radius = math.ceil(0.008 * math.sqrt(truth.shape[0] ** 2 + truth.shape[1] ** 2))
    edges = brute_boundary(result), brute_boundary(truth)
    matched = edges[0] & brute_dilation(edges[1], radius), edges[1] & brute_dilation(edges[0], radius)
    if not edges[0].any() and not edges[1].any():
        precision, recall = 1.0, 1.0
    elif not edges[0].any():
        precision, recall = 1.0, 0.0
    elif not edges[1].any():
        precision, recall = 0.0, 1.0
    else:
        precision, recall = (x.sum() / edge.sum() for x, edge in zip(matched, edges, strict=True))
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def blobs(seed, size=(60, 130), count=1):
    """An index mask of random rectangles, some cut by the frame."""
    rng, image = np.random.default_rng(seed), np.zeros(size, np.uint8)
    for _ in range(6):
        y, x = rng.integers(-10, size[0]), rng.integers(-10, size[1])
        high, wide = rng.integers(3, 30, 2)
        image[max(y, 0) : y + high, max(x, 0) : x + wide] = rng.integers(0, count + 1)
    return image


pairs = st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(
    lambda size: st.tuples(hnp.arrays(bool, size), hnp.arrays(bool, size))
)


@settings(deadline=None)
@given(pairs)
def test_j_and_f_of_any_masks(masks):
    a, b = masks
    assert np.array_equal(m.boundary(a), brute_boundary(a))
    assert m.region_similarity(a, b) == m.region_similarity(b, a) == pytest.approx(brute_j(a, b))
    assert m.contour_accuracy(a, b) == pytest.approx(m.contour_accuracy(b, a)) == pytest.approx(brute_f(a, b))
    assert m.region_similarity(a, a) == m.contour_accuracy(a, a) == 1


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from([(60, 130), (150, 40), (90, 300)]))
def test_j_and_f_of_blobs_with_a_wider_tolerance(seed, size):
    assert m.boundary_radius(size) > 1
    a, b = blobs(seed, size) > 0, blobs(seed + 1, size) > 0
    assert m.region_similarity(a, b) == pytest.approx(brute_j(a, b))
    assert m.contour_accuracy(a, b) == pytest.approx(brute_f(a, b))


def test_boundary_radius():
    assert m.boundary_radius((480, 854)) == 8  # 7.84
    assert m.boundary_radius((1, 1)) == 1
    assert m.boundary_radius((75, 100)) == 1  # exactly 1


def test_boundary_by_hand():
    mask = np.zeros((4, 4), bool)
    mask[1:3, 1:3] = True
    expected = [[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0]]
    assert m.boundary(mask).astype(int).tolist() == expected
    corner = np.zeros((2, 2), bool)
    corner[1, 1] = True
    assert m.boundary(corner).tolist() == [[True, True], [True, False]]


@pytest.mark.parametrize("turned", [False, True])
def test_a_contour_matches_up_to_the_radius(turned):
    truth = np.zeros((100, 120), bool)
    truth[:, :50] = True
    radius = m.boundary_radius(truth.shape)
    for shift, expected in ((radius, 1), (radius + 1, 0), (-radius, 1), (-radius - 1, 0)):
        result = np.zeros_like(truth)
        result[:, : 50 + shift] = True
        pair = (result.T, truth.T) if turned else (result, truth)
        assert m.contour_accuracy(*pair) == expected


def test_empty_and_full_masks():
    empty, full, part = np.zeros((9, 9), bool), np.ones((9, 9), bool), np.zeros((9, 9), bool)
    part[3:6, 3:6] = True
    assert m.region_similarity(empty, empty) == 1
    assert m.contour_accuracy(empty, empty) == 1
    for pair in ((empty, part), (part, empty)):
        assert m.region_similarity(*pair) == 0
        assert m.contour_accuracy(*pair) == 0
    # A mask that fills the frame has no boundary, like an empty one.
    assert m.contour_accuracy(full, empty) == 1
    assert m.region_similarity(full, empty) == 0
    assert m.contour_accuracy(full, part) == 0


# --- sequences


@settings(deadline=None, max_examples=4)
@given(st.integers(0, 10**6))
def test_sequences_equal_the_definition_for_every_layer_and_object(seed):
    truths = np.stack([blobs(seed + i, count=3) for i in range(4)])
    truths[0, 0, :3] = [1, 2, 3]
    results = np.stack([[blobs(seed + 10 * layer + i, count=3) for i in range(4)] for layer in (1, 2)])
    got = m.sequence_scores(results, truths)
    assert got["j"].shape == got["f"].shape == (2, 3, 2)
    for layer, k, t in np.ndindex(2, 3, 2):
        a, b = results[layer, t + 1] == k + 1, truths[t + 1] == k + 1
        assert got["j"][layer, k, t] == pytest.approx(brute_j(a, b))
        assert got["f"][layer, k, t] == pytest.approx(brute_f(a, b))
    alone = m.sequence_scores(results[1], truths)
    assert np.array_equal(alone["j"], got["j"][1])
    assert np.array_equal(alone["f"], got["f"][1])


def test_the_first_and_the_last_frame_do_not_count():
    truths = np.stack([blobs(i) for i in range(5)])
    truths[0, 0, 0] = 1
    results = truths.copy()
    results[[0, -1]] = 0
    scores = m.sequence_scores(results, truths)
    assert (scores["j"] == 1).all()
    assert (scores["f"] == 1).all()


def test_objects_that_disappear_are_missing_or_appear_late():
    truths = np.zeros((4, 40, 50), np.uint8)
    truths[:, 5:15, 5:15] = 1
    truths[:2, 20:30, 20:40] = 2
    results = truths.copy()
    results[2, 20:30, 20:40] = 2  # gone in truth, still there in the result
    results[1][results[1] == 1] = 0  # missed
    truths[2, 30:, 45:] = 3  # not in the first true mask: no object
    scores = m.sequence_scores(results, truths)
    assert scores["j"].tolist() == [[0, 1], [1, 0]]
    assert scores["f"].tolist() == [[0, 1], [1, 0]]
    results[2][results[2] == 2] = 0
    assert m.sequence_scores(results, truths)["f"].tolist() == [[0, 1], [1, 1]]


def test_what_cannot_be_scored():
    truths = np.zeros((4, 10, 10), np.uint8)
    with pytest.raises(ValueError, match="no object"):
        m.sequence_scores(truths, truths)
    truths[:, 2:5, 2:5] = 1
    results = truths.copy()
    results[2, 0, 0] = 2
    with pytest.raises(ValueError, match="object 2, the first true mask has 1"):
        m.sequence_scores(results, truths)
    with pytest.raises(ValueError, match="2 frames"):
        m.sequence_scores(truths[:2], truths[:2])
    with pytest.raises(ValueError, match="shape"):
        m.sequence_scores(truths[:, :5], truths)


# --- statistics


def brute_statistics(values):
    known = [v for v in values if not math.isnan(v)]
    n = len(values)
    # Half is rounded up; the positions are 1 to n.
    ids = [math.floor(1 + i * (n - 1) / 4 + 0.5 + 1e-10) - 1 for i in range(5)]
    first, last = values[ids[0] : ids[1] + 1], values[ids[3] : ids[4] + 1]
    means = [np.mean([v for v in part if not math.isnan(v)]) for part in (first, last)]
    return np.mean(known), sum(v > 0.5 for v in values) / n, means[0] - means[1]


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=400))
def test_statistics_equal_the_definition(values):
    got = m.statistics(np.array(values))
    assert np.allclose(got, brute_statistics(values), atol=1e-9)


def test_statistics_by_hand():
    values = np.array([1, 0.8, 0.9, 0.5, 0.5, 0.4, 0.2, 0.0])
    # Quarters of 8 frames begin and end at frames 1, 3, 5, 6, 8.
    mean, recall, decay = m.statistics(values)
    assert mean == pytest.approx(4.3 / 8)
    assert recall == 3 / 8  # 0.5 itself is a miss
    assert decay == pytest.approx(0.9 - 0.2)
    assert m.statistics(np.array([0.7]))[2] == 0
    # More frames than an 8-bit index can count.
    values = np.concatenate([np.ones(75), np.zeros(225)])
    assert m.statistics(values)[2] == pytest.approx(1, abs=0.02)


def test_nan_is_left_out_of_means_and_is_a_miss():
    mean, recall, decay = m.statistics(np.array([[np.nan, 1, 0.6, 0.2, 0.2], [np.nan] * 5]))
    assert mean[0] == pytest.approx(0.5)
    assert recall.tolist() == [0.4, 0]
    assert decay[0] == pytest.approx(1 - 0.2)
    assert np.isnan([mean[1], decay[1]]).all()


def test_every_object_weighs_the_same():
    rng = np.random.default_rng(0)
    scores = [{"j": rng.random((2, k, 6)), "f": rng.random((2, k, 6))} for k in (1, 3)]
    got = m.overall([m.object_statistics(video) for video in scores])
    assert set(got) == set(m.VIDEO_METRICS)
    for layer in range(2):
        objects = {name: [brute_statistics(list(v)) for video in scores for v in video[name][layer]] for name in "jf"}
        for name, (mean, recall, decay) in ((name, np.mean(objects[name], 0)) for name in "jf"):
            assert got[f"{name}_mean"][0][layer] == pytest.approx(mean)
            assert got[f"{name}_recall"][0][layer] == pytest.approx(recall)
            assert got[f"{name}_decay"][0][layer] == pytest.approx(decay)
        both = np.mean(objects["j"], 0)[0] + np.mean(objects["f"], 0)[0]
        assert got["jf_mean"][0][layer] == pytest.approx(both / 2)


def test_the_interval_draws_whole_videos():
    rng = np.random.default_rng(0)
    videos = [{name: rng.random(rng_k) for name in m.OBJECT_METRICS} for rng_k in rng.integers(1, 6, 12)]
    value, low, high = m.overall(videos, draws=4000)["jf_mean"]
    means = []
    for _ in range(4000):
        drawn = [videos[i] for i in rng.integers(0, 12, 12)]
        means.append(np.mean([np.concatenate([v[name] for v in drawn]).mean() for name in ("j_mean", "f_mean")]))
    assert low < value < high
    assert np.allclose([low, high], np.quantile(means, [0.025, 0.975]), atol=0.01)


def test_one_video_has_no_interval_and_equal_videos_no_width():
    video = {name: np.array([[0.2, 0.4]]) for name in m.OBJECT_METRICS}
    value, low, high = m.overall([video])["j_mean"]
    assert value.tolist() == pytest.approx([0.3])
    assert np.isnan([low, high]).all()
    # Videos with as many objects as they like: only their mean is the same.
    other = {name: np.array([[0.3, 0.3, 0.3]]) for name in m.OBJECT_METRICS}
    assert np.allclose(m.overall([video, other])["jf_mean"], 0.3)
