"""How well MAE's decoder rebuilds images from features of which those of largest, or smallest, variance are set to 0.

Vanyan et al., "Analyzing Local Representations of Self-supervised Vision Transformers" (arXiv 2401.00463v2, section 6, A.5): of
whole images, and of images most of whose patches the encoder never sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.feature_variance import feature_moments, removal_order
from workflow_scripts.metrics.image_quality import mean_square_errors, peak_signal_to_noise, structural_similarities
from workflow_scripts.metrics.patch_pixels import images_of, patches_of, pixel_mask, with_spread_of
from workflow_scripts.studies.local.conditions import DECODER, NN, setting
from workflow_scripts.studies.local.removal import require_fewer
from workflow_scripts.studies.passes import Passed, Passes
from workflow_scripts.studies.rows import Row, mean_rows
from workflow_scripts.zoo.load import LoadedModel
from workflow_scripts.zoo.mae_decoder import MaeDecoder, load_decoder
from workflow_scripts.zoo.vit import Vit

HIGHER_IS_BETTER = {"mse": False, "psnr": True, "ssim": True, "mse_all": False, "psnr_all": True}
_BATCH = 16  # crops at once: a network of any of the usual sizes then fits in a few GB
Variants = dict[str, np.ndarray]


def rows(passes: Passes, settings: Mapping[str, Any], seed: int, device: str, model: LoadedModel) -> Iterator[Row]:
    """Yield errors and similarities of reconstructions, by what is set to 0 and what is masked."""
    train, test = passes["train"], passes["test"]
    features = train.mapped("patch_store", "token_normed")[:, -1]
    gallery = len(features) // len(train.samples) * settings["images"]
    order = removal_order(feature_moments(features[:gallery])[1])
    removed = settings["removed"]
    require_fewer(removed, len(order))
    variants = {"": order[:0], "top": order[:removed], "lowest": order[len(order) - removed :]}
    vit, decoder = _model_of(test, model), load_decoder(model)
    constant = {"layer": vit.n_layers, "facet": "token_normed", "dataset": test.dataset}
    yield constant | {"metric": "removed_main", "setting": NN, "value": removed, "n": 1, "unit": "features"}
    for masked in (0, settings["masked"]):
        for zeroed, scores in _scores(vit, decoder, test, variants, masked, seed).items():
            said = setting(DECODER, zeroed=zeroed, masked=masked)
            for metric, values in scores.items():
                better = {"higher_is_better": HIGHER_IS_BETTER[metric], "unit": "dB" if metric.startswith("psnr") else ""}
                per_image = _per_image(values, test)[:, None]
                for row in mean_rows(per_image, metric, seed, setting=said, **better):
                    yield row | constant


def reconstructions(
    vit: Vit, decoder: MaeDecoder, pixels: np.ndarray, kept: np.ndarray, variants: Variants
) -> dict[str, np.ndarray]:
    """Return what the decoder makes of images, with each of several sets of features set to 0.

    Args:
        vit: the encoder.
        decoder: the decoder that it was trained with.
        pixels: [n, H, W, 3] in 0 to 1.
        kept: [n, K] the patches that the encoder sees.
        variants: name -> features that are 0 in all tokens, CLS too.

    Returns:
        Name -> [n, H, W, 3] float64, all patches as the decoder gives them, with mean and spread of the true patches; not
        clipped.
    """
    mean, std = (np.array(values) for values in (vit.normalisation.mean, vit.normalisation.std))
    normalised = (pixels - mean) / std
    images = torch.from_numpy(normalised.astype(np.float32)).permute(0, 3, 1, 2)
    places = torch.from_numpy(kept).to(vit.device)
    tokens = vit.encoded(images, places)
    true, made = patches_of(normalised, vit.patch), {}
    for name, features in variants.items():
        with torch.inference_mode():
            zeroed = tokens.index_fill(2, torch.from_numpy(features).to(vit.device), 0.0)
            predicted = decoder(zeroed, places).double().cpu().numpy()
        made[name] = images_of(with_spread_of(predicted, true), vit.patch, vit.grid) * std + mean
    return made


def kept_patches(seed: int, crops: range, n_patches: int, masked: int) -> np.ndarray:
    """Return the patches of crops that are not masked, [n, K] int64, ascending.

    Drawn for each crop by itself, from the seed and its place in the dataset: the same in whatever batch.

    Args:
        seed: of the run.
        crops: their places.
        n_patches: of a crop.
        masked: share of them that is masked, in percent; what is kept is rounded down, as in MAE.
    """
    count = n_patches * (100 - masked) // 100
    return np.stack([np.sort(np.random.default_rng([seed, crop]).permutation(n_patches)[:count]) for crop in crops])


@dataclass
class _Measured:
    """Scores of one variant, one array a batch."""

    mse: list[np.ndarray]
    mse_all: list[np.ndarray]
    ssim: list[np.ndarray]

    def scores(self) -> dict[str, np.ndarray]:
        """Return metric -> one value a crop, [n]."""
        mse, mse_all, ssim = (np.concatenate(values) for values in (self.mse, self.mse_all, self.ssim))
        psnr, psnr_all = peak_signal_to_noise(mse), peak_signal_to_noise(mse_all)
        return {"mse": mse, "psnr": psnr, "ssim": ssim, "mse_all": mse_all, "psnr_all": psnr_all}


def _scores(
    vit: Vit, decoder: MaeDecoder, test: Passed, variants: Variants, masked: int, seed: int
) -> dict[str, dict[str, np.ndarray]]:
    """Return variant -> metric -> one value a crop, [n]; without _all in its name of masked patches alone, if any are."""
    total, n_patches = int(test.samples["n_crops"].sum()), vit.grid[0] * vit.grid[1]
    measured = {name: _Measured([], [], []) for name in variants}
    for start in range(0, total, _BATCH):
        crops = range(start, min(start + _BATCH, total))
        pixels = test.crops(crops.start, crops.stop) / 255
        kept = kept_patches(seed, crops, n_patches, masked)
        hidden = np.ones((len(crops), n_patches), bool)
        np.put_along_axis(hidden, kept, not masked, 1)  # of whole images every patch counts
        counted = pixel_mask(hidden, vit.patch, vit.grid)
        for name, image in reconstructions(vit, decoder, pixels, kept, variants).items():
            own = measured[name]
            own.mse.append(mean_square_errors(image, pixels, counted))
            own.mse_all.append(mean_square_errors(image, pixels))
            own.ssim.append(structural_similarities(image, pixels))
    return {name: own.scores() for name, own in measured.items()}


def _per_image(values: np.ndarray, test: Passed) -> np.ndarray:
    """Return the mean over the crops of each image, [images], of one value a crop."""
    first, count = (test.samples[name].to_numpy(int) for name in ("first_crop", "n_crops"))
    return np.add.reduceat(values, first) / count


def _model_of(test: Passed, model: LoadedModel) -> Vit:
    """Return the encoder, built for the crops.

    Raises:
        AtlasError: they are of another size than it was trained at: the decoder has no positions for that.
    """
    rows, columns = test.crops(0, 1).shape[1:3]
    wanted = model.network.image_shape
    if (rows, columns) != wanted:
        raise AtlasError(
            f"model '{model.network.id}': its decoder is for images of {wanted[0]} x {wanted[1]} px, but those of "
            f"'{test.dataset}' are shown at {rows} x {columns}; set the size to the model's, or leave the model out"
        )
    return model.at(wanted)
