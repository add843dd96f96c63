"""Tables from made-up passes: what features tell is found, what they do not tell is not, and errors name the key."""

import json

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier

from tests.studies.local.made_up_passes import CLASSES, GRID, LAYERS, SETTINGS, WIDTH, Blocks, Made, passed
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.table import make_table
from workflow_scripts.studies.local import context, full_images, other_patches, patches, retrieval
from workflow_scripts.studies.local.conditions import COSINE, FASTER, LINEAR, NN, NORMALISED, NORMED, PLAIN, SLOWER, condition
from workflow_scripts.studies.local.conditions import setting as named
from workflow_scripts.studies.local.patch_sets import patch_set

VIEW = "tile32-resize28"
TRAIN, TEST = Blocks(8, 0), Blocks(5, 1)


def table(analysis, passes, settings, *device):
    return make_table(list(analysis.rows(passes, settings, 0, *device)), study="local", analysis="a", model="m")


def value(made, metric, rule=NN, layer=None, column="value", **words):
    rows = made[(made["metric"] == metric) & (made["setting"] == named(rule, **words))]
    rows = rows[rows["layer"] == (layer or LAYERS)]
    assert len(rows) == 1, (metric, rule, words, len(rows))
    return rows[column].iloc[0]


def street_passes(noise=0.1, **how):
    asks = {"train": passed(TRAIN, VIEW, noise, seed=1, **how), "test": passed(TEST, VIEW, noise, seed=2, **how)}
    asks["blurred/4"] = passed(TEST, f"{VIEW}-blur4", seed=3, noise=0.3, **how)
    asks["noisy/40"] = passed(TEST, f"{VIEW}-noise40", seed=4, noise=9.0, **how)
    asks["banded/1"] = passed(TEST, f"{VIEW}-band1", seed=5, **how)
    return Made(asks)


@pytest.fixture(scope="module")
def streets():
    passes = street_passes()
    return table(patches, passes, SETTINGS, "cpu"), passes


@pytest.fixture(scope="module")
def drowned():
    """Of features of which one is large and says nothing."""
    return table(patches, street_passes(spread=2000.0, model="normed"), SETTINGS | {"sizes": [6]}, "cpu")


def test_labels_and_cells_of_tiles_by_hand():
    made = patch_set(passed(TEST, VIEW))
    assert made.tiles == (2, 2)
    assert made.features.shape == (5 * 4 * 16, LAYERS, WIDTH)
    labels = made.labels.reshape(5, 2, 2, *GRID)
    assert (labels == TEST.blocks[..., None, None]).all()  # three pixels of eight do not make a patch void
    counts = made.counts.reshape(5, 2, 2, *GRID, 4)
    assert (counts.sum(-1)[:, :, :, 1:] == 64).all()  # a tile of 32 px in 4 x 4 cells
    assert (counts.sum(-1)[:, 0, :, 0] == 5 * 8).all()
    assert counts[0, 1, 0, 2, 2].tolist() == [0, 0, 64, 0]
    assert np.allclose(made.shares[0, 0], [29 / 32, 0, 0, 0])  # void is a part of the tile
    whole = made.image_map(0, made.labels)
    assert np.array_equal(whole, TEST.blocks[0].repeat(4, 0).repeat(4, 1))


def test_patches_that_are_mostly_void_are_no_neighbours(monkeypatch):
    def mostly_void(position):
        labels = Blocks.dense_labels(TRAIN, position)
        labels[:6] = -1  # of the 8 rows of a patch
        return labels

    reader = Blocks(8, 0)
    monkeypatch.setattr(reader, "dense_labels", mostly_void)
    made = patch_set(passed(reader, VIEW))
    assert len(made.labelled()) == 8 * (64 - 8)
    assert len(made.labelled(3)) == 3 * (64 - 8)
    monkeypatch.setattr(reader, "dense_labels", lambda position: np.full((64, 64), -1, np.int16))
    with pytest.raises(AtlasError, match="blocks: no patch has a class; choose a dataset with labelled pixels"):
        patch_set(passed(reader, VIEW))


