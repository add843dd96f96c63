"""Label propagation against a float64 brute force written from the definition, and hand-checked cases."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.metrics import propagation as m


def case(frames, grid, width=16, channels=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    cells = grid[0] * grid[1]
    query = m.unit(torch.randn(cells, width, generator=generator))
    context = m.unit(torch.randn(frames, cells, width, generator=generator))
    return query, context, torch.rand(channels, frames, cells, generator=generator).softmax(0)


def brute(query, context, labels, grid, radius, top_k, temperature):
    query, context, labels = (x.double().numpy() for x in (query, context, labels))
    result = np.zeros((len(labels), len(query)))
    for q in range(len(query)):
        weights = []
        for frame in range(len(context)):
            for s in range(len(query)):
                near = abs(s // grid[1] - q // grid[1]) <= radius and abs(s % grid[1] - q % grid[1]) <= radius
                similarity = float(np.dot(context[frame, s], query[q]))
                weights.append(math.exp(similarity / temperature) if near or radius == 0 else 0.0)
        weights = np.array(weights)
        if top_k < len(weights):
            weights[weights < np.sort(weights)[-top_k]] = 0
        result[:, q] = labels.reshape(len(labels), -1) @ (weights / weights.sum())
    return result


@pytest.mark.parametrize("grid", [(4, 5), (7, 3), (5, 5), (1, 9), (9, 1), (1, 1)])
@pytest.mark.parametrize("radius", [0, 1, 2, 12])
@pytest.mark.parametrize("top_k", [1, 5, 1000])
def test_propagation_equals_brute_force(grid, radius, top_k):
    inputs = case(3, grid)
    got = m.propagate(*inputs, grid, radius, top_k, 0.1)
    assert got.dtype == torch.float32
    assert np.allclose(got, brute(*inputs, grid, radius, top_k, 0.1), atol=1e-5)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 4),
    st.tuples(st.integers(1, 7), st.integers(1, 7)),
    st.integers(0, 4),
    st.integers(1, 12),
    st.sampled_from([0.05, 0.1, 1.0]),
    st.integers(0, 1000),
)
def test_propagation_equals_brute_force_anywhere(frames, grid, radius, top_k, temperature, seed):
    inputs = case(frames, grid, seed=seed)
    got = m.propagate(*inputs, grid, radius, top_k, temperature)
    assert np.allclose(got, brute(*inputs, grid, radius, top_k, temperature), atol=1e-4)
    assert np.allclose(got.sum(0), 1, atol=1e-5)


@pytest.mark.parametrize("radius", [0, 2])
def test_small_blocks_give_the_same(monkeypatch, radius):
    inputs = case(4, (9, 6))
    expected = m.propagate(*inputs, (9, 6), radius)
    monkeypatch.setattr(m, "_BLOCK_BYTES", {"cpu": 1})
    assert len(m._blocks(9, 6, 4, radius, torch.device("cpu"))) == 9
    assert torch.allclose(m.propagate(*inputs, (9, 6), radius), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("rows", "columns", "frames", "radius"), [(49, 28, 8, 12), (200, 113, 8, 12), (98, 56, 8, 0), (500, 3, 2, 7)]
)
def test_blocks_cover_every_row_once_and_keep_to_the_memory(rows, columns, frames, radius):
    for kind in ("cpu", "cuda"):
        blocks = m._blocks(rows, columns, frames, radius, torch.device(kind))
        assert [row for start, stop, _, _ in blocks for row in range(start, stop)] == list(range(rows))
        for start, stop, low, high in blocks:
            reached = [row for row in range(rows) if not radius or start - radius <= row < stop + radius]
            assert (low, high) == (reached[0], reached[-1] + 1)
            small = 4 * frames * columns * (stop - start) * columns * (high - low) <= m._BLOCK_BYTES[kind]
            assert small or stop - start == 1


def one_hot(*indices, width=8):
    return torch.nn.functional.one_hot(torch.tensor(indices), width).float()


def test_ties_with_the_threshold_are_kept():
    # Three frames hold the very token of the query; two are asked for, all three tie.
    query, context = one_hot(0, 1), torch.stack([one_hot(0, 2), one_hot(0, 3), one_hot(0, 4)])
    labels = torch.tensor([[[1.0, 0], [0, 0], [0, 0]], [[0, 0], [1, 0], [0, 0]], [[0, 0], [0, 0], [1, 0]]])
    got = m.propagate(query, context, labels, (1, 2), radius=0, top_k=2)
    assert torch.allclose(got[:, 0], torch.full((3,), 1 / 3))
    # Below the threshold nothing is left: one is asked for and is alone at the top.
    query = m.unit(query + 0.1 * one_hot(2, 2))
    got = m.propagate(query, context, labels, (1, 2), radius=0, top_k=1)
    assert torch.allclose(got[:, 0], torch.full((3,), 1 / 3))
    context[0, 0] = query[0]
    assert m.propagate(query, context, labels, (1, 2), radius=0, top_k=1)[:, 0].tolist() == [1, 0, 0]


@pytest.mark.parametrize("radius", [0, 1])
def test_repeated_frames_tie_as_in_the_definition(radius):
    query, context, labels = case(1, (4, 5), width=64)
    context = context.expand(4, -1, -1).contiguous()
    labels = torch.rand(3, 4, 20).softmax(0)
    got = m.propagate(query, context, labels, (4, 5), radius, top_k=6)
    # Each similarity comes four times, so that the sixth largest is the second of four equals: eight are kept.
    expected = brute(query, context, labels, (4, 5), radius, 8, 0.1)
    assert np.allclose(got, expected, atol=1e-5)


def test_all_cells_of_a_window_smaller_than_top_k_are_kept():
    query, context = one_hot(0, 1, 2), one_hot(0, 1, 2)[None]
    labels = torch.eye(3)[:, None]
    got = m.propagate(query, context, labels, (1, 3), radius=1, top_k=5, temperature=1.0)
    e = math.e
    assert torch.allclose(got[:, 0], torch.tensor([e / (e + 1), 1 / (e + 1), 0]))
    assert torch.allclose(got[:, 1], torch.tensor([1 / (e + 2), e / (e + 2), 1 / (e + 2)]))


def test_the_window_hides_a_better_cell():
    query, context = one_hot(0, 1, 2, 3), one_hot(3, 1, 2, 0)[None]
    labels = torch.eye(4)[:, None]
    assert m.propagate(query, context, labels, (4, 1), radius=0, top_k=1)[:, 0].tolist() == [0, 0, 0, 1]
    # The only cells it may see are equally unlike it, and both are kept.
    hidden = m.propagate(query, context, labels, (4, 1), radius=1, top_k=1)[:, 0]
    assert hidden.tolist() == [0.5, 0.5, 0, 0]


def test_labels_follow_the_tokens_that_move():
    tokens = one_hot(0, 1, 2, 3, 4, 5)
    moved = tokens.roll(1, 0)
    labels = torch.tensor([[1.0, 0, 1, 1, 1, 1], [0, 1, 0, 0, 0, 0]])
    got = m.propagate(moved, tokens[None], labels[:, None], (2, 3), radius=0, top_k=1)
    assert torch.equal(got, labels.roll(1, 1))


def test_a_small_temperature_does_not_overflow():
    inputs = case(2, (3, 3))
    got = m.propagate(*inputs, (3, 3), 0, 5, 0.001)
    assert got.isfinite().all()
    assert np.allclose(got, brute(*inputs, (3, 3), 0, 1, 0.1), atol=0.05)


def test_input_types_and_the_order_of_the_context():
    query, context, labels = case(5, (4, 6))
    expected = m.propagate(query, context, labels, (4, 6))
    order = torch.tensor([3, 0, 4, 1, 2])
    assert torch.allclose(m.propagate(query, context[order], labels[:, order], (4, 6)), expected, atol=1e-6)
    half = m.propagate(query.half(), context.half(), labels, (4, 6), 0, 1000)
    assert half.dtype == torch.float32
    assert torch.allclose(half, m.propagate(query, context, labels, (4, 6), 0, 1000), atol=0.01)


def test_context_frames():
    assert m.context_frames(1) == [0]
    assert m.context_frames(7) == [0, 1, 2, 3, 4, 5, 6]
    assert m.context_frames(8) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert m.context_frames(9) == [0, 2, 3, 4, 5, 6, 7, 8]
    assert m.context_frames(5, 0) == [0]
    assert m.context_frames(5, 2) == [0, 3, 4]


@pytest.mark.parametrize("grid", [(3, 5), (5, 3), (4, 4)])
@pytest.mark.parametrize("n_last", [0, 1, 3])
def test_a_video_equals_step_by_step_propagation(grid, n_last):
    generator = torch.Generator().manual_seed(1)
    tokens = m.unit(torch.randn(9, grid[0] * grid[1], 16, generator=generator))
    labels = [torch.rand(3, grid[0] * grid[1], generator=generator).softmax(0)]
    video = m.Propagation(tokens[0], labels[0], grid, n_last, radius=2, top_k=4, temperature=0.2)
    for frame in range(1, len(tokens)):
        context = m.context_frames(frame, n_last)
        past = torch.stack([labels[i] for i in context], 1)
        labels.append(m.propagate(tokens[frame], tokens[context], past, grid, 2, 4, 0.2))
        assert torch.allclose(video.step(tokens[frame]), labels[-1], atol=1e-5), frame


def test_unit():
    tokens = m.unit(torch.tensor([[3.0, 4.0], [0.0, 0.0]]).half())
    assert tokens.dtype == torch.float32
    assert torch.allclose(tokens, torch.tensor([[0.6, 0.8], [0, 0]]))
