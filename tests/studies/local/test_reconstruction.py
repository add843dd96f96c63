"""Reconstructions by the shipped demo network: numbers from their definitions, and what must not change them."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.table import make_table
from workflow_scripts.demo.world import paint_split
from workflow_scripts.metrics.image_quality import structural_similarities
from workflow_scripts.studies.local import reconstruction
from workflow_scripts.studies.local.reconstruction import kept_patches, reconstructions, rows
from workflow_scripts.zoo.load import open_model
from workflow_scripts.zoo.mae_decoder import load_decoder
from workflow_scripts.zoo.registry import read_models

ROOT = Path(__file__).resolve().parents[3]
MODEL = open_model(read_models(ROOT / "config/models.yaml")["demo_mae"], ROOT / "config/demo_zoo/demo_mae.pth")
SETTINGS = {"images": 10, "removed": 17, "masked": 75}
N, SIDE = 144, 60


@pytest.fixture(scope="module")
def crops():
    return np.ascontiguousarray(paint_split(0, "val", 10)[0]["image"][:, 2:62, 2:62])


def shown(crops, counts):
    """A pass over images of so many crops each."""
    first = np.cumsum([0, *counts[:-1]])
    samples = pd.DataFrame({"first_crop": first, "n_crops": counts})
    return SimpleNamespace(dataset="tests", samples=samples, crops=lambda start, stop: crops[start:stop])


def features(crops, vit):
    """Features of all patches, [P, 1, D]."""
    *_, last = vit.layers(normalised(crops))
    return last.token_normed[:, 1:].flatten(0, 1)[:, None].numpy()


def normalised(crops):
    mean, std = (np.array(values) for values in (MODEL.network.normalisation.mean, MODEL.network.normalisation.std))
    return torch.from_numpy(((crops / 255 - mean) / std).astype(np.float32)).permute(0, 3, 1, 2)


@pytest.fixture(scope="module")
def passes(crops):
    found = features(crops, MODEL.at((SIDE, SIDE)))
    # An image more than the settings want, whose features must not count.
    more = np.concatenate([found, 100 * np.random.default_rng(0).permutation(found[:N], axis=2)])
    train = SimpleNamespace(
        mapped=lambda collector, facet: {("patch_store", "token_normed"): more}[collector, facet],
        samples=pd.DataFrame({"id": range(len(crops) + 1)}),
    )
    return {"train": train, "test": shown(crops, [1, 3, 2, 4])}


def table(passes, **settings):
    return make_table(list(rows(passes, SETTINGS | settings, 3, "cpu", MODEL)), study="local", analysis="a", model="m")


@pytest.fixture(scope="module")
def found(passes):
    return table(passes)


def brute(crops, features, variant, masked):
    """Every crop for itself, in torch, by MAE's own formulas; returns mse, psnr, ssim, mse_all, psnr_all, [5, crops]."""
    vit, decoder = MODEL.at((SIDE, SIDE)), load_decoder(MODEL)
    variances = features[:, 0].astype(float).var(0)
    ranked = sorted(range(64), key=lambda d: (-variances[d], d))
    zero = {"": [], "top": ranked[:17], "lowest": ranked[-17:]}[variant]
    mean, std = (torch.tensor(v, dtype=torch.float64) for v in (vit.normalisation.mean, vit.normalisation.std))
    scores = []
    for index, crop in enumerate(crops):
        kept = np.sort(np.random.default_rng([3, index]).permutation(N)[: N * (100 - masked) // 100])
        image = normalised(crop[None])
        with torch.inference_mode():
            tokens = vit.encoded(image, torch.from_numpy(kept)[None])
            tokens[..., zero] = 0
            predicted = decoder(tokens, torch.from_numpy(kept)[None])[0].double()
        true = torch.einsum("chpwq->hwpqc", image[0].double().reshape(3, 12, 5, 12, 5)).reshape(N, 75)
        predicted = predicted * (true.var(-1, keepdim=True) + 1e-6) ** 0.5 + true.mean(-1, keepdim=True)
        pixels = (predicted.reshape(N, 25, 3) * std + mean).numpy()
        target = (true.reshape(N, 25, 3) * std + mean).numpy()
        errors = ((pixels - target) ** 2).mean((1, 2))
        mse = errors[[n for n in range(N) if n not in kept] if masked else range(N)].mean()
        whole = pixels.reshape(12, 12, 5, 5, 3).swapaxes(1, 2).reshape(1, SIDE, SIDE, 3)
        ssim = structural_similarities(whole, crop[None] / 255)[0]
        scores.append((mse, -10 * np.log10(mse), ssim, errors.mean(), -10 * np.log10(errors.mean())))
    return np.array(scores).T


@pytest.mark.parametrize("masked", [0, 75])
@pytest.mark.parametrize("variant", ["", "top", "lowest"])
def test_numbers_are_those_of_the_definition(crops, passes, found, variant, masked):
    words = ["decoder", *([f"zeroed {variant}"] if variant else []), *(["masked 75"] if masked else [])]
    own = found[found["setting"] == "; ".join(words)].set_index("metric")
    features_of = passes["train"].mapped("patch_store", "token_normed")[: len(crops) * N]  # those of the settings' images
    expected = brute(crops, features_of, variant, masked)
    assert list(own.index) == ["mse", "psnr", "ssim", "mse_all", "psnr_all"]
    for metric, values in zip(own.index, expected, strict=True):
        images = [values[0], values[1:4].mean(), values[4:6].mean(), values[6:].mean()]
        assert own.loc[metric, "value"] == pytest.approx(np.mean(images), rel=1e-4), metric
        assert own.loc[metric, "n"] == 4
        assert own.loc[metric, "higher_is_better"] == (metric not in ("mse", "mse_all"))
    assert set(own["layer"]) == {8} and set(own["facet"]) == {"token_normed"} and set(own["dataset"]) == {"tests"}


def test_masked_patches_count_alone_only_where_some_are_masked(found):
    values = {(row.setting, row.metric): row.value for row in found.itertuples()}
    assert values["decoder", "mse"] == values["decoder", "mse_all"]
    assert values["decoder; masked 75", "mse"] != values["decoder; masked 75", "mse_all"]
    assert values["1-NN", "removed_main"] == 17


def test_the_decoder_misses_the_features_of_largest_variance(found):
    values = {(row.setting, row.metric): row.value for row in found.itertuples()}
    assert values["decoder; zeroed top; masked 75", "mse"] > values["decoder; masked 75", "mse"]


def test_without_removal_all_variants_are_the_plain_reconstruction(passes):
    made = table(passes, removed=0)
    values = {(row.setting, row.metric): row.value for row in made.itertuples()}
    for tail in ("", "; masked 75"):
        for metric in ("mse", "psnr", "ssim"):
            plain = values[f"decoder{tail}", metric]
            assert values[f"decoder; zeroed top{tail}", metric] == plain
            assert values[f"decoder; zeroed lowest{tail}", metric] == plain


def test_batches_change_nothing(passes, found, monkeypatch):
    monkeypatch.setattr(reconstruction, "_BATCH", 3)
    assert np.allclose(table(passes)["value"].astype(float), found["value"].astype(float), rtol=1e-5)


def test_masks_are_of_the_crop_and_the_seed_alone():
    whole = kept_patches(3, range(10), 196, 75)
    assert whole.shape == (10, 49)
    assert np.array_equal(kept_patches(3, range(4, 6), 196, 75), whole[4:6])
    assert not np.array_equal(whole[0], whole[1])
    assert not np.array_equal(kept_patches(4, range(1), 196, 75)[0], whole[0])
    assert np.array_equal(kept_patches(3, range(1), 196, 0)[0], np.arange(196))


def test_what_is_masked_reaches_no_prediction_but_by_its_mean_and_spread(crops):
    vit, decoder = MODEL.at((SIDE, SIDE)), load_decoder(MODEL)
    kept = kept_patches(0, range(2), N, 75)
    hidden = np.ones((2, N), bool)
    np.put_along_axis(hidden, kept, False, 1)
    pixels = crops[:2] / 255
    turned = pixels.reshape(2, 12, 5, 12, 5, 3)[:, :, ::-1, :, ::-1]  # each patch by half a turn: mean and spread stay
    where = hidden.reshape(2, 12, 1, 12, 1, 1)
    mixed = np.where(where, turned, pixels.reshape(turned.shape)).reshape(pixels.shape)
    one, other = (reconstructions(vit, decoder, images, kept, {"": np.arange(0)})[""] for images in (pixels, mixed))
    assert not np.allclose(pixels, mixed)
    assert np.allclose(one, other, atol=1e-9)


def test_images_of_another_size_are_refused(passes, crops):
    other = passes | {"test": shown(crops[:, :55, :55], [1] * 10)}
    with pytest.raises(AtlasError, match=r"decoder is for images of 60 x 60 px, but those of 'tests' are shown at 55 x 55"):
        table(other)


def test_not_all_features_can_be_zeroed(passes):
    with pytest.raises(AtlasError, match="64 of 64 features"):
        table(passes, removed=64)
