"""Reading YAML files that users write: whatever is wrong with one is said in one line, and no file takes long or much."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from workflow_scripts.common.errors import AtlasError

DEEPEST = 40  # mappings and lists within each other
MOST_VALUES = 200_000  # of a file, each alias counted as all that it stands for
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C where PyYAML has it: registries are long
_PLAIN = {f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str", "seq", "map", "merge")}


def read_yaml(path: str | Path) -> Any:
    """Return the content of a YAML file: mappings with text as keys, lists, text, numbers, truth values and nulls.

    Raises:
        AtlasError: the file cannot be read, is not YAML, has a key twice (YAML itself would silently keep the last), holds
            what is none of these kinds, or is nested or repeats itself without end.
    """
    text = _text(path)
    try:
        _refuse_depth(path, text)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _Checked(path).count(node)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context
        tab = " (is there a tab? indent with blanks)" if "'\\t'" in str(problem) else ""
        raise AtlasError(f"{path}:{mark.line + 1 if mark else 1}: not valid YAML: {problem}{tab}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise AtlasError(
            f"{path}:{line}: a character that YAML does not allow (code {error.character:#x}); remove it"
        ) from None
    except ValueError as error:  # a number with too many digits, say
        raise AtlasError(f"{path}: not valid YAML: {error}") from None


def line_of(path: str | Path, key: Sequence[str | int]) -> int | None:
    """Return the line in which `key`, a path of keys and list positions, stands in a YAML file; None if it does not."""
    try:
        node = yaml.compose(_text(path), Loader=_Loader)
    except (AtlasError, yaml.YAMLError):
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


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise AtlasError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise AtlasError(f"{path}: a folder; expected a YAML file") from None
    except UnicodeDecodeError as error:
        raise AtlasError(f"{path}: not UTF-8 text (byte {error.start + 1}); save it as UTF-8") from None
    except (OSError, ValueError) as error:  # no right to read it; a zero byte in the path
        reason = error.strerror if isinstance(error, OSError) else error
        raise AtlasError(f"{path}: cannot be read ({reason}); check the path and its rights") from None


def _refuse_depth(path: str | Path, text: str) -> None:
    """Refuse what is nested so deep that the parser itself, which recurs, would not come back."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            line = event.start_mark.line + 1
            raise AtlasError(f"{path}:{line}: more than {DEEPEST} lists and mappings within each other; flatten it")


class _Checked:
    """A walk through a file's nodes that visits each once, however often aliases name it."""

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self.values: dict[int, int] = {}  # of a node and all below it; 0 while it is being counted

    def count(self, node: yaml.Node) -> int:
        """Return how many values `node` stands for.

        Raises:
            AtlasError: they are too many, or one is not of a plain kind, stands within itself, or has a key twice.
        """
        known = self.values.get(id(node))
        if known == 0:
            raise self._problem(node, "an alias that contains itself; write the values out")
        if known is None:
            if node.tag not in _PLAIN:
                kind = node.tag.rsplit(":", 1)[-1]
                raise self._problem(node, f"found a value of kind {kind}; if text is meant, put it into quotes")
            self.values[id(node)] = 0
            known = self.values[id(node)] = 1 + sum(self.count(below) for below in self._below(node))
            if known > MOST_VALUES:
                raise self._problem(node, f"its aliases stand for more than {MOST_VALUES} values; write fewer")
        return known

    def _below(self, node: yaml.Node) -> list[yaml.Node]:
        if isinstance(node, yaml.SequenceNode):
            return node.value
        if not isinstance(node, yaml.MappingNode):
            return []
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if key.tag.rsplit(":", 1)[-1] not in ("str", "merge"):
                found = f"'{key.value}'" if isinstance(key, yaml.ScalarNode) else "a list or mapping"
                raise self._problem(key, f"the key {found} is not text; put it into quotes")
            if key.value in seen:
                raise self._problem(key, f"key '{key.value}' stands twice, first in line {seen[key.value]}; remove one")
            seen[key.value] = line
        return [value for _, value in node.value]

    def _problem(self, node: yaml.Node, text: str) -> AtlasError:
        return AtlasError(f"{self.path}:{node.start_mark.line + 1}: {text}")
