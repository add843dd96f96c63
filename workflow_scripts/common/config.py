"""Checking configuration and registries before any job starts: every mistake in one line of its own.

A message names the file (and line, where the key stands in one), the key, what was found, what is allowed and, for a
name, the nearest known one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError

from workflow_scripts.common.errors import nearest
from workflow_scripts.common.yaml_file import line_of

Key = tuple[str | int, ...]


def restore_types(content: Any, schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> Any:
    """Return `content` with text turned into the number, truth value or null that the schema wants at its place.

    Snakemake reads ``--config demo={effort: 0.5}`` as text from the second level on. Mappings and lists are changed in
    place; text that is not what the schema wants stays, for `check` to report. Text where a list is wanted is taken apart at
    its commas.
    """
    root = root or schema
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    if isinstance(content, dict):
        for key, value in content.items():
            content[key] = restore_types(value, schema.get("properties", {}).get(key, {}), root)
    elif isinstance(content, list):
        content[:] = [restore_types(value, schema.get("items", {}), root) for value in content]
    elif isinstance(content, str) and schema.get("items", {}).keys() & {"type", "enum"} and "array" in schema["type"]:
        # --config models=dino_b16,mae_b16
        return [restore_types(part.strip(), schema["items"], root) for part in content.split(",")]
    elif isinstance(content, float) and content.is_integer() and "integer" in schema.get("type", ()):
        return int(content)  # 1.0 is a whole number to JSON; commands want it spelled as one
    elif isinstance(content, str) and "type" in schema and "string" not in schema["type"]:
        try:
            value = yaml.safe_load(content)
        except yaml.YAMLError:
            return content
        return content if isinstance(value, str) else value
    return content


def check(content: Any, schema: Mapping[str, Any], files: Sequence[str | Path]) -> list[str]:
    """Return one message per mistake in `content`.

    Args:
        content: what was read.
        schema: JSON schema (draft 2020-12).
        files: where the content came from, the last one winning; used to name file and line.
    """
    errors = sorted(Draft202012Validator(schema).iter_errors(content), key=lambda e: [str(p) for p in e.absolute_path])
    messages = [message for error in errors for message in _messages(_innermost(error), files)]
    messages += [
        f"{locate(files, key)}: {_name(key)}: found {value}, expected a finite number" for key, value in _endless(content)
    ]
    return list(dict.fromkeys(map(printable, messages)))


def check_names(key: str, names: Iterable[str], known: Iterable[str], registry: str, files: Sequence[str | Path]) -> list[str]:
    """Return one message per name at configuration key `key` that is not in `known`."""
    known = list(known)
    path = tuple(key.split("."))
    return [
        f"{locate(files, path)}: {key}: '{name}' is not in {registry} (known: {_some(known)}){nearest(name, known)}"
        for name in names
        if name not in known
    ]


def locate(files: Sequence[str | Path], key: Key) -> str:
    """Return ``file:line`` of `key` in the last of `files` that has it; ``--config`` if it came from the command line."""
    for path in reversed(files):
        line = line_of(path, key)
        if line:
            return f"{path}:{line}"
    return "--config"


def locate_near(files: Sequence[str | Path], key: Key) -> str:
    """Return ``file:line`` of `key`, or of the innermost key around it that is written out, or the first of `files`."""
    places = (locate(files, key[:depth]) for depth in range(len(key), 0, -1))
    return next((place for place in places if place != "--config"), str(files[0]))


def printable(text: str) -> str:
    """Return `text` as one line: what a terminal would not show as itself is spelled as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def _endless(content: Any, key: Key = ()) -> Iterator[tuple[Key, float]]:
    """Yield key and value of every number that is infinite or none."""
    if isinstance(content, float) and not math.isfinite(content):
        yield key, content
    elif isinstance(content, Mapping):
        for name, value in content.items():
            yield from _endless(value, (*key, name))
    elif isinstance(content, list):
        for place, value in enumerate(content):
            yield from _endless(value, (*key, place))


def _name(key: Key) -> str:
    return ".".join(str(part) for part in key) or "top level"


def _messages(error: ValidationError, files: Sequence[str | Path]) -> list[str]:
    key = tuple(error.absolute_path)
    name = _name(key)
    found = _found(error.instance)
    match error.validator:
        case "additionalProperties":
            known = list(error.schema.get("properties", {}))
            unknown = [k for k in error.instance if k not in known]
            return [
                f"{locate(files, (*key, extra))}: {_name((*key, extra))}: unknown key "
                f"(allowed here: {', '.join(known)}){nearest(extra, known)}"
                for extra in unknown
            ]
        case "required":
            # One error per missing key; the key is the first word in quotes.
            missing = error.message.split("'")[1]
            return [f"{locate(files, key) if key else files[0]}: {name}: key '{missing}' is missing"]
        case "enum":
            allowed = [str(v) for v in error.validator_value if v is not None]
            detail = f"found {found}, allowed: {', '.join(allowed)}{nearest(error.instance, allowed)}"
        case "type":
            types = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
            detail = f"found {found}, expected {' or '.join(_TYPES[t] for t in types)}"
        case "minimum" | "exclusiveMinimum":
            least = "at least" if error.validator == "minimum" else "more than"
            detail = f"found {found}, must be {least} {error.validator_value}"
        case "maximum":
            detail = f"found {found}, must be at most {error.validator_value}"
        case "uniqueItems":
            twice = [str(v) for i, v in enumerate(error.instance) if v in error.instance[:i]]
            detail = f"{', '.join(twice)} is listed twice"
        case "minItems" | "minLength":
            detail = f"found {found}, must not be {'empty' if error.validator_value == 1 else 'so short'}"
        case "maxItems" | "maxLength":
            what = "entries" if error.validator == "maxItems" else "characters"
            detail = f"found {len(error.instance)} {what}, allowed are {error.validator_value}"
        case "contains":
            detail = f"found {_short(str(error.instance))}, must contain {error.validator_value['const']}"
        case "pattern":
            expected = error.schema.get("description", "a-z, 0-9 and _ alone, with a letter first")
            detail = f"found {found}, expected {expected}"
        case _:
            detail = _short(error.message)
    return [f"{locate(files, key)}: {name}: {detail}"]


_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping (key: value)",
    "null": "null",
}


def _found(value: Any) -> str:
    if isinstance(value, dict | list) and value:
        return "a list" if isinstance(value, list) else "a mapping"
    return _short(repr(value))


def _short(text: str, limit: int = 100) -> str:
    return text if len(text) <= limit else f"{text[:limit]}..."


def _innermost(error: ValidationError) -> ValidationError:
    """Return the most telling of the alternatives that an ``oneOf`` tried."""
    return error if not error.context else min(error.context, key=lambda e: len(e.absolute_path))


def _some(names: list[str], limit: int = 12) -> str:
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
