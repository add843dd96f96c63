"""Made-up maps of `patches`: two street scenes of flat areas, predictions that miss some patches, and noise of bands."""

from __future__ import annotations

import json

import numpy as np

from tests.studies.local.made_up_study import CLASSES
from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.figures.data import ModelMaps
from workflow_scripts.studies.local.street_classes import VOID, class_colours

HEIGHT, WIDE, CELL = 64, 128, 8


def scene(place):
    """Return an image [HEIGHT, WIDE, 3] and its classes [HEIGHT, WIDE]: sky, buildings, road, a car, an unlabelled strip."""
    names = {name: turn for turn, name in enumerate(CLASSES)}
    mask = np.full((HEIGHT, WIDE), names["sky"], np.uint8)
    mask[16:40, : 40 + 10 * place] = names["building"]
    mask[16:40, 90:] = names["vegetation"]
    mask[40:] = names["road"]
    mask[44:56, 60:84] = names["car"]
    mask[60:] = VOID
    colours = np.vstack([class_colours(CLASSES), np.zeros((VOID + 1 - len(CLASSES), 3), np.uint8)])
    random = np.random.default_rng(place)
    image = colours[mask].astype(int) // 2 + 80 + random.integers(0, 30, (HEIGHT, WIDE, 3))
    return image.clip(0, 255).astype(np.uint8), mask


def write_maps(folder, model, wrong=0.1, classes=CLASSES):
    """Write the maps of a model; that share of its patches is predicted as any class."""
    arrays = {}
    random = np.random.default_rng(len(model.id))
    for place in (0, 1):
        image, mask = scene(place)
        arrays |= {f"image_{place}": image, f"mask_{place}": mask}
        right = np.where(mask == VOID, 0, mask)[CELL // 2 :: CELL, CELL // 2 :: CELL]
        for rule, share in (("nn", wrong), ("linear", wrong / 2)):
            missed = random.random(right.shape) < share
            arrays[f"{rule}_{place}"] = np.where(missed, random.integers(0, len(classes), right.shape), right).astype(np.uint8)
    noise = np.random.default_rng(0).normal(0, 40, (HEIGHT, WIDE, 3))
    spectrum = np.fft.fftshift(np.fft.fft2(noise, axes=(0, 1)), axes=(0, 1))
    y, x = np.indices((HEIGHT, WIDE))
    ring = np.maximum(abs(y - HEIGHT // 2) / (HEIGHT / 2), abs(x - WIDE // 2) / (WIDE / 2))
    for band in (1, 2, 3, 4):
        inside = (ring >= (band - 1) / 4) & (ring < band / 4 + (band == 4) * 0.1)
        kept = spectrum * inside[..., None]
        made = np.fft.ifft2(np.fft.ifftshift(kept, axes=(0, 1)), axes=(0, 1)).real.astype(np.float32)
        with np.errstate(divide="ignore"):
            arrays[f"band_spectrum_{band}"] = np.log(np.abs(kept).mean(-1)).astype(np.float32)
        arrays[f"band_noise_{band}"] = made
        arrays[f"band_noisy_{band}"] = (arrays["image_0"] + made).clip(0, 255).round().astype(np.uint8)
    path = folder / f"{model.id}.safetensors"
    facts = {"model": model.id, "classes": json.dumps(list(classes))}
    write_arrays(path, arrays, facts)
    return ModelMaps(path, model, facts)