def test_images_of_several_sizes_are_refused():
    one = passed(TEST, VIEW)
    one.samples.loc[2, "height"] = 28
    with pytest.raises(AtlasError, match="images of 2 sizes; choose a dataset of one size, or resize its images"):
        patch_set(one)


def test_one_nearest_neighbour_is_scikit_learns(streets):
    train, test = (patch_set(streets[1][name]) for name in ("train", "test"))
    rows = train.labelled(6)
    for place in range(LAYERS):
        fitted = KNeighborsClassifier(1).fit(train.features[rows, place].astype(float), train.labels[rows])
        predicted = fitted.predict(test.features[:, place].astype(float))
        right = test.counts.reshape(-1, 4)[np.arange(len(predicted)), predicted].sum() / test.counts.sum()
        assert value(streets[0], "accuracy", layer=place + 1) == pytest.approx(right)
        assert value(streets[0], "patch_accuracy", layer=place + 1) == pytest.approx((predicted == test.labels).mean())


def test_layers_that_know_are_told_from_one_that_does_not(streets, drowned):
    made = streets[0]
    for rule in (NN, LINEAR):
        assert value(made, "miou", rule, layer=1) < 0.4
        assert value(made, "miou", rule, layer=2) > 0.95
    assert value(drowned, "miou", layer=2) < 0.8  # one feature of large variance drowns the others
    assert value(drowned, "miou", LINEAR, layer=2) > 0.95
    low, high = (value(made, "miou", layer=1, column=name) for name in ("ci_low", "ci_high"))
    assert low < value(made, "miou", layer=1) < high


def test_without_the_feature_that_says_nothing_neighbours_are_right(drowned):
    made = drowned
    assert value(made, "miou") < 0.8
    assert value(made, "miou", without=2) > 0.95
    assert value(made, "miou", COSINE, without=2) > 0.95
    assert value(made, "miou", NORMALISED) > 0.9  # batch norm in place of removal
    removals = {condition(text).words.get("without", "0") for text in made[made["metric"] == "miou"]["setting"]}
    assert removals == {"0", "1", "2", "5", "11"}  # 12 features: 12 and 40 leave nothing
    variance = [value(made, "variance", features=str(feature)) for feature in range(WIDTH)]
    assert np.argmax(variance) == 0
    assert variance[0] == pytest.approx(4e6, rel=0.3)
    assert value(made, "removed_main") == 2


def test_probes_with_and_without_batch_norm_and_at_other_rates(streets):
    made = streets[0]
    assert value(made, "miou", LINEAR) == value(made, "miou", PLAIN)  # this model has none
    assert all(value(made, "miou", rule) > 0.9 for rule in (LINEAR, NORMED, FASTER, SLOWER))
    hasty = SETTINGS | {"epochs": 1, "rate": 1e-4, "sizes": [6]}
    normed = table(patches, street_passes(model="normed"), hasty, "cpu")
    assert value(normed, "miou", LINEAR) == value(normed, "miou", NORMED) != value(normed, "miou", PLAIN)
    fast, usual, slow = (
        table(patches, street_passes(noise=2.0), SETTINGS | {"epochs": 2, "rate": rate, "sizes": [6]}, "cpu")
        for rate in (0.03, 0.01, 0.01 / 3)
    )
    assert value(usual, "miou", FASTER) == value(fast, "miou", LINEAR) != value(slow, "miou", LINEAR)
    assert value(usual, "miou", SLOWER) == value(slow, "miou", LINEAR) != value(usual, "miou", LINEAR)


def test_alterations_and_sizes_have_rows_of_their_own(streets):
    made = streets[0]
    assert value(made, "miou", LINEAR, altered="blur4") > 0.9
    assert value(made, "miou", LINEAR, altered="noise40") < 0.6
    assert value(made, "miou", altered="band1", without=2) > 0.9
    for size in (3, 6, 8):
        assert value(made, "miou", LINEAR, images=size) > 0.9
    assert value(made, "miou", images=6) == value(made, "miou")
    assert value(made, "train_patches") == 6 * 64


