"""What the registries say about one file: where it is, how large, with which digest, and what is in it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from workflow_scripts.common.errors import AtlasError

# The strongest first: the first one that is published is the one that counts.
ALGORITHMS = {"sha256": 64, "sha1": 40, "md5": 32}
# torchvision and DINOv3 publish only the first 8 digits, in the file's name.
_SHORTEST_PREFIX = 8


@dataclass(frozen=True)
class RemoteFile:
    """One file to fetch.

    Attributes:
        name: its name in the folders of downloads and of incoming files; may have subfolders.
        urls: addresses of the file, tried in this order; empty where only a person can get it.
        page: where a person gets it.
        terms: under which terms, empty if nothing is known.
        size: bytes.
        digests: published digests by algorithm, lower-case; a sha256 may be a prefix.
        trust: who published size and digests: A the owner, B a widely used library, C one third party. C only warns.
        extract: how it is unpacked: kind, to, max_bytes, max_files.
    """

    name: str
    urls: tuple[str, ...]
    page: str
    terms: str = ""
    size: int | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    trust: str | None = None
    extract: Mapping[str, Any] = field(default_factory=dict)

    @property
    def strict(self) -> bool:
        """Whether a file of another size or digest is refused."""
        return self.trust != "C"

    @property
    def has_strict_digest(self) -> bool:
        """Whether a published digest decides about the file."""
        return self.strict and bool(self.digests)


def dataset_file(entry: Mapping[str, Any]) -> RemoteFile:
    """Return the file that an item of a dataset's ``source.files`` describes.

    Raises:
        AtlasError: a name that leaves its folder, or a digest that is none.
    """
    is_open = entry.get("access", "open") == "open"
    extract = entry.get("extract") or {"kind": "none"}
    if extract.get("to"):
        _safe_name(extract["to"])
    return RemoteFile(
        name=_safe_name(entry["name"]),
        urls=(entry["url"], *entry.get("mirrors", ())) if is_open else (),
        page=entry["url"],
        terms=entry.get("terms") or "",
        size=entry.get("bytes"),
        digests=_digests(entry),
        trust=entry.get("trust"),
        extract=extract,
    )


def model_file(source: Mapping[str, Any], name: str) -> RemoteFile:
    """Return the file that a model's ``checkpoint.source`` describes.

    Files of the Hugging Face hub come from ``HF_ENDPOINT`` where that is set, as for the hub's own library.

    Args:
        source: of type url, hub, torchvision or incoming.
        name: the checkpoint's name in the folder of checkpoints.

    Raises:
        AtlasError: a source that has nothing to fetch, a name that leaves its folder, or a digest that is none.
    """
    facts = {
        "terms": source.get("terms") or "",
        "size": source.get("bytes"),
        "digests": _digests(source | {"name": name}),
        "trust": source.get("trust"),
    }
    match source["type"]:
        case "url" | "torchvision":
            return RemoteFile(_safe_name(name), (source["url"], *source.get("mirrors", ())), source["url"], **facts)
        case "hub":
            hub = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
            page = f"{hub}/{source['repository']}"
            return RemoteFile(_safe_name(name), (f"{page}/resolve/{source['revision']}/{source['file']}",), page, **facts)
        case "incoming":
            return RemoteFile(_safe_name(source["name"]), (), source["url"], **facts)
        case other:
            raise AtlasError(f"checkpoint.source of type '{other}' cannot be fetched; url, hub, torchvision and incoming can")


def _safe_name(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
        raise AtlasError(f"file name '{name}' leaves the folder it belongs in; write a plain name, or subfolder/name")
    return str(path)


def _digests(entry: Mapping[str, Any]) -> dict[str, str]:
    digests = {}
    for algorithm, length in ALGORITHMS.items():
        digest = entry.get(algorithm)
        if not digest:
            continue
        shortest = _SHORTEST_PREFIX if algorithm == "sha256" else length
        if not re.fullmatch(f"[0-9a-f]{{{shortest},{length}}}", digest.lower()):
            raise AtlasError(
                f"{entry['name']}: {algorithm} '{digest}' is not {length} hexadecimal digits; copy it again from its source"
            )
        digests[algorithm] = digest.lower()
    return digests
