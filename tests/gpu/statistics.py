"""Every statistic on a device: collectors, fits and the analyses that compute on a GPU, on a small trained model."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.onepass.fake import OPTIONS, FakeSource
from workflow_scripts.metrics.distances import COSINE, EUCLIDEAN
from workflow_scripts.metrics.exact_neighbours import nearest_without
from workflow_scripts.metrics.feature_variance import removal_order
from workflow_scripts.metrics.hyperplanes import draw_examples, fit_hyperplanes, hyperplane_counts
from workflow_scripts.metrics.linear_probe import Head, fit_probes, predict
from workflow_scripts.metrics.patch_probes import fit_pixel_probe, fit_position_probe, pixel_errors, position_distances
from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.collectors import COLLECTORS, FITS, collector_class, fit_class
from workflow_scripts.onepass.engine import run_pass
from workflow_scripts.zoo.load import open_model
from workflow_scripts.zoo.registry import read_models
from workflow_scripts.zoo.vit import Vit

ROOT = Path(__file__).parents[2]
LAYERS, DIM, SIDE = 3, 64, 60
CODEBOOKS = {
    facet: np.random.default_rng(place).normal(size=(LAYERS, 4, DIM)).astype(np.float32)
    for place, facet in enumerate(("token", "key"))
}
COLLECTED = OPTIONS | {
    "cluster_maps": OPTIONS["cluster_maps"] | {"codebooks": CODEBOOKS},
    # Of the last of three layers: about half of all norms.
    "drawn_tokens": OPTIONS["drawn_tokens"] | {"cutoff": 10.0},
    "matched_pixels": {"embeddings": ["key", "token", "token_normed"], "mapped_points": 3, "map_side": 6},
}
FITTED: dict[str, dict[str, Any]] = {
    "principal_components": {"facets": ["token", "key"], "batches": 3, "batch_size": 4},
    "norm_cutoff": {"batches": 2, "batch_size": 4},
    "codebooks": {
        "facets": ["token", "key", "token_normed"],
        "clusters": 4,
        "steps": 4,
        "batch_size": 4,
        "pca_batches": 2,
        "pca_interval": 1,
        "learning_rate": 5e-3,
    },
}
assert FITTED.keys() == FITS.keys(), "a fit without options here is not compared"


class Pictures(FakeSource):
    """Smooth coloured pictures for a model, with all kinds of ground truth, on a device."""

    def __init__(self, device: torch.device | str = "cpu", n: int = 11) -> None:
        super().__init__(n, (SIDE // 5) ** 2)
        coarse = torch.randn(n, 3, 6, 6, generator=torch.Generator().manual_seed(5))
        self.images = torch.nn.functional.interpolate(coarse, (SIDE, SIDE), mode="bicubic")
        self.device = torch.device(device)

    def at(self, index: Any) -> Batch:
        return on_device(super().at(index), self.device)


def on_device(batch: Batch, device: torch.device) -> Batch:
    """Return a batch as `CropSource` gives it: its tensors on the device of the model."""
    regions = {
        kind: dataclasses.replace(one, mask=[mask.to(device) for mask in one.mask]) for kind, one in batch.regions.items()
    }
    first = {video: labels.to(device) for video, labels in batch.frames.first_labels.items()}
    return dataclasses.replace(
        batch,
        image=batch.image.to(device),
        object_mask=batch.object_mask.to(device),
        regions=regions,
        frames=dataclasses.replace(batch.frames, first_labels=first),
        classes=dataclasses.replace(batch.classes, pixels=batch.classes.pixels.to(device)),
        boxes=dataclasses.replace(batch.boxes, xyxy=batch.boxes.xyxy.to(device)),
    )


def small_vit(device: torch.device | str = "cpu", precision: str = "float32", name: str = "demo_dino") -> Vit:
    """Return three blocks of a network of the demo's zoo, which is trained."""
    entry = read_models(ROOT / "config/models.yaml")[name]
    vit = open_model(entry, ROOT / "config/demo_zoo" / entry.checkpoint.file, device, precision=precision).at((SIDE, SIDE))
    vit.blocks = vit.blocks[:LAYERS]
    return vit


def collected(vit: Vit, names: Any = tuple(COLLECTORS), ahead: bool | None = None) -> dict[str, dict[str, np.ndarray]]:
    """Return the states of collectors after one pass for all."""
    collectors = [collector_class(name)(vit.n_layers, None, **COLLECTED.get(name, {})) for name in names]
    run_pass(vit, "small", Pictures(vit.device), collectors, 4, ahead=ahead)
    return {made.name: {key: _array(value) for key, value in made.state().items()} for made in collectors}


def fitted(vit: Vit, name: str) -> dict[str, np.ndarray]:
    """Return the result of a fit that was killed after every step, and went on from the state that was kept."""
    fit = fit_class(name)(vit.n_layers, **FITTED[name])
    source = Pictures(vit.device)
    for positions in fit.batches(len(source), 0):
        batch = source.at(positions)
        for layer in vit.layers(batch.image, attention=fit.attention):
            fit.update(LayerView(layer), batch)
        kept = {key: value.copy() for key, value in fit.state().items()}
        fit = fit_class(name)(vit.n_layers, **FITTED[name])
        fit.restore(kept)
    return fit.result()


def analysed(device: str) -> dict[str, np.ndarray]:
    """Return what every metric finds that the analyses with ``gpu: true`` compute on `device`."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(6, 2, DIM))
    kind = rng.integers(0, 6, 300)
    features = (centres[kind] + 0.5 * rng.normal(size=(300, 2, DIM))).astype(np.float16)
    one, other = features[:200, 0], features[200:, 0]
    order = np.stack([removal_order(features[:, layer].astype(np.float64).var(0)) for layer in range(2)])
    index, distance = nearest_without(one, other, order[0], (0, 5), EUCLIDEAN, device)
    by_cosine, _ = nearest_without(one, other, order[0], (0,), COSINE, device, (kind[:200] % 3, kind[200:] % 3))
    found = {"nearest": index, "distance": distance, "nearest_by_cosine": by_cosine}
    for batch_norm in (False, True):
        heads = (Head(), Head(removed=5, rate=1e-2))
        probes = fit_probes(features, kind, 6, order, heads, batch_norm, epochs=3, batch=64, device=device)
        found |= {f"probe_{batch_norm}": probes.weight, f"predicted_{batch_norm}": predict(probes, features, device)}
    labels = kind[:, None] == np.arange(6)
    for optimiser in ("adam", "sgd"):
        planes = fit_hyperplanes(one, draw_examples(labels[:200], list(range(6)), 0), optimiser, device=device)
        found[f"planes_{optimiser}"] = planes.weight
        found[f"plane_counts_{optimiser}"] = hyperplane_counts(other, labels[200:], planes, device)
    cells, pixels = kind * 2, rng.random((300, 12), dtype=np.float32)
    position, pixel = (
        fit_position_probe(features[:, 0], cells, 12, 2, device=device),
        fit_pixel_probe(features[:, 0], pixels, 2, device=device),
    )
    found |= {"position": position.weight, "pixel": pixel.weight}
    found["position_distances"] = position_distances(position, features[:, 0], cells, 4, device)
    return found | {"pixel_errors": pixel_errors(pixel, features[:, 0], pixels, device)}


def _array(value: Any) -> np.ndarray:
    return value if isinstance(value, np.ndarray) else value.array()
