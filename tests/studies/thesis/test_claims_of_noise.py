"""No claim holds on tables that say nothing: noise at the level of chance, noise above it, numbers at random, flat curves.

All 20 variants, so that every claim is decided and none escapes as one that cannot be tested.
"""

import dataclasses

import numpy as np
import pytest

from tests.studies.thesis.made_up_study import CLAIMS, METHODS, all_variants
from workflow_scripts.studies.verdict import FAILS, HOLDS, UNTESTED

CHANCE, LEVEL, WIDTH = 0.1, 0.5, 0.02  # scores of noise, of a model that does not change, and the error of a measurement


def at_chance(random, shape, model):
    """Every model scores as noise does, but for the error of measurement."""
    return CHANCE + WIDTH * random.normal(size=shape)


def above_chance(random, shape, model):
    """Every model is the same at every layer, above noise, but for the error of measurement."""
    return (CHANCE if model.startswith("Random") else LEVEL) + WIDTH * random.normal(size=shape)


def at_random(random, shape, model):
    """Numbers that have nothing to do with each other, noise included."""
    return random.random(shape)


def flat(random, shape, model):
    """Every number of a model is the same, and differs from model to model; noise is lowest."""
    return np.full(shape, CHANCE if model.startswith("Random") else np.random.default_rng([*model.encode()]).uniform(0.3, 0.9))


# Half the width of the intervals in each: of 95 %; of less than that, where numbers wander from 0 to 1; of no error at all.
HALF_WIDTHS = {at_chance: 1.96 * WIDTH, above_chance: 1.96 * WIDTH, at_random: 0.3, flat: 1e-6}


def study_of(made, seed):
    """Return all variants, every number of which is `made`: curves, heads, maps, CKA, noise attention."""
    study, random = all_variants(), np.random.default_rng(seed)
    study.half_width = HALF_WIDTHS[made]
    study.curves = {(name, key): made(random, len(values), name) for (name, key), values in study.curves.items()}
    chance = "Random none/16"
    study.noise = {name: float(made(random, (), name if made is at_random else chance)) for name in study.noise}
    for name, facts in study.entries.items():
        if facts["method"] in METHODS:
            every = np.ndindex(facts["layers"], 2)
            study.heads[name] = {(metric, layer + 1, head + 1): value for layer, head in every for metric, value in (
                # By the rules of kinds noise attention is global; some heads are called sparse, so that these are judged.
                ("head_kind", "sparse_repeating" if head else "global"),
                ("peak_offset_x", 0.0),
                ("peak_offset_y", 0.0),
                ("attention_distance", float(made(random, (), name))),
            )}  # fmt: skip
            study.depth[name] = made(random, (2 * facts["layers"],) * 2, name)
    for name, maps in study.maps.items():
        arrays = {field: made(random, getattr(maps, field).shape, name).clip(0) for field in ("average_cls", "single_cls")}
        study.maps[name] = dataclasses.replace(maps, **arrays)
    for pairs in study.last.values():
        # Noise is alike in nothing, whatever level the scores have.
        pairs.update({key: float(made(random, (), chance if made is above_chance else key[0])) - CHANCE for key in pairs})
    return study


@pytest.mark.parametrize("made", HALF_WIDTHS, ids=lambda made: made.__name__)
@pytest.mark.parametrize("seed", range(4))
def test_no_claim_holds_on_tables_that_say_nothing(made, seed):
    verdicts = study_of(made, seed).judge_all()
    assert len(verdicts) == len(CLAIMS) == 31
    assert {claim: verdict.reason for claim, verdict in verdicts.items() if verdict.outcome == HOLDS} == {}
    # Where there is no offset head, none sits anywhere.
    assert {claim for claim, verdict in verdicts.items() if verdict.outcome == UNTESTED} == {"c.offset_depth"}


@pytest.mark.parametrize("seed", range(4))
def test_offset_heads_anywhere_are_not_in_the_layers_of_the_claim(seed):
    study, random = all_variants(), np.random.default_rng(seed)
    for heads in study.heads.values():
        for metric, layer, head in list(heads):
            if metric == "head_kind":
                heads[metric, layer, head] = "offset_local" if random.random() < 0.2 else "global"
    for name in study.main:
        study.heads[name]["head_kind", 12 if random.random() < 0.5 else 1, 1] = "offset_local"
    assert study.judge("c.offset_depth").outcome == FAILS
