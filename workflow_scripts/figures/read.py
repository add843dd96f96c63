"""Read the files that a figure is drawn from: tables, maps, comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd
from safetensors import SafetensorError, safe_open

from workflow_scripts.common.errors import AtlasError, nearest
from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.study import Score
from workflow_scripts.common.table import read_table
from workflow_scripts.figures.data import FigureData, ModelMaps, ModelTable, PairTable


def load(
    models: Sequence[RunModel],
    tables: Sequence[Path] = (),
    maps: Mapping[str, Sequence[Path]] | None = None,
    pairs: Mapping[str, Path] | None = None,
    scores: Mapping[str, Score] | None = None,
) -> FigureData:
    """Read tables, the headers of maps, and tables of comparisons.

    Args:
        models: those to draw, in order.
        tables: files of one model and analysis (or several analyses) each; those of one model are merged.
        maps: by analysis, one file per model.
        pairs: by analysis, its file with the comparisons of all models.
        scores: what the figure shows, by name.

    Raises:
        AtlasError: a file is unreadable or not of this kind, the same analysis or maps of a model are given twice, or the
            files are not of `models`.
    """
    by_id = {model.id: model for model in models}
    read_tables = _merge([read_model_table(path, by_id) for path in tables])
    read_maps = {analysis: _model_maps(paths, by_id) for analysis, paths in (maps or {}).items()}
    compared = {analysis: read_pairs(path, models) for analysis, path in (pairs or {}).items()}
    found: set[str] = set()
    for kind, items in (("table", read_tables), *(("maps", items) for items in read_maps.values())):
        there = {item.model.id for item in items}
        lacking = [model.id for model in models if model.id not in there and not model.random] if there else []
        if lacking:
            raise AtlasError(f"no {kind} of model '{lacking[0]}' among the files given, but it is in --models; add the file")
        found |= there
    found |= {model.id for table in compared.values() for model in table.models}
    place = {name: rank for rank, name in enumerate(by_id)}
    return FigureData(
        tuple(model for model in models if model.id in found),
        tuple(sorted(read_tables, key=lambda table: place[table.model.id])),
        {analysis: tuple(sorted(items, key=lambda item: place[item.model.id])) for analysis, items in read_maps.items()},
        compared,
        scores or {},
    )


def read_model_table(path: Path, models: Mapping[str, RunModel]) -> ModelTable:
    """Read one file of a model's table.

    Raises:
        AtlasError: the file is no table of the atlas, or not of one of `models`.
    """
    frame = read_table(path)
    ids = set(frame["model"])
    if len(ids) != 1:
        raise AtlasError(f"{path}: not the table of one model (it has {len(ids)}); give one file per model")
    return ModelTable(_known(path, ids.pop(), models), dict.fromkeys(dict.fromkeys(frame["analysis"]), Path(path)), frame)


def read_pairs(path: Path, models: Sequence[RunModel]) -> PairTable:
    """Read a table of comparisons, to draw `models` of it.

    Raises:
        AtlasError: the file is no such table, or has not all of `models` (it may lack the random baseline).
    """
    frame = read_table(path)
    known = dict.fromkeys([*frame["model"].unique(), *frame["other_model"].unique()])
    for model in models:
        if model.id not in known and not model.random:
            raise AtlasError(f"{path}: model '{model.id}' is not compared{nearest(model.id, known)}; run the comparison again")
    return PairTable(Path(path), tuple(model for model in models if model.id in known), frame)


def read_maps_header(path: Path, models: Mapping[str, RunModel]) -> ModelMaps:
    """Read the facts of one model's maps; the model's id is the file's name without suffix.

    Raises:
        AtlasError: the file is no maps of this project, or not of one of `models`.
    """
    path = Path(path)
    try:
        with safe_open(path, framework="numpy") as file:
            return ModelMaps(path, _known(path, path.stem, models), file.metadata() or {})
    except (SafetensorError, FileNotFoundError) as error:
        raise AtlasError(f"{path}: not the maps of a model ({error}); delete it and run again") from None


def _known(path: Path, name: str, models: Mapping[str, RunModel]) -> RunModel:
    if name not in models:
        raise AtlasError(f"{path}: model '{name}' is not in --models; add it there or leave its files out")
    return models[name]


def _model_maps(paths: Iterable[Path], models: Mapping[str, RunModel]) -> list[ModelMaps]:
    """Read the maps of one analysis, without those of the random baseline."""
    seen: dict[str, ModelMaps] = {}
    for path in paths:
        item = read_maps_header(path, models)
        if item.model.id in seen:
            raise AtlasError(f"{path}: the maps of '{item.model.id}' are also in {seen[item.model.id].path}; give them once")
        seen[item.model.id] = item
    return [item for item in seen.values() if not item.model.random]


def _merge(tables: Sequence[ModelTable]) -> list[ModelTable]:
    """Merge the tables of one model into one, in the order in which models first occur."""
    by_model: dict[str, list[ModelTable]] = {}
    for table in tables:
        by_model.setdefault(table.model.id, []).append(table)
    merged = []
    for same in by_model.values():
        files: dict[str, Path] = {}
        for table in same:
            for analysis, path in table.files.items():
                if analysis in files:
                    raise AtlasError(
                        f"{path}: analysis '{analysis}' of model '{table.model.id}' is also in {files[analysis]}; give it once"
                    )
                files[analysis] = path
        frames = [table.frame for table in same]
        merged.append(ModelTable(same[0].model, files, frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)))
    return merged
