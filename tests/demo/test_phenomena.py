"""The phenomena of the demo zoo's card, on hand-made features and networks."""

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score

from workflow_scripts.demo.phenomena import as_seen, measure, place_information, variance_share
from workflow_scripts.zoo.load import adapt, build_model
from workflow_scripts.zoo.registry import read_models

ENTRIES = read_models("config/models.yaml")


def test_keys_that_say_where_they_lie_have_all_the_information():
    rng = np.random.default_rng(0)
    places = np.tile(10 * np.eye(4)[[0, 1, 2, 3]], (50, 1))
    assert place_information(places + rng.normal(0, 0.01, places.shape), 50, 4, 0) == pytest.approx(1, abs=1e-9)


def test_keys_that_say_what_they_show_have_none_but_the_bias():
    rng = np.random.default_rng(0)
    shown = rng.integers(0, 3, 4000 * 9)
    found = place_information(10 * np.eye(3)[shown] + rng.normal(0, 0.01, (len(shown), 3)), 4000, 3, 0)
    assert 0 < found < 10 * (3 - 1) / (2 * 4000 * np.log(3))


def test_it_is_the_mutual_information_over_the_entropy_of_clusters():
    rng = np.random.default_rng(1)
    cluster = np.where(rng.random((30, 5)) < 0.6, np.arange(5) % 3, rng.integers(0, 3, (30, 5)))
    place = np.tile(np.arange(5), (30, 1))
    share = np.bincount(cluster.ravel()) / cluster.size
    expected = mutual_info_score(place.ravel(), cluster.ravel()) / -(share * np.log(share)).sum()
    assert place_information(10 * np.eye(3)[cluster.ravel()], 30, 3, 0) == pytest.approx(expected)


def test_variance_of_the_largest_twentieth_of_features():
    tokens = np.random.default_rng(0).normal(0, 1, (20000, 40))
    assert variance_share(tokens) == pytest.approx(2 / 40, rel=0.1)
    tokens[:, 7] *= 100
    assert variance_share(tokens) == pytest.approx((10000 + 1) / (10000 + 39), rel=0.01)


def test_the_centre_of_each_image_is_seen():
    images = np.arange(2 * 6 * 6 * 3, dtype=np.uint8).reshape(2, 6, 6, 3)
    assert np.array_equal(as_seen(images, (4, 2)).numpy(), images[:, 1:5, 2:4].transpose(0, 3, 1, 2))


@pytest.mark.parametrize("name", ["demo_dino", "demo_dinov2reg"])
def test_norms_are_of_block_outputs_and_registers_stand_apart(name):
    torch.manual_seed(0)
    network = build_model(ENTRIES[name]).eval()
    vit = adapt(network, ENTRIES[name])
    images = torch.randint(0, 256, (5, 3, 60, 60), dtype=torch.uint8)
    found = measure(vit, images, 0)
    mean, std = (torch.tensor(getattr(vit.normalisation, what)).view(1, 3, 1, 1) for what in ("mean", "std"))
    seen = [layer.token for layer in vit.layers((images.float() / 255 - mean) / std)][-1]
    patches = seen[:, vit.n_prefix :].norm(dim=-1)
    assert found.largest_norm[-1] == pytest.approx((patches.max() / np.median(patches)).item(), rel=1e-4)
    assert found.place_in_keys.shape == (8,)
    assert ((found.place_in_keys >= 0) & (found.place_in_keys <= 1)).all()
    if name == "demo_dino":
        assert found.register_norm is None
    else:
        expected = seen[:, 1:5].norm(dim=-1).mean() / np.median(patches)
        assert found.register_norm[-1] == pytest.approx(expected.item(), rel=1e-4)
