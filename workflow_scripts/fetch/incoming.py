"""Files that only a person can get: asked for by name, all of them at once, before anything heavy starts."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from workflow_scripts.common.disk import size_text
from workflow_scripts.fetch.remote_file import RemoteFile, dataset_file, model_file


def missing_incoming(
    entries: Mapping[str, Mapping[str, Any]], folder: str | Path, downloads: str | Path | None = None
) -> list[str]:
    """Return one line per file that a person has to put into `folder` and has not: name, size, who needs it, page, terms.

    Looks at names and sizes only, so it is cheap enough to be asked while the workflow is planned.

    Args:
        entries: registry entries, of datasets and of models, by id. What needs no such file asks for nothing.
        folder: the folder of incoming files.
        downloads: the folder of downloads, where a dataset's file may lie as well.
    """
    models = {name: person_files(entry) for name, entry in entries.items() if "checkpoint" in entry}
    datasets = {name: person_files(entry) for name, entry in entries.items() if "checkpoint" not in entry}
    return missing_files(datasets, folder, downloads) + missing_files(models, folder)


def person_files(entry: Mapping[str, Any]) -> list[RemoteFile]:
    """Return the files of a registry entry that only a person can get."""
    if "checkpoint" in entry:
        source = entry["checkpoint"]["source"]
        return [model_file(source, source["name"])] if source["type"] == "incoming" else []
    source = entry["source"]
    files = [dataset_file(item) for item in source["files"]] if source["type"] == "archives" else []
    return [file for file in files if not file.urls]


def missing_files(
    wanted: Mapping[str, Iterable[RemoteFile]], folder: str | Path, downloads: str | Path | None = None
) -> list[str]:
    """Return one line per file of `wanted`, by who wants it, that lies neither in `folder` nor in `downloads`."""
    folder = Path(folder)
    users: dict[str, list[str]] = {}
    files: dict[str, RemoteFile] = {}
    for user, needed in wanted.items():
        for file in needed:
            users.setdefault(file.name, []).append(user)
            files.setdefault(file.name, file)
    lines = []
    for name, file in files.items():
        path = folder / name
        if path.is_file():
            size = path.stat().st_size
            if file.strict and file.size and size != file.size:
                lines.append(
                    f"{path}: {size} bytes, but the file has {file.size}: not copied to the end, or another version; "
                    f"get it again from {file.page}"
                )
        elif downloads is None or not (Path(downloads) / name).is_file():
            size_note = f"{size_text(file.size)}, " if file.size else ""
            terms = f" (terms: {file.terms})" if file.terms else ""
            lines.append(
                f"{path}: not there yet ({size_note}for {', '.join(users[name])}); get it from {file.page}{terms} and put it "
                f"there under exactly this name{_look_alike(path)}"
            )
    return lines


def _look_alike(path: Path) -> str:
    """Return a hint at a file whose name is nearly right: browsers append " (1)", people lower-case."""
    if not path.parent.is_dir():
        return ""
    names = {_plain(entry.name): entry.name for entry in path.parent.iterdir() if entry.is_file()}
    match = difflib.get_close_matches(_plain(path.name), names, n=1, cutoff=0.85)
    return f" (is '{names[match[0]]}' beside it that file? then rename it)" if match else ""


def _plain(name: str) -> str:
    return re.sub(r" ?\(\d+\)", "", name).lower()
