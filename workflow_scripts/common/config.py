"""Checking configuration and registries before any job starts: every mistake in one line of its own.

A message names the file (and line, where the key stands in one), the key, what was found, what is allowed and, for a
name, the nearest known one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError

from workflow_scripts.common.errors import AtlasError, nearest

Key = tuple[str | int, ...]
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C where PyYAML has it: registries are long


def read_yaml(path: str | Path) -> Any:
    """Return the content of a YAML file.

    Raises:
        AtlasError: the file is missing, is not YAML, or has a key twice (YAML itself would silently keep the last).
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise AtlasError(f"{path}: no such file; check the path") from None
    try:
        node = yaml.compose(text, Loader=_Loader)
        _refuse_twins(path, node)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 both are safe loaders
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise AtlasError(f"{where}: not valid YAML: {error.problem}") from None


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
    return [message for error in errors for message in _messages(_innermost(error), files)]


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
        line = _line(Path(path), key)
        if line:
            return f"{path}:{line}"
    return "--config"


def _messages(error: ValidationError, files: Sequence[str | Path]) -> list[str]:
    key = tuple(error.absolute_path)
    name = ".".join(str(part) for part in key) or "top level"
    found = repr(error.instance) if not isinstance(error.instance, dict | list) else type(error.instance).__name__
    match error.validator:
        case "additionalProperties":
            known = list(error.schema.get("properties", {}))
            unknown = [k for k in error.instance if k not in known]
            return [
                f"{locate(files, (*key, extra))}: {'.'.join(str(p) for p in (*key, extra))}: unknown key "
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
            detail = f"found {error.instance!r}, must not be {'empty' if error.validator_value == 1 else 'so short'}"
        case "contains":
            detail = f"found {error.instance}, must contain {error.validator_value['const']}"
        case "pattern":
            detail = f"found {found}, must consist of a-z, 0-9 and _ and begin with a letter"
        case _:
            detail = error.message
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


def _innermost(error: ValidationError) -> ValidationError:
    """Return the most telling of the alternatives that an ``oneOf`` tried."""
    return error if not error.context else min(error.context, key=lambda e: len(e.absolute_path))


def _some(names: list[str], limit: int = 12) -> str:
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")


def _refuse_twins(path: str | Path, node: yaml.Node | None) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                raise AtlasError(f"{path}:{line}: key '{key.value}' stands twice, first in line {seen[key.value]}; remove one")
            seen[key.value] = line
            _refuse_twins(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_twins(path, value)


def _line(path: Path, key: Key) -> int | None:
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, yaml.YAMLError):
        return None
    line = 1
    for part in key:
        if isinstance(node, yaml.MappingNode):
            match = [(k, v) for k, v in node.value if k.value == str(part)]
            if not match:
                return None
            line, node = match[0][0].start_mark.line + 1, match[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return None
    return line
