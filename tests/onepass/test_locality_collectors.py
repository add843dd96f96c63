"""What the collectors of locality put, beside what `test_collectors` holds for all of them: split anywhere, same answer."""

import numpy as np
import pytest
import torch

from tests.onepass.fake import FakeSource, FakeVit
from workflow_scripts.metrics.attention import patch_attention
from workflow_scripts.metrics.locality import head_average, information
from workflow_scripts.onepass.collector import PassFacts
from workflow_scripts.onepass.collectors import make_collectors
from workflow_scripts.onepass.engine import run_pass


def gathered(vit, name, **asked):
    (made,) = make_collectors({name: asked}, PassFacts(11, 0, vit.n_layers))
    run_pass(vit, "fake", FakeSource(n_patches=vit.grid[0] * vit.grid[1]), [made], batch_size=4)
    return {key: rows.array() for key, rows in made.rows.items()}, made.rows


@pytest.mark.parametrize(
    "vit", [FakeVit(), FakeVit(grid=(2, 5), n_prefix=5), FakeVit(n_prefix=0)], ids=["cls", "registers", "none"]
)
def test_information_of_every_image_and_layer(vit):
    found, _ = gathered(vit, "attention_information")
    assert {key: value.shape for key, value in found.items()} == {"head_average": (11, 3), "per_head": (11, 3, 2)}
    for image, layer in ((0, 1), (6, 2), (10, 3)):
        attention = vit._layer(FakeSource().images[[image]], layer, True).attention
        own = information(patch_attention(attention, vit.n_prefix))[0].numpy()
        together = float(information(head_average(attention, vit.n_prefix)))
        assert found["per_head"][image, layer - 1] == pytest.approx(own, rel=1e-5)
        assert found["head_average"][image, layer - 1] == pytest.approx(together, rel=1e-5)
        assert 0 < together < own.mean()


class Blind(FakeVit):
    """Heads of which some see the CLS token alone."""

    heads = slice(0, 1)

    def _layer(self, images, index, attention):
        layer = super()._layer(images, index, attention)
        layer.attention[:, self.heads] = torch.eye(13)[0]
        return layer


def test_a_head_that_sees_no_patch_holds_nothing_and_leaves_the_average_to_the_others():
    found, _ = gathered(Blind(), "attention_information")
    own = information(patch_attention(FakeVit()._layer(FakeSource().images[[4]], 2, True).attention, 1))
    assert found["per_head"][4, 1] == pytest.approx([0, float(own[0, 1])], rel=1e-5)
    assert found["head_average"][4, 1] == pytest.approx(float(own[0, 1]), rel=1e-4)


def test_attention_on_prefix_tokens_alone_holds_nothing():
    blind = Blind()
    blind.heads = slice(None)
    found, _ = gathered(blind, "attention_information")
    assert not found["head_average"].any() and not found["per_head"].any()
    assert found["head_average"].shape == (11, 3)


def test_the_mean_of_all_images_is_that_of_their_matrices():
    vit = FakeVit(n_prefix=5)
    (made,) = make_collectors({"mean_head_average": {}}, PassFacts(11, 0, vit.n_layers))
    run_pass(vit, "fake", FakeSource(), [made], batch_size=4)
    every = [head_average(vit._layer(FakeSource().images[[i]], 2, True).attention, 5)[0].double() for i in range(11)]
    assert made.sums["matrix"].shape == (3, 12, 12)
    assert np.allclose(made.sums["matrix"][1], torch.stack(every).sum(0), atol=1e-5)


def test_matrices_and_rows_of_chosen_images():
    vit = FakeVit(n_prefix=5)
    found, rows = gathered(vit, "chosen_head_average", images=2, queries=[[0.9, 0.1], [0.5, 0.5]])
    assert np.sort(rows["matrix"].index).tolist() == [2, 8]
    assert found["matrix"].shape == (2, 3, 12, 12)
    assert found["heads"].shape == (2, 3, 2, 2, 12)
    attention = vit._layer(FakeSource().images[[8]], 3, True).attention
    assert np.allclose(found["matrix"][1, 2], head_average(attention, 5)[0], atol=1e-6)
    assert np.allclose(found["heads"][1, 2], patch_attention(attention, 5)[0][:, [3, 6]], atol=1e-6)
    assert set(gathered(vit, "chosen_head_average", images=1, queries=[])[0]) == {"matrix"}
