"""Crops of JPEG files made fast equal PIL's within the stated tolerance; what is no ordinary JPEG is left to PIL."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from workflow_scripts import crop_images
from workflow_scripts.data.alterations import Blur
from workflow_scripts.data.crops import plain_load, write_crops
from workflow_scripts.data.geometry import crops
from workflow_scripts.data.images import BadImageError
from workflow_scripts.data.jpeg import TOLERANCE, fast_load
from workflow_scripts.data.reader import open_reader
from workflow_scripts.data.readers.files import ImageFiles
from workflow_scripts.data.views import CentreCrop, Letterbox, Squash, Tiles, View

GEOMETRY = CentreCrop(73, 64)


def photo(height, width, seed=0):
    """Noise on a ramp: no two places are alike, so that a crop from the wrong place shows."""
    ramp = np.linspace(0, 255, height * width).reshape(height, width, 1)
    noise = np.random.default_rng(seed).integers(0, 255, (height, width, 3))
    return Image.fromarray(((ramp + noise) / 2).astype(np.uint8))


def both(folder, geometry=GEOMETRY):
    """Return the crops and the size of the only image of a folder, made fast and by PIL."""
    reader = open_reader("image_folder", folder)
    loaded = (load(0) for load in (fast_load(reader, geometry), plain_load(reader, View(geometry))))
    return tuple((made.crops, made.size) for made in loaded)


@pytest.mark.parametrize("geometry", [GEOMETRY, CentreCrop(64, 64), CentreCrop(32, 16), CentreCrop(224, 224)], ids=str)
@pytest.mark.parametrize("size", [(300, 400), (401, 299), (73, 90), (64, 64), (40, 55), (3, 200)])
@pytest.mark.parametrize("options", [{"subsampling": 2}, {"subsampling": 0, "progressive": True}], ids=["420", "progressive"])
def test_equal_within_the_tolerance(tmp_path, size, geometry, options):
    photo(*size).save(tmp_path / "a.jpg", quality=95, **options)
    (fast, fast_size), (plain, plain_size) = both(tmp_path, geometry)
    assert fast_size == plain_size == size
    assert fast.shape == plain.shape
    assert fast.dtype == np.uint8
    difference = np.abs(fast.astype(int) - plain)
    assert difference.max() <= TOLERANCE
    assert difference.mean() < 0.1


def test_it_is_not_pil_that_answers(tmp_path, monkeypatch):
    photo(300, 400).save(tmp_path / "a.JPEG", "JPEG")
    reader = open_reader("image_folder", tmp_path)
    monkeypatch.setattr(reader, "image", None)
    assert fast_load(reader, GEOMETRY)(0).size == (300, 400)


@pytest.mark.parametrize(
    ("name", "mode", "kind"),
    [("a.jpg", "CMYK", "JPEG"), ("a.jpg", "RGB", "PNG"), ("a.png", "RGB", "PNG")],
)
def test_pil_does_the_others(tmp_path, name, mode, kind):
    photo(300, 400).convert(mode).save(tmp_path / name, kind)
    (fast, _), (plain, _) = both(tmp_path)
    assert np.array_equal(fast, plain)


def test_grey_becomes_colour(tmp_path):
    photo(300, 400).convert("L").save(tmp_path / "a.jpg")
    (fast, _), (plain, _) = both(tmp_path)
    assert np.abs(fast.astype(int) - plain).max() <= TOLERANCE
    assert np.array_equal(fast[..., 0], fast[..., 2])


def test_decoding_alone_is_the_same(tmp_path):
    photo(64, 64).save(tmp_path / "a.jpg", quality=90)
    (fast, _), (plain, _) = both(tmp_path, CentreCrop(64, 64))
    assert np.array_equal(fast, plain)


def test_a_picture_too_large_for_pil_is_refused_by_pil(tmp_path, monkeypatch):
    photo(300, 400).save(tmp_path / "a.jpg")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(BadImageError, match="decompression bomb"):
        fast_load(open_reader("image_folder", tmp_path), GEOMETRY)(0)


@pytest.mark.parametrize("kept", [0, 30, 3000])
def test_damaged_files_are_named_as_ever(tmp_path, kept):
    photo(300, 400).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:kept])
    reader = open_reader("image_folder", tmp_path)
    messages = []
    for load in (fast_load(reader, GEOMETRY), plain_load(reader, View(GEOMETRY))):
        with pytest.raises(BadImageError, match=r"a\.jpg: ") as error:
            load(0)
        messages.append(str(error.value))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("by", ["exif", "xmp"])
def test_both_decoders_turn_own_pictures_upright_and_count_them(tmp_path, turn, by):
    exif = Image.Exif()
    exif[0x0112] = turn
    options = {"exif": exif} if by == "exif" else {"xmp": f'<x tiff:Orientation="{turn}"/>'.encode()}
    photo(80, 120).save(tmp_path / "a.jpg", quality=95, **options)
    reader = open_reader("image_folder", tmp_path)
    fast, plain = (load(0) for load in (fast_load(reader, GEOMETRY), plain_load(reader, View(GEOMETRY))))
    assert fast.size == plain.size == ((80, 120) if turn < 5 else (120, 80))
    assert fast.orientation == plain.orientation == turn
    assert np.abs(fast.crops.astype(int) - plain.crops).max() <= TOLERANCE
    with Image.open(tmp_path / "a.jpg") as image:
        right = crops(View(GEOMETRY), ImageOps.exif_transpose(image))
    assert np.array_equal(plain.crops, right)


def test_a_benchmarks_pictures_stay_as_stored_in_both_and_are_counted(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    photo(80, 120).save(tmp_path / "a.jpg", quality=95, exif=exif)
    reader = ImageFiles(tmp_path, ["a.jpg"])
    fast, plain = (load(0) for load in (fast_load(reader, GEOMETRY), plain_load(reader, View(GEOMETRY))))
    assert fast.size == plain.size == (80, 120)
    assert fast.orientation == plain.orientation == 6
    assert np.abs(fast.crops.astype(int) - plain.crops).max() <= TOLERANCE
    for load in (fast_load(reader, GEOMETRY), None):
        samples, _ = write_crops(tmp_path / "c.npy", reader, [0, 0], View(GEOMETRY), "stop", 1, load=load)
        assert samples.attrs["notes"] == [
            "images with an EXIF orientation, which is not followed, as by the benchmarks' own code: 2"
        ]


@pytest.mark.parametrize("kind", ["pipe", "header"])
def test_what_pil_refuses_is_not_decoded_first(tmp_path, kind):
    if kind == "pipe":
        os.mkfifo(tmp_path / "a.jpg")
    else:
        photo(20, 30).save(tmp_path / "a.jpg")
        content = (tmp_path / "a.jpg").read_bytes()
        start = content.index(b"\xff\xc0") + 5
        (tmp_path / "a.jpg").write_bytes(content[:start] + (13000).to_bytes(2, "big") * 2 + content[start + 4 :])
    with pytest.raises(BadImageError, match=r"a\.jpg: (not a file|its header says 13000 x 13000)"):
        fast_load(ImageFiles(tmp_path, ["a.jpg"]), GEOMETRY)(0)


def test_which_views_and_machines_are_left_to_pil(tmp_path, monkeypatch):
    photo(30, 40).save(tmp_path / "a.jpg")
    reader = open_reader("image_folder", tmp_path)
    monkeypatch.setattr(crop_images, "TORCH_IMPORT", 0.0)
    monkeypatch.setattr("workflow_scripts.data.jpeg.fast_load", lambda *_: "fast")
    monkeypatch.setattr("workflow_scripts.data.jpeg.worth_it", lambda: True)
    assert crop_images._load(reader, View(GEOMETRY)) == "fast"
    for geometry in (CentreCrop(73, 64, 100), Letterbox(64), Squash(64, 64), Tiles(64, 64, 8)):
        assert crop_images._load(reader, View(geometry)) != "fast"
    assert crop_images._load(reader, View(GEOMETRY, Blur(2))) != "fast"
    monkeypatch.setattr("workflow_scripts.data.jpeg.worth_it", lambda: False)
    assert crop_images._load(reader, View(GEOMETRY)) != "fast"


@pytest.mark.parametrize(
    ("count", "size", "name", "pays"),
    [
        (700, 140_000, "a.JPEG", False),
        (800, 140_000, "a.jpg", True),
        (2600, 4000, "a.jpg", True),
        (60, 2_100_000, "a.jpg", False),
        (70, 2_100_000, "a.jpg", True),
        (10**6, 140_000, "a.png", False),
    ],
)
def test_torch_is_imported_where_it_saves_more_time_than_that_takes(tmp_path, count, size, name, pays):
    with (tmp_path / name).open("wb") as file:
        file.truncate(size)

    class Same:
        def __len__(self):
            return count

        def file(self, position):
            return tmp_path / name

    assert crop_images._torch_pays(Same()) is pays


def test_files_that_are_missing_or_none_do_not_count(tmp_path):
    class Absent:
        def __len__(self):
            return 5000

        def file(self, position):
            return tmp_path / "missing.jpg" if position % 2 else None

    assert not crop_images._torch_pays(Absent())


@pytest.mark.parametrize("import_seconds", [None, 0.0])
def test_a_small_dataset_does_not_wait_for_torch(tmp_path, import_seconds):
    photo(80, 100).save(tmp_path / "a.jpg")
    files = {name: tmp_path / f"out.{name}" for name in ("crops", "samples", "skipped")}
    arguments = ["--dataset", "d", "--reader", "image_folder", "--path", str(tmp_path), "--view", str(GEOMETRY)]
    arguments += ["--on-bad-image", "stop", *(f"--{name}={path}" for name, path in files.items())]
    script = f"""
import sys
from workflow_scripts import crop_images
if {import_seconds} is not None:
    crop_images.TORCH_IMPORT = {import_seconds}
sys.argv = ["crop_images", *{arguments!r}]
crop_images.main()
print("torch" in sys.modules)
"""
    made = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).resolve().parents[2]
    )
    assert made.stdout.strip() == str(import_seconds is not None)
    assert np.load(files["crops"]).shape == (1, 64, 64, 3)
