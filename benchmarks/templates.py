"""Templates of 200 concepts: hyperplanes together against one after another, seconds of cosine templates, memory of both."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks import row
from workflow_scripts.metrics.cosine_templates import SUPPORTS, TRIALS, Objects, cosine_counts
from workflow_scripts.metrics.hyperplanes import draw_examples, fit_hyperplanes

OBJECTS, WIDTH, CONCEPTS, TOKENS = 20_000, 384, 200, 6
PATCHES = 10  # objects of an image
_ALONE = 20  # concepts that are learnt one after another; the others would take as long each
STORED, KINDS = 25_000, 20  # objects, and concepts, of the templates whose memory is measured
# A process of its own for each size. A concept has as many examples whatever the number of objects, N of which have a label:
# about 100 positives, those of the others as negatives, and at most 200 images of a support. (Of an object with a label cosine
# templates keep row, length and labels, which a process has in memory anyhow: not what is bounded here.) Features are read
# from the file at each access, as from a memory map, whose pages would count as memory of the process, though they are given
# back when others need memory.
SCRIPT = """
import os, sys
from pathlib import Path
import numpy as np, torch
from workflow_scripts.metrics.cosine_templates import Objects, cosine_counts
from workflow_scripts.metrics.hyperplanes import draw_examples, fit_hyperplanes, hyperplane_counts

