"""Made-up maps of attention: local on average over images, stripes in one image."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.run_model import RunModel

SIDE, HEADS, CELLS = 6, 4, (21, 30)


def write_attention(folder: Path, model: RunModel) -> tuple[Path, RunModel, dict[str, str]]:
    """Write the maps of a model and return what `ModelMaps` is made of."""
    random, cells = np.random.default_rng([*model.id.encode()]), SIDE**2
    y, x = np.divmod(np.arange(cells), SIDE)
    near = np.exp(-((y[:, None] - y) ** 2) - (x[:, None] - x) ** 2) + 1e-3 * random.random((cells, cells))
    striped = np.tile(np.isin(np.arange(cells), (7, 19)), (cells, 1)) + 1e-3 * random.random((cells, cells))
    arrays = {
        "mean_matrix": near / near.sum(-1, keepdims=True),
        "single_matrix": (striped / striped.sum(-1, keepdims=True))[None],
        "query_heads": random.dirichlet(np.ones(cells), (1, len(CELLS), HEADS)),
    }
    arrays = {name: value.astype(np.float32) for name, value in arrays.items()}
    arrays["single_image"] = random.integers(0, 256, (1, 12, 12, 3), dtype=np.uint8)
    facts = {"layer": "11", "local_head": "3", "query_cells": json.dumps(CELLS), "n_images": "9", "rows": str(SIDE)}
    facts |= {"cols": str(SIDE), "image_ids": json.dumps(["image4"])}
    path = folder / f"{model.id}_attention.safetensors"
    write_arrays(path, arrays, facts)
    return path, model, facts
