"""Packed crops: right images in the right order, bad ones named, the rest kept."""

import resource
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.alterations import Noise
from workflow_scripts.data.crop_files import read_crops
from workflow_scripts.data.crops import write_crops
from workflow_scripts.data.images import BadImageError
from workflow_scripts.data.reader import open_reader
from workflow_scripts.data.views import CentreCrop, Squash, Tiles, View

EIGHT = CentreCrop(8, 8)


@pytest.fixture
def folder(tmp_path):
    for index in range(9):
        path = tmp_path / "images" / ("cat" if index % 2 else "dog") / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20 + index, 16), (index * 20, 0, 0)).save(path)
    return tmp_path / "images"


def write(tmp_path, folder, on_bad_image="stop", workers=2, geometry=EIGHT):
    reader = open_reader("image_folder", folder)
    return write_crops(tmp_path / "c.npy", reader, range(len(reader)), View(geometry), on_bad_image, workers)


def test_order_labels_and_pixels(tmp_path, folder):
    samples, skipped = write(tmp_path, folder)
    assert not skipped
    assert samples["id"].tolist() == [f"cat/{i}.png" for i in (1, 3, 5, 7)] + [f"dog/{i}.png" for i in (0, 2, 4, 6, 8)]
    assert samples["class"].tolist() == ["cat"] * 4 + ["dog"] * 5
    assert samples["label"].tolist() == [0] * 4 + [1] * 5
    crops = np.load(tmp_path / "c.npy", mmap_mode="r")
    assert crops.shape == (9, 8, 8, 3)
    assert crops[:, 4, 4, 0].tolist() == [20, 60, 100, 140, 0, 40, 80, 120, 160]
    assert np.array_equal(read_crops(tmp_path / "c.npy", 3, 5), crops[3:5])


def test_the_number_of_workers_does_not_change_the_bytes(tmp_path, folder):
    write(tmp_path, folder, workers=1)
    one = (tmp_path / "c.npy").read_bytes()
    write(tmp_path, folder, workers=4)
    assert (tmp_path / "c.npy").read_bytes() == one


def test_noise_is_that_of_the_position_in_whatever_part_and_order(tmp_path, folder):
    reader, view = open_reader("image_folder", folder), View(Squash(16, 20), Noise(30))
    found = {}
    for positions in (range(9), [7, 2, 5], [2]):
        write_crops(tmp_path / "c.npy", reader, positions, view, "stop", 2)
        for position, crop in zip(positions, np.load(tmp_path / "c.npy"), strict=True):
            assert np.array_equal(found.setdefault(position, crop), crop)
    assert not np.array_equal(found[2], found[5])
    clean = np.asarray(reader.image(2))
    rng = np.random.default_rng(1000 * 30 + 2)
    noisy = np.clip(np.rint(clean + 30 * rng.standard_normal(clean.shape, np.float32)), 0, 255).astype(np.uint8)
    assert np.array_equal(found[2], np.asarray(Image.fromarray(noisy).resize((20, 16), Image.Resampling.BICUBIC)))


