"""Segmented images: counts and maps of every layer and facet are those of that layer's features and centroids."""

import numpy as np
import torch
from safetensors.numpy import save_file

from tests.onepass.fake import FakeSource
from tests.onepass.test_codebooks import NormedVit, features
from workflow_scripts.metrics.intervals import poisson_weights
from workflow_scripts.metrics.pixel_clusters import pixel_clusters
from workflow_scripts.onepass.collector import PassFacts
from workflow_scripts.onepass.collectors import make_collectors
from workflow_scripts.onepass.engine import run_pass

RNG = np.random.default_rng(5)
CODEBOOKS = {facet: RNG.normal(size=(3, 4, 6)).astype(np.float32) for facet in ("key", "token")}
CODEBOOKS["token_normed"] = RNG.normal(size=(1, 4, 6)).astype(np.float32)


def gathered(tmp_path, **more):
    save_file(CODEBOOKS | {"key_loss": np.zeros((3, 9), np.float32)} | more, tmp_path / "codebooks")
    asked = {"codebooks": str(tmp_path / "codebooks"), "canvas": 4, "examples": 2, "draws": 20, "seed": 3}
    (made,) = make_collectors({"cluster_maps": asked}, PassFacts(11, 0, 3))
    run_pass(NormedVit(), "fake", FakeSource(), [made], 4)
    return {key: value if isinstance(value, np.ndarray) else value.array() for key, value in made.state().items()}


def test_each_facet_of_each_layer_by_its_own_centroids(tmp_path):
    arrays, source = gathered(tmp_path), FakeSource()
    layers = list(NormedVit().layers(source.images))
    classes = source.classes.numpy()
    assert arrays["key_counts"].shape == (3, 4, 3)
    assert arrays["key_places"].shape == (3, 4, 16)
    assert arrays["key_map"].shape == (2, 3, 16)
    assert arrays["key_map.index"].tolist() == [2, 8]
    for name in ("key", "token", "token_raw"):
        for layer in layers:
            normed = name == "token" and layer.index == 3
            facet = "token_normed" if normed else name.removesuffix("_raw")
            centroids = torch.from_numpy(CODEBOOKS[facet][0 if normed else layer.index - 1])
            clusters = pixel_clusters(features(layer, facet), centroids, (3, 4), (6, 8)).numpy()
            counts = np.zeros((4, 3))
            np.add.at(counts, (clusters[classes < 3], classes[classes < 3]), 1)
            if name == "token_raw" and layer.index < 3:
                counts[:] = 0
            assert np.array_equal(arrays[f"{name}_counts"][layer.index - 1], counts)
            if name != "token_raw":
                seen = clusters[:, [0, 2, 3, 5]][:, :, [1, 3, 5, 7]].reshape(11, 16)
                assert np.array_equal(arrays[f"{name}_map"][:, layer.index - 1], seen[[2, 8]])
                places = arrays[f"{name}_places"][layer.index - 1]
                assert (places.sum(0) == 11).all()
                assert all((places[k] == (seen == k).sum(0)).all() for k in range(4))
    assert {key for key in arrays if key.startswith("token_raw")} == {"token_raw_counts", "token_raw_draws"}


def test_void_pixels_are_in_no_count_and_other_clusters_may_be_more_than_classes(tmp_path):
    more = {"key": RNG.normal(size=(3, 9, 6)).astype(np.float32)}
    arrays = gathered(tmp_path, **more)
    valid = int((FakeSource().classes < 3).sum())
    assert (arrays["key_counts"].sum((1, 2)) == valid).all()
    assert arrays["key_counts"].shape == (3, 9, 3)


def test_resampled_counts_are_those_of_images_repeated(tmp_path):
    """A resample is counted directly: every image as often as its weight says."""
    arrays, source = gathered(tmp_path), FakeSource()
    weights, classes = poisson_weights(np.arange(11), 20, 3), source.classes.numpy()
    assert arrays["key_draws"].shape == (3, 20, 4, 3)
    for layer in NormedVit().layers(source.images):
        centroids = torch.from_numpy(CODEBOOKS["key"][layer.index - 1])
        clusters = pixel_clusters(features(layer, "key"), centroids, (3, 4), (6, 8)).numpy()
        for draw in range(20):
            images = np.repeat(np.arange(11), weights[:, draw])
            counts = np.zeros((4, 3))
            np.add.at(counts, (clusters[images][classes[images] < 3], classes[images][classes[images] < 3]), 1)
            assert np.array_equal(arrays["key_draws"][layer.index - 1, draw], counts)
    assert not arrays["token_raw_draws"][:2].any() and arrays["token_raw_draws"][2].any()
