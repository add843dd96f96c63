"""Tiny ImageNet: class folders for training, a table for validation, and only the official classes."""

import pytest

from tests.formats import tiny_imagenet
from tests.formats.pictures import shows
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.reader import open_reader


def test_both_splits(tmp_path):
    tiny_imagenet.write(tmp_path)
    train = open_reader("tiny_imagenet", tmp_path)
    assert train.classes == ["n01443537", "n02124075"]
    assert [train.id(p).split("/")[-1] for p in range(len(train))] == [
        "n01443537_0.JPEG", "n01443537_1.JPEG", "n02124075_0.JPEG", "n02124075_1.JPEG",
    ]  # fmt: skip
    assert [train.label(p) for p in range(4)] == [0, 0, 1, 1]
    assert train.image(3).mode == "RGB"  # grey in the file
    val = open_reader("tiny_imagenet", tmp_path / "tiny-imagenet-200", {"split": "val"})
    assert [(val.id(p), val.label(p)) for p in range(3)] == [
        ("val/images/val_0.JPEG", 0), ("val/images/val_1.JPEG", 1), ("val/images/val_2.JPEG", 1),
    ]  # fmt: skip
    assert shows(val.image(1), 11)
    assert len(open_reader("tiny_imagenet", tmp_path, {"split": "val", "per_class": 1})) == 2


def test_broken_layouts(tmp_path):
    tiny_imagenet.write(tmp_path)
    table = tmp_path / "tiny-imagenet-200/val/val_annotations.txt"
    table.write_text("val_0.JPEG n01443537\n")
    with pytest.raises(AtlasError, match=r"val_annotations\.txt: expected 'file, tab, class' in 'val_0"):
        open_reader("tiny_imagenet", tmp_path, {"split": "val"})
    table.write_text("val_0.JPEG\tn01443537\t0\t0\t1\t1\n")
    with pytest.raises(AtlasError, match="no image of class n02124075"):
        open_reader("tiny_imagenet", tmp_path, {"split": "val"})
    with pytest.raises(AtlasError, match=r"wnids\.txt: expected the list of classes, but nothing is there"):
        open_reader("tiny_imagenet", tmp_path / "tiny-imagenet-200/val")
