"""Classes of patches of street scenes: 1-NN and linear probes by layer, training set, removed features and alteration."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.alterations import noise_seed
from workflow_scripts.data.altering import added, band_mask, band_noise
from workflow_scripts.data.class_maps import VOID
from workflow_scripts.metrics.exact_neighbours import COSINE as BY_COSINE
from workflow_scripts.metrics.exact_neighbours import nearest as nearest_items
from workflow_scripts.metrics.feature_variance import standardised
from workflow_scripts.metrics.linear_probe import Head, LinearProbes, predict
from workflow_scripts.studies.local.classifying import (
    Gallery,
    fit,
    possible_removals,
    with_batch_norm,
)
from workflow_scripts.studies.local.conditions import COSINE, FASTER, LINEAR, NN, NORMALISED, NORMED, PLAIN, SLOWER
from workflow_scripts.studies.local.patch_sets import PatchSet, patch_set, stored_features
from workflow_scripts.studies.local.removal import require_fewer
from workflow_scripts.studies.local.scoring import Scorer
from workflow_scripts.studies.passes import Passed, Passes
from workflow_scripts.studies.rows import Row

_SHOWN = 2  # test images whose predictions are kept as pictures
_ALTERED = ("blurred", "noisy", "banded")


def rows(passes: Passes, settings: Mapping[str, Any], seed: int, device: str) -> Iterator[Row]:
    """Yield the rows of all rules and cases; the predictions of single images are kept for `maps`.

    Raises:
        AtlasError: fewer training images than a size that is asked for, or nothing left of a model's features.
    """
    train, test = patch_set(passes["train"]), patch_set(passes["test"])
    require_fewer(settings["removed"], train.features.shape[2])
    if max(settings["sizes"]) > len(train.counts):
        raise AtlasError(
            f"local.patches.sizes: {max(settings['sizes'])} training images, but {passes['train'].dataset} has "
            f"{len(train.counts)}; choose sizes up to that"
        )
    measure = _Measure(
        train=train,
        test=test,
        images=train.first(settings["images"]),
        settings=settings,
        batch_norm=with_batch_norm(passes["train"].model, settings),
        scorer=Scorer(test, passes["test"].dataset, seed),
        seed=seed,
        device=device,
    )
    yield from measure.inner_layers()
    yield from measure.last_layer(passes)
    yield from measure.training_sizes()


def maps(passes: Passes, settings: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the pictures of the first two test images and of bands of noise; see `_pictures` and `_bands`."""
    return passes.kept["pictures"] | _bands(passes["test"], settings["bands"]), {"classes": passes.kept["classes"]}


