"""PCK against a brute force written from the definition, and hand-checked cases."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from workflow_scripts.metrics.keypoint_scores import correct, pck


def brute(predictions, truths, sizes, categories, pairs, alpha, rule):
    """{category: share of layer 0}, and the overall share under ""."""
    hits, by_pair = {}, {}
    for p in range(len(truths)):
        distance = math.dist(predictions[p, 0], truths[p])
        hit = distance < alpha * sizes[p] if rule == "pooled_by_category" else distance <= alpha * sizes[p]
        hits.setdefault(categories[p], []).append(hit)
        by_pair.setdefault(categories[p], {}).setdefault(pairs[p], []).append(hit)
    if rule == "per_image":
        means = {name: [sum(of) / len(of) for of in those.values()] for name, those in by_pair.items()}
        every = [mean for those in means.values() for mean in those]
        return {name: sum(those) / len(those) for name, those in means.items()} | {"": sum(every) / len(every)}
    shares = {name: sum(values) / len(values) for name, values in hits.items()}
    if rule == "pooled_by_category":
        return {**shares, "": sum(shares.values()) / len(shares)}
    return {**shares, "": sum(map(sum, hits.values())) / len(truths)}


@settings(deadline=None, max_examples=50)
@given(
    st.integers(1, 40),
    st.sampled_from([0.1, 0.05]),
    st.sampled_from(["pooled_by_category", "per_point", "per_image"]),
    st.integers(0, 10**6),
)
def test_pck_equals_brute_force(count, alpha, rule, seed):
    rng = np.random.default_rng(seed)
    truths = rng.integers(0, 30, (count, 2)).astype(np.float64)
    predictions = (truths[:, None] + rng.integers(-6, 7, (count, 2, 2))).astype(np.float32)
    sizes = rng.choice([20.0, 50.0, 60.0, 100.0], count)
    pairs = rng.integers(0, 6, count)
    categories = np.array(["bus", "cat", "dog"])[pairs % 3]
    shares = pck(correct(predictions, truths, sizes, alpha, rule), categories, pairs, rule)
    expected = brute(predictions, truths, sizes, categories, pairs, alpha, rule)
    assert set(shares) == set(expected)
    for name, share in shares.items():
        assert share.value.shape == share.low.shape == share.high.shape == (2,)
        assert share.value[0] == pytest.approx(expected[name])
        assert share.points == (count if not name else (categories == name).sum())
        if share.units > 1:
            assert (share.low <= share.value + 1e-9).all() and (share.value <= share.high + 1e-9).all()


def test_the_limit_itself_is_correct_by_one_rule():
    predictions = np.array([[[3.0, 4.0]], [[2.9, 4.0]], [[3.1, 4.0]]], np.float32)
    truths, sizes = np.zeros((3, 2)), np.full(3, 50.0)
    assert correct(predictions, truths, sizes, 0.1, "pooled_by_category")[:, 0].tolist() == [False, True, False]
    for rule in ("per_point", "per_image"):
        assert correct(predictions, truths, sizes, 0.1, rule)[:, 0].tolist() == [True, True, False]
    with pytest.raises(ValueError, match="rule 'strict'"):
        correct(predictions, truths, sizes, 0.1, "strict")


def test_what_the_rules_pool():
    # Cats: 1 of 1. Dogs: 1 of 2 in one pair, 0 of 1 in another.
    hits = np.array([[True], [True], [False], [False]])
    categories = np.array(["cat", "dog", "dog", "dog"])
    pairs = np.array([7, 8, 8, 9])
    pooled, per_point = (pck(hits, categories, pairs, rule) for rule in ("pooled_by_category", "per_point"))
    assert pooled[""].value[0] == pytest.approx((1 + 1 / 3) / 2)
    assert per_point[""].value[0] == pytest.approx(2 / 4)
    assert (pooled[""].units, per_point[""].units) == (2, 3)
    per_image = pck(hits, categories, pairs, "per_image")
    assert per_image[""].value[0] == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert per_image["dog"].value[0] == pytest.approx((1 / 2 + 0) / 2)
    assert (per_image[""].units, per_image[""].points) == (3, 4)
    assert list(pooled) == ["", "cat", "dog"]
    for share in (pooled["dog"], per_point["dog"]):
        assert share.value[0] == pytest.approx(1 / 3)
        assert (share.units, share.points) == (2, 3)
    assert np.isnan(pooled["cat"].low[0])  # one pair has no interval


def test_the_intervals_draw_categories_or_pairs():
    rng = np.random.default_rng(0)
    pairs = np.sort(rng.integers(0, 60, 600))
    categories = np.array([f"c{i:02d}" for i in range(12)])[pairs % 12]
    chance = rng.random(60)[pairs]
    hits = (rng.random(600) < chance)[:, None]
    pooled = pck(hits, categories, pairs, "pooled_by_category")
    means = np.array([hits[categories == name].mean() for name in np.unique(categories)])
    reference = stats.bootstrap((means,), np.mean, n_resamples=4000, method="percentile", random_state=1).confidence_interval
    assert pooled[""].low[0] == pytest.approx(reference.low, abs=0.02)
    assert pooled[""].high[0] == pytest.approx(reference.high, abs=0.02)
    per_point = pck(hits, categories, pairs, "per_point")
    by_pair = [hits[pairs == pair, 0] for pair in np.unique(pairs)]
    means = [np.concatenate([by_pair[i] for i in rng.integers(0, len(by_pair), len(by_pair))]).mean() for _ in range(3000)]
    low, high = np.quantile(means, [0.025, 0.975])
    assert per_point[""].low[0] == pytest.approx(low, abs=0.02)
    assert per_point[""].high[0] == pytest.approx(high, abs=0.02)
    per_image = pck(hits, categories, pairs, "per_image")[""]
    shares = (np.array([points.mean() for points in by_pair]),)
    reference = stats.bootstrap(shares, np.mean, n_resamples=4000, method="percentile", random_state=1).confidence_interval
    assert per_image.low[0] == pytest.approx(reference.low, abs=0.02)
    assert per_image.high[0] == pytest.approx(reference.high, abs=0.02)
    # Points of a pair go together: the interval is wider than that of points on their own.
    single = pck(hits, categories, np.arange(600), "per_point")[""]
    assert high - low > 1.2 * (single.high[0] - single.low[0])
