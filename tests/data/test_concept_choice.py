"""The choice of patches: by hand, against counting, and with the same chance for each patch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from workflow_scripts.data.concept_choice import PatchConcepts, chosen_patches, labels_of

NUMBERS = np.array([2, 3, 70])


def labelled(seed, images=9, cells=12, share=0.3):
    """Return concepts at random and [n, N, 3] bool, which patches have which."""
    has = np.random.default_rng(seed).random((images, cells, 3)) < share
    has[0] = False  # an image without concepts
    return PatchConcepts(has.sum(2).astype(np.uint8), np.where(has, NUMBERS, 0)[has].astype(np.uint16)), has


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 14), st.integers(1, 60), st.integers(0, 3), st.integers(0, 5))
def test_every_part_of_the_choice(seed, per_image, per_concept, whole, drawn):
    listed, has = labelled(seed)
    choice = chosen_patches(listed, per_image, per_concept, whole, drawn)
    place = choice.image * 12 + choice.cell
    assert (np.diff(place) > 0).all()
    assert (np.bincount(choice.image[choice.spread], minlength=9) == min(per_image, 12)).all()
    backwards = choice.concepts[::-1].tolist()
    labels = labels_of(listed, choice, backwards)
    assert np.array_equal(labels[:, ::-1], has[choice.image, choice.cell][:, np.isin(NUMBERS, choice.concepts)])
    kept = choice.spread.copy()
    for at, number in enumerate(choice.concepts):
        own = has[..., NUMBERS.tolist().index(number)]
        rows = choice.examples[at]
        assert len(set(rows.tolist())) == len(rows) == min(per_concept, own.sum())
        assert labels[rows, len(backwards) - 1 - at].all()
        assert all(np.array_equal(listed.patches_with(image, number), own[image]) for image in range(9))
        assert (choice.patches[at], choice.images[at]) == (own.sum(), own.any(1).sum())
        # At even distances: an image gives its share, rounded up or down.
        shares = own.sum(1) * len(rows) / own.sum()
        assert (np.abs(np.bincount(choice.image[rows], minlength=9) - shares) < 1 + 1e-9).all()
        most = sorted(np.flatnonzero(own.any(1)).tolist(), key=lambda image: (-own[image].sum(), image))[:whole]
        assert choice.largest[at].tolist() == most
        kept[rows] = True
        assert set(most) <= set(choice.whole.tolist())
    assert kept.all()  # and nothing else
    assert choice.whole.tolist() == sorted({image for most in choice.largest for image in most.tolist()})


def test_all_patches_are_kept_where_there_is_room():
    listed, has = labelled(1)
    choice = chosen_patches(listed, 12, 10**6, 0, 0)
    assert len(choice.image) == has.shape[0] * has.shape[1]
    assert choice.spread.all()
    for at in range(3):
        assert np.array_equal(choice.examples[at], np.flatnonzero(has.reshape(-1, 3)[:, at]))


def test_a_concept_is_drawn_as_if_it_were_alone():
    listed, has = labelled(2)
    only = has.copy()
    only[..., 1:] = False
    alone = PatchConcepts(only.sum(2).astype(np.uint8), np.where(only, NUMBERS, 0)[only].astype(np.uint16))
    together, apart = (chosen_patches(one, 1, 5, 0, 4) for one in (listed, alone))
    picked = [set(zip(c.image[c.examples[0]].tolist(), c.cell[c.examples[0]].tolist(), strict=True)) for c in (together, apart)]
    assert picked[0] == picked[1]


@pytest.mark.parametrize("part", ["spread", "examples"])
def test_each_patch_has_the_same_chance(part):
    listed, has = labelled(3)
    times = np.zeros(has.shape[:2])
    for seed in range(600):
        choice = chosen_patches(listed, 3, 8, 0, seed)
        rows = choice.spread if part == "spread" else choice.examples[1]
        times[choice.image[rows], choice.cell[rows]] += 1
    own = np.ones(has.shape[:2], bool) if part == "spread" else has[..., 1]
    assert times[~own].sum() == 0
    # Draws without replacement differ less than independent ones: a test against these errs on the safe side.
    assert chisquare(times[own]).pvalue > 0.01
    assert times[own].sum() == 600 * (27 if part == "spread" else 8)
