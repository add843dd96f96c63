"""What the collectors of norms gather, beside what `test_collectors` holds for all of them: split anywhere, same answer."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.onepass.fake import FakeSource, FakeVit
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.token_norms import norm_counts, norm_edges
from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.collector import PassFacts
from workflow_scripts.onepass.collectors import make_collectors
from workflow_scripts.onepass.engine import run_pass
from workflow_scripts.onepass.stores import store_bytes
from workflow_scripts.onepass.token_norms import norm_bins, norm_histogram


def gathered(vit, name, **asked):
    (made,) = make_collectors({name: asked}, PassFacts(11, 0, vit.n_layers))
    run_pass(vit, "fake", FakeSource(), [made], batch_size=4)
    return made.sums, {key: rows.array() for key, rows in made.rows.items()}


class Scaled(FakeVit):
    """Tokens of norms that differ by layer and kind, and a final norm that changes them."""

    def _layer(self, images, index, attention):
        layer = super()._layer(images, index, attention)
        sizes = torch.logspace(0, 2, self.n_prefix + 12)[None, :, None] * index
        token = layer.token * sizes
        return replace(layer, token=token, token_normed=None if layer.token_normed is None else token / 7)


@pytest.mark.parametrize("n_prefix", [0, 1, 5])
def test_histograms_are_those_of_the_norms_of_all_images(n_prefix):
    vit = Scaled(n_prefix=n_prefix)
    sums, _ = gathered(vit, "token_norms", images=1)
    registers = max(n_prefix - 1, 0)
    kinds = {"patch"} | ({"cls"} if n_prefix else set()) | ({"register"} if registers else set())
    assert set(sums) == kinds | {f"{kind}_normed" for kind in kinds}
    for layer in (1, 3):
        norms = vit._layer(FakeSource().images, layer, False).token.norm(dim=-1).numpy()
        parts = {"patch": norms[:, n_prefix:], "cls": norms[:, :1]}
        for kind in kinds - {"register"}:
            assert np.array_equal(sums[kind][layer - 1], norm_counts(parts[kind]))
            after = norm_counts(parts[kind] / 7) if layer == 3 else np.zeros(200)
            assert np.array_equal(sums[f"{kind}_normed"][layer - 1], after)
        for register in range(registers):
            assert np.array_equal(sums["register"][layer - 1, register], norm_counts(norms[:, 1 + register]))


def test_maps_are_of_the_images_chosen_and_rows_of_all():
    vit = Scaled()
    _, rows = gathered(vit, "token_norms", images=2)
    norms = vit._layer(FakeSource().images, 2, False).token.norm(dim=-1)[:, 1:]
    assert rows["map"].shape == (2, 3, 12)
    assert np.allclose(rows["map"][:, 1], norms[[2, 8]])
    _, rows = gathered(vit, "patch_norms", layers=[-1, 2], facets=["token", "token_normed"])
    assert {key: value.shape for key, value in rows.items()} == {"token": (11, 2, 12), "token_normed": (11, 2, 12)}
    assert np.allclose(rows["token"][:, 1], norms)
    last = vit._layer(FakeSource().images, 3, False)
    assert np.allclose(rows["token_normed"][:, 0], last.token_normed.norm(dim=-1)[:, 1:])
    assert rows["token"].dtype == np.float32


def test_bins_are_those_of_the_metric_on_the_edges_too():
    edges = norm_edges()
    norms = np.concatenate([[0], edges, np.nextafter(edges, 0), np.nextafter(edges, 1e9), [1e9]])
    assert np.array_equal(norm_histogram(torch.from_numpy(norms)), norm_counts(norms))
    assert norm_bins(torch.tensor([[0.0, 1e9]])).tolist() == [[0, 199]]


def test_cells_that_two_tiles_cover_count_once_and_rows_want_images_of_one_crop():
    vit, images = FakeVit(), FakeSource().images[:2]
    layer = vit._layer(images, 1, False)
    batch = Batch(np.array([0]), images, tiles=[(3, 6)])  # two tiles of 3 x 4 cells
    (made,) = make_collectors({"token_norms": {"images": 0}}, PassFacts(1, 0, 3))
    made.update(LayerView(layer), batch)
    assert made.sums["patch"].sum() == 18
    assert made.sums["cls"].sum() == 2
    (made,) = make_collectors({"patch_norms": {"layers": [1], "facets": ["token"]}}, PassFacts(1, 0, 3))
    with pytest.raises(AtlasError, match="choose a view without tiles"):
        made.update(LayerView(layer), batch)


@pytest.mark.parametrize("name", ["patch_norms", "neighbour_cosines"])
def test_what_is_kept_of_every_patch_is_counted(name):
    asked = {"layers": [-1, 2], "facets": ["token"]} if name == "patch_norms" else {}
    _, rows = gathered(FakeVit(), name, **asked)
    assert sum(value.nbytes for value in rows.values()) == store_bytes(name, asked, 11, 12, 6, 3)
