"""IoU of noise with ground truth: against the torch metrics of attention, and by what chance gives."""

import numpy as np
import pytest
import torch

from workflow_scripts.metrics import attention, noise

GRID, PREFIX, HEADS, LAYERS = (4, 5), 2, 3, 2
TRUTH = np.random.default_rng(0).random((6, 20)) < 0.4


@pytest.mark.parametrize("scaling", noise.SCALINGS)
@pytest.mark.parametrize("images", [6, 6 + 200])  # more images than draws: they share them in turn
def test_noise_is_scored_as_attention_is(scaling, images):
    truth = np.resize(TRUTH, (images, 20))
    found = noise.noise_iou(truth, scaling, GRID, PREFIX, HEADS, LAYERS, seed=3)
    for layer, image in [(0, 0), (1, 4), (1, images - 1)]:
        draw = np.random.default_rng([3, layer, image % min(images, 200)]).random((HEADS, 22, 22), np.float32)
        drawn = torch.tensor(noise.scaled_noise(draw, scaling))[None]
        for source, values in attention.source_rows(drawn, PREFIX, GRID).items():
            shown = torch.tensor(truth[image])
            each = attention.mask_iou(attention.mass_mask(values[0]), shown)
            merged = attention.mask_iou(attention.mass_mask(attention.merge_heads(values, source)[0]), shown)
            assert found[source][image, layer].tolist() == pytest.approx(each.tolist())
            assert found[f"{source}_merged"][image, layer] == pytest.approx(merged.item())


def test_what_sums_to_what():
    drawn = np.random.default_rng(0).random((2, 30, 30))
    rows, sources = noise.scaled_noise(drawn, noise.ROWS), noise.scaled_noise(drawn, noise.SOURCES)
    assert rows.sum(-1) == pytest.approx(1)
    assert sources.mean(-2) == pytest.approx(1)
    assert (abs(sources.sum(-1) - 30) < 10).all()  # the study's: rows sum to about the number of tokens ...
    assert not np.isclose(sources.sum(-1), 1).any()  # ... and none to 1


def test_the_two_kinds_of_noise_differ_where_rows_are_added_up():
    found = [noise.noise_iou(TRUTH, scaling, GRID, 1, HEADS, 1, seed=0) for scaling in noise.SCALINGS]
    assert not np.array_equal(found[0]["spatial"], found[1]["spatial"])


def test_the_best_of_many_heads_overlaps_more_on_a_small_grid():
    def best(side):
        truth = np.zeros((50, side, side), bool)
        truth[:, side // 4 : 3 * side // 4 + 1, side // 4 : 3 * side // 4 + 1] = True
        return noise.noise_iou(truth.reshape(50, -1), noise.SOURCES, (side, side), 1, 12, 1, 0)["cls"].max(-1).mean()

    assert best(7) > best(14) + 0.02


def test_the_same_seed_gives_the_same_noise():
    one, again, other = (noise.noise_iou(TRUTH, noise.ROWS, GRID, 1, HEADS, LAYERS, seed)["cls"] for seed in (0, 0, 1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one[:, 0], one[:, 1])  # every layer is a draw of its own
