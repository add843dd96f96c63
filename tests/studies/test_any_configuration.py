"""Whatever somebody does to a valid configuration: a plan, or one line for each mistake, and never a long wait."""

import copy
import json
import math
import time
from contextlib import contextmanager
from pathlib import Path

import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.print_plan import plan_text
from workflow_scripts.studies.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = read_yaml(ROOT / "config/config.yaml")
REGISTRIES = {kind: read_yaml(ROOT / f"config/{kind}.yaml")[kind] for kind in ("models", "datasets")}

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["demo_val", "demo_fs", "a{b}", "..", "-x", "a\nb", "~", "/", "1e9", "photos", "résumé", "a\ud800"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def places(content, key=()):
    """The path of every value in nested mappings and lists."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for name, value in items:
        yield (*key, name)
        yield from places(value, (*key, name))


def edited(data, content):
    """Change one place of `content`: another value, no value, another key, an entry twice."""
    path = data.draw(st.sampled_from(sorted(places(content), key=str)), label="place")
    parent = content
    for part in path[:-1]:
        parent = parent[part]
    match data.draw(st.sampled_from(["value", "value", "value", "gone", "key", "twice"]), label="edit"):
        case "gone":
            del parent[path[-1]]
        case "key" if isinstance(parent, dict):
            parent[data.draw(st.text(max_size=8), label="name")] = parent.pop(path[-1])
        case "twice" if isinstance(parent, list):
            parent.append(copy.deepcopy(parent[path[-1]]))
        case _:
            parent[path[-1]] = data.draw(VALUES, label="value")


@contextmanager
def soon():
    """Five seconds of this process at most; other work on the machine does not count."""
    start = time.process_time()
    yield
    assert time.process_time() - start < 5


def outcome(config, files):
    """Load `config` and plan it as the command does, through JSON; return what it was refused for, a line a mistake."""
    with soon():
        try:
            made = load_settings(config, files)
            text = plan_text(load_settings(json.loads(json.dumps(config)), []))
        except AtlasError as error:
            event("refused")
            return str(error).split("\n")
    assert all(math.isfinite(n) for n in (made.config["demo"]["effort"], made.config["plan_tflops"]))
    assert "Jobs, beside" in text
    event("planned")
    return []


def is_line(text):
    """Whether it is one line that a person can read."""
    return bool(text.strip()) and text.isprintable() and len(text) < 2000


# No deadline: `soon` holds what no plan may take, other work on the machine apart.
COMMON = settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@COMMON
@given(data=st.data())
def test_edits_of_the_configuration(data, monkeypatch):
    monkeypatch.chdir(ROOT)
    config = copy.deepcopy(DEFAULT)
    for _ in range(data.draw(st.integers(1, 3), label="edits")):
        edited(data, config)
    assert all(map(is_line, outcome(config, ["config/config.yaml"])))


@COMMON
@given(data=st.data())
def test_edits_of_entries_in_a_registry_of_one_s_own(data, monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    kind, name = data.draw(st.sampled_from([("models", "demo_mae"), ("models", "dino_b16"), ("datasets", "demo_val")]))
    content = {kind: {name: copy.deepcopy(REGISTRIES[kind][name])}}
    for _ in range(data.draw(st.integers(1, 2), label="edits")):
        if list(places(content)):
            edited(data, content)
    file = tmp_path / "mine.yaml"
    try:
        file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    except UnicodeEncodeError:
        return  # no file holds half a character
    config = copy.deepcopy(DEFAULT) | {"models": ["demo_fs", "demo_untrained", "demo_mae", "dino_b16"]}
    config["registries"] = DEFAULT["registries"] | {kind: [f"config/{kind}.yaml", str(file)]}
    assert all(map(is_line, outcome(config, ["config/config.yaml"])))


@COMMON
@given(data=st.data())
def test_edits_of_the_file_itself(data, tmp_path):
    text = (ROOT / "config/config.yaml").read_bytes()
    for _ in range(data.draw(st.integers(1, 3), label="edits")):
        place = data.draw(st.integers(0, len(text) - 1), label="place")
        new = data.draw(st.binary(max_size=4) | st.sampled_from([b"\t", b"{", b"[", b": ", b"&a ", b"*a", b"\n", b"- ", b"'"]))
        text = text[:place] + new + text[place + data.draw(st.integers(0, 3)) :]
    file = tmp_path / "mine.yaml"
    file.write_bytes(text)
    try:
        with soon():
            content = read_yaml(file)
    except AtlasError as error:
        (line,) = str(error).split("\n")
        assert line.startswith(str(file))
        event("not YAML")
        return
    if isinstance(content, dict):
        assert all(map(is_line, outcome(content, [str(file)])))
