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
