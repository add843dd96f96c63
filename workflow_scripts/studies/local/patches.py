"""Classes of patches of street scenes: 1-NN and linear probes by layer, training set, removed features and alteration."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.alterations import noise_seed
from workflow_scripts.data.altering import added, band_mask, band_noise
from workflow_scripts.data.class_maps import VOID
from workflow_scripts.metrics.exact_neighbours import COSINE as BY_COSINE
from workflow_scripts.metrics.feature_variance import standardised
from workflow_scripts.metrics.linear_probe import Head, predict
from workflow_scripts.studies.local.classifying import (
    Gallery,
    fit,
    possible_removals,
    with_batch_norm,
)
from workflow_scripts.studies.local.conditions import COSINE, FASTER, LINEAR, NN, NORMALISED, NORMED, PLAIN, SLOWER
from workflow_scripts.studies.local.patch_sets import PatchSet, patch_set, stored_features
from workflow_scripts.studies.local.scoring import Scorer
from workflow_scripts.studies.passes import Passed, Passes
from workflow_scripts.studies.rows import Row

_SHOWN = 2  # test images whose predictions are kept as pictures
_ALTERED = ("blurred", "noisy", "banded")


def rows(passes: Passes, settings: Mapping[str, Any], seed: int, device: str) -> Iterator[Row]:
    """Yield the rows of all rules and cases; the predictions of single images are kept for `maps`.

    Raises:
        AtlasError: fewer training images than a size that is asked for.
    """
    train, test = patch_set(passes["train"]), patch_set(passes["test"])
    images = train.first(settings["images"])
    if max(settings["sizes"]) > len(train.counts):
        raise AtlasError(
            f"local.patches.sizes: {max(settings['sizes'])} training images, but {passes['train'].dataset} has "
            f"{len(train.counts)}; choose sizes up to that"
        )
    scorer = Scorer(test, passes["test"].dataset, seed)
    layers = train.features.shape[1]
    for place in range(layers - 1):
        predicted = Gallery(train, images, place).predict(test.features[:, place], device=device)[0]
        yield from scorer.rows(predicted, place + 1, NN)
    yield from _last_layer(passes, settings, seed, device, train, test, scorer, images)
    yield from _training_sizes(passes["train"].model, settings, seed, device, train, test, scorer)
    yield from _layers_of_probes(passes["train"].model, settings, seed, device, train, test, scorer, images)


def maps(passes: Passes, settings: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the pictures of the first two test images and of bands of noise; see `_pictures` and `_bands`."""
    return passes.kept["pictures"] | _bands(passes["test"], settings["bands"]), {"classes": passes.kept["classes"]}


def _last_layer(
    passes: Passes,
    settings: Mapping[str, Any],
    seed: int,
    device: str,
    train: PatchSet,
    test: PatchSet,
    scorer: Scorer,
    images: int,
) -> Iterator[Row]:
    """Yield what is measured of the last layer alone: removals, both distances, probes, batch norm, alterations."""
    model, last = passes["train"].model, train.features.shape[1]
    width, removed = train.features.shape[2], settings["removed"]
    removals = possible_removals(settings["removals"], removed, width)
    gallery, queries = Gallery(train, images), test.features[:, -1]
    yield from gallery.rows(scorer.dataset, last, removed)
    nearest = gallery.predict(queries, removals, device=device)
    for count, predicted in zip(removals, nearest, strict=True):
        yield from scorer.rows(predicted, last, NN, without=count)
    for count, predicted in zip((0, removed), gallery.predict(queries, (0, removed), BY_COSINE, device), strict=True):
        yield from scorer.rows(predicted, last, COSINE, without=count)

    own = with_batch_norm(model, settings)
    rate = settings["rate"]
    heads = [Head(count, rate) for count in removals] + [Head(0, 3 * rate), Head(0, rate / 3)]
    order = gallery.order[None]
    probes = fit(train, images, [-1], settings, seed, device, order=order, heads=heads, batch_norm=own)
    by_probe = predict(probes, queries[:, None], device)[:, 0].T
    for count, predicted in zip(removals, by_probe, strict=False):
        yield from scorer.rows(predicted, last, LINEAR, without=count)
    yield from scorer.rows(by_probe[-2], last, FASTER)
    yield from scorer.rows(by_probe[-1], last, SLOWER)
    other = fit(train, images, [-1], settings, seed, device, batch_norm=not own)
    both = {own: by_probe[0], not own: predict(other, queries[:, None], device)[:, 0, 0]}
    yield from scorer.rows(both[True], last, NORMED)
    yield from scorer.rows(both[False], last, PLAIN)

    normed = probes if own else other
    mean, variance = normed.mean[0], normed.variance[0]
    standard = Gallery(train, images)
    standard.features = standardised(gallery.features, mean, variance)
    yield from scorer.rows(standard.predict(standardised(queries, mean, variance), device=device)[0], last, NORMALISED)

    for passed in (passes[name] for name in passes if name.split("/")[0] in _ALTERED):
        altered, seen = str(passed.view.alteration), stored_features(passed)[:, -1]
        for count, predicted in zip((0, removed), gallery.predict(seen, (0, removed), device=device), strict=True):
            yield from scorer.rows(predicted, last, NN, altered=altered, without=count)
        yield from scorer.rows(predict(probes, seen[:, None], device)[:, 0, 0], last, LINEAR, altered=altered)
    passes.kept["pictures"] = _pictures(passes["test"], test, nearest[0], by_probe[0])
    passes.kept["classes"] = json.dumps(test.classes)