def test_tiles_lie_one_after_the_other_and_the_samples_say_which(tmp_path, folder):
    samples, _ = write(tmp_path, folder, geometry=Tiles(8, 8, 4))
    # 16 px high and 21 to 28 px wide become 8 x 8 or 8 x 12.
    widths = [20 + i for i in (1, 3, 5, 7, 0, 2, 4, 6, 8)]
    assert samples["image_width"].tolist() == widths
    assert samples["width"].tolist() == [width * 8 // (16 * 4) * 4 for width in widths]
    assert samples["n_crops"].tolist() == [1 if width == 8 else 2 for width in samples["width"]]
    assert samples["first_crop"].tolist() == [0, *samples["n_crops"].cumsum()[:-1]]
    crops = np.load(tmp_path / "c.npy")
    assert len(crops) == samples["n_crops"].sum()
    first = samples["first_crop"][5]
    assert (crops[first, 4, 4, 0], crops[first + samples["n_crops"][5] - 1, 4, 4, 0]) == (40, 40)


def test_crops_need_not_be_square(tmp_path, folder):
    samples, _ = write(tmp_path, folder, geometry=Squash(4, 8))
    assert np.load(tmp_path / "c.npy").shape == (9, 4, 8, 3)
    assert samples[["height", "width"]].drop_duplicates().to_numpy().tolist() == [[4, 8]]


def test_stop_names_the_bad_image_and_writes_nothing(tmp_path, folder):
    (folder / "cat" / "5.png").write_bytes(b"")
    with pytest.raises(BadImageError, match=r"cat/5\.png: the image file is empty.*on_bad_image: skip"):
        write(tmp_path, folder)
    assert not (tmp_path / "c.npy").exists()


def test_skip_leaves_bad_images_out_and_counts_them(tmp_path, folder):
    for name in ("cat/1.png", "dog/8.png", "dog/0.png"):
        (folder / name).write_bytes((folder / name).read_bytes()[:30])
    samples, skipped = write(tmp_path, folder, "skip")
    assert len(skipped) == 3
    assert "cat/1.png" in skipped[0]
    assert samples["position"].tolist() == [1, 2, 3, 5, 6, 7]
    crops = np.load(tmp_path / "c.npy")
    assert crops[:, 4, 4, 0].tolist() == [60, 100, 140, 40, 80, 120]


def test_nothing_left_is_an_error(tmp_path, folder):
    for path in folder.rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(AtlasError, match="no image of 9 could be read"):
        write(tmp_path, folder, "skip")


def test_a_plain_folder_has_no_labels(tmp_path):
    (tmp_path / "images").mkdir()
    Image.new("RGB", (1, 1)).save(tmp_path / "images" / "dot.png")
    samples, _ = write(tmp_path, tmp_path / "images")
    assert samples["label"].tolist() == [-1]
    assert samples["class"].tolist() == [""]


def test_readers_say_what_is_wrong(tmp_path):
    with pytest.raises(AtlasError, match="expected a folder of images"):
        open_reader("image_folder", tmp_path / "none")
    with pytest.raises(AtlasError, match="no image in this folder"):
        open_reader("image_folder", tmp_path)
    with pytest.raises(AtlasError, match=r"reader 'image_foldr' is not known .*did you mean 'image_folder'"):
        open_reader("image_foldr", tmp_path)
    (tmp_path / "world.safetensors").write_bytes(b"no")
    with pytest.raises(AtlasError, match=r"world\.safetensors: not a split of the demo world"):
        open_reader("demo_world", tmp_path / "world.safetensors")


def test_a_folder_is_listed_by_folder_then_name(tmp_path):
    names = ["a/b/z.PNG", "a/y.png", "a-b/c.png", "a.png", "a/b-c.png", "b/\u00e9.png", "b/Z.png"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (1, 1)).save(tmp_path / name)
    (tmp_path / "b" / "notes.txt").touch()
    (tmp_path / "b" / "folder.png").mkdir()
    reader = open_reader("image_folder", tmp_path)
    assert [reader.id(p) for p in range(len(reader))] == [p.as_posix() for p in sorted(map(Path, names))]
    assert reader.classes == ["a", "a-b", "b"]
    assert [reader.label(p) for p in range(len(reader))] == [0, 0, 0, 1, -1, 2, 2]
    assert reader.file(1) == tmp_path / "a/b-c.png"


def test_no_room_is_said_before_anything_is_decoded(tmp_path, folder, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=9 * 8 * 8 * 3 - 1))
    done = []
    reader = open_reader("image_folder", folder)
    with pytest.raises(AtlasError, match=r"the crops c\.npy needs 1\.7 kB, only 1\.7 kB are free; free space there, or let"):
        write_crops(tmp_path / "c.npy", reader, range(9), View(EIGHT), "stop", 1, done.append)
    assert done == []
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=9 * 8 * 8 * 3))
    assert len(write(tmp_path, folder)[0]) == 9


@pytest.mark.parametrize("limit", [100, 900])
def test_a_disk_that_fills_is_named_with_what_is_wanted(tmp_path, folder, limit):
    """The limit on a file's size stands for a disk; it is met within the crops, and where the last of them are flushed."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(AtlasError, match=rf"c\.npy: File too large .* \(at {limit} bytes of 1\.7 kB\); raise that limit"):
            write(tmp_path, folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_notes_on_own_pictures(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "images").mkdir()
    for i in range(3):
        Image.new("RGB", (40, 30)).save(tmp_path / f"images/{i}.jpg", exif=exif if i else Image.Exif())
    (tmp_path / "images/a.txt").touch()
    samples, _ = write(tmp_path, tmp_path / "images")
    assert samples.attrs["notes"] == ["not read: 1 .txt", "images turned upright, as their EXIF orientation says: 2"]
    assert samples[["image_height", "image_width"]].to_numpy().tolist() == [[30, 40], [40, 30], [40, 30]]
