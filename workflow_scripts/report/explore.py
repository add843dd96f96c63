"""The explorer: a page and the data that it loads as it is asked for, made from tables and maps of a run.

Data lies in ``data/explore/``: ``index.js`` says what there is; ``series/`` has numbers of models and layers by study and
analysis, ``heads/`` those of heads by model, ``maps/`` their maps by model, kind and image, ``pairs/`` comparisons.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors import SafetensorError, safe_open

from workflow_scripts.common.errors import AtlasError, made_here
from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.study import Count
from workflow_scripts.common.table import read_table
from workflow_scripts.figures.style import FAMILIES, FAMILY_COLOURS, FAMILY_NAMES
from workflow_scripts.report.data_scripts import rounded, write_script
from workflow_scripts.report.explore_heads import head_maps, head_numbers, image_bytes, packed_maps
from workflow_scripts.report.explore_pairs import depth_blocks, model_matrices
from workflow_scripts.report.explore_series import is_of_head, is_of_pair, measured, split_series
from workflow_scripts.report.site import TEMPLATES, Addition, Site

PAGE = "explore.html"
ASSETS = TEMPLATES / "assets"
EXPLORED_IMAGES = 6_000_000  # bytes that maps of single images may take together
_ORDER = ("kit", "store", "state", "models", "picker", "chart", "curves", "compare", "heads", "matrix", "explore")


@dataclass(frozen=True)
class Explored:
    """What an explorer is made of.

    Attributes:
        models: of the run, in order.
        tables: files of tables by ``study/analysis``, in the order of menus.
        maps: files of maps by ``study/analysis``, one a model, named by its id.
        titles: of studies (``study``) and analyses (``study/analysis``); what has none is called as it is.
        counts: what n counts, by ``study/analysis`` and there by metric or facet.
        read: reads a table.
    """

    models: Sequence[RunModel]
    tables: Mapping[str, Sequence[Path]]
    maps: Mapping[str, Sequence[Path]]
    titles: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, Mapping[str, Count]] = field(default_factory=dict)
    read: Callable[[Path], pd.DataFrame] = read_table

    @cached_property
    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the rows of all models by ``study/analysis``.

        Raises:
            AtlasError: a file is not of this project, or is of a model that is not of this run.
        """
        return {key: self._rows(paths) for key, paths in self.tables.items() if paths}

    def _rows(self, paths: Sequence[Path]) -> pd.DataFrame:
        known = {"", *(model.id for model in self.models)}
        frames = []
        for path in paths:
            frame = self.read(path)
            foreign = {*frame["model"], *frame["other_model"].fillna("")} - known
            if foreign:
                raise AtlasError(f"{path}: model '{min(foreign)}' is not of this run; delete the file and run again")
            frames.append(frame)
        return pd.concat(frames, ignore_index=True) if len(frames) != 1 else frames[0]


def explorer(explored: Explored) -> Addition:
    """Return the page of the explorer, which the report adds, with its scripts and data."""

    def write(site: Site) -> None:
        write_data(site.folder, explored)
        site.write("explore.html.j2", PAGE, scripts=_ORDER)

    return Addition(PAGE, "Explore", write)


def write_data(folder: Path, explored: Explored) -> None:
    """Write the scripts and the data of the explorer into the report at `folder`.

    Args:
        folder: of the report.
        explored: its models, tables and maps.

    Raises:
        AtlasError: a file is not of this project, or is of a model that is not of this run.
    """
    data = folder / "data" / "explore"
    models, maps, titles, frames = explored.models, explored.maps, explored.titles, explored.frames
    index = {
        "models": [_described(model) for model in models],
        "families": [{"id": name, "name": FAMILY_NAMES[name], "colour": FAMILY_COLOURS[name]} for name in FAMILIES],
        "titles": {key: titles[key] for key in _named(frames, maps) if key in titles},
        "counts": {
            key: {name: [count.n_of, count.over] for name, count in counts.items()} for key, counts in explored.counts.items()
        },
        "analyses": [one for key, frame in frames.items() for one in _write_series(data, key, frame, models)],
        **_write_heads(data, frames, models),
        "maps": _write_maps(data, maps, models),
        "pairs": [one for key, frame in frames.items() for one in _write_pairs(data, key, frame, models)],
    }
    write_script(data, "index", index)
    _copy_assets(folder)


def _named(*by_analysis: Mapping[str, Any]) -> list[str]:
    keys = [key for mapping in by_analysis for key in mapping]
    return list(dict.fromkeys([*(key.partition("/")[0] for key in keys), *keys]))


def _described(model: RunModel) -> dict[str, Any]:
    family = model.supervision if model.supervision in FAMILIES else "none"
    facts = {name: getattr(model, name) for name in ("id", "method", "architecture", "layers", "heads", "random")}
    return facts | {"name": model.display_name, "family": family}


