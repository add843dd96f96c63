"""Cosine templates: thresholds against a search of all, draws and decisions against loops in float64, ties by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.binary_scores import balanced_scores
from workflow_scripts.metrics.cosine_templates import (
    Objects,
    best_threshold,
    cosine_counts,
    cosine_templates,
    macro_over_trials,
)


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=12))
def test_the_threshold_is_that_of_a_search_over_all_observed(objects):
    cosines, positive = np.array([c / 4 for c, _ in objects]), np.array([p for _, p in objects])
    positive[0] = True
    found = []
    for t in set(cosines.tolist()):
        said = cosines >= t
        tp, fp, fn = (said & positive).sum(), (said & ~positive).sum(), (~said & positive).sum()
        found.append((2 * tp / (2 * tp + fp + fn), t))
    assert best_threshold(cosines, positive) == max(found)[1]  # of equal F1 the largest t


@pytest.mark.parametrize(
    ("cosines", "positive", "threshold"),
    [
        ([0.9, 0.5, 0.7], [1, 1, 1], 0.5),  # no negatives: the smallest
        ([0.4], [1], 0.4),
        ([0.9, 0.8, 0.7, 0.6], [1, 0, 0, 1], 0.9),  # 2 / 3 at 0.9 and at 0.6: the largest
        ([0.8, 0.8, 0.3], [0, 1, 1], 0.3),  # 0.8 takes the negative of equal cosine with it: 2 / 4 there, 4 / 5 at 0.3
        ([0.8, 0.6, 0.6], [1, 1, 0], 0.6),  # 4 / 5 at 0.6 with the tie, 2 / 3 at 0.8
        ([-0.2, -0.5], [1, 0], -0.2),
    ],
)
def test_thresholds_by_hand(cosines, positive, threshold):
    assert best_threshold(np.array(cosines), np.array(positive, bool)) == threshold


def patches(images, each, concepts, width, seed):
    """Return patches of which some have no label and some several; features lean on the labels."""
    rng = np.random.default_rng(seed)
    image = np.repeat(np.arange(images) * 3, each)
    labels = rng.random((len(image), concepts)) < 0.25
    labels &= np.repeat(rng.random((images, concepts)) < 0.6, each, axis=0)
    features = labels @ np.random.default_rng(9).normal(size=(concepts, width)) + rng.normal(size=(len(image), width))
    return Objects(features * rng.uniform(1, 50, (len(image), 1)), labels, image)


def by_loops(train, test, number, concept, seed, k, trial, queries):
    """Return the counts of one template, in float64, word for word."""

    def images(objects, wanted):
        names = np.unique(objects.image[objects.labels.any(1)])
        return [n for n in names if objects.labels[objects.image == n][:, concept].any() == wanted]

    shown, having, lacking = images(train, True), images(test, True), images(test, False)
    rng = np.random.default_rng([seed, number, trial])
    drawn = rng.permutation(shown)[:k]
    each = min(queries, len(having), len(lacking))
    asked = [*rng.permutation(having)[:each], *rng.permutation(lacking)[:each]]
    support = np.isin(train.image, drawn) & train.labels.any(1)
    own = support & train.labels[:, concept]
    w = train.features[own].mean(0)
    cosine = {
        name: objects.features @ w / np.linalg.norm(objects.features, axis=1) / np.linalg.norm(w)
        for name, objects in (("train", train), ("test", test))
    }
    best = (-1.0, 0.0)
    for t in cosine["train"][support]:
        said = cosine["train"][support] >= t
        positive = own[support]
        tp, fp, fn = (said & positive).sum(), (said & ~positive).sum(), (~said & positive).sum()
        best = max(best, (2 * tp / (2 * tp + fp + fn), t))
    rows = np.isin(test.image, asked) & test.labels.any(1)
    said, has = cosine["test"][rows] >= best[1], test.labels[rows, concept]
    return [(said & has).sum(), has.sum(), (said & ~has).sum(), (~has).sum()]


@pytest.mark.parametrize("queries", [4, 50])
def test_it_is_what_the_definition_says_word_for_word(queries):
    train, test = patches(30, 6, 3, 4, 0), patches(20, 5, 3, 4, 1)
    numbers, supports = [5, 2, 8], (1, 3, 10)
    counts = cosine_counts(train, test, numbers, 7, supports, 3, queries)
    for trial in range(3):
        for place, k in enumerate(supports):
            for concept, number in enumerate(numbers):
                expected = by_loops(train, test, number, concept, 7, k, trial, queries)
                assert counts[trial, place, concept].tolist() == expected


def test_of_classification_the_least_cosine_of_the_support_decides():
    """One object an image: no negatives, so that the three of the support reach from 0 to 60 degrees around their mean."""
    angle = np.radians([0, 60, 30, 90, 90])
    features = np.stack([np.cos(angle), np.sin(angle)], 1)
    labels = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 1]], bool)
    train = Objects(features, labels, np.arange(5))
    angle = np.radians([5, 55, -5, 65])
    test = Objects(np.stack([np.cos(angle), np.sin(angle)], 1), np.array([[1, 0], [1, 0], [0, 1], [0, 1]], bool), np.arange(4))
    counts = cosine_counts(train, test, [0, 1], 0, (3,), 2)
    assert counts[:, 0, 0].tolist() == [[2, 2, 0, 2]] * 2


def test_a_concept_does_not_depend_on_its_neighbours_nor_a_small_support_on_the_larger_ones():
    train, test = patches(30, 6, 3, 4, 0), patches(20, 5, 3, 4, 1)
    whole = cosine_counts(train, test, [5, 2, 8], 7, (1, 3, 10), 2)
    np.testing.assert_array_equal(cosine_counts(train, test, [5, 2, 8], 7, (1, 3), 2), whole[:, :2])
    turned = [Objects(o.features, o.labels[:, [2, 0, 1]], o.image) for o in (train, test)]
    np.testing.assert_array_equal(cosine_counts(*turned, [8, 5, 2], 7, (1, 3, 10), 2), whole[:, :, [2, 0, 1]])


def test_a_support_that_is_too_large_is_left_out_of_the_averages():
    train, test = patches(30, 6, 2, 4, 0), patches(20, 5, 2, 4, 1)
    shown = len(np.unique(train.image[train.labels[:, 0]]))
    counts = cosine_counts(train, test, [0, 1], 0, (2, shown, 99), 2)
    assert (counts[:, 1, 0, 1] > 0).all() and not counts[:, 2].any()
    averages = macro_over_trials(counts)
    assert np.isfinite(averages["f1"][0][0]) and np.isnan(averages["f1"][0][2])


def test_mean_and_deviation_are_over_trials_of_averages_over_concepts():
    counts = np.random.default_rng(0).integers(0, 5, (3, 2, 4, 2))
    counts = np.stack([counts[..., 0], counts[..., 0] + 3, counts[..., 1], counts[..., 1] + 2], -1)
    mean, deviation = macro_over_trials(counts)["precision"]
    values = [[np.mean([balanced_scores(c)["precision"] for c in concepts]) for concepts in trial] for trial in counts]
    np.testing.assert_allclose(mean, np.mean(values, 0))
    np.testing.assert_allclose(deviation, np.sqrt(np.mean((values - np.mean(values, 0)) ** 2, 0)))


def test_what_points_apart_is_told_apart_and_what_says_nothing_is_not():
    rng = np.random.default_rng(0)
    labels = np.arange(400)[:, None] % 4 == np.arange(4)
    clear = 10 * labels + rng.normal(size=(400, 4))
    blind = rng.normal(size=(400, 4))
    scores = []
    for features in (clear, blind):
        halves = [Objects(features[part], labels[part], np.arange(200)) for part in (slice(200), slice(200, 400))]
        scores.append(macro_over_trials(cosine_counts(*halves, range(4), 0, (50,), 4)))
    assert scores[0]["accuracy"][0] > 0.97
    assert scores[1]["accuracy"][0] == pytest.approx(0.5, abs=0.05)


def test_what_cannot_be_scored_is_named():
    one = Objects(np.ones((2, 3)), np.array([[1, 0], [0, 1]], bool), np.arange(2))
    none = Objects(np.ones((2, 3)), np.array([[0, 1], [0, 1]], bool), np.arange(2))
    alone = Objects(np.ones((2, 3)), np.array([[1, 0], [1, 0]], bool), np.arange(2))
    for train, test, what in (
        (none, one, "no training image shows it"),
        (one, none, "no test image shows it"),
        (one, alone, "no test image shows another"),
    ):
        with pytest.raises(AtlasError, match=f"concept 3 cannot be scored, {what}; leave it out"):
            cosine_counts(train, test, [3, 4], 0)
    broken = Objects(np.array([[1.0], [np.inf]]), one.labels, one.image)
    with pytest.raises(AtlasError, match="features of object 1 are not finite"):
        cosine_counts(one, broken, [3, 4], 0)


def test_a_template_is_that_of_the_first_trial():
    train, test = patches(30, 6, 3, 8, 5), patches(20, 6, 3, 8, 6)
    directions, thresholds = cosine_templates(train, [4, 9, 2], seed=1, support=5, supports=(1, 5, 10))
    counts = cosine_counts(train, test, [4, 9, 2], seed=1, supports=(1, 5, 10), trials=1, queries=50)
    for concept in range(3):
        cosines = test.features @ directions[concept] / np.linalg.norm(test.features, axis=1)
        labelled, has = test.labels.any(1), test.labels[:, concept]
        asked = np.isin(test.image, by_draw(test, concept, [4, 9, 2][concept]))
        said = (cosines >= thresholds[concept]) & labelled & asked
        assert counts[0, 1, concept].tolist() == [
            (said & has).sum(), (has & asked).sum(), (said & ~has).sum(), (labelled & ~has & asked).sum()
        ]  # fmt: skip
        assert np.linalg.norm(directions[concept]) == pytest.approx(1, abs=1e-6)


def by_draw(test, concept, number):
    """Return the query images of the first trial: with and without the concept, as many of each."""
    names = np.unique(test.image[test.labels.any(1)])
    shows = np.array([test.labels[test.image == name][:, concept].any() for name in names])
    having, lacking = names[shows], names[~shows]
    rng = np.random.default_rng([1, number, 0])
    rng.permutation(_support_count(concept))  # the draw of the support comes first
    each = min(50, len(having), len(lacking))
    return np.concatenate([rng.permutation(part)[:each] for part in (having, lacking)])


def _support_count(concept):
    train = patches(30, 6, 3, 8, 5)
    names = np.unique(train.image[train.labels.any(1)])
    return sum(train.labels[train.image == name][:, concept].any() for name in names)


def test_objects_of_concepts_that_are_not_scored_are_negatives_still():
    train, test = patches(30, 6, 3, 8, 5), patches(20, 6, 3, 8, 6)
    every = cosine_counts(train, test, [4, 9, 2], 1, trials=2, supports=(1, 5))
    some = cosine_counts(train, test, [4, 2], 1, trials=2, supports=(1, 5), columns=[0, 2])
    assert np.array_equal(some, every[:, :, [0, 2]])
    assert some[..., 3].all()