def _training_sizes(
    model: str, settings: Mapping[str, Any], seed: int, device: str, train: PatchSet, test: PatchSet, scorer: Scorer
) -> Iterator[Row]:
    last, queries = train.features.shape[1], test.features[:, -1]
    for size in settings["sizes"]:
        yield from scorer.rows(Gallery(train, size).predict(queries, device=device)[0], last, NN, images=size)
        probes = fit(train, size, [-1], settings, seed, device, batch_norm=with_batch_norm(model, settings))
        yield from scorer.rows(predict(probes, queries[:, None], device)[:, 0, 0], last, LINEAR, images=size)


def _layers_of_probes(
    model: str,
    settings: Mapping[str, Any],
    seed: int,
    device: str,
    train: PatchSet,
    test: PatchSet,
    scorer: Scorer,
    images: int,
) -> Iterator[Row]:
    """Yield the probes of all layers but the last, fitted together."""
    places = list(range(train.features.shape[1] - 1))
    if places:
        probes = fit(train, images, places, settings, seed, device, batch_norm=with_batch_norm(model, settings))
        predicted = predict(probes, test.features[:, : len(places)], device)
        for place in places:
            yield from scorer.rows(predicted[:, place, 0], place + 1, LINEAR)


def _pictures(passed: Passed, test: PatchSet, nearest: np.ndarray, linear: np.ndarray) -> dict[str, np.ndarray]:
    """Return of the first two test images: image_i [H, W, 3], mask_i [H, W], nn_i and linear_i [rows, columns], all uint8.

    The image as the model sees it; the mask as it is labelled, `VOID` without a class; predictions on the whole patch grid.
    """
    made = {}
    for image in range(min(_SHOWN, len(test.counts))):
        position = int(passed.samples["position"].iloc[image])
        labels = passed.reader.dense_labels(position)
        made[f"image_{image}"] = _seen(passed, image)
        made[f"mask_{image}"] = np.where(labels < 0, VOID, labels).astype(np.uint8)
        made[f"nn_{image}"] = test.image_map(image, nearest).astype(np.uint8)
        made[f"linear_{image}"] = test.image_map(image, linear).astype(np.uint8)
    return made


def _seen(passed: Passed, image: int) -> np.ndarray:
    """Return an image as the model sees it, its tiles side by side, [H, W, 3] uint8."""
    row = passed.samples.iloc[image]
    crops = passed.crops(int(row["first_crop"]), int(row["first_crop"] + row["n_crops"]))
    side = passed.view.shape
    tiles = crops.reshape(int(row["height"]) // side[0], int(row["width"]) // side[1], *crops.shape[1:])
    return tiles.transpose(0, 2, 1, 3, 4).reshape(int(row["height"]), int(row["width"]), 3)


def _bands(passed: Passed, bands: list[int]) -> dict[str, np.ndarray]:
    """Return of each band, for the first test image: the noise, its spectrum and the image with it (section A.6, figure 10).

    band_noise_b [H, W, 3] float32 in grey levels, at the size of the image in its file; band_spectrum_b [H, W] float32, log10
    of its amplitude in the first channel plus one, the constant in the middle; band_noisy_b [H, W, 3] uint8.
    """
    made, position = {}, int(passed.samples["position"].iloc[0])
    pixels = np.asarray(passed.reader.image(position))
    for band in bands:
        noise = band_noise(pixels.shape, band, noise_seed(band, position))
        spectrum = np.abs(np.fft.fft2(noise[..., 0])) * band_mask(pixels.shape[:2], band)
        made[f"band_noise_{band}"] = noise
        made[f"band_spectrum_{band}"] = np.log10(1 + np.fft.fftshift(spectrum)).astype(np.float32)
        made[f"band_noisy_{band}"] = added(pixels, noise)
    return made