def test_iou_of_classes_and_the_share_of_the_commonest(streets):
    made = streets[0]
    ious = [value(made, "class_iou", LINEAR, **{"class": name}) for name in CLASSES]
    assert np.mean(ious) == pytest.approx(value(made, "miou", LINEAR))
    assert 0.25 <= value(made, "largest_share", LINEAR) < 0.6
    absent = Made({"train": passed(Blocks(8, 0, classes=3), VIEW), "test": passed(Blocks(5, 1, classes=3), VIEW)})
    made = table(patches, absent, SETTINGS, "cpu")
    assert not made["setting"].str.contains("class bus").any()  # no image has it: no IoU
    assert value(made, "miou") > 0.9


def test_pictures_show_what_was_predicted(streets):
    _, passes = streets
    maps, words = patches.maps(passes, SETTINGS)
    assert json.loads(words["classes"]) == CLASSES
    assert maps["image_0"].shape == (56, 56, 3)
    assert [int(maps["image_1"][y, x, 0]) for y, x in ((0, 0), (0, 30), (30, 0), (30, 30))] == [4, 5, 6, 7]  # its tiles
    assert maps["mask_0"].shape == (64, 64)
    assert (maps["mask_0"][:3] == 255).all()
    assert np.array_equal(maps["linear_0"], TEST.blocks[0].repeat(4, 0).repeat(4, 1))
    for band in range(1, 5):
        noise = maps[f"band_noise_{band}"]
        assert maps[f"band_noisy_{band}"].dtype == np.uint8
        spectrum = maps[f"band_spectrum_{band}"]
        lit = np.argwhere(spectrum > 0) - 32
        ring = np.abs(lit).max(1) / 32
        assert ((ring >= (band - 1) / 4) & (ring < band / 4)).all()
        assert np.allclose(np.abs(np.fft.fft2(noise[..., 0])).max(), 10 ** spectrum.max() - 1, rtol=1e-3)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"sizes": [9]}, r"local\.patches\.sizes: 9 training images, but blocks has 8; choose sizes up to that"),
        ({"removed": 12}, "removed: 12 of 12 features are all of them; name fewer"),
    ],
)
def test_settings_that_cannot_be_are_named(wrong, problem):
    with pytest.raises(AtlasError, match=problem):
        list(patches.rows(street_passes(), SETTINGS | wrong, 0, "cpu"))


def test_another_dataset_has_the_rows_of_the_last_layer():
    passes = Made({"train": passed(TRAIN, VIEW, spread=2000.0), "test": passed(TEST, VIEW, seed=5, spread=2000.0)})
    made = table(other_patches, passes, SETTINGS | {"images": 100}, "cpu")
    assert set(made["layer"]) == {LAYERS}
    assert value(made, "train_patches") == 8 * 64  # all that there are
    assert value(made, "miou", without=2) > 0.95 > value(made, "miou")
    assert value(made, "miou", LINEAR, without=2) > value(made, "miou", LINEAR)


def test_full_images_stand_beside_tiles():
    passes = Made(
        {
            "train": passed(TRAIN, VIEW),
            "test": passed(TEST, VIEW, seed=1),
            "full_train": passed(TRAIN, "squash64", noise=2.0),
            "full_test": passed(TEST, "squash64", noise=2.0, seed=1),
        }
    )
    made = table(full_images, passes, SETTINGS, "cpu")
    for rule in (NN, LINEAR):
        assert value(made, "miou", rule) > 0.95 > value(made, "miou", rule, view="full")


