"""What a run was: the JSON file that the report reads its facts from.

Keys (required ones first; the others are shown as "not recorded" where they are missing):

    title     str   heading of the report
    demo      bool  whether this is the demo world; the report then says so at the top
    models    list  in the order of the configuration, each {id, display_name, supervision, and optionally method,
                    architecture, layers, heads, weights_sha256}
    datasets  list  each {id, images (int, samples used), and optionally skipped: [str, path of an image that could
                    not be read]}
    seed      int
    commit    str   git commit of the code, with "+changes" where the checkout was not clean
    command   str   the command that started the run
    started   str   ISO 8601 with the offset from UTC
    seconds   number, wall clock from the start to the report
    versions  {program or library: version}
    config    the whole checked configuration, shown folded away
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from workflow_scripts.common.errors import AtlasError

_TEXT = {"type": "string", "minLength": 1}
_COUNT = {"type": "integer", "minimum": 0}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_COUNT_OR_NULL = {"type": ["integer", "null"], "minimum": 0}
_SCHEMA = {
    "type": "object",
    "required": ["title", "demo", "models", "datasets"],
    "additionalProperties": False,
    "properties": {
        "title": _TEXT,
        "demo": {"type": "boolean"},
        "models": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "display_name", "supervision"],
                "additionalProperties": False,
                "properties": {
                    **dict.fromkeys(("id", "display_name", "supervision"), _TEXT),
                    **dict.fromkeys(("method", "architecture", "weights_sha256"), _TEXT_OR_NULL),
                    **dict.fromkeys(("layers", "heads"), _COUNT_OR_NULL),
                },
            },
        },
        "datasets": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "images"],
                "additionalProperties": False,
                "properties": {"id": _TEXT, "images": _COUNT, "skipped": {"type": "array", "items": _TEXT}},
            },
        },
        "seed": {"type": "integer"},
        "commit": {"type": "string"},
        "command": {"type": "string"},
        "started": {"type": "string"},
        "seconds": {"type": "number", "minimum": 0},
        "versions": {"type": "object", "additionalProperties": {"type": "string"}},
        "config": {"type": "object"},
    },
}


def read_run_info(path: Path) -> dict[str, Any]:
    """Read and check a run's facts; the module's docstring lists the keys.

    Raises:
        AtlasError: the file is not JSON, or a key is missing, unknown or of the wrong type.
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
