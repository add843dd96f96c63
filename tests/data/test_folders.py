"""What a folder holds: links followed but not in circles, junk never data, what is left over said, every name written."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.formats import (
    ade20k,
    bdd100k_mot,
    cityscapes,
    davis2017,
    eurosat,
    fair1m,
    imagenet_train,
    imagenet_val,
    mot17,
    partimagenet,
    roxford5k,
    spair71k,
    tiny_imagenet,
)
from tests.formats.pictures import picture
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.crops import write_crops
from workflow_scripts.data.folders import Folders, is_junk, printable
from workflow_scripts.data.images import BadImageError
from workflow_scripts.data.reader import open_reader
from workflow_scripts.data.views import CentreCrop, View

JUNK = [
    ".ipynb_checkpoints", ".DS_Store", "__MACOSX", "Thumbs.db", "thumbs.db", "._x.jpg", "desktop.ini", "lost+found", "@eaDir",
    "$RECYCLE.BIN", "System Volume Information", "__pycache__",
]  # fmt: skip
# Format -> reader, options, and a folder of it that the reader lists.
LISTED = {
    ade20k: ("ade20k", {}, "ADEChallengeData2016/images/training"),
    bdd100k_mot: ("bdd100k_mot", {}, "bdd100k/labels/box_track_20/val"),
    cityscapes: ("cityscapes", {"split": "val"}, "leftImg8bit/val/lindau"),
    davis2017: ("davis", {}, f"DAVIS/JPEGImages/480p/{davis2017.VIDEOS[0]}"),
    eurosat: ("scenes", {"collection": "eurosat"}, "2750/Forest"),
    fair1m: ("fair1m", {}, "train/part1/images"),
    imagenet_train: ("imagenet", {}, "train/n01440764"),
    imagenet_val: ("imagenet", {"split": "val"}, "val"),
    mot17: ("mot17", {}, "MOT17/train/MOT17-02-FRCNN/img1"),
    partimagenet: ("partimagenet", {}, "train"),
    roxford5k: ("revisitop", {}, "jpg"),
    spair71k: ("spair", {}, "SPair-71k/PairAnnotation/test"),
    tiny_imagenet: ("tiny_imagenet", {}, "tiny-imagenet-200/train/n01443537/images"),
}


def ids(reader):
    return [reader.id(position) for position in range(len(reader))]


@pytest.fixture
def pets(tmp_path):
    """A folder of two classes, and four more classes elsewhere."""
    for name in ("mine/cat/1.png", "mine/dog/2.png", "other/eel/3.png", "other/fox/4.png", "other/fox/deep/5.png"):
        picture(tmp_path / name, int(name[-5]))
    return tmp_path


def test_class_folders_that_are_links_are_followed(pets):
    for name in ("eel", "fox"):
        (pets / "mine" / name).symlink_to(pets / "other" / name)
    reader = open_reader("image_folder", pets / "mine")
    assert ids(reader) == ["cat/1.png", "dog/2.png", "eel/3.png", "fox/4.png", "fox/deep/5.png"]
    assert reader.classes == ["cat", "dog", "eel", "fox"]
    assert [reader.label(position) for position in range(5)] == [0, 1, 2, 3, 3]
    assert reader.left_over == ""


def test_links_in_a_circle_are_not_followed_and_said(pets):
    (pets / "mine/dog/up").symlink_to(pets / "mine")
    (pets / "mine/cat/self").symlink_to(pets / "mine/cat/self")
    reader = open_reader("image_folder", pets / "mine")
    assert ids(reader) == ["cat/1.png", "dog/2.png"]
    assert reader.left_over == "1 without a suffix, 1 link back to a folder above it (dog/up)"


def test_a_link_to_a_file_that_is_gone_is_named_where_it_is_read(pets):
    (pets / "mine/cat/0.png").symlink_to(pets / "gone.png")
    reader = open_reader("image_folder", pets / "mine")
    assert ids(reader)[0] == "cat/0.png"
    with pytest.raises(BadImageError, match=r"cat/0\.png: the image file does not exist"):
        reader.image(0)


@pytest.mark.parametrize("name", JUNK)
def test_junk_is_neither_class_nor_image(pets, name):
    assert is_junk(name)
    picture(pets / "mine" / name / "6.png", 6)
    picture(pets / "mine/cat" / (name + "x" * (not name.startswith("."))) / "7.png", 7)
    (pets / "mine/dog" / name).write_bytes(b"junk")
    reader = open_reader("image_folder", pets / "mine")
    assert reader.classes == ["cat", "dog"]
    assert [file for file in ids(reader) if "7" not in file] == ["cat/1.png", "dog/2.png"]
    assert reader.left_over == ""


@pytest.mark.parametrize("name", ["cat", "_hidden", "Thumbs.dbx", "MACOSX", "lost"])
def test_other_names_are_not_junk(name):
    assert not is_junk(name)


def test_what_is_not_read_is_counted_by_suffix(pets):
    for name in ("cat/a.HEIC", "cat/b.heic", "dog/c.mp4", "readme", "dog/notes.tar.gz"):
        (pets / "mine" / name).write_bytes(b"x")
    assert open_reader("image_folder", pets / "mine").left_over == "2 .heic, 1 without a suffix, 1 .gz, 1 .mp4"
    (pets / "mine/cat/1.png").unlink()
    (pets / "mine/dog/2.png").unlink()
    with pytest.raises(AtlasError, match=r"no image in this folder .*found 2 \.heic, 1 without a suffix"):
        open_reader("image_folder", pets / "mine")


def test_many_suffixes_and_folders_are_summed_up(tmp_path):
    for i in range(12):
        (tmp_path / f"a.{i:02d}").touch()
        (tmp_path / f"folder{i:02d}").mkdir()
    folders = Folders()
    assert folders.files(tmp_path, (".jpg",)) == []
    assert "1 .07, 4 of 4 other suffixes, 12 folders (folder00, folder01, folder02, ...)" in folders.left_over()


def test_what_another_listing_takes_is_not_left_over(tmp_path):
    for name in ("a.jpg", "a.xml", "a.txt"):
        (tmp_path / name).touch()
    (tmp_path / "inner").mkdir()
    folders = Folders()
    assert folders.files(tmp_path, (".jpg",)) == ["a.jpg"]
    assert folders.left_over() == "1 .txt, 1 .xml, 1 folder (inner)"
    assert folders.folders(tmp_path) == ["inner"]
    assert folders.files(tmp_path, (".xml",)) == ["a.xml"]
    assert folders.left_over() == "1 .txt"


@pytest.mark.parametrize("module", LISTED, ids=lambda module: module.__name__.split(".")[-1])
def test_every_reader_that_lists_a_folder_says_what_it_leaves(tmp_path, module):
    name, options, folder = LISTED[module]
    module.write(tmp_path)
    before = open_reader(name, tmp_path, options)
    for left in ("notes.odt", ".DS_Store", "Thumbs.db", "._n.jpg", "._n.json"):
        (tmp_path / folder / left).write_bytes(b"no data")
    after = open_reader(name, tmp_path, options)
    assert ids(after) == ids(before)
    assert "odt" not in before.left_over
    assert "1 .odt" in after.left_over
    assert "DS_Store" not in after.left_over + before.left_over


def test_files_and_folders_beside_the_classes_are_said(tmp_path):
    imagenet_train.write(tmp_path)
    picture(tmp_path / "train/loose.JPEG", 1)
    picture(tmp_path / "train/extra/1.JPEG", 1)
    picture(tmp_path / "train/n01440764/deeper/1.JPEG", 1)
    assert open_reader("imagenet", tmp_path).left_over == "1 .jpeg, 2 folders (deeper, extra)"


@given(st.binary(min_size=1, max_size=30))
def test_every_name_is_written_and_can_be_read_back(content):
    name = os.fsdecode(content)
    text = printable(name)
    text.encode("utf-8")
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029]", text)
    assert read_back(text) == name


def read_back(text):
    def one(match):
        kind, digits = match[1][0], match[1][1:]
        return {"\\": lambda: "\\", "x": lambda: chr(0xDC00 + int(digits, 16)), "u": lambda: chr(int(digits, 16))}[kind]()

    return re.sub(r"\\(\\|x[0-9a-f]{2}|u[0-9a-f]{4})", one, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (b"caf\xe9.jpg", r"caf\xe9.jpg"),
        (b"caf\xc3\xa9 \xe2\x98\x95.jpg", "caf\u00e9 \u2615.jpg"),
        (b"a\nb\t.jpg", r"a\u000ab\u0009.jpg"),
        (b"a\\xe9.jpg", r"a\\xe9.jpg"),
        (b"\xc2\x85.jpg", r"\u0085.jpg"),
        (b"\x85.jpg", r"\x85.jpg"),
        (b"\xe2\x80\xa8.jpg", r"\u2028.jpg"),
    ],
)
def test_names_that_files_have_and_tables_do_not(name, text):
    assert printable(os.fsdecode(name)) == text


@pytest.fixture
def odd_names(tmp_path):
    """A folder whose file and class names no table takes, one of the files broken."""
    folder = tmp_path / "pictures"
    for name in (b"caf\xe9/1.png", b"caf\xe9/a\nb.png", b"\xff.png", b"bad\xe8.png"):
        picture(folder / os.fsdecode(name), 1)
    (folder / os.fsdecode(b"bad\xe8.png")).write_bytes(b"")
    return folder


def test_names_that_are_not_utf8_come_through_the_command(odd_names, tmp_path):
    files = {name: tmp_path / f"out.{name}" for name in ("crops", "samples", "skipped")}
    arguments = ["--dataset", "mine", "--reader", "image_folder", "--path", str(odd_names), "--view", "resize8-crop8"]
    arguments += ["--on-bad-image", "skip", *(f"--{name}={path}" for name, path in files.items())]
    made = subprocess.run(
        [sys.executable, "-m", "workflow_scripts.crop_images", *arguments],
        capture_output=True, text=True, check=True, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    samples = pd.read_parquet(files["samples"])
    assert samples["id"].tolist() == [r"caf\xe9/1.png", r"caf\xe9/a\u000ab.png", r"\xff.png"]
    assert samples["class"].tolist() == [r"caf\xe9", r"caf\xe9", ""]
    (message,) = json.loads(files["skipped"].read_text(encoding="utf-8"))
    assert rf"{odd_names}/bad\xe8.png: the image file is empty" in message
    message.encode("utf-8")
    assert r"dataset 'mine': names with bytes that are not UTF-8" in made.stderr
    assert samples.attrs["notes"] == [
        r"names with bytes that are not UTF-8, control characters or backslashes are written as \xe9, \u000a, \\"
    ]


@pytest.mark.parametrize("module", [imagenet_train, fair1m], ids=["imagenet", "fair1m"])
def test_ids_of_the_readers_are_printable(tmp_path, module):
    name, options, folder = LISTED[module]
    module.write(tmp_path)
    file = min(path for path in (tmp_path / folder).iterdir() if not is_junk(path.name))
    file.rename(file.with_stem(os.fsdecode(b"\xe9")))
    if module is fair1m:
        labels = tmp_path / "train/part1/labelXml/0.xml"
        labels.rename(labels.with_stem(os.fsdecode(b"\xe9")))
    reader = open_reader(name, tmp_path, options)
    position = next(position for position, text in enumerate(ids(reader)) if "xe9" in text)
    assert reader.id(position).encode("utf-8").count(b"\\xe9") >= 1
    assert reader.image(position).mode == "RGB"


def test_what_is_left_over_is_in_the_samples(pets):
    (pets / "mine/film.mp4").touch()
    reader = open_reader("image_folder", pets / "mine")
    samples, _ = write_crops(pets / "c.npy", reader, range(2), View(CentreCrop(8, 8)), "stop", 1)
    assert samples.attrs["notes"] == ["not read: 1 .mp4"]
    samples.to_parquet(pets / "s.parquet", index=False)
    assert pd.read_parquet(pets / "s.parquet").attrs["notes"] == ["not read: 1 .mp4"]