class File:
    def __init__(self, path, width):
        self.file, self.row = os.open(path, os.O_RDONLY), 2 * width
        self.shape = (os.fstat(self.file).st_size // self.row, width)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        if isinstance(rows, slice):
            start, stop, _ = rows.indices(len(self))
            read = np.empty((stop - start, self.shape[1]), np.float16)
            os.preadv(self.file, [read], start * self.row)
            return read
        read = np.empty((len(rows), self.shape[1]), np.float16)
        for place, row in enumerate(rows.tolist()):
            os.preadv(self.file, [read[place]], row * self.row)
        return read

def memory(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024

def run(features, labels, image):
    concepts, labelled = range(labels.shape[1]), np.flatnonzero(labels.any(1))
    kept = labelled[:: max(1, len(labelled) // (100 * len(concepts)))]
    few = np.zeros(labels.shape, bool)
    few[kept] = labels[kept]
    planes = fit_hyperplanes(features, draw_examples(few, concepts, 0))
    hyperplane_counts(features, labels, planes)
    objects = Objects(features, labels, image)
    cosine_counts(objects, objects, concepts, 0)

torch.set_num_threads(1)
folder = Path(sys.argv[1])
labels, image = np.load(folder / "labels.npy"), np.load(folder / "image.npy")
features = File(folder / "features", int(sys.argv[2]))
run(features[:4000], labels[:4000], image[:4000])  # loads what is loaded late
before = memory("VmRSS")
Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
run(features, labels, image)
print(memory("VmHWM") - before)
"""


# What is freed goes back to the system at once, and memory is taken as it is asked for: the peak is that of what is in use.
_EXACT = {"MALLOC_MMAP_THRESHOLD_": "65536", "NUMPY_MADVISE_HUGEPAGE": "0"}


def measure() -> list[dict]:
    """Return the ratio of both ways to learn, their difference, the seconds of cosine templates, and the ratio of memory."""
    with threadpool_limits(1):
        return [*_hyperplanes(), _cosines(), _memory()]


def _hyperplanes() -> list[dict]:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    threads, train = torch.get_num_threads(), _objects(0, 1)
    torch.set_num_threads(1)
    examples = draw_examples(train.labels, range(CONCEPTS), 0)
    alone = examples[:: CONCEPTS // _ALONE]
    fit_hyperplanes(train.features, alone[:1], device=device)  # warms up
    start = _now(device)
    together = fit_hyperplanes(train.features, examples, device=device)
    middle = _now(device)
    each = [fit_hyperplanes(train.features, [one], device=device) for one in alone]
    seconds, one = middle - start, (_now(device) - middle) / len(alone)
    torch.set_num_threads(threads)
    among = together.weight[:: CONCEPTS // _ALONE]
    difference = max(np.abs(a - b.weight[0]).max() for a, b in zip(among, each, strict=True))
    detail = (
        f"{CONCEPTS} concepts of {OBJECTS} x {WIDTH} features, Adam, {device}, one thread; together {seconds:.1f} s, one of "
    )
    detail += f"them {one:.3f} s (mean of {len(alone)})"
    return [
        row("hyperplanes, one after another / together (seconds)", one * CONCEPTS / seconds, "x", 20.0, detail=detail),
        row("hyperplanes, largest difference of weights", difference, "", most=1e-6, detail=detail),
    ]


def _cosines() -> dict:
    """Time all tokens of a category; an image shows one concept in most of its patches, and others."""
    start = time.process_time()
    made = 0.0
    for token in range(TOKENS):
        drawn = time.process_time()
        train, test = _objects(token, PATCHES), _objects(TOKENS + token, PATCHES)
        made += time.process_time() - drawn
        counts = cosine_counts(train, test, range(CONCEPTS), 0)
        assert counts[..., 1].all(), "every k must be reached"
    seconds = time.process_time() - start - made
    detail = (
        f"{CONCEPTS} concepts, {len(SUPPORTS)} k, {TRIALS} trials, {TOKENS} tokens, {OBJECTS} x {WIDTH} features, {PATCHES} an "
    )
    detail += "image, one thread"
    return row("cosine templates (CPU seconds)", seconds, "s", most=60.0, detail=detail)


def _memory() -> dict:
    """Learn and decide from features in a file, of N and of 4 N objects."""
    peaks = []
    for count in (STORED, 4 * STORED):
        with tempfile.TemporaryDirectory() as folder:
            _write_objects(Path(folder), count)
            command = [sys.executable, "-c", SCRIPT, folder, str(WIDTH)]
            root = Path(__file__).resolve().parents[1]
            done = subprocess.run(command, cwd=root, env=os.environ | _EXACT, check=True, capture_output=True, text=True)
            peaks.append(float(done.stdout))
    detail = (
        f"{KINDS} concepts, float16 features of width {WIDTH} in a file, memory beyond imports and labels; {STORED} objects "
    )
    detail += f"{peaks[0]:.0f} MiB, {4 * STORED} objects {peaks[1]:.0f} MiB; features of these in float64 would be "
    detail += f"{4 * STORED * WIDTH * 8 / 2**20:.0f} MiB"
    return row("peak memory of templates, 4 x the images / the images", peaks[1] / peaks[0], "x", most=1.25, detail=detail)


def _write_objects(folder: Path, count: int) -> None:
    """Write features [n, D] float16, labels [n, C] and images [n] of objects; `STORED` of them have a concept, one each."""
    rng = np.random.default_rng(0)
    kind, centres = rng.integers(0, KINDS, count), rng.normal(size=(KINDS, WIDTH))
    with open(folder / "features", "wb") as file:
        for start in range(0, count, 10_000):
            part = kind[start : start + 10_000]
            file.write((centres[part] + rng.normal(size=(len(part), WIDTH))).astype(np.float16).tobytes())
    image = np.arange(count) // PATCHES
    labelled = image % (count // STORED) == 0
    np.save(folder / "labels.npy", labelled[:, None] & (kind[:, None] == np.arange(KINDS)))
    np.save(folder / "image.npy", image)


def _objects(seed: int, each: int) -> Objects:
    """Return objects, `each` of an image; with several each has four concepts, so that over 200 images show every one."""
    rng = np.random.default_rng(seed)
    images = OBJECTS // each
    # The objects of an image are of a stretch of the list of concepts, twice as long as there are objects.
    first = rng.integers(0, CONCEPTS, (images, 1))
    kind = (first + rng.integers(0, 2 * each, (images, each))).ravel() % CONCEPTS
    centres = np.random.default_rng(99).normal(size=(CONCEPTS, WIDTH))
    labels = np.zeros((OBJECTS, CONCEPTS), bool)
    for step in range(4 if each > 1 else 1):
        labels[np.arange(OBJECTS), (kind + step * CONCEPTS // 4) % CONCEPTS] = True
    features = (centres[kind] + 2 * rng.normal(size=(OBJECTS, WIDTH))).astype(np.float32)
    return Objects(features, labels, np.repeat(np.arange(images), each))


def _now(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()
