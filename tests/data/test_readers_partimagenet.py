"""PartImageNet: classes in turn until the quota of a super-category, parts, and their unions as objects."""

import shutil

import numpy as np
import pytest

from tests.formats import partimagenet
from tests.formats.pictures import shows
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.images import BadImageError
from workflow_scripts.data.reader import open_reader


@pytest.fixture
def release(tmp_path):
    partimagenet.write(tmp_path)
    return tmp_path


def names(reader):
    return [reader.id(p).split("/")[-1].removesuffix(".JPEG") for p in range(len(reader))]


def test_all_images_of_all_splits(release):
    reader = open_reader("partimagenet", release)
    assert names(reader) == [
        "n03670208_5", "n03670208_6",  # Car
        "n01440764_10", "n01440764_9", "n01443537_1", "n01443537_2",  # Fish
        "n02083346_100", "n02083346_20", "n02083346_3", "n02119789_7", "n02119789_8", "n02124075_4",  # Quadruped
    ]  # fmt: skip
    assert reader.classes == sorted(wnid for classes in partimagenet.CLASSES.values() for wnid in classes)
    assert [reader.classes[reader.label(p)] for p in (0, 2, 11)] == ["n03670208", "n01440764", "n02124075"]
    assert shows(reader.image(3), 0)  # the first picture that was written, n01440764_9


@pytest.mark.parametrize(
    ("quota", "quadrupeds"),
    [
        (1, ["n02083346_100"]),
        (3, ["n02083346_100", "n02119789_7", "n02124075_4"]),
        (4, ["n02083346_100", "n02083346_20", "n02119789_7", "n02124075_4"]),
        # n02124075 has no more: the turn passes over it.
        (6, ["n02083346_100", "n02083346_20", "n02083346_3", "n02119789_7", "n02119789_8", "n02124075_4"]),
    ],
)
def test_classes_in_turn_until_the_quota(release, quota, quadrupeds):
    found = names(open_reader("partimagenet", release, {"per_supercategory": quota}))
    assert [name for name in found if name.split("_")[0] in ("n02083346", "n02119789", "n02124075")] == quadrupeds
    assert len([name for name in found if name.startswith("n03670208")]) == min(quota, 2)


def test_parts_by_category_and_their_union_by_super_category(release):
    reader = open_reader("partimagenet", release)
    head, body = reader.parts(11)  # the third annotation is a line
    assert [head.label, body.label] == [0, 1]
    expected = np.zeros((20, 24), bool)
    expected[0:4, 0:6] = True
    assert np.array_equal(head.mask, expected)
    (whole,) = reader.objects(11)
    expected[2:8, 4:10] = True
    assert np.array_equal(whole.mask, expected)
    names_of_all = sorted({c["supercategory"] for c in partimagenet.categories()})
    assert len(names_of_all) == 11
    assert whole.label == names_of_all.index("Quadruped")


def test_the_tree_may_lie_deeper(release, tmp_path_factory):
    deeper = tmp_path_factory.mktemp("deeper")
    shutil.copytree(release, deeper / "PartImageNet_OOD")
    assert names(open_reader("partimagenet", deeper)) == names(open_reader("partimagenet", release))


def test_missing_files(release):
    (release / "val/n02119789/n02119789_7.JPEG").unlink()
    reader = open_reader("partimagenet", release)
    with pytest.raises(BadImageError, match=r"val/n02119789/n02119789_7\.JPEG: the image file does not exist"):
        reader.image(9)
    assert reader.image(10)
    (release / "test.json").unlink()
    with pytest.raises(AtlasError, match=r"no file test\.json"):
        open_reader("partimagenet", release)
