"""Information of keys and queries: its ends, and against a loop and entropies."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from workflow_scripts.metrics.locality import key_query_information


def attention(seed, heads=2, tokens=6, sharp=3.0, images=2):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(images, heads, tokens, tokens, generator=generator).mul(sharp).softmax(-1)


@given(st.integers(0, 99), st.integers(1, 3), st.integers(0, 2), st.floats(0, 30))
def test_it_equals_a_loop_and_a_sum_of_entropies(seed, heads, n_prefix, sharp):
    given_attention = attention(seed, heads, sharp=sharp)
    found = key_query_information(given_attention, n_prefix)
    for image, value in zip(given_attention.numpy(), found, strict=True):
        mean = image.mean(0, dtype=np.float64)[n_prefix:, n_prefix:]
        joint = mean / mean.sum(1, keepdims=True) / len(mean)
        expected = 0.0
        for q, k in np.ndindex(joint.shape):
            if joint[q, k] > 0:
                expected += joint[q, k] * math.log(joint[q, k] / (joint[q].sum() * joint[:, k].sum()))
        assert float(value) == pytest.approx(expected, abs=1e-6)
        assert float(value) == pytest.approx(entropy(joint.sum(0)) + entropy(joint.sum(1)) - entropy(joint.ravel()), abs=1e-6)
        assert -1e-12 <= float(value) <= math.log(len(mean)) + 1e-9


def test_each_to_its_own_and_all_to_the_same():
    own = torch.eye(5)[None, None]
    assert float(key_query_information(own, 0)) == pytest.approx(math.log(5))
    barcode = torch.tensor([0.7, 0.1, 0.2]).expand(1, 1, 3, 3)
    assert float(key_query_information(barcode, 0)) == pytest.approx(0, abs=1e-9)


def test_prefix_tokens_take_no_part():
    with_prefix = torch.full((1, 1, 5, 5), 0.0)
    with_prefix[0, 0, :, 0] = 0.9
    with_prefix[0, 0, 1:, 1:] = 0.1 * torch.eye(4)
    assert float(key_query_information(with_prefix, 1)) == pytest.approx(math.log(4))


def test_heads_are_averaged_first():
    heads = torch.stack([torch.eye(4), torch.eye(4).flip(0)])[None]
    assert float(key_query_information(heads, 0)) == pytest.approx(math.log(2))  # of single heads it would be ln 4


def test_attention_to_prefix_tokens_alone_is_no_information():
    none = torch.zeros(1, 1, 3, 3)
    none[..., 0] = 1
    assert float(key_query_information(none, 1)) == 0
