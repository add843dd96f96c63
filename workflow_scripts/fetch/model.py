"""A checkpoint in its place: downloaded from its own address, the hub or torchvision, or taken from the incoming files."""

from __future__ import annotations

import shutil
from pathlib import Path

from workflow_scripts.common.atomic import atomic_path
from workflow_scripts.common.disk import require_space
from workflow_scripts.fetch.digests import Checked
from workflow_scripts.fetch.obtain import Place, obtain
from workflow_scripts.fetch.remote_file import RemoteFile


def fetch_model(model: str, file: RemoteFile, output: Path, place: Place) -> Checked:
    """Put the checkpoint of `model` at `output`.

    Args:
        model: its id.
        file: where it comes from.
        output: final path; its name is also its key in the lock file.
        place: incoming folder, digests, patience.

    Raises:
        AtlasError: it cannot be had, is not the right one, or there is no room.
    """
    key = f"checkpoints/{output.name}"
    checked = obtain(model, file, output, key, place)
    if checked.path != output:
        # A copy and not a link: its time has to be that of this run, and the user's file stays the user's.
        require_space(output.parent, checked.size, f"copying {checked.path}")
        with atomic_path(output, checked.size) as temporary:
            shutil.copyfile(checked.path, temporary)
    if not checked.published:
        place.lock.record(key, checked.sha256, checked.size)
    return checked
