"""Data that a page opened from a folder can read: classic scripts that call ``atlas.add(key, data)``.

Browsers refuse `fetch` and modules of pages opened from ``file://``; a script element works everywhere. Numbers are written
with four digits, arrays as unsigned integers over a range of their own, in base64; all is deflated, which the page undoes.
"""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.common.atomic import write_text

FILE_LIMIT = 900_000  # bytes of JSON from which data is split over several files
DIGITS = 4


def script(key: str, data: Any) -> str:
    """Return the script that hands `data` to the page under `key`: its JSON, deflated, in base64."""
    text = base64.b64encode(zlib.compress(plain(data).encode("ascii"))).decode("ascii")
    return f'atlas.add({json.dumps(key)},"{text}");\n'


def plain(data: Any) -> str:
    """Return data as JSON of as few characters as it takes."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False)


def write_script(folder: Path, key: str, data: Any) -> str:
    """Write the script of `data` below `folder` and return its file name there, which is made from `key`."""
    name = f"{key}.js"
    write_text(folder / name, script(key, data))
    return name


def rounded(values: Iterable[float]) -> list[float | int | None]:
    """Return numbers with four significant digits; None where there is none."""
    return [_short(value) for value in values]


def _short(value: float) -> float | int | None:
    if value is None or not math.isfinite(value):
        return None
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short == int(short) and abs(short) < 1e15 else short


def packed(array: np.ndarray, kind: type[np.unsignedinteger], axes: int) -> dict[str, Any]:
    """Return an array as integers, base64, each map of it over its own range.

    Args:
        array: numbers; what is not finite is stored as missing.
        kind: np.uint8 or np.uint16 (little-endian); its largest value stands for what is missing.
        axes: how many last axes make one map; the ranges `low` and `high` are flat over the leading ones.
    """
    flat = np.asarray(array, dtype=np.float64).reshape(math.prod(array.shape[: array.ndim - axes]), -1)
    there = np.isfinite(flat)
    low = np.where(there, flat, np.inf).min(1, initial=np.inf)
    high = np.where(there, flat, -np.inf).max(1, initial=-np.inf)
    low, high = (np.where(np.isfinite(edge), edge, 0.0) for edge in (low, high))
    missing = int(np.iinfo(kind).max)
    span = np.where(high > low, high - low, 1.0)
    scaled = np.rint((np.where(there, flat, low[:, None]) - low[:, None]) / span[:, None] * (missing - 1))
    codes = np.where(there, scaled, missing).astype(np.dtype(kind).newbyteorder("<"))
    return {"low": rounded(low), "high": rounded(high), "codes": base64.b64encode(codes.tobytes()).decode("ascii")}
