"""Mutual information of keys and queries against a float64 brute force, scikit-learn, and hand-checked cases."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score

from workflow_scripts.metrics.attention import patch_attention
from workflow_scripts.metrics.locality import head_average, information


def random_attention(seed, images, heads, tokens, sharpness=2.0):
    logits = np.random.default_rng(seed).normal(size=(images, heads, tokens, tokens)) * sharpness
    exponent = np.exp(logits)
    return exponent / exponent.sum(-1, keepdims=True)


def brute(matrix):
    """I(K, Q) word for word, of rows that each sum to 1."""
    count = len(matrix)
    joint = [[value / count for value in row] for row in matrix.tolist()]
    of_key = [sum(joint[q][k] for q in range(count)) for k in range(count)]
    terms = (
        joint[q][k] * math.log(joint[q][k] / (of_key[k] * (1 / count)))
        for q in range(count)
        for k in range(count)
        if joint[q][k] > 0
    )
    return math.fsum(terms)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    images=st.integers(1, 3),
    heads=st.integers(1, 3),
    n_prefix=st.sampled_from([0, 1, 5]),
    grid=st.sampled_from([(1, 1), (1, 4), (3, 2), (4, 4), (3, 5)]),
    sharpness=st.sampled_from([0.0, 1.0, 8.0]),
)
def test_information_equals_brute_force(seed, images, heads, n_prefix, grid, sharpness):
    cells = grid[0] * grid[1]
    attention = random_attention(seed, images, heads, n_prefix + cells, sharpness)
    tensor = torch.tensor(attention).float()
    average = information(head_average(tensor, n_prefix))
    per_head = information(patch_attention(tensor, n_prefix))
    assert average.shape == (images,) and per_head.shape == (images, heads)
    for image in range(images):
        rows = attention[image].mean(0)[n_prefix:, n_prefix:]
        assert average[image] == pytest.approx(brute(rows / rows.sum(-1, keepdims=True)), abs=2e-6)
        for head in range(heads):
            rows = attention[image, head, n_prefix:, n_prefix:]
            assert per_head[image, head] == pytest.approx(brute(rows / rows.sum(-1, keepdims=True)), abs=2e-6)
    assert (average >= 0).all() and (average <= math.log(cells) + 1e-6).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(2, 12))
def test_information_equals_scikit_learn(seed, cells):
    # The same number of counts in every row: queries are then equally likely there, too.
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(50, rng.dirichlet(np.full(cells, 0.3), cells)[0], cells)
    counts[0] = rng.multinomial(50, rng.dirichlet(np.full(cells, 0.3)))
    expected = mutual_info_score(None, None, contingency=counts)
    assert float(information(torch.tensor(counts / 50))) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10**6), st.integers(1, 6), st.sampled_from([1, 2, 6, 12]), st.sampled_from([0.0, 1.0, 8.0]), st.booleans()
)
def test_the_average_of_heads_holds_no_more_than_the_heads_do_on_average(seed, heads, cells, sharpness, prefix):
    """By convexity, where every head has the same mass on patch tokens: all of it, or all but a constant."""
    attention = random_attention(seed, 1, heads, cells, sharpness)
    if prefix:
        attention = np.pad(attention * 0.3, ((0, 0), (0, 0), (1, 0), (1, 0)), constant_values=0.7)
    tensor = torch.tensor(attention)
    average, own = (information(f(tensor, int(prefix))) for f in (head_average, patch_attention))
    assert float(average) <= float(own.mean()) + 1e-9


def test_with_prefix_tokens_the_average_of_heads_can_hold_more():
    # Each head attends to one patch whatever the query, but how much of its attention the CLS token takes depends on the query.
    heads = torch.tensor([
        [[1.0, 0, 0], [0.0, 1, 0], [1.0, 0, 0]],
        [[1.0, 0, 0], [1.0, 0, 0], [0.0, 0, 1]],
    ])[None]  # fmt: skip
    heads[:, 0, 2], heads[:, 1, 1] = torch.tensor([0.99, 0.01, 0]), torch.tensor([0.99, 0, 0.01])
    assert information(patch_attention(heads, 1)).tolist() == [[0, 0]]
    assert float(information(head_average(heads, 1))) > 0.6  # nearly ln 2


def test_what_is_wholly_local_and_what_is_not():
    identity, stripes = torch.eye(6), torch.tensor([0.5, 0.25, 0.25, 0, 0, 0]).expand(6, 6)
    assert float(information(identity)) == pytest.approx(math.log(6))
    assert float(information(identity.flip(0))) == pytest.approx(math.log(6))
    assert float(information(stripes)) == 0
    assert float(information(torch.full((6, 6), 1 / 6))) == pytest.approx(0, abs=1e-6)
    # Two blocks of keys, each for a half of the queries, one bit of what there is to know.
    assert float(information(torch.eye(2).repeat_interleave(3, 0).repeat_interleave(3, 1) / 3)) == pytest.approx(math.log(2))


def test_queries_without_attention_on_patches_are_left_out():
    rows = torch.eye(4)
    rows[3] = 0
    assert float(information(rows)) == pytest.approx(math.log(3))
    assert information(torch.zeros(2, 4, 4)).tolist() == [0, 0]
    mixed = torch.stack([rows, torch.zeros(4, 4)])
    assert information(mixed).tolist() == pytest.approx([math.log(3), 0])


def test_half_precision_is_summed_in_float32():
    attention = torch.tensor(random_attention(3, 1, 1, 50)).bfloat16()
    assert float(information(attention)) == float(information(attention.float()))


def test_heads_are_averaged_before_prefix_tokens_are_dropped():
    heads = torch.tensor([
        [[0.0, 1, 0], [0.9, 0.1, 0], [0.9, 0.1, 0]],
        [[0.0, 1, 0], [0.0, 0, 1.0], [0.0, 0.5, 0.5]],
    ])[None]  # fmt: skip
    expected = torch.tensor([[0.1, 1.0], [0.6, 0.5]]) / 1.1
    assert torch.allclose(head_average(heads, 1)[0], expected)
