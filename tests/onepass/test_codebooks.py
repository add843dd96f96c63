"""Codebooks of all layers and facets at once are those of a plain loop over one, however often they were interrupted."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.onepass.fake import FakeSource, FakeVit
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass import fitting
from workflow_scripts.onepass.codebooks import Codebooks
from workflow_scripts.onepass.fit import shuffled_batches
from workflow_scripts.onepass.fitting import run_fit

FACETS = ["key", "query", "value", "token", "token_normed"]
OPTIONS = {
    "facets": FACETS,
    "clusters": 4,
    "steps": 12,
    "batch_size": 4,
    "pca_batches": 3,
    "pca_interval": 1,
    "learning_rate": 5e-3,
}


class NormedVit(FakeVit):
    """Its last layer has tokens after a final norm as well."""

    def _layer(self, images, index, attention):
        layer = super()._layer(images, index, attention)
        last = index == self.n_layers
        return replace(layer, token_normed=torch.nn.functional.layer_norm(layer.token, (self.dim,)) if last else None)


def fitted(kept, seed=0, on_step=lambda done: None, **options):
    fit = Codebooks(3, **OPTIONS | options)
    run_fit(NormedVit(), "fake", FakeSource(), fit, seed, kept, options, on_step)
    return fit.result()


def features(layer, facet):
    """Return the patch features of one layer and facet, [images, patches, D]."""
    value = getattr(layer, facet)
    return (value if facet.startswith("token") else value.transpose(1, 2).flatten(2))[:, 1:]


@pytest.mark.parametrize("facet", FACETS)
def test_each_codebook_is_that_of_a_plain_loop(tmp_path, facet):
    result = fitted(tmp_path / "kept")
    source, vit = FakeSource(), NormedVit()
    batches = [source.at(positions).image for positions in shuffled_batches(11, 4, 15, 0)]
    for place, depth in enumerate([3] if facet == "token_normed" else [1, 2, 3]):
        seen = [features(list(vit.layers(images))[depth - 1], facet).reshape(-1, 6) for images in batches]
        start = torch.cat(seen[:3]).double().numpy()
        _, _, rows = np.linalg.svd(start - start.mean(0))
        rows = rows[:4] * np.sign(rows[np.arange(4), np.abs(rows[:4]).argmax(1)])[:, None]
        centroids = torch.nn.Parameter(torch.tensor(rows, dtype=torch.float32))
        adam = torch.optim.Adam([centroids], lr=5e-3)
        losses = []
        for step in seen[3:]:
            unit = centroids / centroids.norm(dim=1, keepdim=True)
            loss = -torch.stack([(unit @ (patch / patch.norm())).max() for patch in step]).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            losses.append(loss.item())
        assert np.abs(result[facet][place] - centroids.detach().numpy()).max() < 1e-6
        assert result[f"{facet}_loss"][place] == pytest.approx(losses, abs=1e-6)


def test_shapes_and_a_loss_that_falls(tmp_path):
    result = fitted(tmp_path / "kept", steps=60)
    assert set(result) == {name for facet in FACETS for name in (facet, f"{facet}_loss")}
    assert {facet: result[facet].shape for facet in FACETS} == dict.fromkeys(FACETS[:4], (3, 4, 6)) | {
        "token_normed": (1, 4, 6)
    }
    for facet in FACETS:
        loss = result[f"{facet}_loss"]
        assert (loss >= -1 - 1e-6).all()
        assert (loss[:, -20:].mean(1) < loss[:, :20].mean(1)).all()


@pytest.mark.parametrize("stopped", [2, 3, 4, 9])  # in the start, at its end, after the first step, later
def test_an_interrupted_fit_goes_on_and_ends_in_the_same_bytes(tmp_path, monkeypatch, stopped):
    monkeypatch.setattr(fitting, "KEEP_EVERY", 1)
    whole = fitted(tmp_path / "whole")
    steps = []

    def stop(done):
        steps.append(done)
        if done == stopped and len(steps) == stopped:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(tmp_path / "kept", on_step=stop)
    resumed = fitted(tmp_path / "kept", on_step=stop)
    assert steps == list(range(1, 16))
    assert whole.keys() == resumed.keys()
    assert all(whole[key].tobytes() == resumed[key].tobytes() for key in whole)


def test_the_seed_decides_the_order_and_so_the_result(tmp_path):
    one, again, other = (fitted(tmp_path / "kept", seed=seed) for seed in (1, 1, 2))
    assert all(one[key].tobytes() == again[key].tobytes() for key in one)
    assert not np.allclose(one["key"], other["key"])


def test_no_step_is_the_start(tmp_path):
    result = fitted(tmp_path / "kept", steps=0)
    assert np.allclose(np.linalg.norm(result["key"], axis=-1), 1)
    assert result["key_loss"].shape == (3, 0)


def test_more_clusters_than_directions_are_refused(tmp_path):
    with pytest.raises(AtlasError, match=r"7 clusters, but features of 6 dimensions .* ask for fewer"):
        fitted(tmp_path / "kept", clusters=7)


def test_an_interval_spreads_the_start_and_leaves_the_steps_as_they_are():
    every = list(shuffled_batches(100, 4, 15, 0))
    for interval, start in ((1, [0, 1, 2]), (2, [0, 2, 4]), (4, [0, 4, 8])):
        fit = Codebooks(3, **OPTIONS | {"pca_interval": interval})
        assert [batch.tolist() for batch in fit.batches(100, 0)] == [every[i].tolist() for i in (*start, *range(3, 15))]


def test_codebooks_of_another_start_are_those_of_a_plain_start(tmp_path):
    """Without a step the centroids are the principal directions of every second batch."""
    result = fitted(tmp_path / "kept", steps=0, pca_interval=2)
    source, vit = FakeSource(), NormedVit()
    batches = [source.at(positions).image for positions in list(shuffled_batches(11, 4, 5, 0))[::2]]
    seen = torch.cat([features(next(iter(vit.layers(images))), "key").reshape(-1, 6) for images in batches]).double().numpy()
    _, _, rows = np.linalg.svd(seen - seen.mean(0))
    assert np.abs(np.abs(result["key"][0]) - np.abs(rows[:4])).max() < 1e-5
