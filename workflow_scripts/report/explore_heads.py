"""Numbers and maps of single heads as the explorer's grid of heads reads them: layers x heads, a model at a time."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.report.data_scripts import FILE_LIMIT, packed, rounded

_WHAT = ["analysis", "metric", "dataset", "facet", "setting", "unit"]
_PICTURE = 112  # pixels of the longer side of a picture beside its maps


@dataclass(frozen=True)
class HeadMaps:
    """Maps of all heads of a model, of one kind and perhaps of one image.

    Attributes:
        name: of the array in its file.
        values: [layers, heads, rows, columns].
        prefix: [layers, heads, prefix tokens], attention to tokens that have no place; None where the kind has none.
        displacement: whether a place is a displacement from the source token, at the centre, instead of a patch.
        item: id of the image; "" for what is of all images.
        picture: the image, [height, width, 3]; None where it is not at hand.
    """

    name: str
    values: np.ndarray
    prefix: np.ndarray | None
    displacement: bool
    item: str = ""
    picture: np.ndarray | None = None


def head_numbers(frame: pd.DataFrame, model: RunModel) -> dict[str, Any]:
    """Return the numbers of each head.

    Args:
        frame: rows of single heads, of one model and of any analyses.
        model: says how many layers and heads there are.

    Returns:
        ``numbers``: what is measured, with value, low, high, n, flat over layers x heads. ``kinds``: what sorts heads into
        named kinds (one row a head, its value 1, the kind in `setting`), with names and a code a head, -1 for none.
    """
    found: dict[str, Any] = {"numbers": [], "kinds": []}
    if frame.empty:
        return found
    frame = frame.assign(**{column: frame[column].fillna("").astype(str) for column in _WHAT})
    frame = frame[frame["layer"].notna()]
    place = (frame["layer"].astype(int) - 1) * model.heads + frame["head"].astype(int) - 1
    frame = frame.assign(place=place)[(place >= 0) & (place < model.layers * model.heads)]
    kinds = _kinds(frame)
    for what, rows in frame.groupby(_WHAT, sort=False):
        if what[:4] not in kinds:
            found["numbers"].append(dict(zip(_WHAT, what, strict=True)) | _numbers(rows, model.layers * model.heads))
    for what, rows in frame.groupby(_WHAT[:4], sort=False):
        if what in kinds:
            codes, names = pd.factorize(rows["setting"])
            own = np.full(model.layers * model.heads, -1)
            own[rows["place"]] = codes
            found["kinds"].append(dict(zip(_WHAT[:4], what, strict=True)) | {"names": [*names], "codes": own.tolist()})
    return found


def _kinds(frame: pd.DataFrame) -> set[tuple[str, ...]]:
    """Return which metrics name a kind instead of measuring: each head once, always 1, with a word in `setting`."""
    return {
        what
        for what, rows in frame.groupby(_WHAT[:4], sort=False)
        if not rows["place"].duplicated().any() and (rows["value"] == 1).all() and (rows["setting"] != "").all()
    }


def _numbers(rows: pd.DataFrame, size: int) -> dict[str, Any]:
    flat = {}
    for name, column in (("value", "value"), ("low", "ci_low"), ("high", "ci_high"), ("n", "n")):
        own = np.full(size, np.nan)
        own[rows["place"]] = rows[column].to_numpy(dtype="float64", na_value=np.nan)
        flat[name] = rounded(own) if name == "value" or np.isfinite(own).any() else None
    numbers = {number for number in flat["n"] or [] if number is not None}
    return flat | ({"n": numbers.pop()} if len(numbers) == 1 else {})


def head_maps(
    arrays: Mapping[str, np.ndarray], facts: Mapping[str, str], model: RunModel, most_images: int | None = None
) -> Iterator[HeadMaps]:
    """Yield the maps of heads among the arrays of a file of maps; everything else in it is passed over.

    Of several images the first `most_images` are taken, None: all.

    Told by shape: [layers, heads, tokens], [layers, heads, rows, columns] on the patch grid, [layers, heads, 2 rows - 1,
    2 columns - 1] of displacements, each perhaps with images in front. ``<word>_image`` are the images of ``<word>_...``.
    """
    if not {"rows", "cols"} <= set(facts):
        return
    grid = int(facts["rows"]), int(facts["cols"])
    aligned = 2 * grid[0] - 1, 2 * grid[1] - 1
    for name, array in arrays.items():
        for lead in (0, 1):
            if array.shape[lead : lead + 2] != (model.layers, model.heads):
                continue
            rest = array.shape[lead + 2 :]
            n_prefix = rest[0] - math.prod(grid) if len(rest) == 1 else 0
            if rest not in (grid, aligned) and (len(rest) != 1 or n_prefix not in (0, model.prefix_tokens)):
                continue
            for index in islice(np.ndindex(array.shape[:lead]), most_images if lead else None):
                values = np.asarray(array[index], dtype=np.float64)
                prefix = values[..., :n_prefix] if n_prefix else None
                places = values.reshape(*values.shape[:2], *rest) if len(rest) == 2 else values[..., n_prefix:]
                shape = rest if len(rest) == 2 else grid
                item, picture = _item(name, index, array.shape[:lead], arrays, facts)
                places = places.reshape(model.layers, model.heads, *shape)
                yield HeadMaps(name, places, prefix, rest == aligned, item, picture)
            break


def image_bytes(shapes: Iterable[tuple[int, ...]], model: RunModel) -> int:
    """Return how many bytes the page's data takes for each image of which there are maps of all heads.

    Args:
        shapes: of the arrays of a file of maps.
        model: whose they are.
    """
    heads = model.layers, model.heads
    return sum(4 * math.prod(shape[1:]) // 3 for shape in shapes if shape[1:3] == heads and shape[:2] != heads)


def _item(
    name: str, index: tuple[int, ...], lead: tuple[int, ...], arrays: Mapping[str, np.ndarray], facts: Mapping[str, str]
) -> tuple[str, np.ndarray | None]:
    if not lead:
        return "", None
    ids = json.loads(facts.get("image_ids", "[]"))
    item = str(ids[index[0]]) if len(ids) == lead[0] else f"image {index[0] + 1}"
    pictures = arrays.get(f"{name.split('_', 1)[0]}_image")
    fits = pictures is not None and pictures.ndim == 4 and pictures.shape[0] == lead[0] and pictures.shape[-1] == 3
    return item, pictures[index] if fits else None


def packed_maps(maps: HeadMaps, limit: int = FILE_LIMIT) -> Iterator[dict[str, Any]]:
    """Yield maps as bytes, each head's over its own range, in parts of whole layers below `limit` bytes."""
    layers, heads, rows, columns = maps.values.shape
    per_layer = heads * rows * columns * 4 / 3 + heads * 20
    step = max(1, int((limit - 20_000) / per_layer))
    for first in range(0, layers, step):
        own = slice(first, first + step)
        part = packed(maps.values[own], np.uint8, axes=2) | {"layer": first + 1, "layers": len(range(layers)[own])}
        if maps.prefix is not None:
            part["prefix"] = rounded(maps.prefix[own].ravel())
        if first == 0 and maps.picture is not None:
            part["picture"] = _picture(maps.picture)
        yield part


def _picture(pixels: np.ndarray) -> str:
    image = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.uint8))
    image.thumbnail((_PICTURE, _PICTURE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