@dataclass(frozen=True)
class _Measure:
    """What all cases share: both sets, the training images, the settings, and whether the study's probe has batch norm."""

    train: PatchSet
    test: PatchSet
    images: int
    settings: Mapping[str, Any]
    batch_norm: bool
    scorer: Scorer
    seed: int
    device: str

    @property
    def last(self) -> int:
        """The last layer, counted from 1."""
        return self.train.features.shape[1]

    @property
    def queries(self) -> np.ndarray:
        """The test patches in the last layer, [n, D]."""
        return self.test.features[:, -1]

    def fit(self, places: Sequence[int] = (-1,), images: int | None = None, **how: Any) -> LinearProbes:
        """Return the study's probes of the layers at `places`; `how` as `classifying.fit` takes it."""
        how = {"batch_norm": self.batch_norm} | how
        return fit(self.train, images or self.images, places, self.settings, self.seed, self.device, **how)

    def by(self, probes: LinearProbes, features: np.ndarray) -> np.ndarray:
        """Return the classes [heads, n] by probes of one layer of features [n, D]."""
        return predict(probes, features[:, None], self.device)[:, 0].T

    def inner_layers(self) -> Iterator[Row]:
        """Yield 1-NN and the study's probe in all layers but the last; the probes are fitted together."""
        places = list(range(self.last - 1))
        if not places:
            return
        for place in places:
            gallery = Gallery(self.train, self.images, place)
            (nearest,) = gallery.predict(self.test.features[:, place], device=self.device)
            yield from self.scorer.rows(nearest, place + 1, NN)
        predicted = predict(self.fit(places), self.test.features[:, : len(places)], self.device)
        for place in places:
            yield from self.scorer.rows(predicted[:, place, 0], place + 1, LINEAR)

    def last_layer(self, passes: Passes) -> Iterator[Row]:
        """Yield what is measured of the last layer alone: removals, both distances, probes, batch norm, alterations."""
        rate, removed = self.settings["rate"], self.settings["removed"]
        removals = possible_removals(self.settings["removals"], removed, self.train.features.shape[2])
        gallery = Gallery(self.train, self.images)
        yield from gallery.rows(self.scorer.dataset, self.last, removed)
        nearest = gallery.predict(self.queries, removals, device=self.device)
        yield from self._removed(removals, nearest, NN)
        yield from self._removed((0, removed), gallery.predict(self.queries, (0, removed), BY_COSINE, self.device), COSINE)

        heads = [Head(count, rate) for count in removals] + [Head(0, 3 * rate), Head(0, rate / 3)]
        probes = self.fit(order=gallery.order[None], heads=heads)
        *linear, faster, slower = self.by(probes, self.queries)
        yield from self._removed(removals, linear, LINEAR)
        yield from self.scorer.rows(faster, self.last, FASTER)
        yield from self.scorer.rows(slower, self.last, SLOWER)
        other = self.fit(batch_norm=not self.batch_norm)
        both = {self.batch_norm: linear[0], not self.batch_norm: self.by(other, self.queries)[0]}
        yield from self.scorer.rows(both[True], self.last, NORMED)
        yield from self.scorer.rows(both[False], self.last, PLAIN)
        normed = self._by_batch_norm(gallery, probes if self.batch_norm else other)
        yield from self.scorer.rows(normed, self.last, NORMALISED)
        for size in self.settings["sizes"]:
            if size == self.images:
                yield from self.scorer.rows(nearest[0], self.last, NN, images=size)
                yield from self.scorer.rows(linear[0], self.last, LINEAR, images=size)

        for passed in (passes[name] for name in passes if name.split("/")[0] in _ALTERED):
            altered, seen = str(passed.view.alteration), stored_features(passed)[:, -1]
            yield from self._removed((0, removed), gallery.predict(seen, (0, removed), device=self.device), NN, altered=altered)
            yield from self.scorer.rows(self.by(probes, seen)[0], self.last, LINEAR, altered=altered)
        passes.kept["pictures"] = _pictures(passes["test"], self.test, nearest[0], linear[0])
        passes.kept["classes"] = json.dumps(self.test.classes)

    def training_sizes(self) -> Iterator[Row]:
        """Yield 1-NN and the study's probe by training sets of other sizes than the usual."""
        for size in self.settings["sizes"]:
            if size != self.images:
                (nearest,) = Gallery(self.train, size).predict(self.queries, device=self.device)
                yield from self.scorer.rows(nearest, self.last, NN, images=size)
                yield from self.scorer.rows(self.by(self.fit(images=size), self.queries)[0], self.last, LINEAR, images=size)

    def _removed(self, counts: Sequence[int], predicted: Iterable[np.ndarray], rule: str, **words: str) -> Iterator[Row]:
        """Yield the rows of predictions [n] without so many features each."""
        for count, one in zip(counts, predicted, strict=True):
            yield from self.scorer.rows(one, self.last, rule, without=count, **words)

    def _by_batch_norm(self, gallery: Gallery, probes: LinearProbes) -> np.ndarray:
        """Return the classes [n] by 1-NN of features by the statistics of probes with batch normalisation (section 6)."""
        assert probes.mean is not None, "probes without batch normalisation"
        assert probes.variance is not None, "probes without batch normalisation"
        both = (standardised(one, probes.mean[0], probes.variance[0]) for one in (gallery.features, self.queries))
        index, _ = nearest_items(*both, device=self.device)
        return gallery.classes[index]


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
