"""One file, from wherever it can be had, checked before it gets its name."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.fetch.digests import Checked, DigestLock, WrongFileError, check_file
from workflow_scripts.fetch.download import discard_part, download, part_path
from workflow_scripts.fetch.incoming import missing_files
from workflow_scripts.fetch.locks import locked
from workflow_scripts.fetch.remote_file import RemoteFile
from workflow_scripts.fetch.transport import Limits, SourceError


@dataclass(frozen=True)
class Place:
    """Where files come from and what they are compared with.

    Attributes:
        incoming: folder of the files that a person puts there.
        lock: digests recorded on first fetch.
        registry: file name of the registry, for messages.
        limits: patience of downloads.
    """

    incoming: Path
    lock: DigestLock
    registry: str
    limits: Limits = field(default_factory=Limits)


def obtain(user: str, file: RemoteFile, target: Path, key: str, place: Place) -> Checked:
    """Return the checked file: what is at `target` already, else the incoming one, else the downloaded one.

    Args:
        user: id of the dataset or model that needs it, for messages.
        file: what the registry says.
        target: where a download goes.
        key: name in the lock file.
        place: everything else.

    Raises:
        AtlasError: it is nowhere to be had, or not the right one. What has been downloaded is kept to go on with; a wrong file
            is kept under ``<name>.rejected``.
    """
    by_hand = place.incoming / file.name
    with locked(target.with_name(f"{target.name}.busy"), f"{file.name}: another job is fetching it; waiting"):
        for path in (target, by_hand):
            if path.is_file():
                try:
                    return check_file(path, file, key, place.lock, place.registry)
                except WrongFileError as error:
                    raise AtlasError(f"{user}: {error}; delete {path} and run the same command again") from None
        if not file.urls:
            raise AtlasError("; ".join(missing_files({user: [file]}, place.incoming)))
        return _download_any(user, file, target, key, place)


def _download_any(user: str, file: RemoteFile, target: Path, key: str, place: Place) -> Checked:
    problems = []
    for url in file.urls:
        try:
            return _download_checked(url, file, target, key, place)
        except (SourceError, WrongFileError) as error:
            problems.append(str(error))
            if url != file.urls[-1]:
                print(f"warning: {error}; trying the next address", file=sys.stderr, flush=True)
    terms = f" (terms: {file.terms})" if file.terms else ""
    raise AtlasError(
        f"{user}: {file.name}: {'; '.join(problems)}; if it lasts, correct the entry in {place.registry}, or get the file by "
        f"hand from {file.page}{terms} and put it into {place.incoming} as {file.name}"
    )


def _download_checked(url: str, file: RemoteFile, target: Path, key: str, place: Place) -> Checked:
    part = part_path(target)
    for once_more in (True, False):
        joined = download(url, target, file, place.limits)
        try:
            checked = check_file(part, file, key, place.lock, place.registry)
        except WrongFileError as error:
            if joined and once_more:
                # Perhaps the parts are of two versions, or the one from before is damaged.
                print(f"warning: {error}; downloading it again from the beginning", file=sys.stderr, flush=True)
                discard_part(target)
                continue
            rejected = target.with_name(f"{target.name}.rejected")
            part.replace(rejected)
            discard_part(target)
            raise WrongFileError(f"{error} (kept as {rejected})") from None
        break
    # The time of a file that another run began would be older than the code that fetched it.
    part.touch()
    part.replace(target)
    discard_part(target)
    return replace(checked, path=target)
