"""ImageNet: labels are places among sorted ids, whichever way the files say them; subsets take names in string order."""

import shutil

import pytest

from tests.formats import imagenet_train, imagenet_val
from tests.formats.pictures import shows
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.reader import open_reader


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    folder = tmp_path_factory.mktemp("imagenet_train")
    imagenet_train.write(folder)
    return folder


@pytest.fixture
def val(tmp_path):
    imagenet_val.write(tmp_path)
    return tmp_path


def test_train_in_sorted_order_without_junk(train):
    reader = open_reader("imagenet", train)
    assert len(reader) == 51 * 3
    assert reader.classes == imagenet_train.WNIDS
    names = [reader.id(p) for p in range(3)]
    assert names == ["n01440764/n01440764_10.JPEG", "n01440764/n01440764_10001.JPEG", "n01440764/n01440764_9.JPEG"]
    assert [reader.label(p) for p in (0, 2, 3, 152)] == [0, 0, 1, 50]
    assert shows(reader.image(0), 1)  # 10 is the second number that the writer used
    assert reader.image(1).mode == "RGB"  # the file is CMYK


def test_imagenet50_takes_the_first_names_of_its_classes(train):
    reader = open_reader("imagenet", train, {"subset": "imagenet50", "per_class": 2})
    assert len(reader) == 100
    assert len(reader.classes) == 50
    assert "n01440764" not in reader.classes
    assert reader.id(0) == "n01601694/n01601694_10.JPEG"
    assert reader.id(1) == "n01601694/n01601694_10001.JPEG"
    assert [reader.label(p) for p in range(100)] == [p // 2 for p in range(100)]


def test_a_subset_without_one_of_its_classes_is_refused(train):
    with pytest.raises(AtlasError, match=r"train: no image of class n0\d+ \(\d+ of 200 classes are empty\)"):
        open_reader("imagenet", train, {"subset": "tiny200"})


def test_validation_labels_from_the_devkit_are_not_the_devkits_numbers(val):
    reader = open_reader("imagenet", val, {"split": "val"})
    assert reader.classes == ["n01440764", "n02119789"]
    assert [reader.id(p) for p in range(4)] == [f"ILSVRC2012_val_0000000{i}.JPEG" for i in (1, 4, 2, 3)]
    assert [reader.label(p) for p in range(4)] == [0, 0, 1, 1]
    assert shows(reader.image(1), 3)


def test_validation_images_sorted_into_folders_have_the_same_labels(val):
    flat = open_reader("imagenet", val, {"split": "val"})
    sorted_by_hand = {flat.id(p): flat.classes[flat.label(p)] for p in range(4)}
    for name, wnid in sorted_by_hand.items():
        (val / "val" / wnid).mkdir(exist_ok=True)
        shutil.move(val / "val" / name, val / "val" / wnid / name)
    reader = open_reader("imagenet", val, {"split": "val"})
    assert {reader.id(p).split("/")[1]: reader.classes[reader.label(p)] for p in range(4)} == sorted_by_hand


def test_per_class_applies_to_validation_images_too(val):
    reader = open_reader("imagenet", val, {"split": "val", "per_class": 1})
    assert [reader.id(p)[-6:-5] for p in range(2)] == ["1", "2"]


def test_a_validation_set_that_does_not_fit_its_ground_truth(val):
    (val / "val" / "ILSVRC2012_val_00000002.JPEG").unlink()
    with pytest.raises(AtlasError, match=r"ground_truth.txt: 4 lines, but .*val has 3 images"):
        open_reader("imagenet", val, {"split": "val"})


def test_a_devkit_that_is_missing_or_broken(val):
    meta = val / "ILSVRC2012_devkit_t12/data/meta.mat"
    meta.write_bytes(b"<html>log in</html>" * 20)
    with pytest.raises(AtlasError, match=r"meta\.mat: not a MATLAB file .*, expected the devkit's table of classes"):
        open_reader("imagenet", val, {"split": "val"})
    meta.unlink()
    with pytest.raises(AtlasError, match=r"meta\.mat: expected the devkit's table of classes, but nothing is there"):
        open_reader("imagenet", val, {"split": "val"})
    shutil.rmtree(val / "ILSVRC2012_devkit_t12")
    with pytest.raises(AtlasError, match=r"ground_truth\.txt: expected the devkit's list of validation classes, but nothing"):
        open_reader("imagenet", val, {"split": "val"})


def test_folders_and_options_that_are_not_what_was_expected(train, tmp_path):
    with pytest.raises(AtlasError, match=r"train: expected a folder"):
        open_reader("imagenet", tmp_path)
    (tmp_path / "train").mkdir()
    with pytest.raises(AtlasError, match=r"train: no class folder"):
        open_reader("imagenet", tmp_path)
    with pytest.raises(AtlasError, match=r"option split: found 'vall', allowed: train, val; did you mean 'val'"):
        open_reader("imagenet", train, {"split": "vall"})
    with pytest.raises(AtlasError, match=r"option per_class: found 0, expected a whole number from 1, or null"):
        open_reader("imagenet", train, {"per_class": 0})
