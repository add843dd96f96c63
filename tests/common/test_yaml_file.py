"""What is wrong with a YAML file is said in one line, with the line of the file, and quickly."""

import pytest

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.yaml_file import line_of, read_yaml


def refusal(path):
    with pytest.raises(AtlasError) as caught:
        read_yaml(path)
    (line,) = str(caught.value).splitlines()
    return line.replace(str(path), "f.yaml")


FAULTS = {
    "key twice": (b"a: 1\nb: 2\na: 3\n", "f.yaml:3: key 'a' stands twice, first in line 1; remove one"),
    "key twice below": (b"a:\n  b: 1\n  b: 2\n", "f.yaml:3: key 'b' stands twice, first in line 2; remove one"),
    "tab": (b"a:\n\tb: 1\n", "f.yaml:2: not valid YAML: found character that cannot start any token"),
    "not closed": (b"a: [1, 2\n", "f.yaml:2: not valid YAML: did not find expected ',' or ']'"),
    "latin 1": ("a: café\n".encode("latin-1"), "f.yaml: not UTF-8 text (byte 7); save it as UTF-8"),
    "utf 16": ("a: 1\n".encode("utf-16"), "f.yaml: not UTF-8 text (byte 1); save it as UTF-8"),
    "zero byte": (b"a: 1\nb: \0\n", "f.yaml:2: a character that YAML does not allow (code 0x0); remove it"),
    "number as key": (b"a: {1: x}\n", "f.yaml:1: the key '1' is not text; put it into quotes"),
    "truth as key": (b"on: x\n", "f.yaml:1: the key 'on' is not text; put it into quotes"),
    "list as key": (b"? [a]\n: x\n", "f.yaml:1: the key a list or mapping is not text; put it into quotes"),
    "date": (b"a: 2026-01-31\n", "f.yaml:1: found a value of kind timestamp; if text is meant, put it into quotes"),
    "python": (b"a: !!python/name:os.system x\n", "f.yaml:1: found a value of kind os.system; if text is meant"),
    "own tag": (b"a: !mine x\n", "f.yaml:1: found a value of kind !mine; if text is meant, put it into quotes"),
    "set": (b"a: !!set {x, y}\n", "f.yaml:1: found a value of kind set; if text is meant, put it into quotes"),
    "alias within itself": (b"a: &a\n  b: *a\n", "f.yaml:1: an alias that contains itself; write the values out"),
    "unknown alias": (b"a: *b\n", "f.yaml:1: not valid YAML: found undefined alias"),
    "too deep": (b"a: " + b"[" * 3000 + b"]" * 3000, "f.yaml:1: more than 40 lists and mappings within each other; flatten it"),
    "far too deep": (b"[" * 300_000, "f.yaml:1: more than 40 lists and mappings within each other; flatten it"),
    "deep maps": (b"{a: " * 3000, "f.yaml:1: more than 40 lists and mappings within each other; flatten it"),
    "two documents": (b"a: 1\n---\nb: 2\n", "f.yaml:2: not valid YAML: but found another document"),
    "endless digits": (b"a: " + b"9" * 5000, "f.yaml: not valid YAML: Exceeds the limit (4300"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line(tmp_path, fault):
    content, expected = FAULTS[fault]
    path = tmp_path / "f.yaml"
    path.write_bytes(content)
    assert refusal(path).startswith(expected)


def bomb(open_, close, join):
    lines = [f"a0: &a0 {open_(['x'] * 10)}"]
    lines += [f"a{level}: &a{level} {open_([f'*a{level - 1}'] * 10)}" for level in range(1, 11)]
    return "\n".join(lines)


BOMBS = {
    "lists": bomb(lambda parts: f"[{', '.join(parts)}]", "]", ", "),
    "maps": bomb(lambda parts: "{" + ", ".join(f"k{i}: {part}" for i, part in enumerate(parts)) + "}", "}", ", "),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_aliases_that_multiply_are_refused_before_they_are_followed(tmp_path, kind):
    path = tmp_path / "f.yaml"
    path.write_text(BOMBS[kind])
    assert "its aliases stand for more than 200000 values; write fewer" in refusal(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    assert refusal(tmp_path) == "f.yaml: a folder; expected a YAML file"
    with pytest.raises(AtlasError, match=r"none\.yaml: no such file; check the path"):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(AtlasError, match="cannot be read"):
        read_yaml("a\0b")
    with pytest.raises(AtlasError, match="cannot be read"):
        read_yaml(tmp_path / ("n" * 300))


def test_what_is_right_is_read(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_text("\ufeffa: &a {b: [1, 2.5, yes, ~, text]}\nc: *a\nd: {<<: *a, e: é}\n", encoding="utf-8")
    content = read_yaml(path)
    assert content["c"] == {"b": [1, 2.5, True, None, "text"]}
    assert content["d"] == {"b": content["a"]["b"], "e": "é"}
    path.write_text("")
    assert read_yaml(path) is None


def test_lines_of_keys(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_text("a:\n  - x\n  - b:\n      c: 1\n")
    assert line_of(path, ("a", 1, "b", "c")) == 4
    assert line_of(path, ("a", 1, "d")) is None
    assert line_of(path, ("a", 7)) is None
    assert line_of(tmp_path / "none", ("a",)) is None
