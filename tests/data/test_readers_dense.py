"""A class for every pixel: what each encoding's special values become, and which images a subset takes."""

import numpy as np
import pytest

from tests.formats import ade20k, cityscapes, cocostuff27
from tests.formats.pictures import index_png, picture, shows
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.reader import open_reader


@pytest.fixture(scope="module")
def cities(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cityscapes")
    cityscapes.write(folder)
    return folder


def test_cocostuff_takes_the_listed_images_and_maps_to_27_classes(tmp_path):
    cocostuff27.write(tmp_path)
    reader = open_reader("cocostuff27", tmp_path)
    assert [reader.id(p) for p in range(len(reader))] == ["000000000139.jpg", "000000000724.jpg"]
    assert shows(reader.image(0), 1)
    labels = reader.dense_labels(0)
    assert labels.dtype == np.int16
    assert labels.shape == (20, 24)
    # person; the last reserved thing id (hair brush); banner; wood; laptop: class 0 is a class
    assert [reader.dense_classes[i] for i in labels[0, :5]] == [
        "person-things", "indoor-things", "textile-stuff", "solid-stuff", "electronic-things",
    ]  # fmt: skip
    assert labels[0, 4] == 0
    assert (labels[1:] == -1).all()
    assert len(reader.dense_classes) == 27
    assert len(open_reader("cocostuff27", tmp_path, {"split": "train"})) == 1


def test_cocostuff_lists_in_their_original_folders(tmp_path):
    cocostuff27.write(tmp_path)
    (tmp_path / "curated/val2017").mkdir()
    (tmp_path / "curated/Coco164kFull_Stuff_Coarse_7.val2017.txt").rename(
        tmp_path / "curated/val2017/Coco164kFull_Stuff_Coarse_7.txt"
    )
    assert len(open_reader("cocostuff27", tmp_path)) == 2


def test_pixel_maps_of_the_stuff_challenge_are_refused(tmp_path):
    cocostuff27.write(tmp_path)
    index_png(tmp_path / "annotations/val2017/000000000139.png", np.full((20, 24), 183, np.uint8))
    with pytest.raises(AtlasError, match=r"000000000139\.png: values between 182 and 254"):
        open_reader("cocostuff27", tmp_path).dense_labels(0)
    (tmp_path / "curated/Coco164kFull_Stuff_Coarse_7.val2017.txt").write_text("<html>\n")
    with pytest.raises(AtlasError, match="expected one image id a line"):
        open_reader("cocostuff27", tmp_path)


@pytest.mark.parametrize(("classes", "kept"), [(19, 19), (27, 27)])
def test_cityscapes_label_ids(cities, classes, kept):
    reader = open_reader("cityscapes", cities, {"split": "val", "classes": classes})
    labels = reader.dense_labels(0).ravel()[:34]
    assert len(reader.dense_classes) == kept
    assert labels.min() == -1
    assert sorted(labels[labels >= 0].tolist()) == list(range(kept))
    assert (labels[:7] == -1).all()  # void
    named = {ident: reader.dense_classes[label] for ident, label in enumerate(labels.tolist()) if label >= 0}
    assert named[7] == "road"
    assert named[33] == "bicycle"
    assert (labels[9] == -1) == (classes == 19)  # parking is not evaluated with 19 classes
    assert named[26] == "car"


def test_cityscapes_counts_and_names_per_city(cities):
    assert len(open_reader("cityscapes", cities)) == 18 * 8
    few = open_reader("cityscapes", cities, {"per_city": 4})
    assert len(few) == 72
    assert [few.id(p) for p in range(4)] == [f"aachen/aachen_{i:06d}_{7 * i % 5:06d}_leftImg8bit.png" for i in range(4)]
    assert few.classes == []
    assert few.label(0) == -1


def test_cityscapes_draws_are_nested_and_differ_with_the_seed(cities):
    def drawn(count, seed):
        reader = open_reader("cityscapes", cities, {"split": "val", "per_city": count, "seed": seed})
        return {reader.id(p) for p in range(len(reader))}

    assert len(drawn(10, 0)) == 30
    assert drawn(2, 0) < drawn(4, 0) < drawn(10, 0)
    assert drawn(4, 0) != drawn(4, 1)
    # numpy's RandomState is frozen: these are the images on every machine.
    order = np.random.RandomState(0).permutation(11)[:2]
    assert {name for name in drawn(2, 0) if name.startswith("munster")} == {
        f"munster/munster_{i:06d}_{7 * i % 5:06d}_leftImg8bit.png" for i in order
    }


def test_cityscapes_in_turn_begins_with_every_smaller_subset(cities):
    def drawn(**options):
        reader = open_reader("cityscapes", cities, {"seed": 3, **options})
        return [reader.id(p) for p in range(len(reader))]

    turns = drawn(per_city=4, in_turn=True)
    assert len({name.split("/")[0] for name in turns[:18]}) == 18
    for count in (1, 2, 4):
        assert set(turns[: 18 * count]) == set(drawn(per_city=count))


def test_cityscapes_that_lack_something(tmp_path):
    cityscapes.write(tmp_path)
    with pytest.raises(AtlasError, match=r"aachen: 8 images, expected at least 9"):
        open_reader("cityscapes", tmp_path, {"per_city": 9})
    path = tmp_path / "gtFine/val/frankfurt/frankfurt_000000_000000_gtFine_labelIds.png"
    index_png(path, np.full((8, 17), 255, np.uint8))
    with pytest.raises(AtlasError, match="values beyond the label ids 0 to 33"):
        open_reader("cityscapes", tmp_path, {"split": "val"}).dense_labels(0)
    (tmp_path / "leftImg8bit/val/lindau").rename(tmp_path / "gone")
    with pytest.raises(AtlasError, match="lindau: expected a folder"):
        open_reader("cityscapes", tmp_path, {"split": "val"})


@pytest.fixture
def ade(tmp_path):
    ade20k.write(tmp_path)
    return tmp_path


def names(reader):
    return [int(reader.id(p)[-6:-4]) for p in range(len(reader))]


def test_ade20k_values(ade):
    reader = open_reader("ade20k", ade)
    assert names(reader) == [1, 2, 3, 10]
    labels = reader.dense_labels(2)
    assert labels.dtype == np.int16
    assert set(labels.ravel().tolist()) == {0, 149}
    assert set(reader.dense_labels(0).ravel().tolist()) == {-1, 0}
    assert reader.dense_labels(1).shape == (18, 30)
    assert reader.dense_classes[0] == "wall"
    assert len(reader.dense_classes) == 150
    assert names(open_reader("ade20k", ade / "ADEChallengeData2016", {"split": "val"})) == [1, 2]


def test_ade20k_subsets(ade):
    assert names(open_reader("ade20k", ade, {"limit": 3})) == [1, 2, 3]
    order = np.array([1, 2, 3, 10])[np.random.RandomState(5).permutation(4)]
    assert names(open_reader("ade20k", ade, {"limit": 2, "seed": 5})) == sorted(order[:2].tolist())
    # Class 1 takes image 1, class 2 image 2, class 150 image 3: each the first that is not taken.
    assert names(open_reader("ade20k", ade, {"per_class": 1})) == [1, 2, 3]
    # Class 1 takes 1 and 2, class 2 only 10 is left, class 150 only 3.
    assert names(open_reader("ade20k", ade, {"per_class": 2})) == [1, 2, 3, 10]
    with pytest.raises(AtlasError, match="exclude each other"):
        open_reader("ade20k", ade, {"per_class": 2, "limit": 3})


def test_ade20k_of_another_release(ade):
    index_png(ade / "ADEChallengeData2016/annotations/validation/ADE_val_00000001.png", np.full((20, 24), 151, np.uint8))
    with pytest.raises(AtlasError, match=r"ADE_val_00000001\.png: values beyond 150"):
        open_reader("ade20k", ade, {"split": "val"}).dense_labels(0)


@pytest.fixture
def own(tmp_path):
    values = np.array([[0, 1, 2], [3, 255, 0]], np.uint8)
    for i, name in enumerate(("val/b", "val/a/c", "train/d")):
        picture(tmp_path / f"images/{name}.jpg", i, (3, 2))
        index_png(tmp_path / f"labels/{name}.png", values)
    (tmp_path / "classes.txt").write_text("# by value\nsky\nroad\nvoid\ncar\n")
    return tmp_path


def test_label_maps_of_ones_own(own):
    reader = open_reader("label_maps", own, {"split": "val"})
    assert [reader.id(p) for p in range(len(reader))] == ["a/c.jpg", "b.jpg"]
    assert shows(reader.image(1), 0)
    assert reader.dense_classes == ["sky", "road", "void", "car"]
    assert reader.dense_labels(0).tolist() == [[0, 1, 2], [3, -1, 0]]
    assert [reader.id(0), len(open_reader("label_maps", own))] == ["a/c.jpg", 3]


def test_a_listed_class_may_be_void(own):
    index_png(own / "labels/train/d.png", np.array([[0, 1, 2], [3, 3, 0]]))
    reader = open_reader("label_maps", own, {"split": "train", "void": 2})
    assert reader.dense_classes == ["sky", "road", "car"]
    assert reader.dense_labels(0).tolist() == [[0, 1, -1], [2, 2, 0]]


def test_label_maps_that_cannot_be_read_are_named(own):
    with pytest.raises(AtlasError, match=r"labels/train/d\.png: value 255 has no name in .*classes\.txt and is not void \(2\)"):
        open_reader("label_maps", own, {"split": "train", "void": 2}).dense_labels(0)
    (own / "labels/train/d.png").unlink()
    with pytest.raises(AtlasError, match=r"labels/train/d\.png"):
        open_reader("label_maps", own, {"split": "train"}).dense_labels(0)
    with pytest.raises(AtlasError, match="images/test: no such folder, expected the images"):
        open_reader("label_maps", own, {"split": "test"})
    (own / "classes.txt").write_text("\n")
    with pytest.raises(AtlasError, match=r"classes\.txt: 0 names, expected 1 to 255"):
        open_reader("label_maps", own)
    (own / "classes.txt").unlink()
    with pytest.raises(AtlasError, match=r"classes\.txt.*the name of a class a line"):
        open_reader("label_maps", own)
