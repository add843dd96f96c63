"""Association over gaps against loops over objects; frames that are missing, objects that are gone, ties by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.association import Objects, association_counts, association_intervals, association_scores
from workflow_scripts.metrics.exact_neighbours import COSINE, EUCLIDEAN, METRICS


def video(rng, frames=6, identities=5, width=3, categories=2):
    """Objects that come and go, in frames of which some are missing, with features that are often equal."""
    there = rng.random((frames, identities)) < 0.6
    there[rng.integers(0, frames)] = False
    frame, identity = np.nonzero(there)
    shuffle = rng.permutation(len(frame))
    frame, identity = frame[shuffle], identity[shuffle]
    feature = rng.integers(0, 3, (len(frame), width)).astype(np.float16)
    return Objects(
        frame + 100, identity, rng.integers(0, categories, identities)[identity], feature, rng.random(len(frame)) < 0.8
    )


def brute(objects, gap, metric):
    asked = instance = category = 0
    feature = objects.feature.astype(float)
    for i in range(len(feature)):
        later = [j for j in range(len(feature)) if objects.frame[j] == objects.frame[i] + gap]
        if not objects.asked[i] or objects.identity[i] not in [objects.identity[j] for j in later]:
            continue
        if metric == EUCLIDEAN:
            apart = [float(((feature[i] - feature[j]) ** 2).sum()) for j in later]
        else:
            lengths = [np.sqrt((feature[i] ** 2).sum() * (feature[j] ** 2).sum()) for j in later]
            apart = [-(feature[i] @ feature[j]) / length if length else 0 for j, length in zip(later, lengths, strict=True)]
        least = min(apart)
        found = next(j for j, value in zip(later, apart, strict=True) if value <= least + 1e-12)
        asked += 1
        instance += objects.identity[found] == objects.identity[i]
        category += objects.category[found] == objects.category[i]
    return [asked, instance, category]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 9999))
def test_counts_equal_loops_over_objects(seed):
    objects = video(np.random.default_rng(seed))
    counts = association_counts(objects, [1, 2, 4, 50], EUCLIDEAN)
    assert counts.tolist() == [brute(objects, gap, EUCLIDEAN) for gap in (1, 2, 4, 50)]
    assert (counts[:, 0] >= counts[:, 2]).all() and (counts[:, 2] >= counts[:, 1]).all()
    assert counts[3].tolist() == [0, 0, 0]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 9999))
def test_cosines_equal_loops_over_objects(seed):
    """With features in general position: of equal cosines rounding would choose."""
    rng = np.random.default_rng(seed)
    objects = video(rng)
    objects = Objects(objects.frame, objects.identity, objects.category, rng.normal(size=objects.feature.shape), objects.asked)
    counts = association_counts(objects, [1, 3], COSINE)
    assert counts.tolist() == [brute(objects, gap, COSINE) for gap in (1, 3)]


def objects_of(rows, asked=None):
    frame, identity, category, value = np.array(rows).T
    return Objects(frame, identity, category, value[:, None], np.ones(len(rows), bool) if asked is None else np.array(asked))


def test_by_hand():
    objects = objects_of([
        (1, 7, 0, 0), (1, 8, 0, 10), (1, 9, 1, 20),
        (2, 7, 0, 1), (2, 8, 0, 6), (2, 5, 1, 11),  # 9 is gone; 8 is taken for 5
        (4, 7, 0, 9), (4, 8, 0, 2),  # frame 3 is missing; 7 and 8 have changed places
    ])  # fmt: skip
    counts = association_counts(objects, [1, 2, 3], EUCLIDEAN)
    assert counts.tolist() == [[2, 1, 1], [2, 0, 2], [2, 0, 2]]
    scores = association_scores(counts)
    assert scores["instance"].tolist() == [0.5, 0, 0] and scores["category"].tolist() == [0.5, 1, 1]
    assert scores["category_of_errors"].tolist() == [0, 1, 1]


def test_what_is_not_asked_for_may_be_found():
    rows = [(1, 1, 0, 0), (1, 2, 1, 9), (2, 1, 0, 5), (2, 2, 1, 0)]
    assert association_counts(objects_of(rows, [True, False] * 2), [1], EUCLIDEAN).tolist() == [[1, 0, 0]]


def test_of_equally_near_objects_the_first_row():
    rows = [(1, 1, 0, 0), (2, 2, 1, 3), (2, 1, 0, 3)]
    assert association_counts(objects_of(rows), [1], EUCLIDEAN).tolist() == [[1, 0, 0]]
    assert association_counts(objects_of([rows[0], rows[2], rows[1]]), [1], EUCLIDEAN).tolist() == [[1, 1, 1]]


@pytest.mark.parametrize("metric", METRICS)
def test_an_identity_that_appears_once_is_not_asked_for_and_nothing_is_scored(metric):
    counts = association_counts(objects_of([(1, 1, 0, 1), (2, 2, 0, 1)]), [1], metric)
    assert counts.tolist() == [[0, 0, 0]]
    assert all(np.isnan(values).all() for values in association_scores(counts).values())


def test_without_errors_there_is_no_category_of_errors():
    scores = association_scores(np.array([4, 4, 4]))
    assert scores["instance"] == scores["category"] == 1 and np.isnan(scores["category_of_errors"])


def test_what_cannot_be_associated_is_said_in_a_line():
    with pytest.raises(AtlasError, match="object 3 is 2 times in frame 5; give each object"):
        association_counts(objects_of([(5, 3, 0, 1), (5, 4, 0, 1), (5, 3, 0, 2)]), [1], EUCLIDEAN)
    with pytest.raises(AtlasError, match="feature of object 1 is not finite"):
        association_counts(objects_of([(5, 3, 0, 1), (5, 4, 0, np.nan)]), [1], EUCLIDEAN)


def test_intervals_draw_whole_videos():
    """Two videos of 10 and 30 objects: a draw has one of them twice, or both."""
    counts = np.array([[[10, 0, 10], [0, 0, 0]], [[30, 30, 30], [5, 4, 5]]])
    intervals = association_intervals(counts, seed=1)
    assert [end.tolist() for end in intervals["instance"]] == [[0, 0.8], [1, 0.8]]
    # Where only one of the videos asks, or has errors, draws without it say nothing.
    assert [end.tolist() for end in intervals["category_of_errors"]] == [[1, 1], [1, 1]]
    assert all(np.isnan(end).all() for ends in association_intervals(counts[:1]).values() for end in ends)
    rng = np.random.default_rng(0)
    many = rng.binomial(40, 0.5, (200, 1, 1)) * np.array([0, 1, 1]) + np.array([40, 0, 0])
    low, high = association_intervals(many)["instance"]
    exact = 1.96 * many[:, 0, 1].std() / 40 / np.sqrt(200)
    assert high - low == pytest.approx(2 * exact, rel=0.1)
