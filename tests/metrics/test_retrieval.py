"""Average precision and precision at k against the benchmark's rules written out, and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.metrics.retrieval import average_precision, evaluate, evaluate_query, protocol, rank


def brute(order, positives, junk, ks=(1, 5, 10)):
    """Walk down the ranking: trapezoids between recall steps; precision where all positives are found at the latest."""
    ap, found, seen, last = 0.0, 0, 0, 0
    hits = []
    for image in order:
        if image in junk:
            continue
        seen += 1
        hits.append(image in positives)
        if image in positives:
            before = 1.0 if seen == 1 else found / (seen - 1)
            found += 1
            ap += (before + found / seen) / 2 / len(positives)
            last = seen
    return ap, {k: sum(hits[: min(k, last)]) / min(k, last) for k in ks}


@st.composite
def queries(draw):
    n = draw(st.integers(1, 40))
    kind = draw(st.lists(st.sampled_from(["easy", "hard", "junk", "negative"]), min_size=n, max_size=n))
    order = np.array(draw(st.permutations(range(n))))
    return order, {k: np.array([i for i, name in enumerate(kind) if name == k], dtype=int) for k in ("easy", "hard", "junk")}


@settings(deadline=None)
@given(queries(), st.sampled_from(["easy", "medium", "hard"]))
def test_equals_brute_force_and_keeps_its_bounds(query, setup):
    order, sets = query
    positives, junk = protocol(**sets, setup=setup)
    ap, precision = evaluate_query(order, positives, junk)
    if not len(positives):
        assert np.isnan([ap, *precision.values()]).all()
        return
    expected = brute(order.tolist(), set(positives.tolist()), set(junk.tolist()))
    assert ap == pytest.approx(expected[0], abs=1e-12)
    assert precision == pytest.approx(expected[1])
    assert 0 < ap <= 1 and all(0 <= p <= 1 for p in precision.values())


@settings(deadline=None)
@given(queries())
def test_where_junk_stands_does_not_matter(query):
    order, sets = query
    positives, junk = protocol(**sets, setup="medium")
    is_junk = np.isin(order, junk)
    other = np.concatenate([order[is_junk], order[~is_junk]])
    assert np.array_equal(evaluate_query(order, positives, junk)[0], evaluate_query(other, positives, junk)[0], equal_nan=True)


def test_setups():
    easy, hard, junk = np.array([1, 2]), np.array([3]), np.array([4, 5])
    for setup, positives, left_out in (("easy", {1, 2}, {3, 4, 5}), ("medium", {1, 2, 3}, {4, 5}), ("hard", {3}, {1, 2, 4, 5})):
        got = protocol(easy, hard, junk, setup)
        assert set(got[0].tolist()) == positives
        assert set(got[1].tolist()) == left_out
    with pytest.raises(ValueError, match="expected easy, medium or hard"):
        protocol(easy, hard, junk, "difficult")


def test_average_precision_by_hand():
    assert average_precision(np.array([0, 1, 2])) == 1
    assert average_precision(np.array([1])) == pytest.approx((0 + 1 / 2) / 2)
    assert average_precision(np.array([0, 2])) == pytest.approx((1 + (1 / 2 + 2 / 3) / 2) / 2)
    assert np.isnan(average_precision(np.array([])))


def test_junk_in_front_shifts_the_ranks():
    ap, precision = evaluate_query(np.arange(6), np.array([2]), np.array([0, 1]))
    assert ap == 1
    assert precision == {1: 1, 5: 1, 10: 1}
    ap, precision = evaluate_query(np.arange(6), np.array([2]), np.array([0]))
    assert ap == 0.25
    assert precision == {1: 0, 5: 0.5, 10: 0.5}  # the only positive stands second: precision at 2


def test_fewer_positives_than_k():
    ap, precision = evaluate_query(np.arange(20), np.array([0, 1, 11]), np.array([]), ks=(1, 5, 10, 15))
    assert ap == pytest.approx((1 + 1 + (2 / 11 + 3 / 12) / 2) / 3)
    assert precision == {1: 1, 5: 2 / 5, 10: 2 / 10, 15: 3 / 12}


def test_queries_without_positives_do_not_count():
    order = np.array([[0, 1, 2, 3]] * 3)
    none = np.array([], dtype=int)
    truths = [(np.array([0]), none), (none, np.array([1])), (none, np.arange(4))]
    scores, counted = evaluate(order, truths)
    assert counted == 1
    assert scores.shape == (3, 4)
    assert (scores[0] == 1).all() and np.isnan(scores[1:]).all()
    assert np.nanmean(scores[:, 0]) == 1


def test_everything_else_is_junk():
    assert evaluate_query(np.arange(4)[::-1], np.array([0]), np.array([1, 2, 3]))[0] == 1


def test_ranking_ignores_length_and_breaks_ties_by_index():
    database = np.array([[0, 2], [3, 3], [5, 0], [0, 0.5], [-1, 0], [0, 0]], np.float16)
    assert rank(np.array([[0, 9], [1, 0]], np.float16), database).tolist() == [[0, 3, 1, 2, 4, 5], [2, 1, 0, 3, 5, 4]]


def test_ranking_against_brute_force():
    rng = np.random.default_rng(0)
    queries, database = rng.normal(size=(7, 12)).astype(np.float32), rng.normal(size=(90, 12)).astype(np.float32)
    for query, order in zip(queries.astype(float), rank(queries, database), strict=True):
        cosine = [query @ d / np.sqrt((query @ query) * (d @ d)) for d in database.astype(float)]
        assert (order == sorted(range(90), key=lambda i: -cosine[i])).all()