def test_context_is_ridge_regression_on_central_patches():
    passes = Made({"train": passed(TRAIN, VIEW, noise=0.5), "test": passed(TEST, VIEW, noise=0.5, seed=1)})
    settings = {"classes": ["car", "road"], "images": 6, "removed": 3, "penalty": 2.0, "draws": 4}
    made = table(context, passes, settings)
    train, test = patch_set(passes["train"]), patch_set(passes["test"])
    centre = np.arange(6 * 4) * 16 + 2 * 4 + 2
    x, y = train.features[centre, -1].astype(float), train.shares.reshape(-1, 4)[:24, [2, 0]]
    seen, truth = test.features[10::16, -1].astype(float), test.shares.reshape(-1, 4)[:, [2, 0]]
    for place, name in enumerate(settings["classes"]):
        fitted = Ridge(2.0).fit(x, y[:, place])
        assert value(made, "r2", "ridge", **{"class": name}) == pytest.approx(fitted.score(seen, truth[:, place]))
    mean = np.mean([value(made, "r2", "ridge", features="top", **{"class": name}) for name in settings["classes"]])
    assert value(made, "r2", "ridge", features="top") == pytest.approx(mean)
    assert value(made, "r2", "ridge", features="random", column="n") == 20
    with pytest.raises(AtlasError, match=r"local\.context\.classes: blocks has no class 'cars'; did you mean 'car'"):
        table(context, passes, settings | {"classes": ["cars"]})


def retrieved(gallery, **altered):
    view = "tile64-resize64"
    asks = {"gallery": passed(gallery, view, noise=0.1)}
    for name, (alteration, how) in altered.items():
        asks[name] = passed(gallery, f"{view}-{alteration}", **how)
    return table(retrieval, Made(asks), {"tile": 64, "removed": 2}, "cpu")


def test_retrieval_of_the_same_features_finds_the_same_patches():
    made = retrieved(TEST, same=("noise10", {"noise": 0.1}), blur=("blur4", {"noise": 0.1, "seed": 8}))
    objects = int((TEST.blocks >= 2).sum()) * 4
    assert value(made, "queries", altered="noise10") == objects
    for words in ({}, {"without": 2}):
        assert value(made, "share", altered="noise10", kind="same patch", **words) == 1
    shares = [value(made, "share", altered="blur4", kind=kind) for kind in retrieval.CATEGORIES]
    assert sum(shares) == pytest.approx(1)
    assert shares[0] < 0.5 < shares[1]  # another patch of the same class
    elsewhere = made[made["setting"].str.contains("elsewhere yes")]
    assert set(elsewhere["setting"].str.contains("blur4")) == {True}
    assert value(made, "share", altered="blur4", elsewhere="yes", kind="same fine category") > 0.9
    assert value(made, "patch_share", **{"class": "car"}) == pytest.approx((TEST.blocks == 2).mean())
    assert value(made, "tiles", **{"class": "car"}) == (TEST.blocks == 2).any((1, 2)).sum()


def test_moved_patches_are_asked_where_their_labels_are():
    made = retrieved(TEST, shifted=("shift16", {"noise": 0.1}), scaled=("scale50", {"noise": 0.1}))
    # One patch to the right and down: what a patch shows is a patch of the original, but for the first row and column.
    shown = TEST.blocks.repeat(2, 1).repeat(2, 2)[:, :3, :3]
    assert value(made, "queries", altered="shift16") == (shown >= 2).sum()
    assert value(made, "upper_bound", altered="shift16") == 1  # no object patch comes from outside
    assert not ((made["metric"] == "upper_bound") & made["setting"].str.contains("noise")).any()
    with pytest.raises(AtlasError, match=r"local\.retrieval\.tile: images of blocks are \(2, 2\) tiles; set it to their side"):
        table(retrieval, Made({"gallery": passed(TEST, VIEW)}), {"tile": 32, "removed": 2}, "cpu")
    stuff = Blocks(3, 2, classes=2)
    stuff.blocks[0] = 0
    with pytest.raises(AtlasError, match="blocks: no patch shows an object"):
        retrieved(stuff, same=("noise10", {}))
