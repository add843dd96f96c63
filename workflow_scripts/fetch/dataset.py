"""A dataset's folder: all of its archives fetched, checked and unpacked, and put in place as a whole.

Archives are unpacked into ``<path>.partial``. Its ``.unpacked.json`` says which ones are through, so that a run after a kill
goes on with the next; it stays in the folder afterwards and marks it as made here. ``.complete.json`` is written last.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workflow_scripts.common.atomic import DATASET_RECORDS, write_text
from workflow_scripts.common.disk import require_space
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.fetch.digests import Checked, WrongFileError
from workflow_scripts.fetch.download import part_path
from workflow_scripts.fetch.extract import declared_size, unpack
from workflow_scripts.fetch.incoming import missing_files
from workflow_scripts.fetch.locks import locked
from workflow_scripts.fetch.members import UnsafeArchiveError
from workflow_scripts.fetch.obtain import Place, obtain
from workflow_scripts.fetch.remote_file import RemoteFile

COMPLETE, _UNPACKED = DATASET_RECORDS
State = dict[str, Any]


def fetch_dataset(dataset: str, files: Sequence[RemoteFile], path: Path, downloads: Path, place: Place) -> None:
    """Make the folder `path` of a dataset, with ``.complete.json`` in it.

    Args:
        dataset: its id.
        files: its archives.
        path: the folder; replaced if this command made it, refused if not.
        downloads: where downloaded archives are kept; datasets share them.
        place: incoming folder, digests, patience.

    Raises:
        AtlasError: files to be got by hand are missing (all of them named), a download failed, a file is not the right one, an
            archive is not safe, or there is no room.
    """
    with locked(path.with_name(f"{path.name}.busy"), f"{dataset}: another job is making {path}; waiting"):
        plan = _plan(files)
        state = _read(path)
        if not _is_whole(path, state, plan, place):
            _refuse_foreign(path)
            archives = _obtain_all(dataset, files, downloads, place)
            state = _unpack_all(dataset, files, archives, _beside(path, "partial"), plan)
            for name, archive in archives.items():
                # Only now: an archive that could not be unpacked is nothing to compare later ones with.
                if not archive.published:
                    place.lock.record(_key(name), archive.sha256, archive.size)
            _put_in_place(path)
        for leftover in ("old", "partial"):
            shutil.rmtree(_beside(path, leftover), ignore_errors=True)
        done = [{"name": name, **facts} for name, facts in sorted(state["files"].items())]
        # The data before the word that it is there, also through a power cut.
        os.sync()
        write_text(path / COMPLETE, json.dumps({"files": done, "number_of_files": state["count"]}, indent=1) + "\n")


def _obtain_all(dataset: str, files: Sequence[RemoteFile], downloads: Path, place: Place) -> dict[str, Checked]:
    """Return the checked archives by name, after a look at what is missing and at the room for all of them."""
    absent = missing_files({dataset: [file for file in files if not file.urls]}, place.incoming, downloads)
    if absent:
        raise AtlasError(f"{dataset}: {len(absent)} file(s) to be got by hand: " + "; ".join(absent))
    to_come = [f for f in files if not any((folder / f.name).exists() for folder in (downloads, place.incoming))]
    parts = [part for f in to_come if (part := part_path(downloads / f.name)).exists()]
    needed = sum(f.size or 0 for f in to_come) - sum(part.stat().st_size for part in parts)
    require_space(downloads, needed, f"downloading {dataset}")
    return {f.name: obtain(dataset, f, downloads / f.name, _key(f.name), place) for f in files}


def _unpack_all(dataset: str, files: Sequence[RemoteFile], archives: Mapping[str, Checked], partial: Path, plan: str) -> State:
    """Unpack those archives that an earlier run has not, and return the state of the finished partial folder."""
    state = _begun(partial, plan, archives)
    left = [file for file in files if file.name not in state["files"]]
    needed = sum(declared_size(archives[file.name].path, file.extract["kind"]) for file in left)
    require_space(partial, needed, f"unpacking {dataset}")
    for file in left:
        archive, wish = archives[file.name], file.extract
        try:
            limits = wish.get("max_bytes"), wish.get("max_files")
            made = unpack(archive.path, wish["kind"], partial / wish.get("to", ""), file.name, *limits)
        except UnsafeArchiveError:
            # Perhaps half a terabyte of zeros.
            shutil.rmtree(partial)
            raise
        state["files"][file.name] = {
            "sha256": archive.sha256,
            "bytes": archive.size,
            "checked": archive.by,
            "published": archive.published,
            "files": made.files,
            "unpacked_bytes": made.size,
        }
        write_text(partial / _UNPACKED, json.dumps(state, indent=1))
    state["count"] = _count_files(partial)
    write_text(partial / _UNPACKED, json.dumps(state, indent=1))
    return state


def _plan(files: Sequence[RemoteFile]) -> str:
    """Return a digest of what the registry wants, so that a folder made to another wish is made anew."""
    wish = [[file.name, sorted(file.digests.items()), sorted(file.extract.items())] for file in files]
    return hashlib.sha256(json.dumps(wish).encode()).hexdigest()


def _read(folder: Path) -> State:
    try:
        return json.loads((folder / _UNPACKED).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {"plan": "", "files": {}}


def _is_whole(path: Path, state: State, plan: str, place: Place) -> bool:
    """Return whether `path` was made to this plan and no file has gone since; its archives need not be there any more."""
    if state["plan"] != plan:
        return False
    try:
        for name, facts in state["files"].items():
            if not facts["published"]:
                place.lock.compare(_key(name), facts["sha256"], str(path))
    except WrongFileError:
        return False
    return _count_files(path) >= state["count"]


def _begun(partial: Path, plan: str, archives: Mapping[str, Checked]) -> State:
    """Return what an earlier run left in `partial`; empty it if that was to another plan or from other archives."""
    fresh = {"plan": plan, "archives": {name: archive.sha256 for name, archive in archives.items()}, "files": {}}
    state = _read(partial)
    # Also an archive that was only begun leaves files, which another version of it might not have.
    if any(state.get(key) != fresh[key] for key in ("plan", "archives")):
        shutil.rmtree(partial, ignore_errors=True)
        state = fresh
    partial.mkdir(parents=True, exist_ok=True)
    write_text(partial / _UNPACKED, json.dumps(state, indent=1))
    return state


def _refuse_foreign(path: Path) -> None:
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise AtlasError(f"{path}: no folder, where that of the dataset should be; move it away")
    if path.is_dir() and any(path.iterdir()) and not (path / _UNPACKED).exists():
        raise AtlasError(
            f"{path}: holds files that this workflow did not put there; move them away, or register them as a dataset of your "
            "own with source: {type: local}"
        )


def _put_in_place(path: Path) -> None:
    old = _beside(path, "old")
    if path.is_dir() and any(path.iterdir()):
        shutil.rmtree(old, ignore_errors=True)
        path.rename(old)
    _beside(path, "partial").rename(path)


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f"{path.name}.{what}")


def _count_files(folder: Path) -> int:
    return sum(len(set(names) - {COMPLETE, _UNPACKED}) for _, _, names in os.walk(folder))


def _key(name: str) -> str:
    return f"downloads/{name}"
