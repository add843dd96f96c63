"""Read the files that a figure is drawn from: tables, attention maps, comparisons."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from safetensors import SafetensorError, safe_open

from workflow_scripts.common.errors import AtlasError, nearest
from workflow_scripts.common.table import read_table, read_table_metadata
from workflow_scripts.figures.data import RANDOM_PREFIX, CkaTable, FigureData, Model, ModelMaps, ModelTable


def load(
    tables: Sequence[Path] = (), maps: Sequence[Path] = (), cka: Path | None = None, models: Sequence[str] = ()
) -> FigureData:
    """Read tables, the headers of maps, and the table of comparisons.

    Args:
        tables: files of one model and analysis (or several analyses) each; those of one model are merged.
        maps: one file per model.
        cka: the file with the similarities of all models.
        models: ids of the models to draw, in order. Without it: those of the files, in the order of the files.

    Raises:
        AtlasError: a file is unreadable or not of this kind, the same analysis or maps of a model are given twice, or the
            files are not of `models`.
    """
    read_tables = _merge([read_model_table(path) for path in tables])
    read_maps = [m for m in (read_maps_header(path) for path in maps) if not m.model.is_random]
    seen: dict[str, Path] = {}
    for item in read_maps:
        if item.model.id in seen:
            raise AtlasError(
                f"{item.path}: the maps of model '{item.model.id}' are also in {seen[item.model.id]}; give them once"
            )
        seen[item.model.id] = item.path
    similarities = read_cka(cka, models) if cka else None
    given = [*read_tables, *read_maps]
    found = {model.id: model for model in (*(item.model for item in given), *(similarities.models if similarities else ()))}
    if models:
        for item in given:
            if item.model.id not in models:
                file = item.source if isinstance(item, ModelTable) else item.path
                raise AtlasError(f"{file}: model '{item.model.id}' is not in --models; add it there or leave its files out")
        for kind, items in (("table", read_tables), ("maps", read_maps)):
            there = {item.model.id for item in items}
            lacking = [name for name in models if name not in there and not name.startswith(RANDOM_PREFIX)] if there else []
            if lacking:
                raise AtlasError(
                    f"no {kind} of model '{lacking[0]}' among the files given, but it is in --models; add the file"
                )
        found = {name: found[name] for name in models if name in found}
    place = {name: rank for rank, name in enumerate(found)}
    read_tables.sort(key=lambda table: place[table.model.id])
    read_maps.sort(key=lambda item: place[item.model.id])
    return FigureData(tuple(found.values()), tuple(read_tables), tuple(read_maps), similarities)


def read_model_table(path: Path) -> ModelTable:
    """Read one file of a model's table, with the name and supervision in its metadata.

    Raises:
        AtlasError: the file is no table of the atlas, or not of one model.
    """
    frame, header = read_table(path), read_table_metadata(path)
    ids = set(frame["model"])
    if len(ids) != 1 or not {"display_name", "supervision"} <= set(header):
        raise AtlasError(f"{path}: not the table of one model (it has {len(ids)}); give one file per model")
    model = Model(ids.pop(), header["display_name"], header["supervision"])
    return ModelTable(model, dict.fromkeys(dict.fromkeys(frame["analysis"]), Path(path)), frame)


def read_cka(path: Path, models: Sequence[str] = ()) -> CkaTable:
    """Read the table of comparisons; draw `models`, or all in the order of the file.

    Raises:
        AtlasError: the file is no such table, or has not all of `models` (it may lack the random baseline).
    """
    frame, header = read_table(path), read_table_metadata(path)
    known = header.get("models")
    if not isinstance(known, dict) or not all({"display_name", "supervision", "layers"} <= set(f) for f in known.values()):
        raise AtlasError(f"{path}: its metadata does not name the models compared; run the comparison again")
    for name in models:
        if name not in known and not name.startswith(RANDOM_PREFIX):
            raise AtlasError(f"{path}: model '{name}' is not compared{nearest(name, known)}; run the comparison again")
    found = dict.fromkeys([*frame["model"].unique(), *frame["other_model"].unique()])  # metadata are sorted by name
    order = [name for name in models or found if name in known]
    chosen = [Model(name, known[name]["display_name"], known[name]["supervision"]) for name in order]
    return CkaTable(Path(path), tuple(chosen), {name: int(known[name]["layers"]) for name in order}, frame)


def read_maps_header(path: Path) -> ModelMaps:
    """Read the names and sizes of one model's maps; the model's id is the file's name without suffix."""
    path = Path(path)
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
        model = Model(path.stem, header["display_name"], header["supervision"])
        sizes = [int(header[key]) for key in ("n_prefix", "rows", "cols", "n_images")]
        return ModelMaps(path, model, *sizes, image_ids=tuple(map(str, json.loads(header["image_ids"]))))
    except (SafetensorError, KeyError, ValueError) as error:
        raise AtlasError(f"{path}: not the attention maps of a model ({error}); delete it and run again") from None


def _merge(tables: Sequence[ModelTable]) -> list[ModelTable]:
    """Merge the tables of one model into one, in the order in which models first occur."""
    by_model: dict[str, list[ModelTable]] = {}
    for table in tables:
        by_model.setdefault(table.model.id, []).append(table)
    merged = []
    for same in by_model.values():
        files: dict[str, Path] = {}
        for table in same:
            if table.model != same[0].model:
                raise AtlasError(
                    f"{table.source}: names model '{table.model.id}' otherwise than {same[0].source} does; run both again"
                )
            for analysis, path in table.files.items():
                if analysis in files:
                    raise AtlasError(
                        f"{path}: analysis '{analysis}' of model '{table.model.id}' is also in {files[analysis]}; give it once"
                    )
                files[analysis] = path
        frames = [table.frame for table in same]
        merged.append(ModelTable(same[0].model, files, frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)))
    return merged