def _write_series(data: Path, key: str, frame: pd.DataFrame, models: Sequence[RunModel]) -> list[dict[str, Any]]:
    rows = frame[~is_of_head(frame) & ~is_of_pair(frame) & frame["value"].notna()]
    if rows.empty:
        return []
    parts, metrics = [], {}
    for part in split_series(rows, [model.id for model in models]):
        name = f"series/{key.replace('/', '.')}.{len(parts)}"
        write_script(data, name, part)
        for metric in measured(part):
            before = metrics.setdefault(metric["name"], metric | {"parts": [], "models": 0})
            before["layers"] = max(before["layers"], metric["layers"])
            before["models"] += metric["models"]
            before["parts"].append(name)
        parts.append(name)
    return [{"key": key, "metrics": list(metrics.values())}]


def _write_heads(data: Path, frames: Mapping[str, pd.DataFrame], models: Sequence[RunModel]) -> dict[str, Any]:
    """Write the numbers of heads; return the names of the scripts by model, and the kinds that heads are sorted into."""
    of_heads = [frame[is_of_head(frame)].assign(analysis=key) for key, frame in frames.items()]
    rows = pd.concat(of_heads, ignore_index=True) if of_heads else pd.DataFrame()
    found, kinds, metrics = {}, set(), set()
    for model in models:
        numbers = head_numbers(rows[rows["model"] == model.id], model) if len(rows) else {"numbers": [], "kinds": []}
        if numbers["numbers"] or numbers["kinds"]:
            found[model.id] = f"heads/{model.id}"
            write_script(data, found[model.id], numbers)
        kinds |= {name for kind in numbers["kinds"] for name in kind["names"]}
        metrics |= {kind["metric"] for kind in numbers["kinds"]}
    return {"heads": found, "headKinds": sorted(kinds), "headMetrics": sorted(metrics)}


def _write_maps(data: Path, maps: Mapping[str, Sequence[Path]], models: Sequence[RunModel]) -> list[dict[str, Any]]:
    """Write the maps of heads, and return what there is: of each kind and model its parts, by image."""
    by_id = {model.id: model for model in models}
    images = _images_taken(maps, by_id)
    kinds: dict[tuple[str, str], dict[str, Any]] = {}
    for key, paths in maps.items():
        for path in paths:
            if path.stem not in by_id:
                raise AtlasError(f"{path}: model '{path.stem}' is not of this run; delete the file and run again")
            model = by_id[path.stem]
            arrays, facts = _read_maps(path)
            for one in head_maps(arrays, facts, model, images):
                kind = kinds.setdefault((key, one.name), {"analysis": key, "name": one.name, "models": {}})
                of = len(arrays[one.name]) if one.item else 1
                own = kind["models"].setdefault(model.id, {"shape": one.values.shape[2:], "items": [], "of": of})
                kind["displacement"] = one.displacement
                base = f"maps/{model.id}/{key.replace('/', '.')}.{one.name}.{len(own['items'])}"
                parts = []
                for part in packed_maps(one):
                    write_script(data, name := f"{base}.{len(parts)}", part)
                    parts.append(name)
                ranges = rounded((float(one.values.min()), float(one.values.max())))
                own["items"].append({"id": one.item, "parts": parts, "range": ranges})
    return list(kinds.values())


def _images_taken(maps: Mapping[str, Sequence[Path]], models: Mapping[str, RunModel]) -> int:
    """Return of how many images the page has maps: of many models fewer, or the report would be too large to be sent."""
    each = 0
    for path in (path for paths in maps.values() for path in paths if path.stem in models):
        with _opened(path) as file:
            shapes = [tuple(file.get_slice(name).get_shape()) for name in file.keys()]  # noqa: SIM118 (no iterator)
        each += image_bytes(shapes, models[path.stem])
    return max(1, EXPLORED_IMAGES // max(1, each))


def _read_maps(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118 (no iterator)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except (SafetensorError, FileNotFoundError) as error:
        raise made_here(path, "a readable file of maps", error) from None


def _write_pairs(data: Path, key: str, frame: pd.DataFrame, models: Sequence[RunModel]) -> list[dict[str, Any]]:
    rows = frame[is_of_pair(frame)]
    if rows.empty:
        return []
    ids = [model.id for model in models]
    base = f"pairs/{key.replace('/', '.')}"
    matrices = model_matrices(rows, ids)
    write_script(data, base, {"models": ids, "matrices": matrices})
    depths = {}
    for model, blocks in depth_blocks(rows, {model.id: model.layers for model in models}):
        depths[model] = f"{base}.{model}"
        write_script(data, depths[model], {"blocks": blocks})
    return [{"analysis": key, "models": base, "depths": depths}]


def _copy_assets(folder: Path) -> None:
    for name in ("vendor", "explore"):
        shutil.copytree(ASSETS / name, folder / "assets" / name, dirs_exist_ok=True)
