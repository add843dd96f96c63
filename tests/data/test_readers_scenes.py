"""Scenes by folder: all classes must be there, and lists whose suffix does not count."""

import shutil

import pytest

from tests.formats import eurosat, resisc45, uc_merced
from tests.formats.pictures import shows
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.reader import open_reader


@pytest.mark.parametrize(
    ("module", "collection", "count", "first"),
    [
        (uc_merced, "uc_merced", 21, ["agricultural/agricultural00.tif", "agricultural/agricultural01.tif"]),
        (resisc45, "resisc45", 45, ["airplane/airplane_001.jpg", "airplane/airplane_010.jpg"]),
        (eurosat, "eurosat", 10, ["AnnualCrop/AnnualCrop_1.jpg", "AnnualCrop/AnnualCrop_10.jpg"]),
    ],
)
def test_collections(tmp_path, module, collection, count, first):
    module.write(tmp_path)
    reader = open_reader("scenes", tmp_path, {"collection": collection})
    assert len(reader) == 2 * count
    assert len(reader.classes) == count
    assert reader.classes == sorted(reader.classes)
    assert [reader.id(p) for p in (0, 1)] == first
    assert [reader.label(p) for p in (0, 1, 2, 2 * count - 1)] == [0, 0, 1, count - 1]
    assert shows(reader.image(3), 3)
    assert reader.image(1).size == (24, 25)
    train = open_reader("scenes", tmp_path, {"collection": collection, "split": "train"})
    assert len(train) == count
    assert [train.label(p) for p in range(count)] == list(range(count))
    test = open_reader("scenes", tmp_path, {"collection": collection, "split": "test"})
    assert [test.id(p) for p in range(len(test))] == first[1:]
    assert test.classes == reader.classes


def test_missing_classes_images_and_lists(tmp_path):
    eurosat.write(tmp_path)
    (tmp_path / "eurosat-val.txt").write_text("AnnualCrop_1.tif\nAnnualCrop_99.tif\n")
    with pytest.raises(AtlasError, match=r"eurosat-val\.txt: AnnualCrop_99 and 0 more are not below"):
        open_reader("scenes", tmp_path, {"collection": "eurosat", "split": "val"})
    (tmp_path / "eurosat-val.txt").unlink()
    with pytest.raises(AtlasError, match=r"eurosat-val\.txt: expected the list of the split's images, but nothing"):
        open_reader("scenes", tmp_path, {"collection": "eurosat", "split": "val"})
    shutil.rmtree(tmp_path / "2750/River")
    with pytest.raises(AtlasError, match="River: expected a folder"):
        open_reader("scenes", tmp_path, {"collection": "eurosat"})
