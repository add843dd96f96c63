"""DAVIS: order of the list, palette indices, void as background."""

import numpy as np
import pytest
from PIL import Image

from tests.formats import davis2017
from tests.formats.pictures import palette_png, shows
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.images import BadImageError
from workflow_scripts.data.reader import Box, open_reader


@pytest.fixture
def davis(tmp_path):
    davis2017.write(tmp_path)
    return tmp_path


def test_frames_in_the_order_of_the_list(davis):
    reader = open_reader("davis", davis)
    assert len(reader) == 8
    assert [reader.frame(p) for p in (0, 3, 4, 7)] == [("judo", 0), ("judo", 3), ("bike-packing", 0), ("bike-packing", 3)]
    assert reader.id(5) == "bike-packing/00001.jpg"
    assert shows(reader.image(5), 5)
    assert reader.label(0) == -1
    assert len(open_reader("davis", davis / "DAVIS")) == 8


def test_object_maps_are_palette_indices_with_void_as_background(davis):
    reader = open_reader("davis", davis)
    assert np.array_equal(reader.object_map(2), davis2017.object_map(0, 2))
    annotated = davis2017.object_map(1, 3)
    assert (annotated == 255).sum() == 160
    values = reader.object_map(7)
    assert values.dtype == np.uint8
    assert values.max() == 2
    assert np.array_equal(values, np.where(annotated == 255, 0, annotated))


def test_boxes_are_the_bounds_of_the_objects_without_void(davis):
    reader = open_reader("davis", davis)
    assert reader.box_classes == ["object"]
    assert reader.boxes(3) == [Box((7, 8, 39, 40), 0, "1"), Box((53, 20, 83, 60), 0, "2")]
    assert reader.boxes(7) == reader.boxes(3)  # void lies beside the second object
    path = davis / "DAVIS/Annotations/480p/judo/00001.png"
    palette_png(path, np.where(davis2017.object_map(0, 1) == 2, 2, 0).astype(np.uint8))
    assert [box.track for box in reader.boxes(1)] == ["2"]
    palette_png(path, np.full((64, 96), 255, np.uint8))
    assert reader.boxes(1) == []


def test_a_colour_image_is_no_annotation(davis):
    path = davis / "DAVIS/Annotations/480p/judo/00001.png"
    Image.new("RGB", (96, 64)).save(path)
    with pytest.raises(BadImageError, match=r"judo/00001\.png: expected a label map with one 8-bit channel, found RGB"):
        open_reader("davis", davis).object_map(1)


def test_missing_files(davis):
    with pytest.raises(AtlasError, match=r"ImageSets/2017/train\.txt: expected the list of videos, but nothing is there"):
        open_reader("davis", davis, {"split": "train"})
    (davis / "DAVIS/Annotations/480p/judo/00001.png").unlink()
    with pytest.raises(AtlasError, match=r"judo: 3 annotations that do not fit the 4 frames"):
        open_reader("davis", davis)
