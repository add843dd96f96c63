"""Decoding, resizing and cropping JPEG files against plain PIL: seconds, grey levels, and how it scales over threads.

The pictures are made here; ``ATLAS_PHOTOS=folder`` in the environment adds lines for your own.

Also measured on 48 photographs, most of them 500 pixels wide (processor time against plain PIL's, difference in grey levels),
and not taken:
- PIL's `draft`, decoding at 1/2, 1/4 or 1/8: nothing for crops of more than half the picture's size; for smaller ones 1.3 to
  2.1 x with twice the pixels to spare, but one value in a thousand is off by 24 levels or more;
- PIL's `reducing_gap` of 2: 1.0 to 1.4 x, off by up to 17 levels;
- PIL's resize of the crop alone (`box`): 1.2 to 1.3 x, off by up to 12, because PIL then resizes portraits columns first;
- PIL's decoder with torch's resize: 1.5 x, off by up to 2; simplejpeg's decoder makes it 1.8 x with the same values.
"""

from __future__ import annotations

import hashlib
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image
from threadpoolctl import threadpool_limits

from benchmarks import row
from workflow_scripts.data import jpeg
from workflow_scripts.data.crops import write_crops
from workflow_scripts.data.image_folder import ImageFolder
from workflow_scripts.data.views import CentreCrop, View

GEOMETRY = CentreCrop(224, 224)
# Height, width, how many.
SIZES = [(375, 500, 24), (500, 375, 24), (1500, 2000, 4)]
ROUNDS = 7


def measure() -> list[dict]:
    """Compare both on every kind of picture in turn, one thread, and the number of threads on the first kind."""
    if not jpeg.worth_it():
        print("left out: decoding; on this processor the workflow uses PIL itself")
        return []
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for height, width, count in SIZES:
            kind = folder / f"{width} x {height}"
            kind.mkdir()
            for number in range(count):
                photo(height, width, number).save(kind / f"{number}.jpg", quality=92)
            rows += _compare(kind, kind.name)
        rows.append(_scaling(folder))
    if "ATLAS_PHOTOS" in os.environ:
        rows += _compare(Path(os.environ["ATLAS_PHOTOS"]), "own pictures")
    return rows


def photo(height: int, width: int, seed: int) -> Image.Image:
    """Return a picture with the power spectrum of photographs, of little colour, and with edges."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(height), np.fft.rfftfreq(width), indexing="ij"))
    frequency[0, 0] = 1
    planes = [np.fft.irfft2(np.fft.rfft2(rng.standard_normal((height, width))) / frequency, (height, width)) for _ in range(4)]
    grey, red, blue, shape = (plane / plane.std() for plane in planes)
    grey += (shape > 0.5) * 1.5 - (shape < -1) * 1.5
    colours = np.stack([red, -(red + blue) / 2, blue], axis=2)
    pixels = 118 + 45 * grey[..., None] + 12 * colours + rng.normal(0, 3, colours.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def plain(path: Path) -> np.ndarray:
    """Return the crop as anyone would make it with PIL."""
    with Image.open(path) as file:
        image = file.convert("RGB")
    width, height = (side * GEOMETRY.resize // min(image.size) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = round((width - GEOMETRY.crop) / 2), round((height - GEOMETRY.crop) / 2)
    return np.asarray(image.crop((left, top, left + GEOMETRY.crop, top + GEOMETRY.crop)))


def _compare(folder: Path, what: str) -> list[dict]:
    reader = ImageFolder(folder)
    load = jpeg.fast_load(reader, GEOMETRY)
    positions = range(len(reader))
    ratios, times = [], []
    with threadpool_limits(1):
        for turn in range(ROUNDS + 1):
            start = time.process_time()
            for position in positions:
                plain(reader.file(position))
            middle = time.process_time()
            for position in positions:
                load(position)
            end = time.process_time()
            if turn:  # the first turn warms up
                ratios.append((middle - start) / (end - middle))
                times.append((end - middle) / len(reader))
    levels = [np.abs(load(position).crops[0].astype(int) - plain(reader.file(position))) for position in positions]
    off = np.concatenate([level.ravel() for level in levels])
    speed = f"{len(reader)} pictures to {GEOMETRY}, one thread, processor time, median of {ROUNDS}; "
    speed += f"{1e3 * statistics.median(times):.2f} ms a picture"
    detail = f"mean {off.mean():.4f}, other than PIL's {off.astype(bool).mean():.2%} of the values"
    return [
        row(f"decode, resize, crop / plain PIL, {what} (images/s)", statistics.median(ratios), "x", 1.5, detail=speed),
        row(f"largest difference from plain PIL, {what}", float(off.max()), "levels", most=jpeg.TOLERANCE, detail=detail),
    ]


def _scaling(folder: Path) -> dict:
    """Return what decoding gains from threads, beside what hashing gains: the machine may have no more to give just now.

    No bound is set: on a machine that others use as well the gain tells of them.
    """
    workers = min(os.cpu_count() or 1, 16)
    reader = ImageFolder(folder / f"{SIZES[0][1]} x {SIZES[0][0]}")
    load = jpeg.fast_load(reader, GEOMETRY)
    positions = list(range(len(reader))) * 4
    block = bytes(1_000_000)

    def decode(threads: int) -> None:
        write_crops(folder / "crops.npy", reader, positions, View(GEOMETRY), "stop", threads, load=load)

    def digest(threads: int) -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda _: hashlib.sha256(block).digest(), range(len(positions) * 2)))

    works: list[Callable[[int], None]] = [decode, digest]
    best = {(work, threads): math.inf for work in works for threads in (1, workers)}
    with threadpool_limits(1):
        for _ in range(ROUNDS):
            for work, threads in best:
                start = time.perf_counter()
                work(threads)
                best[work, threads] = min(best[work, threads], time.perf_counter() - start)
    decoding, hashing = (best[work, 1] / best[work, workers] for work in works)
    speed = len(positions) / best[decode, workers]
    detail = f"{speed:.0f} images/s; hashing gains {hashing:.2f} x from as many threads; wall clock, best of {ROUNDS}"
    return row(f"decoding threads: {workers} / 1 (images/s)", decoding, "x", detail=detail)
