"""Attention metrics against a float64 brute force written from the definitions, and hand-checked cases."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.metrics import attention as m

SHAPES = [(2, 3, 1, (4, 4)), (3, 2, 5, (3, 5)), (1, 1, 1, (2, 2))]


def random_attention(images, heads, n_prefix, grid, seed=0):
    tokens = n_prefix + grid[0] * grid[1]
    logits = np.random.default_rng(seed).normal(size=(images, heads, tokens, tokens)) * 2
    exponent = np.exp(logits)
    return exponent / exponent.sum(-1, keepdims=True)


def brute_patches(a, n_prefix):
    p = a[..., n_prefix:, n_prefix:].copy()
    for index in np.ndindex(*p.shape[:-1]):
        total = p[index].sum()
        p[index] = p[index] / total if total > 0 else 0
    return p


@pytest.fixture(params=SHAPES, ids=str)
def case(request):
    _, _, n_prefix, grid = request.param
    a = random_attention(*request.param)
    return a, torch.tensor(a).float(), n_prefix, grid


def test_patch_attention_renormalises_rows_and_keeps_zero_rows():
    a = np.zeros((1, 1, 5, 5))
    a[..., 0] = 1  # all mass on the CLS token ...
    a[0, 0, 2] = [0.5, 0, 0.25, 0.25, 0]  # ... but for one patch
    p = m.patch_attention(torch.tensor(a), 1)[0, 0]
    assert p[0].tolist() == [0, 0, 0, 0]
    assert p[1].tolist() == [0, 0.5, 0.5, 0]


def test_attention_distance_equals_brute_force(case):
    a, tensor, n_prefix, (rows, columns) = case
    p = brute_patches(a, n_prefix)
    longer = max(rows - 1, columns - 1)
    expected = np.zeros(p.shape[:2])
    for image, head in np.ndindex(*expected.shape):
        per_source = []
        for s in range(rows * columns):
            d = 0.0
            for t in range(rows * columns):
                dy, dx = s // columns - t // columns, s % columns - t % columns
                d += p[image, head, s, t] * math.hypot(dx, dy) / longer
            per_source.append(d)
        expected[image, head] = np.mean(per_source)
    got = m.attention_distance(m.patch_attention(tensor, n_prefix), m.distance_table((rows, columns)))
    assert np.allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("grid", [(7, 7), (14, 14), (28, 28), (32, 32), (18, 25), (3, 100)], ids=str)
@pytest.mark.parametrize("sharpness", [0, 2, 6], ids=["uniform", "softmax", "sharp"])
def test_attention_distance_keeps_its_digits_on_large_grids(grid, sharpness):
    tokens = 1 + grid[0] * grid[1]
    logits = torch.randn(1, 12, tokens, tokens, generator=torch.Generator().manual_seed(0))
    attention = (sharpness * logits).softmax(-1)
    exact = attention[..., 1:, 1:].double()
    exact /= exact.sum(-1, keepdim=True)
    row, column = np.divmod(np.arange(tokens - 1), grid[1])
    between = np.hypot(row[:, None] - row, column[:, None] - column) / (max(grid) - 1)
    expected = (exact * torch.tensor(between)).sum((-1, -2)) / (tokens - 1)
    got = m.attention_distance(m.patch_attention(attention, 1), m.distance_table(grid))
    assert got.dtype == torch.float32
    assert (got.double() - expected).abs().max() < 2e-6


def test_attention_distance_by_hand():
    table = m.distance_table((2, 2))
    identity = torch.eye(4)[None, None]
    opposite = torch.eye(4).flip(0)[None, None]
    assert m.attention_distance(identity, table).item() == 0
    assert m.attention_distance(opposite, table).item() == pytest.approx(math.sqrt(2))
    # A row without mass counts as distance 0 and stays in the denominator.
    opposite[0, 0, 0] = 0
    assert m.attention_distance(opposite, table).item() == pytest.approx(0.75 * math.sqrt(2))


def test_single_patch_grid_has_no_distance():
    assert m.distance_table((1, 1)).tolist() == [[0]]


def test_average_attention_equals_brute_force(case):
    a, tensor, n_prefix, _ = case
    before = tensor.clone()
    got = m.average_attention(tensor, m.patch_attention(tensor, n_prefix), n_prefix)
    pure = a[:, :, n_prefix:].copy()
    pure[..., :n_prefix] = 0
    total = pure.sum(-1, keepdims=True)
    pure = np.divide(pure, total, out=np.zeros_like(pure), where=total > 0)
    expected = {
        "all": a.mean(-2).sum(0),
        "cls": a[:, :, 0].sum(0),
        "spatial": a[:, :, n_prefix:].mean(-2).sum(0),
        "spatial_pure": pure.mean(-2).sum(0),
    }
    assert set(got) == set(expected)
    for mode, value in expected.items():
        assert np.allclose(got[mode], value, atol=1e-5), mode
    assert torch.equal(tensor, before), "the caller's attention was changed"


def test_aligned_attention_equals_brute_force(case):
    a, tensor, n_prefix, (rows, columns) = case
    p = brute_patches(a, n_prefix)
    expected = np.zeros((p.shape[1], 2 * rows - 1, 2 * columns - 1))
    for _, head, s, t in np.ndindex(*p.shape):
        dy, dx = t // columns - s // columns, t % columns - s % columns
        expected[head, rows - 1 + dy, columns - 1 + dx] += p[_, head, s, t]
    got = m.aligned_attention(m.patch_attention(tensor, n_prefix), (rows, columns))
    assert np.allclose(got, expected / (rows * columns), atol=1e-5)


def test_aligned_attention_puts_the_right_neighbour_right_of_the_centre():
    p = torch.zeros(1, 1, 9, 9)
    for s in range(9):
        p[0, 0, s, s + 1 if s % 3 < 2 else s] = 1
    canvas = m.aligned_attention(p, (3, 3))[0]
    assert canvas[2, 3].item() == pytest.approx(6 / 9)
    assert canvas[2, 2].item() == pytest.approx(3 / 9)
    assert canvas.sum().item() == pytest.approx(1)


def test_spatial_to_cls_and_the_reference_variant(case):
    a, tensor, n_prefix, _ = case
    assert np.allclose(m.spatial_to_cls(tensor, n_prefix), a[:, :, n_prefix:, 0].mean(-1), atol=1e-6)
    assert np.allclose(m.spatial_to_first_patch(tensor, n_prefix), a[:, :, n_prefix:, n_prefix].mean(-1), atol=1e-6)


def test_all_attention_on_cls_is_one_and_the_reference_variant_reads_zero():
    a = torch.zeros(1, 1, 5, 5)
    a[..., 0] = 1
    assert m.spatial_to_cls(a, 1).item() == 1
    assert m.spatial_to_first_patch(a, 1).item() == 0


def test_deviations_equal_numpy(case):
    a, tensor, n_prefix, _ = case
    p = a[..., n_prefix:, n_prefix:]
    assert np.allclose(m.position_deviation(tensor, n_prefix), p.std(-2, ddof=1).mean(-1), atol=1e-6)
    if a.shape[1] > 1:
        assert np.allclose(m.head_deviation(tensor, n_prefix), p.std(1, ddof=1).mean((-1, -2)), atol=1e-6)
    else:
        assert m.head_deviation(tensor, n_prefix).isnan().all()


def test_deviations_are_zero_for_equal_rows_and_equal_heads():
    row = torch.rand(7).softmax(0)
    a = row.expand(2, 3, 7, 7)
    assert m.position_deviation(a, 1).abs().max() < 1e-7
    assert m.head_deviation(a, 1).abs().max() < 1e-7


def test_source_rows(case):
    a, tensor, n_prefix, (rows, columns) = case
    got = m.source_rows(tensor, n_prefix, (rows, columns))
    assert np.allclose(got["cls"], a[:, :, 0, n_prefix:], atol=1e-6)
    assert np.allclose(got["spatial"], a[:, :, n_prefix:, n_prefix:].sum(-2), atol=1e-5)


def test_centre_source_is_the_published_index():
    # 14 x 14 with one prefix token: token 91, row 6, column 6 (0-based).
    a = torch.arange(197.0)[None, None, :, None].expand(1, 1, 197, 197)
    assert m.source_rows(a, 1, (14, 14))["centre"][0, 0, 0].item() == 91
    a = torch.arange(10.0)[None, None, :, None].expand(1, 1, 10, 10)
    assert m.source_rows(a, 1, (3, 3))["centre"][0, 0, 0].item() == 1 + 4


def brute_mass_mask(values, mass):
    total = values.sum()
    if total == 0:
        return np.zeros(len(values), bool)
    order = sorted(range(len(values)), key=lambda i: values[i])
    mask, running = np.zeros(len(values), bool), 0.0
    for i in order:
        running += values[i] / total
        mask[i] = running > 1 - mass
    return mask


@settings(deadline=None)
@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=30), st.sampled_from([0.3, 0.6, 0.9, 1.0]))
def test_mass_mask_is_the_smallest_set_that_holds_the_mass(values, mass):
    values = np.array(values, np.float64)
    mask = m.mass_mask(torch.tensor(values), mass).numpy()
    assert (mask == brute_mass_mask(values, mass)).all()
    total = values.sum()
    if total > 0:
        kept = values[mask]
        assert kept.sum() / total >= mass - 1e-9
        assert kept.min() >= values[~mask].max(initial=0)
        assert len(kept) == 1 or (kept.sum() - kept.min()) / total < mass + 1e-9
    else:
        assert not mask.any()


def test_mass_mask_by_hand():
    assert m.mass_mask(torch.tensor([0.1, 0.2, 0.3, 0.4]), 0.6).tolist() == [False, False, True, True]
    assert m.mass_mask(torch.zeros(4)).tolist() == [False] * 4
    # Ties: the earlier entries are dropped first (stable ascending order).
    assert m.mass_mask(torch.ones(4), 0.5).tolist() == [False, False, True, True]


def test_merge_heads_normalises_cls_but_not_spatial():
    heads = torch.tensor([[[1.0, 3.0], [0.0, 0.0], [30.0, 10.0]]])
    assert m.merge_heads(heads, "cls").tolist() == [[1.0, 1.0]]
    assert m.merge_heads(heads, "spatial").tolist() == [[31.0, 13.0]]


def test_a_head_without_mass_is_left_out_where_the_public_code_gives_an_empty_map():
    heads = torch.tensor([[[0.0, 0.0, 0.0, 0.0], [1.0, 2.0, 3.0, 4.0]]])  # the first: all of its attention on CLS
    ours = m.mass_mask(m.merge_heads(heads, "cls"))
    assert ours.tolist() == m.mass_mask(heads[:, 1]).tolist() == [[False, False, True, True]]
    published = (heads / heads.sum(-1, keepdim=True)).sum(1)
    assert published.isnan().all()
    assert not (published / published.sum(-1, keepdim=True) > 0).any()  # NaN exceeds no threshold: an empty mask


def test_mask_iou():
    mask = torch.tensor([[True, True, False, False], [False] * 4, [True, False, False, False]])
    truth = torch.tensor([[True, False, True, False], [False] * 4, [True, False, False, False]])
    assert m.mask_iou(mask, truth).tolist() == pytest.approx([1 / 3, 0, 1])


def test_top_token_share_equals_brute_force(case):
    a, tensor, n_prefix, _ = case
    received = brute_patches(a, n_prefix).mean(-2)
    count = math.ceil(0.1 * received.shape[-1])
    expected = np.sort(received, -1)[..., -count:].sum(-1) / received.sum(-1)
    assert np.allclose(m.top_token_share(m.patch_attention(tensor, n_prefix)), expected, atol=1e-6)


def test_top_token_share_by_hand():
    uniform = torch.full((1, 1, 20, 20), 1 / 20)
    assert m.top_token_share(uniform).item() == pytest.approx(0.1)
    same_token = torch.zeros(1, 1, 20, 20)
    same_token[..., 7] = 1
    assert m.top_token_share(same_token).item() == 1
    # Each source attends to itself alone: sparse rows, but no token is favoured by all.
    assert m.top_token_share(torch.eye(20)[None, None]).item() == pytest.approx(0.1)
    assert m.top_token_share(torch.zeros(1, 1, 4, 4)).item() == 0
