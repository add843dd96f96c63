"""What the collector of neighbour cosines gathers, beside what `test_collectors` holds: split anywhere, same answer."""

from dataclasses import replace

import numpy as np
import pytest

from tests.onepass.fake import FakeSource, FakeVit
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.binned_density import cosine_edges
from workflow_scripts.metrics.neighbour_cosine import mean_cosines, neighbour_cosines, pairs_of_patches
from workflow_scripts.metrics.token_norms import bins_above, norm_edges
from workflow_scripts.onepass.collector import PassFacts
from workflow_scripts.onepass.collectors import make_collectors
from workflow_scripts.onepass.engine import run_pass


def test_pairs_of_both_kinds_for_any_cutoff_and_means_by_image():
    vit = FakeVit(n_prefix=2)
    (made,) = make_collectors({"neighbour_cosines": {}}, PassFacts(11, 0, vit.n_layers))
    run_pass(vit, "fake", FakeSource(), [made], batch_size=4)
    *_, last = vit.layers(FakeSource().images)
    norms = last.token[:, 2:].norm(dim=-1).numpy()
    right, below = neighbour_cosines(last.patch_embed(), vit.grid)
    patch, values = (part.numpy() for part in pairs_of_patches(right, below))
    assert made.sums["pairs"].shape == (1, 200, 400)
    for limit in norm_edges()[[50, 55, 58]]:
        high = made.sums["pairs"][0, bins_above(limit) :].sum(0)
        assert np.array_equal(high, np.histogram(values[norms[:, patch] > limit], cosine_edges())[0])
    assert 0 < high.sum() < made.sums["pairs"].sum() == 11 * 34
    assert np.allclose(made.rows["mean"].array()[:, 0], mean_cosines(right, below))


def test_equal_patches_count_in_the_last_bin_and_a_single_patch_is_refused():
    class Flat(FakeVit):
        def _layer(self, images, index, attention):
            layer = super()._layer(images, index, attention)
            return replace(layer, patch_embed=lambda: layer.token[:, self.n_prefix :] * 0 + 3)

    (made,) = make_collectors({"neighbour_cosines": {}}, PassFacts(11, 0, 3))
    run_pass(Flat(), "fake", FakeSource(), [made], batch_size=4)
    assert made.sums["pairs"][0, :, -1].sum() == 11 * 34
    with pytest.raises(AtlasError, match="one patch, which has no neighbours"):
        run_pass(FakeVit(grid=(1, 1)), "fake", FakeSource(n_patches=1), [made], batch_size=4)
