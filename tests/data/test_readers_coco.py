"""COCO instances: order by id, categories without gaps, every kind of segmentation."""

import json

import numpy as np
import pytest

from tests.formats import coco2017
from tests.formats.pictures import shows
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.reader import open_reader


@pytest.fixture
def coco(tmp_path):
    coco2017.write(tmp_path)
    return tmp_path


def block(rows, columns):
    mask = np.zeros((20, 24), bool)
    mask[rows, columns] = True
    return mask


def test_images_by_ascending_id_with_and_without_objects(coco):
    reader = open_reader("coco_instances", coco)
    assert [reader.id(p) for p in range(len(reader))] == [f"{n:012d}.jpg" for n in (139, 285, 632)]
    assert shows(reader.image(2), 632)
    assert reader.classes == []
    assert reader.label(0) == -1
    assert [len(reader.objects(p)) for p in range(3)] == [1, 0, 2]
    assert len(open_reader("coco_instances", coco, {"limit": 2})) == 2


def test_polygons_crowds_and_compressed_runs(coco):
    reader = open_reader("coco_instances", coco)
    (dog,) = reader.objects(0)  # its other annotation is a line
    assert dog.label == 2  # category 18 is the third
    assert np.array_equal(dog.mask, block(slice(3, 7), slice(2, 8)) | block(slice(10, 12), slice(10, 12)))
    crowd, car = reader.objects(2)
    assert [crowd.label, car.label] == [0, 1]
    assert np.array_equal(crowd.mask, block(slice(5, 10), slice(0, 2)))
    assert np.array_equal(crowd.mask, car.mask)


def test_images_may_lie_without_the_folder_images(coco):
    (coco / "images/val2017").rename(coco / "val2017")
    assert shows(open_reader("coco_instances", coco).image(0), 139)


def test_broken_annotations(coco):
    path = coco / "annotations/instances_val2017.json"
    content = json.loads(path.read_text())
    content["annotations"][2]["segmentation"]["counts"] = [5, 5]
    path.write_text(json.dumps(content))
    with pytest.raises(AtlasError, match=r"instances_val2017.json: annotation 2: run lengths that do not fill"):
        open_reader("coco_instances", coco).objects(2)
    content["annotations"][0]["category_id"] = 2
    path.write_text(json.dumps(content))
    with pytest.raises(AtlasError, match="category 2 is not described"):
        open_reader("coco_instances", coco)
    path.write_text('{"images": []}')
    with pytest.raises(AtlasError, match=r"no list of 'categories', so not a file of COCO's annotations"):
        open_reader("coco_instances", coco)
    path.write_text("<html>")
    with pytest.raises(AtlasError, match=r"instances_val2017\.json: not JSON .*, expected a file of COCO's annotations"):
        open_reader("coco_instances", coco)
    with pytest.raises(AtlasError, match=r"train2017\.json: expected a file of COCO's annotations, but nothing is there"):
        open_reader("coco_instances", coco, {"split": "train2017"})


RINGS = {8: [1, 1, 10, 1, 10, 10, 5], 9: [[1, 1], [10, 1], [10, 10]], 13: [1, 1, 1e9, 1, 10, 10]}


def own(folder, segmentations, **image):
    """Write annotations of one image of 40 x 30 pixels, and open them."""
    content = {
        "images": [{"id": 1, "file_name": "1.jpg", "width": 40, "height": 30} | image],
        "categories": [{"id": 1, "name": "a"}],
        "annotations": [
            {"id": number, "image_id": 1, "category_id": 1, "segmentation": ring} for number, ring in segmentations.items()
        ],
    }
    (folder / "annotations").mkdir(exist_ok=True)
    (folder / "annotations/instances_val2017.json").write_text(json.dumps(content))
    return open_reader("coco_instances", folder)


def test_a_ring_of_pairs(tmp_path):
    (region,) = own(tmp_path, {9: [RINGS[9]]}).objects(0)
    assert region.mask.sum() == 36


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (8, "a ring of 7 numbers, expected pairs x, y"),
        (13, r"a coordinate of a ring is 1000000000\.0, expected a number of pixels"),
    ],
)
def test_what_cannot_be_drawn_is_named_by_its_id_without_advice_to_fetch_it(tmp_path, number, reason):
    reader = own(tmp_path, {9: [RINGS[9]], number: [RINGS[number]]})
    message = rf"instances_val2017\.json: annotation {number}: {reason}; correct or remove this annotation$"
    with pytest.raises(AtlasError, match=message):
        reader.objects(0)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ({"width": 10**7, "height": 10**7}, "image 1: a size of 10000000 x 10000000 pixels, which no image has"),
        ({"width": 0}, "image 1: a size of 30 x 0 pixels"),
        ({"width": "40"}, "image 1: its 'width' is 40"),
        ({"height": 30.0}, r"image 1: its 'height' is 30\.0"),
        ({"file_name": None}, "image 1: its 'file_name' is None"),
        ({"id": None}, "images whose ids are neither all whole numbers nor all texts"),
        ({"id": [1]}, "images whose ids are neither"),
    ],
)
def test_images_that_are_none(tmp_path, image, reason):
    with pytest.raises(AtlasError, match=rf"instances_val2017\.json: {reason}"):
        own(tmp_path, {9: [RINGS[9]]}, **image)


def test_a_file_with_a_mark_of_its_encoding_is_read(coco):
    path = coco / "annotations/instances_val2017.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(open_reader("coco_instances", coco)) == 3


def test_json_that_python_cannot_nest(coco):
    (coco / "annotations/instances_val2017.json").write_text("[" * 200_000)
    with pytest.raises(
        AtlasError, match=r"instances_val2017\.json: its JSON is nested deeper than Python reads, expected a file"
    ):
        open_reader("coco_instances", coco)
