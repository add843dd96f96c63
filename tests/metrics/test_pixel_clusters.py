"""Clusters of pixels: dot products upsampled are features upsampled; counts against loops."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cosine_similarity, interpolate, normalize

from workflow_scripts.metrics import pixel_clusters as module
from workflow_scripts.metrics.pixel_clusters import cluster_counts, pixel_clusters, place_counts

sides = st.integers(1, 6)


@settings(deadline=None)
@given(sides, sides, st.integers(1, 4), st.integers(1, 23), st.integers(1, 23), st.integers(0, 999))
def test_it_is_what_upsampled_features_say(rows, columns, k, height, width, seed):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(2, rows * columns, 5, generator=generator, dtype=torch.float64) * 10
    centroids = torch.randn(k, 5, generator=generator, dtype=torch.float64) * torch.rand(k, 1, generator=generator).double()
    found = pixel_clusters(features, centroids, (rows, columns), (height, width))
    maps = features.transpose(1, 2).unflatten(2, (rows, columns))
    pixels = interpolate(maps, (height, width), mode="bilinear", align_corners=False).permute(0, 2, 3, 1)
    cosines = cosine_similarity(pixels[..., None, :], centroids, dim=-1)
    assert found.shape == (2, height, width)
    # The largest cosine, up to rounding where two are equally large.
    assert torch.allclose(cosines.gather(-1, found[..., None])[..., 0], cosines.max(-1).values, atol=1e-12)


def test_upsampled_cosines_say_something_else():
    """The patch of the long feature outweighs the other where features are mixed, not where cosines are."""
    features = torch.tensor([[[10.0, 0.0], [0.0, 1.0]]])
    centroids = torch.eye(2)
    assert pixel_clusters(features, centroids, (1, 2), (1, 8))[0, 0].tolist() == [0] * 6 + [1] * 2
    cosines = normalize(features, dim=-1).transpose(1, 2).unflatten(2, (1, 2))
    assert interpolate(cosines, (1, 8), mode="bilinear").argmax(1)[0, 0].tolist() == [0] * 4 + [1] * 4


def test_equal_centroids_and_no_feature_at_all_give_the_first():
    centroids = torch.tensor([[0.0, 1.0], [3.0, 0.0], [5.0, 0.0]])
    features = torch.tensor([[[2.0, 0.0], [0.0, 0.0]]])
    assert pixel_clusters(features, centroids, (1, 2), (1, 2))[0, 0].tolist() == [1, 0]


def test_images_are_upsampled_in_parts_that_fit(monkeypatch):
    features, centroids = torch.randn(7, 6, 4), torch.randn(3, 4)
    whole = pixel_clusters(features, centroids, (2, 3), (9, 9))
    monkeypatch.setattr(module, "_AT_ONCE", 2 * 3 * 81)
    assert torch.equal(pixel_clusters(features, centroids, (2, 3), (9, 9)), whole)


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_counts_equal_loops_and_leave_void_out(k, c, seed):
    rng = np.random.default_rng(seed)
    clusters, classes = rng.integers(0, k, (2, 3, 4)), rng.choice([*range(c), 255], (2, 3, 4)).astype(np.uint8)
    expected, places = np.zeros((2, k, c)), np.zeros((k, 12))
    for image, (found, true) in enumerate(zip(clusters.reshape(2, 12), classes.reshape(2, 12), strict=True)):
        for one, other in zip(found, true, strict=True):
            if other < c:
                expected[image, one, other] += 1
    for image in clusters.reshape(2, 12):
        places[image, np.arange(12)] += 1
    assert np.array_equal(cluster_counts(torch.from_numpy(clusters), k, torch.from_numpy(classes), c), expected)
    assert np.array_equal(place_counts(torch.from_numpy(clusters).flatten(1), k), places)


def test_an_all_void_batch_counts_nothing():
    assert not cluster_counts(torch.zeros(1, 2, 2, dtype=torch.long), 3, torch.full((1, 2, 2), 255, dtype=torch.uint8), 2).any()
