"""Made-up maps of `segmentation`: images with a disc for each concept, and masks that miss it by a little or a lot."""

from __future__ import annotations

import json

import numpy as np

from tests.studies.tokens.made_up_study import PER_CATEGORY, concepts
from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.figures.data import ModelMaps
from workflow_scripts.studies.tokens.decisions import FIVE

SIDE, BEST, IMAGES = 56, 5, 5
IDS = [f"image{place}" for place in range(5 * PER_CATEGORY)]


def disc(grid, centre, radius):
    """Return the cells [grid, grid] within `radius` of `centre`, both shares of the side."""
    y, x = (np.indices((grid, grid)) + 0.5) / grid
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2


def picture(place):
    """Return the image of a concept [SIDE, SIDE, 3] and where its disc is."""
    random = np.random.default_rng(place)
    centre = random.uniform(0.35, 0.65, 2)
    image = np.broadcast_to(random.integers(60, 200, 3), (SIDE, SIDE, 3)) + random.integers(0, 30, (SIDE, SIDE, 3))
    image[disc(SIDE, centre, 0.28)] = random.integers(0, 256, 3)
    return image.clip(0, 255).astype(np.uint8), centre


def write_maps(folder, model, missing=0):
    """Write the maps of a model; the last concept of each rule has `missing` images less."""
    grid, every = SIDE // model.patch[0] * 2, concepts("segmentation")
    made = [picture(place) for place in range(len(every))]
    images = np.stack([image for image, _ in made])
    truth = np.stack([disc(grid, centre, 0.28) for _, centre in made])
    arrays = {"largest_image": images, "largest_truth": truth}
    for turn, facet in enumerate(FIVE):
        for kind, radius in (("hyperplane", 0.3), ("cosine", 0.42)):
            found = [disc(grid, centre + 0.03 * turn, radius) for _, centre in made]
            arrays[f"largest_{kind}_{facet}"] = np.stack(found)
    facts = {"concepts": json.dumps(every), "image_ids": json.dumps(IDS), "n_images": "35"}
    for kind in ("hyperplane", "cosine"):
        places = np.arange(BEST * IMAGES).reshape(BEST, IMAGES)
        arrays |= {f"best_{kind}_{name}": arrays[f"largest_{name}"][places] for name in ("image", "truth")}
        arrays[f"best_{kind}_mask"] = arrays[f"largest_{kind}_key"][places]
        arrays[f"best_{kind}_iou"] = np.linspace(0.9, 0.5, BEST * IMAGES).reshape(BEST, IMAGES)
        ids = [[IDS[place] for place in row] for row in places]
        ids[-1] = ids[-1][: IMAGES - missing]
        facts[f"best_{kind}"] = json.dumps({"facet": "key", "concepts": every[:BEST], "image_ids": ids})
    path = folder / f"{model.id}.safetensors"
    write_arrays(path, arrays, facts)
    return ModelMaps(path, model, facts)
