"""k-NN of frozen features against scikit-learn and Faiss, and its memory against the size of the bank."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from benchmarks import row
from workflow_scripts.metrics.neighbours import nearest_neighbours

NEIGHBOURS, DIM = 200, 768
BANK, QUERIES, ROUNDS = 50_000, 2_000, 3
# A tenth of ImageNet's training and validation images.
DISK_BANK, DISK_QUERIES = 128_000, 5_000
# A process of its own for each size, because the peak of a process never falls; VmHWM, because what getrusage calls the peak
# starts with that of the process that started it. The rows are read rather than mapped: the pages of a mapped file count as a
# process's memory although the system takes them back when it needs them.
SCRIPT = """
import json, sys, time
from pathlib import Path
import numpy as np
from workflow_scripts.metrics.neighbours import nearest_neighbours

class Rows:
    def __init__(self, path, count, dim):
        self.path, self.shape = path, (count, 1, dim)

    def __getitem__(self, rows):
        start, stop, _ = rows.indices(self.shape[0])
        size = self.shape[2]
        part = np.fromfile(self.path, np.float16, (stop - start) * size, offset=2 * start * size)
        return part.reshape(-1, 1, size)

bank, queries, n_bank, n_queries, dim, k = sys.argv[1:3] + [int(a) for a in sys.argv[3:]]
start = time.perf_counter()
nearest_neighbours(Rows(bank, n_bank, dim), Rows(queries, n_queries, dim), k)
seconds = time.perf_counter() - start
lines = Path("/proc/self/status").read_text().splitlines()
print(json.dumps([int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024, seconds]))
"""


def measure() -> list[dict]:
    """Return the ratios of speed, the agreement with both libraries, and the growth of memory."""
    return [*_speed(), _memory()]


def _speed() -> list[dict]:
    import faiss

    rng = np.random.default_rng(0)
    bank, queries = (rng.standard_normal((n, DIM), dtype=np.float32) for n in (BANK, QUERIES))
    runs: dict[str, Callable[[], np.ndarray]] = {
        "ours": lambda: nearest_neighbours(bank[:, None], queries[:, None], NEIGHBOURS)[1][0],
        "scikit-learn": lambda: (
            NearestNeighbors(n_neighbors=NEIGHBOURS, algorithm="brute", metric="cosine")
            .fit(bank)
            .kneighbors(queries, return_distance=False)
        ),
    }
    # Its features are normalised and its index is filled before the clock starts; ours does both in its time.
    unit_bank, unit_queries = bank.copy(), queries.copy()
    faiss.normalize_L2(unit_bank)
    faiss.normalize_L2(unit_queries)
    index = faiss.IndexFlatIP(DIM)
    index.add(unit_bank)
    runs["Faiss"] = lambda: index.search(unit_queries, NEIGHBOURS)[1]
    threads = os.cpu_count() or 1
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    found = {}
    with threadpool_limits(threads):
        for turn in range(ROUNDS + 1):
            for name, run in runs.items():
                start = time.perf_counter()
                found[name] = run()
                if turn:  # the first turn warms up
                    seconds[name].append(time.perf_counter() - start)
    what = f"{BANK} x {DIM} bank, {QUERIES} queries, k = {NEIGHBOURS}, {threads} threads, median of {ROUNDS}; ours "
    what += f"{statistics.median(seconds['ours']):.2f} s"
    rows = []
    for name, least in (("scikit-learn", 1.0), ("Faiss", 0.5)):
        ratio = statistics.median(a / b for a, b in zip(seconds[name], seconds["ours"], strict=True))
        agreement = _shared(found["ours"], found[name])
        detail = f"{what}, {name} {statistics.median(seconds[name]):.2f} s"
        rows.append(row(f"k-NN, {name} exact search / ours (seconds)", ratio, "x", least, detail=detail))
        rows.append(row(f"k-NN, neighbours that {name} finds too", agreement, "share", 0.999, detail=detail))
    return rows


def _shared(one: np.ndarray, other: np.ndarray) -> float:
    """Return the share of neighbours that two searches have in common; float32 rounding swaps a few at the k-th place."""
    return float(np.mean([np.isin(a, b, assume_unique=True).mean() for a, b in zip(one, other, strict=True)]))


def _memory() -> dict:
    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.default_rng(0)
        files = [str(Path(folder) / name) for name in ("bank", "queries")]
        for path, count in zip(files, (DISK_BANK, DISK_QUERIES), strict=True):
            with open(path, "wb") as file:
                for start in range(0, count, 8192):
                    rows = min(8192, count - start)
                    file.write(rng.standard_normal((rows, DIM), dtype=np.float32).astype(np.float16).tobytes())
        made = []
        for count in (DISK_BANK // 2, DISK_BANK):
            command = [sys.executable, "-c", SCRIPT, *files, *map(str, (count, DISK_QUERIES, DIM, NEIGHBOURS))]
            root = Path(__file__).resolve().parents[1]
            done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
            made.append(json.loads(done.stdout))
    (half, half_seconds), (whole, whole_seconds) = made
    size = DISK_BANK * DIM * 2 / 2**20
    detail = f"{DISK_QUERIES} queries, 1 layer, k = {NEIGHBOURS}; bank {DISK_BANK // 2}: {half:.0f} MiB, {half_seconds:.1f} s; "
    detail += f"bank {DISK_BANK} ({size:.0f} MiB on disk): {whole:.0f} MiB, {whole_seconds:.1f} s"
    return row("peak memory of k-NN, 2 x the bank / the bank", whole / half, "x", most=1.1, detail=detail)
