"""What a run was: the JSON file that the report reads its facts from.

Keys (required ones first; the others are shown as "not recorded" where they are missing, and further keys are ignored):

    title     str   heading of the report
    demo      bool  whether this is the demo world; the report then says so at the top
    models    list  in the order of the configuration, each {id, display_name, supervision, and optionally method,
                    architecture, layers, heads, dim, patch, licence, preprocessing, weights_sha256}
    datasets  list  each {id, images (int, samples used), and optionally display_name, licence, skipped: [str, one
                    message per image that could not be read], notes: [str, what else there is to know about how its
                    files were read]}
              both also: address (str, where it comes from)
    left_out  list  of str, one sentence for each analysis, or part of one, that the run left out, and why
    seed      int
    commit    str   git commit of the code, and whether files differed from it
    device    str   what the models ran on
    precision str   of the products of their forward passes
    command   str   the command that makes the run again
    finished  str   ISO 8601 with the offset from UTC
    seconds   number, wall-clock time summed over all jobs
    versions  {program or library: version}
    config    the whole checked configuration, shown folded away
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from workflow_scripts.common.errors import AtlasError


def _list_of(properties: dict[str, Any], required: Sequence[str]) -> dict[str, Any]:
    """Return the schema of a list of objects."""
    return {"type": "array", "items": {"type": "object", "required": [*required], "properties": properties}}


_TEXT = {"type": "string", "minLength": 1}
_TEXTS = {"type": "array", "items": _TEXT}
_COUNT = {"type": "integer", "minimum": 0}
_NO_OR_TEXT = {"type": ["string", "null"]}
_NO_OR_COUNT = {"type": ["integer", "null"], "minimum": 0}
_MODEL = {
    **dict.fromkeys(("id", "display_name", "supervision"), _TEXT),
    **dict.fromkeys(("method", "architecture", "licence", "weights_sha256"), _NO_OR_TEXT),
    **dict.fromkeys(("layers", "heads", "dim"), _NO_OR_COUNT),
}
_DATASET = {"id": _TEXT, "images": _COUNT, "display_name": _TEXT, "licence": _TEXT}
_DATASET["skipped"] = _DATASET["notes"] = _TEXTS
_SCHEMA = {
    "type": "object",
    "required": ["title", "demo", "models", "datasets"],
    "properties": {
        "title": _TEXT,
        "demo": {"type": "boolean"},
        "models": _list_of(_MODEL, required=("id", "display_name", "supervision")),
        "datasets": _list_of(_DATASET, required=("id", "images")),
        "left_out": _TEXTS,
        "seed": {"type": "integer"},
        **dict.fromkeys(("commit", "device", "precision", "command", "finished"), _TEXT),
        "seconds": {"type": "number", "minimum": 0},
        "versions": {"type": "object", "additionalProperties": _TEXT},
        "config": {"type": "object"},
    },
}


def read_run_info(path: Path) -> dict[str, Any]:
    """Read and check a run's facts; the module's docstring lists the keys.

    Raises:
        AtlasError: the file is not JSON, or a key is missing or of the wrong type.
    """
    try:
        info = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise AtlasError(f"{path}: not JSON ({error}); delete it and run again") from None
    problem = next(iter(Draft202012Validator(_SCHEMA).iter_errors(info)), None)
    if problem:
        raise AtlasError(f"{path}: {problem.json_path}: {problem.message}; see workflow_scripts/report/run_info.py")
    return info


def moment(started: str | None) -> str:
    """Return an ISO 8601 time for reading: "2026-11-21 06:00 UTC"; what is not ISO 8601 is returned as it is."""
    try:
        when = datetime.fromisoformat(started or "")
    except ValueError:
        return started or "not recorded"
    return f"{when:%Y-%m-%d %H:%M} {when.tzname() or ''}".strip()


def short_commit(commit: str | None) -> str:
    """Return a commit with its first word cut to ten characters: "824e4e2f8a with uncommitted changes"."""
    if not commit:
        return "not recorded"
    return re.sub(r"^([0-9a-f]{10})[0-9a-f]{30}\b", r"\1", commit)


def duration(seconds: float | None) -> str:
    """Return a time in words: "48 s", "6 min 02 s", "3 h 20 min"."""
    if seconds is None:
        return "not recorded"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
