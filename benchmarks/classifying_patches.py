"""Patches by their nearest neighbour and by probes: sweeps against single fits, exact search against Faiss, altered views."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from threadpoolctl import threadpool_limits

from benchmarks import row
from benchmarks.passes import ENTRY
from workflow_scripts.data.crops import write_crops
from workflow_scripts.data.views import parse_view
from workflow_scripts.metrics.exact_neighbours import nearest_without
from workflow_scripts.metrics.linear_probe import Head, fit_probes
from workflow_scripts.onepass.collector import PassFacts
from workflow_scripts.onepass.collectors import make_collectors
from workflow_scripts.onepass.engine import run_pass
from workflow_scripts.onepass.source import CropSource
from workflow_scripts.zoo.load import adapt
from workflow_scripts.zoo.registry import entry_from_dict

REMOVALS = (0, 1, 2, 5, 10, 20, 50, 100, 150, 200, 250, 300, 400, 500, 600, 700)  # the study's sweep
DIM, CLASSES, ROUNDS = 768, 19, 3
GALLERY, QUERIES = 60_000, 4_000
PATCHES, BATCH = 16_384, 4096
ALTERATIONS = ("", "-blur10", "-blur40", "-noise20", "-band4")
IMAGES = 4


def measure() -> list[dict]:
    """Return the ratios."""
    return [*_search(), *_probes(), _altered()]


def _search() -> list[dict]:
    import faiss

    rng = np.random.default_rng(0)
    scale = np.exp(rng.normal(size=DIM)).astype(np.float32)  # some features of large variance
    gallery, queries = (rng.standard_normal((n, DIM), dtype=np.float32) * scale for n in (GALLERY, QUERIES))
    order = np.argsort(-scale, kind="stable")
    index = faiss.IndexFlatL2(DIM)
    index.add(gallery)
    faiss.omp_set_num_threads(torch.get_num_threads())
    one, sweep, theirs = _turns(
        lambda: nearest_without(gallery, queries, order, (0,))[0],
        lambda: nearest_without(gallery, queries, order, REMOVALS)[0],
        lambda: index.search(queries, 1)[1][:, 0],
    )
    found, swept, theirs_found = one[1][0], sweep[1], theirs[1]
    again = np.stack([nearest_without(gallery, queries[:500], order, (count,))[0][0] for count in REMOVALS])
    same = float((again == swept[:, :500]).mean())
    detail = f"{QUERIES} queries, {GALLERY} x {DIM}, {torch.get_num_threads()} threads, median of {ROUNDS}"
    return [
        row("1-NN of 16 sets of features together / one search (seconds)", _ratio(sweep, one), "x", most=2.5, detail=detail),
        row("1-NN of 16 sets together: neighbours as one by one", same, "share", least=1.0, detail="of 500 queries"),
        row("Faiss' exact search (IndexFlatL2) / 1-NN (seconds)", _ratio(theirs, one), "x", least=1.0, detail=detail),
        row(
            "1-NN: neighbours that Faiss finds too", float((found == theirs_found).mean()), "share", least=0.999, detail=detail
        ),
    ]


def _probes() -> list[dict]:
    rng = np.random.default_rng(1)
    features = rng.standard_normal((PATCHES, 1, DIM), dtype=np.float32).astype(np.float16)
    labels = rng.integers(0, CLASSES, PATCHES)
    order = np.arange(DIM)[None]
    rows = []
    for norm in (False, True):
        one, many = _turns(
            *(
                lambda heads=heads, norm=norm: (
                    fit_probes(features, labels, CLASSES, order, heads, norm, epochs=2, batch=BATCH).weight
                )
                for heads in ([Head(0)], [Head(count) for count in REMOVALS])
            )
        )
        what = f"probes of 16 sets of features together / one, {'with' if norm else 'without'} batch norm (seconds)"
        rows.append(row(what, _ratio(many, one), "x", most=3.0, detail=f"{PATCHES} x {DIM}, {CLASSES} classes, batch {BATCH}"))
    return rows


def _altered() -> dict:
    """Return what a pass over all views of a dataset costs beside the bare forward passes of its crops."""
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        model = timm.create_model(ENTRY["build"]["name"], pretrained=False, num_classes=0).eval()
        vit = adapt(model, entry_from_dict("bench", ENTRY))
        views = [_crops(Path(folder), alteration) for alteration in ALTERATIONS]
        options = {"facets": ["token_normed"], "layers": [-1], "patches": 10**9, "precision": "float16", "seed": 0}

        def ours() -> None:
            for crops, samples in views:
                source = CropSource(vit, crops, samples)
                collectors = make_collectors({"patch_store": options}, PassFacts(len(source), 0, vit.n_layers))
                run_pass(vit, "vit", source, collectors, 4)

        def bare() -> None:
            for crops, _ in views:
                pixels = torch.from_numpy(np.load(crops)).permute(0, 3, 1, 2).float() / 255
                for batch in ((pixels - 0.5) / 0.5).split(4):
                    model.forward_features(batch)

        passed, forward = _turns(ours, bare)
    detail = f"ViT-B/16, {len(ALTERATIONS)} views of {IMAGES} images of 4 tiles, patch store of the last layer"
    return row("pass over altered views / bare forward passes (seconds)", _ratio(passed, forward), "x", most=1.1, detail=detail)


class _Noise:
    """Images of 448 x 448 random pixels."""

    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return IMAGES

    def id(self, position: int) -> str:
        return str(position)

    def label(self, position: int) -> int:
        return -1

    def image(self, position: int) -> Image.Image:
        return Image.fromarray(np.random.default_rng(position).integers(0, 256, (448, 448, 3), dtype=np.uint8))


def _crops(folder: Path, alteration: str) -> tuple[Path, Path]:
    view = parse_view(f"tile224-resize224{alteration}")
    crops, samples = folder / f"{view}.npy", folder / f"{view}.parquet"
    table, _ = write_crops(crops, _Noise(), range(IMAGES), view, "stop", 1)
    table.to_parquet(samples)
    return crops, samples


def _turns(*runs: Callable[[], object]) -> list[tuple[list[float], object]]:
    """Return for each run its seconds in every round, and what it returned last; one thread for all, turn by turn."""
    seconds: list[list[float]] = [[] for _ in runs]
    found: list[object] = [None] * len(runs)
    with threadpool_limits(torch.get_num_threads()):
        for turn in range(ROUNDS + 1):
            for place, run in enumerate(runs):
                start = time.perf_counter()
                found[place] = run()
                if turn:  # the first one warms up
                    seconds[place].append(time.perf_counter() - start)
    return list(zip(seconds, found, strict=True))


def _ratio(above: tuple[list[float], object], below: tuple[list[float], object]) -> float:
    return round(statistics.median(a / b for a, b in zip(above[0], below[0], strict=True)), 4)
