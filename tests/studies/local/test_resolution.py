"""k-NN over image sizes against a brute force, from made-up passes over two pairs of data sets."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.table import make_table
from workflow_scripts.data.views import parse_view
from workflow_scripts.studies.local.resolution import rows

SETTINGS = {"neighbours": 5, "removed": 3}
CLASSES = np.array(["forest", "river", "beach"])


def passed(dataset, side, n, seed, images=32):
    """A pass whose CLS tokens tell classes apart but for three loud features, the loudest in other places for each facet."""
    rng = np.random.default_rng([seed, side])
    kinds = rng.integers(0, 3, n)
    centres = np.random.default_rng(4).normal(size=(3, 8))
    found = {}
    for place, facet in enumerate(("cls", "mean_patch")):
        values = centres[kinds] + rng.normal(size=(n, 8)) * 0.7
        values[:, place : place + 3] = rng.normal(size=(n, 3)) * 9
        found[facet] = values[:, None].astype(np.float32)
    samples = pd.DataFrame({"class": CLASSES[kinds], "image_height": images, "image_width": images})
    view = f"area{side}"
    return SimpleNamespace(
        dataset=dataset,
        view_name=view,
        view=parse_view(view),
        made={"n_layers": 4},
        samples=samples,
        mapped=lambda collector, facet: {"pooled_normed": found}[collector][facet],
    )


@pytest.fixture
def passes():
    made = {}
    for prefix, dataset, images in (("", "first", 32), ("second_", "second", 64)):
        for size, side in ((16, 16), (17, 16), (32, 32)):
            made[f"{prefix}train/{size}"] = passed(f"{dataset}_train", side, 40, 1, images)
            made[f"{prefix}test/{size}"] = passed(f"{dataset}_test", side, 30, 2, images)
    made["third_test/16"] = passed("third_test", 16, 30, 3)  # its training images are left out
    return made


def table(passes, **settings):
    return make_table(list(rows(passes, SETTINGS | settings, 0)), study="local", analysis="resolution", model="m")


def brute_accuracy(train, test, facet, removed, k):
    """Weighted k-NN, from its definition."""
    bank, queries = (one.mapped("pooled_normed", facet)[:, 0].astype(float) for one in (train, test))
    out = sorted(range(8), key=lambda d: -bank[:, d].var())[:removed]
    kept = [d for d in range(8) if d not in out]
    right = 0
    for query, own in zip(queries, test.samples["class"], strict=True):
        cosines = []
        for item, name in zip(bank, train.samples["class"], strict=True):
            a, b = query[kept], item[kept]
            cosines.append((a @ b / np.linalg.norm(a) / np.linalg.norm(b), name))
        votes = dict.fromkeys(CLASSES, 0.0)
        for cosine, name in sorted(cosines, reverse=True)[:k]:
            votes[name] += np.exp(cosine / 0.07)
        right += max(votes, key=votes.get) == own
    return right / len(queries)


@pytest.mark.parametrize("facet", ["cls", "mean_patch"])
@pytest.mark.parametrize("side", [16, 32])
@pytest.mark.parametrize("prefix", ["", "second_"])
def test_accuracies_are_those_of_the_definition(passes, prefix, side, facet):
    train, test = passes[f"{prefix}train/{side}"], passes[f"{prefix}test/{side}"]
    found = table(passes).query("metric == 'knn_accuracy' and facet == @facet and dataset == @test.dataset")
    found = found.set_index("setting")
    values = []
    for removed, said in ((0, f"k-NN; size {side}"), (3, f"k-NN; without 3; size {side}")):
        values.append(brute_accuracy(train, test, facet, removed, 5))
        row = found.loc[said]
        assert row["value"] == pytest.approx(values[-1])
        assert (row["n"], row["layer"]) == (30, 4)
        assert row["ci_low"] <= row["value"] <= row["ci_high"]
    assert values[0] != values[1]


def test_sizes_are_said_as_seen_and_as_a_share_of_the_images(passes):
    found = table(passes).query("metric == 'relative_size' and facet == 'cls'")
    shares = {(row.dataset, row.setting): row.value for row in found.itertuples()}
    assert len(found) == len(shares) == 2 * 2 * 2  # sizes of the same whole patches once
    assert shares["first_test", "k-NN; size 16"] == pytest.approx(0.5)
    assert shares["second_test", "k-NN; without 3; size 32"] == pytest.approx(0.5)
    assert shares["second_test", "k-NN; size 16"] == pytest.approx(0.25)


def test_a_pair_without_training_images_is_left_out_and_the_removal_is_said_once(passes):
    found = table(passes)
    assert set(found["dataset"]) == {"first_test", "second_test"}
    (said,) = found.query("metric == 'removed_main'").itertuples()
    assert (said.setting, said.value) == ("1-NN", 3)


def test_an_image_does_not_vote_for_itself(passes):
    passes = {"train/16": passes["train/16"], "test/16": passes["train/16"]}
    value = table(passes, neighbours=1).query("metric == 'knn_accuracy' and setting == 'k-NN; size 16'")["value"]
    assert (value < 1).all()


def test_all_features_cannot_be_removed(passes):
    with pytest.raises(AtlasError, match="removed: 8 of 8 features"):
        table(passes, removed=8)
