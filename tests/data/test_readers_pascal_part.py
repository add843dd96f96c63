"""Pascal-Part: nested structs without squeezing, objects without parts, later parts on top."""

import numpy as np
import pytest
from scipy.io import savemat

from tests.formats import pascal_part
from tests.formats.pascal_part import block, struct
from tests.formats.pictures import shows
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.reader import open_reader


@pytest.fixture
def folder(tmp_path):
    pascal_part.write(tmp_path)
    return tmp_path


def test_images_in_which_an_animal_has_parts(folder):
    reader = open_reader("pascal_part_animals", folder)
    # 2008_000002 shows a monitor, the cat of 2008_000009 has no parts.
    assert [reader.id(p) for p in range(len(reader))] == ["2008_000008.jpg"]
    assert shows(reader.image(0), 1)
    assert open_reader("pascal_part_animals", folder, {"split": "val"}).id(0) == "2008_000003.jpg"


def test_animals_and_raw_parts(folder):
    reader = open_reader("pascal_part_animals", folder)
    bird, dog = reader.objects(0)
    assert [reader.object_classes[region.label] for region in (bird, dog)] == ["bird", "dog"]
    assert bird.mask.dtype == bool
    assert np.array_equal(bird.mask, block((2, 12, 2, 12)) == 1)
    parts = reader.parts(0)
    assert len(parts) == 6
    assert len({region.label for region in parts}) == 6
    assert np.array_equal(parts[4].mask, block((10, 12, 8, 12)) == 1)


def test_merged_parts_with_later_ones_on_top(folder):
    reader = open_reader("pascal_part_animals", folder)
    assert reader.dense_classes == ["background", "tail", "head", "leg", "torso", "ear"]
    labels = reader.dense_labels(0)
    assert labels.dtype == np.int16
    name = reader.dense_classes.index
    assert labels[3, 3] == labels[7, 3] == name("torso")  # wing, neck
    assert labels[8, 11] == name("tail")
    assert labels[10, 8] == name("leg")  # the dog's paw covers the bird's tail
    assert labels[4, 8] == name("ear")  # on top of the muzzle
    assert labels[5, 9] == name("head")
    assert labels[15, 19] == name("background")  # the dog, but none of its parts
    assert labels[16, 16] == name("background")  # the monitor


def test_a_part_that_is_not_known_is_not_swallowed(folder):
    broken = struct(["part_name", "mask"], [("fin", block((0, 5, 0, 5)))])
    objects = struct(["class", "class_ind", "mask", "parts"], [("cat", np.uint8(8), block((0, 10, 0, 10)), broken)])
    path = folder / "Annotations_Part/2008_000003.mat"
    savemat(path, {"anno": struct(["imname", "objects"], [("2008_000003", objects)])})
    with pytest.raises(AtlasError, match=r"2008_000003\.mat: not a part annotation .part 'fin' of a cat is not known"):
        open_reader("pascal_part_animals", folder, {"split": "val"})
    savemat(path, {"anno": np.zeros(3)})
    with pytest.raises(AtlasError, match=r"2008_000003\.mat: not a part annotation"):
        open_reader("pascal_part_animals", folder, {"split": "val"})
    savemat(path, {"other": np.zeros(3)})
    with pytest.raises(AtlasError, match=r"2008_000003\.mat: no variable 'anno'"):
        open_reader("pascal_part_animals", folder, {"split": "val"})
    path.unlink()
    with pytest.raises(AtlasError, match=r"2008_000003\.mat: expected a part annotation, but nothing is there"):
        open_reader("pascal_part_animals", folder, {"split": "val"})


def test_no_animal_with_parts(folder):
    lists = folder / "VOCdevkit/VOC2010/ImageSets/Main"
    (lists / "bird_train.txt").write_text("2008_000008 -1\n")
    (lists / "dog_train.txt").write_text("2008_000008 -1\n")
    with pytest.raises(AtlasError, match="no animal with parts in the train split"):
        open_reader("pascal_part_animals", folder)
    (lists / "sheep_train.txt").unlink()
    with pytest.raises(AtlasError, match=r"sheep_train\.txt: expected the list of a class, but nothing"):
        open_reader("pascal_part_animals", folder)
