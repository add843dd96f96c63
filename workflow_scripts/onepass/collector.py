"""The collector contract: a statistic that is the same however the images are split into batches and shards.

A collector keeps two kinds of named arrays. *Sums* are added over images: one [L, ...] array for all images. *Rows* hold
one [L, ...] record per image (or per region, block of images, ...), kept with its position in the dataset. Both merge
without loss: sums add up, rows are put side by side and sorted by position when they are read. The few collectors that
follow images through time or pair them say so (`ordered`): they take batches of any size, but in order.
"""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass.batch import Batch, LayerView

# Rows of up to this many bytes per array stay in memory; longer ones wait on disk, so memory does not grow with images.
ROWS_IN_MEMORY = 1 << 20
FLOAT32 = np.dtype(np.float32)


@dataclass(frozen=True)
class PassFacts:
    """What a collector's options may depend on: numbers of images, of their classes (0 without labels), of layers."""

    n_images: int
    n_classes: int
    n_layers: int


class Rows:
    """One record per image, in memory while small and in an unnamed temporary file after that.

    Records of a file that is there anyway (a shard's) are only referred to.
    """

    def __init__(self, record: tuple[int, ...], folder: Path | None = None, dtype: np.dtype = FLOAT32) -> None:
        """Start empty; `record` is the shape of one record."""
        self.record = record
        self.dtype = np.dtype(dtype)
        self.index = np.empty(0, np.int64)
        self._file = tempfile.SpooledTemporaryFile(max_size=ROWS_IN_MEMORY, dir=folder)  # noqa: SIM115 lives as long as self
        self._written = 0  # records in the temporary file
        # Where records are, in the order of `index`: the first of a run, and its array, or its place in the temporary file.
        self._runs: list[tuple[int, np.ndarray | int]] = []

    @property
    def shape(self) -> tuple[int, ...]:
        """(images, *record)."""
        return (len(self.index), *self.record)

    def append(self, index: np.ndarray, values: np.ndarray) -> None:
        """Add records `values` [n, *record] of the dataset positions `index` [n]."""
        self._file.seek(0, 2)
        self._file.write(np.ascontiguousarray(values, self.dtype).tobytes())
        if not self._runs or isinstance(self._runs[-1][1], np.ndarray):
            self._runs.append((len(self.index), self._written))
        self._written += len(index)
        self.index = np.concatenate([self.index, index])

    def refer(self, index: np.ndarray, values: np.ndarray) -> None:
        """Add records as `append` does, without a copy: `values`, or a memory map of a whole array, must stay as they are."""
        self._runs.append((len(self.index), values))
        self.index = np.concatenate([self.index, index])

    def take(self, other: Rows) -> None:
        """Add the records of `other`: what it refers to is referred to, what it holds is copied."""
        ends = [*(first for first, _ in other._runs[1:]), len(other.index)]
        for (first, source), end in zip(other._runs, ends, strict=True):
            index = other.index[first:end]
            if isinstance(source, np.ndarray):
                self.refer(index, source)
            else:
                self.append(index, np.frombuffer(other._read(first, end), self.dtype).reshape(-1, *self.record))

    def blocks(self) -> Iterator[bytes]:
        """Yield the records' bytes in the order of their dataset positions, a moderate block at a time."""
        order = np.argsort(self.index, kind="stable")
        size = self.dtype.itemsize * int(np.prod(self.record, dtype=np.int64))
        step = max(1, ROWS_IN_MEMORY // max(size, 1))
        firsts = [first for first, _ in self._runs]
        for start in range(0, len(order), step):
            part = order[start : start + step]
            run = np.searchsorted(firsts, part, side="right")
            # What lies side by side is read at once.
            for rows in np.split(part, np.flatnonzero((np.diff(part) != 1) | (np.diff(run) != 0)) + 1):
                yield self._read(int(rows[0]), int(rows[-1]) + 1)

    def array(self) -> np.ndarray:
        """Return all records in the order of their dataset positions, [n, *record]."""
        return np.frombuffer(b"".join(self.blocks()), self.dtype).reshape(self.shape)

    def _read(self, start: int, stop: int) -> bytes:
        """Return the bytes of records `start` to `stop` (exclusive) as they were added; all of one run."""
        first, source = self._runs[bisect_right(self._runs, start, key=lambda run: run[0]) - 1]
        numbers = int(np.prod(self.record, dtype=np.int64))
        size = self.dtype.itemsize * numbers
        if isinstance(source, np.memmap):
            # Read from its file: what is read through a map counts as memory of this process, in the end all of it.
            place = source.offset + (start - first) * size
            return np.fromfile(source.filename, self.dtype, (stop - start) * numbers, offset=place).tobytes()
        if isinstance(source, np.ndarray):
            return np.ascontiguousarray(source[start - first : stop - first], self.dtype).tobytes()
        self._file.seek((source + start - first) * size)
        return self._file.read((stop - start) * size)


class Collector(ABC):
    """A statistic gathered layer by layer. A subclass fills sums and rows in `update`.

    What it needs beside the images, a kind of ground truth, stands beside its name in `onepass.names`.
    """

    name: ClassVar[str]
    # Whether it reads attention probabilities, which are dear to make.
    attention: ClassVar[bool] = False
    # True: not additive; the images must come once, in order, into one collector, though in batches of any size.
    ordered: ClassVar[bool] = False

    def __init__(self, n_layers: int, folder: Path | None = None, **options: Any) -> None:
        """Start empty.

        Args:
            n_layers: number of layers of the model.
            folder: where rows wait that do not fit in memory; the system's temporary folder if None.
            options: the collector's settings from the pass plan, kept so that `fresh` can repeat them.
        """
        self.n_layers = n_layers
        self.folder = folder
        self.options = options
        self.n_images = 0
        self.sums: dict[str, np.ndarray] = {}
        self.rows: dict[str, Rows] = {}
        self._pending: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    @property
    def batch_multiple(self) -> int:
        """Images that should come in one batch, from a multiple of this number on; a matter of cost only."""
        return 1

    @abstractmethod
    def update(self, view: LayerView, batch: Batch) -> None:
        """Take in one layer of a batch; called once per layer and batch, in depth order."""

    @classmethod
    def options_for(cls, asked: Mapping[str, Any], facts: PassFacts) -> dict[str, Any]:
        """Return the options of the constructor for what a study asks; a subclass resolves what depends on the pass."""
        return dict(asked)

    def fresh(self) -> Collector:
        """Return an empty collector of the same kind: what one batch fills before it is merged."""
        return type(self)(self.n_layers, self.folder, **self.options)

    def add(self, key: str, layer: int, value: Tensor | np.ndarray) -> None:
        """Add `value` to the sum `key` of 1-based `layer`, in float64."""
        value = _numpy(value).astype(np.float64)
        if key not in self.sums:
            self.sums[key] = np.zeros((self.n_layers, *value.shape))
        self.sums[key][layer - 1] += value

    def put(
        self, key: str, layer: int, index: np.ndarray, value: Tensor | np.ndarray, dtype: np.dtype | type = FLOAT32
    ) -> None:
        """Set the records `value` [n, ...] of the dataset positions `index` [n] in the rows `key` of 1-based `layer`."""
        value = _numpy(value)
        if key not in self._pending:
            self._pending[key] = (index, np.zeros((len(index), self.n_layers, *value.shape[1:]), dtype))
        self._pending[key][1][:, layer - 1] = value

    def close_batch(self, batch: Batch) -> None:
        """Count the batch and store its rows; the engine calls it after the last layer."""
        self.n_images += len(batch)
        for key, (index, values) in self._pending.items():
            self._rows(key, values.shape[1:], values.dtype).append(index, values)
        self._pending = {}

    def merge(self, other: Collector) -> None:
        """Take in everything that `other`, a collector of the same kind over other images, has gathered."""
        self.n_images += other.n_images
        for key, value in other.sums.items():
            self.sums[key] = self.sums[key] + value if key in self.sums else value.copy()
        for key, rows in other.rows.items():
            self._rows(key, rows.record, rows.dtype).take(rows)

    def state(self) -> dict[str, np.ndarray | Rows]:
        """Return the named arrays that hold everything gathered: sums in float64, rows with their index."""
        arrays: dict[str, np.ndarray | Rows] = {"n_images": np.array([self.n_images], np.int64), **self.sums}
        for key, rows in self.rows.items():
            arrays[f"{key}.index"] = np.sort(rows.index)
            arrays[key] = rows
        return arrays

    @classmethod
    def from_state(cls, arrays: dict[str, np.ndarray], folder: Path | None = None, **options: Any) -> Collector:
        """Rebuild a collector from its `state` as read back from a file, ready to be merged with others.

        Rows are not copied: they may be memory maps of more than memory holds.
        """
        row_keys = {key.removesuffix(".index") for key in arrays if key.endswith(".index")}
        sums = {k: v for k, v in arrays.items() if k not in row_keys and not k.endswith(".index") and k != "n_images"}
        shapes = [v.shape[0] for v in sums.values()] + [arrays[k].shape[1] for k in row_keys]
        collector = cls(shapes[0] if shapes else 0, folder, **options)
        collector.n_images = int(arrays["n_images"][0])
        collector.sums = {key: value.copy() for key, value in sums.items()}
        for key in row_keys:
            collector._rows(key, arrays[key].shape[1:], arrays[key].dtype).refer(arrays[f"{key}.index"], arrays[key])
        return collector

    def _rows(self, key: str, record: tuple[int, ...], dtype: np.dtype = FLOAT32) -> Rows:
        if key not in self.rows:
            self.rows[key] = Rows(tuple(record), self.folder, dtype)
        if self.rows[key].record != tuple(record):
            raise AtlasError(
                f"collector '{self.name}': '{key}' of images with different patch grids cannot stand side by side; "
                "choose a view that shows all images at one size"
            )
        return self.rows[key]


def _numpy(value: Tensor | np.ndarray) -> np.ndarray:
    return value.detach().float().cpu().numpy() if isinstance(value, Tensor) else value


def spread_positions(count: int, limit: int) -> list[int]:
    """Return up to `limit` positions spread evenly over `count` images: the middles of `limit` equal parts."""
    limit = min(limit, count)
    return [int((i + 0.5) * count / limit) for i in range(limit)]
