"""The registry against schema, readers and layouts: what an archive unpacks to is what the reader opens."""

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.formats.pack import pack
from workflow_scripts.common.code_inputs import code_inputs
from workflow_scripts.common.config import check
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.data.images import read_rgb
from workflow_scripts.data.reader import GROUND_TRUTH, open_reader
from workflow_scripts.data.reader_names import OPTIONS, READERS, check_options, reader_module
from workflow_scripts.fetch.extract import unpack

CONFIG = Path(__file__).resolve().parents[2] / "config"
SCHEMA = yaml.safe_load((CONFIG / "schemas/datasets.schema.yaml").read_text())
ENTRY = SCHEMA["properties"]["datasets"]["additionalProperties"]["properties"]
REGISTRY = read_yaml(CONFIG / "datasets.yaml")["datasets"]
FETCHED = {name: entry for name, entry in REGISTRY.items() if entry["source"]["type"] == "archives"}
FOLDERS = sorted({entry["path"].split("/")[-1] for entry in FETCHED.values()})
FILES = {file["name"]: file for entry in FETCHED.values() for file in entry["source"]["files"]}


def test_the_registry_fits_its_schema():
    assert check({"datasets": REGISTRY}, SCHEMA, [CONFIG / "datasets.yaml"]) == []


def test_an_archive_source_needs_its_files():
    entry = {**REGISTRY["coco2017_val"], "source": {"type": "archives"}}
    (message,) = check({"datasets": {"mine": entry}}, SCHEMA, [CONFIG / "datasets.yaml"])
    assert "key 'files' is missing" in message


def test_schema_and_readers_know_the_same_names():
    assert ENTRY["reader"]["enum"] == list(READERS)
    assert ENTRY["ground_truth"]["items"]["enum"] == ["label", *GROUND_TRUTH]


@pytest.mark.parametrize("name", READERS)
def test_every_reader_can_be_imported_and_says_where_it_is(name):
    module = importlib.import_module(f"workflow_scripts.{reader_module(name)}")
    assert inspect.isclass(getattr(module, READERS[name].split(":")[1]))


def test_a_command_depends_on_the_reader_it_uses_and_no_other():
    files = code_inputs("crop_images", reader_module("partimagenet"))
    modules = {file.split("/")[-1] for file in files if "/readers/" in file}
    assert {"partimagenet.py", "coco.py", "coco_masks.py", "files.py"} <= modules
    assert not {"davis.py", "matlab.py", "imagenet.py"} & modules
    assert "workflow_scripts/data/demo_world.py" not in files
    assert "workflow_scripts/data/demo_world.py" in code_inputs("crop_images", reader_module("demo_clips"))


def test_names_and_options_that_readers_do_not_know(tmp_path):
    with pytest.raises(AtlasError, match=r"reader 'davs' is not known .*did you mean 'davis'"):
        reader_module("davs")
    with pytest.raises(AtlasError, match="reader 'voc' needs the option 'year'"):
        open_reader("voc", tmp_path)


@pytest.mark.parametrize("name", READERS)
def test_the_options_stated_are_those_that_the_reader_takes(name):
    module = importlib.import_module(f"workflow_scripts.{reader_module(name)}")
    _, _, *taken = inspect.signature(getattr(module, READERS[name].split(":")[1]).__init__).parameters.values()
    assert {option.name: option.default is option.empty for option in taken} == {
        option: what.required for option, what in OPTIONS[name].items()
    }
    defaults = {option.name: option.default for option in taken if option.default is not option.empty}
    needed = {option: what.choices[0] for option, what in OPTIONS[name].items() if what.required}
    assert check_options(name, {**defaults, **needed}) == []


@pytest.mark.parametrize("name", REGISTRY)
def test_the_registrys_options_are_right(name):
    assert check_options(REGISTRY[name]["reader"], REGISTRY[name].get("options", {})) == []


@pytest.mark.parametrize(
    ("reader", "options", "problem"),
    [
        (
            "imagenet",
            {"splitt": "val"},
            "reader 'imagenet' has no option 'splitt' (options: split, subset, per_class); did you",
        ),
        ("coco20k", {"limit": 5}, "reader 'coco20k' has no option 'limit' (options: none)"),
        ("voc", {}, "reader 'voc' needs the option 'year'; give it in the dataset's options"),
        ("voc", {"year": "2007"}, "option year: found '2007', allowed: 2007, 2012"),
        ("voc", {"year": 2007.0}, "option year: found 2007.0, allowed: 2007, 2012"),
        ("cityscapes", {"classes": True}, "option classes: found True, allowed: 19, 27"),
        ("imagenet", {"split": ["val"]}, "option split: found ['val'], allowed: train, val"),
        ("imagenet", {"split": None}, "option split: found None, allowed: train, val"),
        (
            "imagenet",
            {"subset": "tiny"},
            "option subset: found 'tiny', allowed: null, imagenet50, tiny200; did you mean 'tiny200'?",
        ),
        ("imagenet", {"per_class": 0}, "option per_class: found 0, expected a whole number from 1, or null"),
        ("imagenet", {"per_class": True}, "option per_class: found True, expected a whole number from 1, or null"),
        ("ade20k", {"limit": 2.0}, "option limit: found 2.0, expected a whole number from 1, or null"),
        ("ade20k", {"seed": -1}, "option seed: found -1, expected a whole number from 0 to 4294967295, or null"),
        ("ade20k", {"seed": 2**32}, "option seed: found 4294967296, expected a whole number from 0 to"),
        ("spair", {"seed": None}, "option seed: found None, expected a whole number from 0 to"),
        ("demo_world", {"query_every": 0}, "option query_every: found 0, expected a whole number from 2"),
        ("revisitop", {"crop_queries": 1}, "option crop_queries: found 1, allowed: True, False"),
        ("broden", {"categories": "object"}, "option categories: found 'object', expected a list of some of object, part"),
        ("broden", {"categories": []}, "option categories: found [], expected a list of some of object, part"),
        ("broden", {"categories": ["part", "colour"]}, "option categories: found 'colour', allowed: object, part, material"),
    ],
)
def test_options_that_are_wrong_are_said_without_a_look_at_files(reader, options, problem):
    (found,) = check_options(reader, options)
    assert found.startswith(f"reader '{reader}'")
    assert problem in found
    with pytest.raises(AtlasError, match=re.escape(problem)):
        open_reader(reader, "/nowhere", options)


