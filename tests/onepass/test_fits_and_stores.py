"""Fits end the same however often they were interrupted; stores keep a bounded choice of patches, evenly over images."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.onepass.fake import FakeSource, FakeVit
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass import fitting
from workflow_scripts.onepass.collector import PassFacts
from workflow_scripts.onepass.collectors import fit_class, make_collectors
from workflow_scripts.onepass.engine import run_pass
from workflow_scripts.onepass.fit import shuffled_batches
from workflow_scripts.onepass.fitting import run_fit
from workflow_scripts.onepass.principal_components import PrincipalComponents
from workflow_scripts.onepass.stores import patches_per_image, stored_layers
from workflow_scripts.run_pass import view_files, with_fits

OPTIONS = {"facets": ["token", "key"], "batches": 5, "batch_size": 4}


def fitted(kept, seed=0, wish=None, on_step=lambda done: None):
    fit = PrincipalComponents(3, **OPTIONS)
    run_fit(FakeVit(), "fake", FakeSource(), fit, seed, kept, wish or {}, on_step)
    return fit.result()


@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 20), st.integers(0, 5))
def test_batches_are_parts_of_permutations(n_images, size, steps, seed):
    batches = list(shuffled_batches(n_images, size, steps, seed))
    assert len(batches) == steps
    size = min(size, n_images)
    assert all(len(set(batch.tolist())) == size for batch in batches)
    per_round = n_images // size
    for start in range(0, steps - per_round + 1, per_round):
        seen = np.concatenate(batches[start : start + per_round])
        assert len(set(seen.tolist())) == len(seen)  # no image twice before all had their turn
    again = list(shuffled_batches(n_images, size, steps, seed))
    assert all(np.array_equal(one, other) for one, other in zip(batches, again, strict=True))


def test_principal_components_are_those_of_the_features_seen(tmp_path):
    result = fitted(tmp_path / "kept")
    source, vit = FakeSource(), FakeVit()
    positions = np.concatenate(list(shuffled_batches(11, 4, 5, 0)))
    layers = list(vit.layers(source.at(positions).image))
    for facet in ("token", "key"):
        for layer in layers:
            values = getattr(layer, facet)
            values = values if facet == "token" else values.transpose(1, 2).flatten(2)
            values = values[:, 1:].reshape(-1, 6).double().numpy()
            place = layer.index - 1
            assert np.allclose(result[f"{facet}_mean"][place], values.mean(0))
            _, scales, rows = np.linalg.svd(values - values.mean(0))
            assert np.allclose(result[f"{facet}_variance"][place], scales**2 / len(values))
            components = result[f"{facet}_components"][place]
            assert np.allclose(np.abs((components * rows).sum(1)), 1, atol=1e-6)
            assert all(row[np.abs(row).argmax()] > 0 for row in components)


def test_an_interrupted_fit_goes_on_and_ends_in_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "KEEP_EVERY", 2)
    whole = fitted(tmp_path / "whole")
    steps = []

    def stop(done):
        steps.append(done)
        if done == 5 and len(steps) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(tmp_path / "kept", on_step=stop)
    resumed = fitted(tmp_path / "kept", on_step=stop)
    assert steps == [1, 2, 3, 4, 5, 5]  # from the state kept after the fourth step on
    assert not (tmp_path / "kept").exists()
    assert whole.keys() == resumed.keys()
    assert all(whole[key].tobytes() == resumed[key].tobytes() for key in whole)
    other = fitted(tmp_path / "kept", seed=1)
    assert not np.allclose(other["token_mean"], whole["token_mean"])


def test_a_state_of_another_wish_is_not_gone_on_from(tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "KEEP_EVERY", 1)
    with pytest.raises(KeyboardInterrupt):
        fitted(tmp_path / "kept", wish={"seed": 1}, on_step=lambda done: (_ for _ in ()).throw(KeyboardInterrupt))
    steps = []
    fitted(tmp_path / "kept", wish={"seed": 2}, on_step=steps.append)
    assert steps == [1, 2, 3, 4, 5]
    (tmp_path / "kept").write_bytes(b"half a file")
    fitted(tmp_path / "kept", on_step=steps.append)
    assert len(steps) == 10


def test_features_that_are_not_finite_stop_a_fit_by_name(tmp_path):
    class Broken(FakeVit):
        def _layer(self, images, index, attention):
            layer = super()._layer(images, index, attention)
            return replace(layer, token=layer.token / 0) if index == 2 else layer

    with pytest.raises(AtlasError, match="model fake, layer 2, step 1: features are not finite"):
        run_fit(Broken(), "fake", FakeSource(), PrincipalComponents(3, **OPTIONS), 0, tmp_path / "kept", {})


def test_unknown_fits_are_named():
    assert fit_class("principal_components") is PrincipalComponents
    with pytest.raises(AtlasError, match=r"fit 'nope' is not known \(known: principal_components, norm_cutoff, codebooks\)"):
        fit_class("nope")


def stored(batch_size, **options):
    asked = {"facets": ["token", "query"], "layers": "all", "patches": 60, "precision": "float32", "seed": 1} | options
    (store,) = make_collectors({"patch_store": asked}, PassFacts(11, 0, 3))
    run_pass(FakeVit(), "fake", FakeSource(), [store], batch_size)
    return {key: value if isinstance(value, np.ndarray) else value.array() for key, value in store.state().items()}


def test_a_store_keeps_the_features_of_its_cells():
    arrays = stored(4)
    per_image = 60 // 11
    assert arrays["token"].shape == (11 * per_image, 3, 6)
    layers = list(FakeVit().layers(FakeSource().images))
    for row in range(len(arrays["token"])):
        image, cell = row // per_image, arrays["cell"][row, 0]
        assert (arrays["cell"][row] == cell).all()
        for layer in layers:
            assert torch.equal(torch.from_numpy(arrays["token"][row, layer.index - 1].copy()), layer.token[image, 1 + cell])
            query = layer.query[image, :, 1 + cell].flatten()
            assert torch.equal(torch.from_numpy(arrays["query"][row, layer.index - 1].copy()), query)
    cells = arrays["cell"][:, 0].reshape(11, per_image)
    assert (np.diff(cells, axis=1) > 0).all()  # no cell twice
    assert len({tuple(chosen) for chosen in cells.tolist()}) > 5  # a choice of its own for each image


def test_the_choice_depends_on_the_seed_and_not_on_the_batch():
    assert np.array_equal(stored(1)["cell"], stored(11)["cell"])
    assert not np.array_equal(stored(4)["cell"], stored(4, seed=2)["cell"])


def test_layers_of_a_store():
    assert stored_layers("all", 3) == [1, 2, 3]
    assert stored_layers([1, -1], 12) == [1, 12]
    last = stored(4, layers=[-1])
    assert np.array_equal(last["token"][:, 0], stored(4)["token"][:, 2])


class TiledSource(FakeSource):
    """Images of 2 x 1 tiles each, the second with an image of its own."""

    cells = (6, 4)

    def read(self, start, stop):
        index = np.arange(start, stop)
        crops = torch.cat([self.images, self.images.flip(-1)], 1).reshape(2 * len(self.images), *self.images.shape[1:])
        return replace(
            super().read(start, stop), index=index, image=crops[2 * start : 2 * stop], tiles=[self.cells] * len(index)
        )


def tiled(batch_size, source=None, **options):
    asked = {"facets": ["token"], "layers": [1, -1], "patches": 10**9, "precision": "float32", "seed": 1} | options
    (store,) = make_collectors({"patch_store": asked}, PassFacts(11, 0, 3))
    run_pass(FakeVit(), "fake", source or TiledSource(), [store], batch_size)
    return {key: value if isinstance(value, np.ndarray) else value.array() for key, value in store.state().items()}


def test_a_store_of_tiles_keeps_them_one_after_the_other():
    arrays, source = tiled(3), TiledSource()
    assert arrays["token"].shape == (11 * 24, 2, 6)
    layers = list(FakeVit().layers(source.read(0, 11).image))
    for place, layer in enumerate((layers[0], layers[2])):
        assert np.array_equal(arrays["token"][:, place], layer.token[:, 1:].reshape(-1, 6).numpy())
    assert np.array_equal(arrays["cell"][:, 0], np.tile(np.arange(24), 11))
    few = tiled(4, patches=55)
    assert few["token"].shape == (55, 2, 6)
    for row, cell in enumerate(few["cell"][:, 0]):
        assert np.array_equal(few["token"][row], arrays["token"][24 * (row // 5) + cell])


def test_a_store_refuses_tiles_that_overlap_and_images_of_several_sizes():
    overlapping = TiledSource()
    overlapping.cells = (5, 4)
    with pytest.raises(AtlasError, match="tiles overlap; choose a view that cuts images into whole tiles"):
        tiled(3, overlapping)

    class Mixed(TiledSource):
        def read(self, start, stop):
            batch = super().read(start, stop)
            return replace(batch, tiles=[(6, 4), (3, 4)][: len(batch)])

    with pytest.raises(AtlasError, match="images of 1 and 2 tiles; choose a dataset whose images have one size"):
        tiled(2, Mixed())

    class Later(TiledSource):
        """Images that are smaller from the second batch on."""

        def read(self, start, stop):
            batch = super().read(start, stop)
            return batch if start == 0 else replace(batch, image=batch.image[::2], tiles=None)

    with pytest.raises(AtlasError, match="images of 24 and 12 patches; choose a dataset whose images have one size, or a view"):
        tiled(2, Later())


@given(st.integers(1, 10**6), st.integers(1, 1000), st.integers(1, 400))
def test_a_store_is_bounded(total, n_images, n_patches):
    kept = patches_per_image(total, n_images, n_patches)
    assert 1 <= kept <= n_patches
    assert kept == 1 or kept * n_images <= total


def test_results_of_fits_reach_collectors_as_paths():
    plan = {"view": {"use": {"codebook": {"fit": "study/basis"}, "fit": "word"}, "other": {}}}
    assert with_fits(plan, {"study/basis": "f"}) == {"view": {"use": {"codebook": "f", "fit": "word"}, "other": {}}}


def test_a_view_option_of_another_form_is_named():
    files = view_files(["v", "c.npy", "s.parquet", "masks=m.safetensors"])
    assert (files.name, files.truth) == ("v", {"masks": Path("m.safetensors")})
    for words in (["v", "c.npy"], ["v", "c.npy", "s.parquet", "masks"]):
        with pytest.raises(AtlasError, match=r"--view v c\.npy.*: expected NAME CROPS SAMPLES"):
            view_files(words)


def test_timm_is_imported_without_the_compiler_and_works():
    code = """
import json, sys, torch
from workflow_scripts.zoo.lean_timm import import_timm
import_timm()
import timm
lean = "torch._dynamo" not in sys.modules
model = timm.create_model("vit_tiny_patch16_224", pretrained=False, img_size=32).eval()
shape = list(model(torch.zeros(1, 3, 32, 32)).shape)
import torch._dynamo, torchvision
aligned = torchvision.ops.roi_align(torch.ones(1, 1, 8, 8), [torch.tensor([[0.0, 0.0, 4.0, 4.0]])], 2)
compiled = torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1))
print(json.dumps([lean, shape, float(aligned.mean()), float(compiled), hasattr(torch._dynamo, "config")]))
"""
    made = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(made.stdout) == [True, [1, 1000], 1.0, 2.0, True]
