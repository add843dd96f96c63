"""Reading the files of crops and samples. Imports no pandas, which every pass would pay for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def read_samples(path: str | Path) -> dict[str, np.ndarray]:
    """Return the columns of a samples table (`data.crops.SAMPLE_COLUMNS`) as arrays, a copy; text as objects."""
    # pyarrow's own `read_table` and `to_numpy` import pyarrow.dataset and pandas, half a second of processor time.
    table = pq.ParquetFile(path).read()
    return {name: _array(table.column(name)) for name in table.column_names}


def crop_shape(path: str | Path) -> tuple[int, int]:
    """Return the (rows, columns) in pixels of the crops in a file."""
    rows, columns = np.load(path, mmap_mode="r").shape[1:3]
    return rows, columns


def read_crops(path: str | Path, start: int, stop: int) -> np.ndarray:
    """Return the crops `start` to `stop` (exclusive), [n, rows, columns, 3] uint8, a copy.

    The map is opened anew for every read, so the pages of images already seen do not count as memory of the pass.
    """
    return np.array(np.load(path, mmap_mode="r")[start:stop])


def _array(column: pa.ChunkedArray) -> np.ndarray:
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return np.from_dlpack(column.combine_chunks()).copy()
    return np.array(column.to_pylist(), dtype=object)