def test_every_mistake_has_a_line():
    assert len(check_options("voc", {"yaer": 2007, "split": "vall"})) == 3


def test_names_and_options_are_known_without_numpy_and_pil():
    script = "import sys; import workflow_scripts.data.reader_names; print(sorted({'numpy', 'PIL', 'pandas'} & {*sys.modules}))"
    made = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=CONFIG.parent)
    assert made.stdout.strip() == "[]"


@pytest.mark.parametrize("name", FETCHED)
def test_options_are_taken_and_ground_truth_is_offered(name):
    entry = FETCHED[name]
    made = getattr(
        importlib.import_module(f"workflow_scripts.{reader_module(entry['reader'])}"), READERS[entry["reader"]].split(":")[1]
    )
    assert entry.get("options", {}).keys() <= inspect.signature(made).parameters.keys()
    assert all(hasattr(made, GROUND_TRUTH[kind]) for kind in entry["ground_truth"] if kind != "label")


def test_one_path_has_one_source_and_one_file_one_entry():
    for entry in FETCHED.values():
        same = [other["source"] for other in FETCHED.values() if other["path"] == entry["path"]]
        assert all(source == entry["source"] for source in same)
        for file in entry["source"]["files"]:
            origin = {key: value for key, value in file.items() if key != "extract"}
            assert origin == {key: value for key, value in FILES[file["name"]].items() if key != "extract"}


@pytest.mark.parametrize("name", FILES)
def test_files_are_named_and_described(name):
    file = FILES[name]
    assert re.fullmatch(r"[\w.-]+", name)
    assert all(url.startswith(("http://", "https://")) for url in [file["url"], *file.get("mirrors", [])])
    assert all(re.fullmatch(r"[0-9a-f]+", file.get(digest, "0")) for digest in ("md5", "sha1", "sha256"))
    assert ("trust" in file) == bool(file.keys() & {"md5", "sha1", "sha256", "bytes"})
    assert ".." not in file["extract"].get("to", "")
    if file["access"] != "open":
        assert file["terms"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_the_archives_unpack_to_is_what_the_reader_opens(folder, tmp_path):
    """Write the layout, pack it and unpack it as the registry says, and read both."""
    fixture = importlib.import_module(f"tests.formats.{folder}")
    fixture.write(tmp_path / "tree")
    entries = [entry for entry in FETCHED.values() if entry["path"].endswith(f"/{folder}")]
    files = entries[0]["source"]["files"]
    assert {file["name"] for file in files} == set(fixture.ARCHIVES)
    for file in files:
        archive = tmp_path / "downloads" / file["name"]
        pack(tmp_path / "tree", file, fixture.ARCHIVES[file["name"]], archive)
        unpack(archive, file["extract"]["kind"], tmp_path / "unpacked" / file["extract"].get("to", "."), file["name"])
    for entry in entries:
        options = entry.get("options", {})
        if options.get("subset") == "tiny200":
            continue  # the tiny tree has not its 200 classes
        there, again = (open_reader(entry["reader"], tmp_path / tree, options) for tree in ("tree", "unpacked"))
        assert len(again) == len(there) > 0
        assert [again.id(p).split("/")[-1] for p in range(len(again))] == [
            there.id(p).split("/")[-1] for p in range(len(there))
        ]
        assert again.image(0).tobytes() == there.image(0).tobytes()
        for position in range(len(again) if hasattr(again, "file") else 0):
            if file := again.file(position):
                assert read_rgb(file).tobytes() == again.image(position).tobytes()
        assert [again.label(p) for p in range(len(again))] == [there.label(p) for p in range(len(there))]
        for kind in entry["ground_truth"]:
            if kind == "label":
                assert again.classes
                assert all(0 <= again.label(p) < len(again.classes) for p in range(len(again)))
            elif kind in ("keypoint_pairs", "retrieval", "dense_groups"):
                assert getattr(again, GROUND_TRUTH[kind])()
            else:
                assert any(len(getattr(again, GROUND_TRUTH[kind])(p)) for p in range(len(again)))
