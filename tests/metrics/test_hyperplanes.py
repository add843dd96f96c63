"""Hyperplanes: mining against brute force, learning against PyTorch's optimisers word for word, alone as among all."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy_with_logits

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics import hyperplanes as module
from workflow_scripts.metrics.binary_scores import balanced_scores
from workflow_scripts.metrics.hyperplanes import Hyperplanes, draw_examples, fit_hyperplanes, hardest, hyperplane_counts


def category(n, concepts, width, seed=0, spread=0.3):
    """Return features and labels of objects with one concept each, of very different frequency."""
    rng = np.random.default_rng(seed)
    share = 1.0 / np.arange(1, concepts + 1)
    kind = rng.choice(concepts, n, p=share / share.sum())
    kind[:concepts] = np.arange(concepts)
    features = (rng.normal(size=(concepts, width))[kind] + spread * rng.normal(size=(n, width))).astype(np.float32)
    return features, kind[:, None] == np.arange(concepts)


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=12), st.integers(1, 14))
def test_the_hardest_are_those_of_a_sort_by_score_then_index(scores, count):
    expected = sorted(sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:count])
    assert hardest(np.array(scores, float), count).tolist() == expected


def test_ties_of_hardness_go_to_the_lower_index():
    assert hardest(np.array([1.0, 3.0, 1.0, 1.0, 2.0]), 3).tolist() == [0, 1, 4]
    assert hardest(np.zeros(5), 2).tolist() == [0, 1]
    assert hardest(np.zeros(2), 4).tolist() == [0, 1]


def test_pools_hold_labelled_others_of_the_category_at_most_twenty_a_positive():
    labels = np.zeros((200, 3), bool)
    labels[3, 0] = labels[3, 1] = True  # has both: no negative of either
    labels[10:150, 1] = True
    labels[170:180, 2] = True  # objects 0 to 2, 4 to 9 and many others have no label: no negatives
    few, many, third = draw_examples(labels, [7, 8, 9], 0)
    assert few.positives.tolist() == [3] and len(few.negatives) == 20
    assert set(few.negatives) <= {*range(10, 150), *range(170, 180)} and (np.diff(few.negatives) > 0).all()
    assert many.negatives.tolist() == list(range(170, 180))
    assert third.negatives.tolist() == [3, *range(10, 150)]
    assert few.negatives.tolist() == draw_examples(labels[:, [0, 2, 1]], [7, 9, 8], 0)[0].negatives.tolist()
    assert few.negatives.tolist() != draw_examples(labels, [7, 8, 9], 1)[0].negatives.tolist()


def test_a_pool_gives_every_negative_the_same_chance():
    labels = np.zeros((41, 2), bool)
    labels[0, 0] = labels[1:, 1] = True
    drawn = np.zeros(41)
    for seed in range(1000):
        drawn[draw_examples(labels, [1, 2], seed)[0].negatives] += 1
    # Half of 40 without replacement: a variance of 1000 / 4 each, in 39 free directions.
    chi_square = ((drawn[1:] - 500) ** 2).sum() / 250 * 39 / 40
    assert drawn[0] == 0 and 14 < chi_square < 73  # 0.001 of the distribution lies beyond either


def test_a_concept_without_positives_or_negatives_is_named():
    labels = np.array([[False, True], [False, True]])
    with pytest.raises(AtlasError, match="concept 5 cannot be learnt, no object has it; leave it out"):
        draw_examples(labels, [5, 6], 0)
    with pytest.raises(AtlasError, match="concept 6 cannot be learnt, no object has only another of its category; leave it"):
        draw_examples(labels[:, 1:], [6], 0)


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_it_is_what_the_definition_says_word_for_word_in_pytorch(optimiser):
    features, labels = category(400, 3, 5, spread=2.0)
    features[:, 0] *= 20
    examples = draw_examples(labels, [4, 9, 2], 3)
    planes = fit_hyperplanes(features, examples, optimiser)
    x = torch.from_numpy(features).double()
    for concept, one in enumerate(examples):
        w, b = torch.zeros(5, dtype=torch.float64, requires_grad=True), torch.zeros((), dtype=torch.float64, requires_grad=True)
        step = (torch.optim.Adam if optimiser == "adam" else torch.optim.SGD)([w, b], {"adam": 1e-3, "sgd": 0.01}[optimiser])
        rng, want = np.random.default_rng([one.seed, 1]), 2 * len(one.positives)
        for turn in range(5):
            count = min(want, len(one.negatives))
            if turn == 0:
                negatives = one.negatives[np.sort(rng.choice(len(one.negatives), count, replace=False))]
            else:
                score = (x[one.negatives] @ w + b).tolist()
                negatives = one.negatives[sorted(sorted(range(len(score)), key=lambda i: (-score[i], i))[:count])]
            rows = np.concatenate([one.positives, negatives])
            for _ in range(3):
                order = rng.permutation(len(rows))
                for start in range(0, len(rows), 128):
                    part = order[start : start + 128]
                    target = torch.from_numpy((part < len(one.positives)).astype(float))
                    step.zero_grad()
                    binary_cross_entropy_with_logits(x[rows[part]] @ w + b, target).backward()
                    step.step()
        np.testing.assert_allclose(planes.weight[concept], w.detach(), atol=1e-9)
        np.testing.assert_allclose(planes.bias[concept], b.detach(), atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_concept_alone_is_the_concept_among_all(monkeypatch, dtype):
    features, labels = category(1500, 7, 6, spread=1.5)
    features = features.astype(dtype)
    features[1::2] = features[::2]  # every object twice: equally hard, up to the order of sums
    examples = draw_examples(labels, list(range(7)), 0)
    among = fit_hyperplanes(features, examples)
    monkeypatch.setattr(module, "_ROWS", 190)
    # Of 1500, 867, ... 249 rows in a round: two concepts are too large to be copied, two of the others take steps together.
    monkeypatch.setattr(module, "_KEPT_BYTES", {"cpu": 8 * 6 * 700})
    in_groups = fit_hyperplanes(features, examples)
    for concept, one in enumerate(examples):
        alone = fit_hyperplanes(features, [one])
        for other in (among, in_groups):
            np.testing.assert_allclose(other.weight[concept], alone.weight[0], atol=1e-6)
            np.testing.assert_allclose(other.bias[concept], alone.bias[0], atol=1e-6)


def test_what_is_separable_is_separated():
    rng = np.random.default_rng(0)
    labels = np.arange(900)[:, None] % 3 == np.arange(3)
    features = (10 * labels + rng.normal(size=(900, 3))).astype(np.float32)
    planes = fit_hyperplanes(features, draw_examples(labels, [0, 1, 2], 0))
    scores = balanced_scores(hyperplane_counts(features, labels, planes))
    assert all((values == 1).all() for values in scores.values())


def test_shuffled_labels_are_decided_by_chance():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 1600)[:, None] == np.arange(4)
    features = rng.normal(size=(1600, 6))
    planes = fit_hyperplanes(features[:800], draw_examples(labels[:800], range(4), 0))
    scores = balanced_scores(hyperplane_counts(features[800:], labels[800:], planes))
    assert scores["accuracy"].mean() == pytest.approx(0.5, abs=0.04)


def test_a_score_of_zero_is_negative_and_unlabelled_objects_do_not_count():
    features = np.array([[1.0], [0.0], [-1.0], [5.0]])
    labels = np.array([[True, False], [True, False], [False, True], [False, False]])
    counts = hyperplane_counts(features, labels, Hyperplanes(np.ones((2, 1)), np.zeros(2)))
    assert counts.tolist() == [[1, 2, 0, 1], [0, 1, 1, 2]]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.integers(1, 20))
@settings(max_examples=30)
def test_groups_are_neighbours_that_fit_or_one_alone(sizes, most):
    sizes = sorted(sizes, reverse=True)
    groups = list(module._groups(sizes, most))
    assert [i for group in groups for i in range(group.start, group.stop)] == list(range(len(sizes)))
    for group, after in zip(groups, [*groups[1:], None], strict=True):
        count, largest = group.stop - group.start, sizes[group.start]
        assert count == 1 or count * largest <= most
        assert after is None or (count + 1) * largest > most  # as many as fit


def test_a_plan_has_every_row_once_an_epoch_and_who_is_through_takes_no_more_steps():
    plan = module._plan([100, 2], [300, 6], [np.random.default_rng(seed) for seed in (0, 1)], 3, torch.device("cpu"))
    assert plan.shapes == [(2, 128), (2, 128), (2, 44), (1, 128), (1, 128), (1, 44), (1, 128), (1, 128), (1, 44)]
    for concept, (steps, rows, positives) in enumerate([(3, range(300), 100), (1, range(300, 306), 2)]):
        for epoch in range(3):
            part = np.s_[epoch * steps : (epoch + 1) * steps, concept]
            there = plan.share[part] > 0
            assert sorted(plan.places[part][there].tolist()) == list(rows)
            assert ((plan.places[part] < rows.start + positives) == plan.target[part].bool())[there].all()
        np.testing.assert_allclose(plan.share[: 3 * steps, concept].sum(1), 1)


def test_a_feature_that_is_not_finite_is_named():
    features, labels = category(30, 2, 3)
    features[17, 1] = np.nan
    with pytest.raises(AtlasError, match="the features of object 17 are not finite"):
        fit_hyperplanes(features, draw_examples(labels, [0, 1], 0))


def test_a_sample_stands_for_the_positives_and_for_the_others():
    labels = np.zeros((40, 3), bool)
    labels[np.arange(36), np.arange(36) % 3] = True  # the last four have none
    spread = np.arange(40) % 2 == 0
    samples = [np.array([0, 3, 9]), np.array([1]), np.array([2, 5])]
    for concept, one in enumerate(draw_examples(labels, [5, 6, 7], 0, samples, spread)):
        assert one.positives.tolist() == samples[concept].tolist()
        pool = np.flatnonzero(spread & labels.any(1) & ~labels[:, concept])
        assert set(one.negatives.tolist()) <= set(pool.tolist())
        assert len(one.negatives) == min(len(pool), 20 * len(one.positives))
    whole = draw_examples(labels, [5, 6, 7], 0)
    same = draw_examples(labels, [5, 6, 7], 0, [np.flatnonzero(has) for has in labels.T], np.ones(40, bool))
    for one, other in zip(whole, same, strict=True):
        assert (one.seed, one.positives.tolist(), one.negatives.tolist()) == (
            other.seed,
            other.positives.tolist(),
            other.negatives.tolist(),
        )


def test_what_counts_as_lacking_may_be_said():
    features = np.array([[1.0], [1.0], [-1.0], [1.0]])
    has = np.array([[1], [0], [0], [0]], bool)
    planes = Hyperplanes(np.ones((1, 1)), np.zeros(1))
    assert hyperplane_counts(features, has, planes).tolist() == [[1, 1, 0, 0]]
    lacks = np.array([[0], [1], [1], [0]], bool)
    assert hyperplane_counts(features, has, planes, lacks=lacks).tolist() == [[1, 1, 1, 2]]


def test_features_may_be_a_memory_map(tmp_path):
    features, labels = category(300, 3, 4)
    examples = draw_examples(labels, [0, 1, 2], 0)
    np.save(tmp_path / "features.npy", features)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    planes, expected = fit_hyperplanes(mapped, examples), fit_hyperplanes(features, examples)
    assert (planes.weight == expected.weight).all() and (planes.bias == expected.bias).all()
    assert (hyperplane_counts(mapped, labels, planes) == hyperplane_counts(features, labels, planes)).all()
