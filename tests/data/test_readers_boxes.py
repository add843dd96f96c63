"""Boxes: every dataset's own counting becomes edges in pixels, checked by hand."""

import json

import numpy as np
import pytest

from tests.formats import bdd100k_mot, coco20k, fair1m, mot17, voc2007, voc2012
from tests.formats.pictures import shows
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.reader import Box, open_reader


@pytest.mark.parametrize(("module", "year"), [(voc2007, 2007), (voc2012, 2012)])
def test_voc_counts_from_one_and_includes_the_last_pixel(tmp_path, module, year):
    module.write(tmp_path)
    reader = open_reader("voc", tmp_path, {"year": year})
    assert [reader.id(p) for p in range(3)] == ["000005.jpg", "000007.jpg", "000012.jpg"]
    chair, table = reader.boxes(0)
    assert chair == Box((10, 5, 20, 15), reader.box_classes.index("chair"))
    assert table.flags == {"difficult"}
    # One object is a list too, and a part of a person is no object.
    (person,) = reader.boxes(1)
    assert person.xyxy == (9.5, 5, 20, 15)
    (car,) = reader.boxes(2)
    assert car.xyxy == (0, 0, 40, 30) == (0, 0, *reader.image(2).size)
    assert car.flags == {"truncated"}
    assert reader.box_classes[car.label] == "car"
    for root in (tmp_path / "VOCdevkit", tmp_path / f"VOCdevkit/VOC{year}"):
        assert len(open_reader("voc", root, {"year": year})) == 3


def test_broken_voc(tmp_path):
    voc2007.write(tmp_path)
    path = tmp_path / "VOCdevkit/VOC2007/Annotations/000005.xml"
    content = path.read_text()
    reader = open_reader("voc", tmp_path, {"year": 2007})
    for old, new, message in [
        ("<xmin>11</xmin>", "<xmin>eleven</xmin>", r"000005\.xml: 'eleven' in <bndbox/xmin>, expected a number"),
        ("<xmin>11</xmin>", "", r"000005\.xml: an <object> without <bndbox/xmin>"),
        (">chair<", ">stool<", r"'stool' is not a class of VOC"),
        ("<annotation>", "<html>", r"000005\.xml: not XML"),
    ]:
        path.write_text(content.replace(old, new))
        with pytest.raises(AtlasError, match=message):
            reader.boxes(0)
    path.unlink()
    with pytest.raises(AtlasError, match=r"000005\.xml: expected an annotation, but nothing is there"):
        reader.boxes(0)
    with pytest.raises(AtlasError, match=r"Main/val\.txt: expected the list of images, but nothing"):
        open_reader("voc", tmp_path, {"year": 2007, "split": "val"})


def test_coco20k_keeps_the_lists_order_rounds_edges_and_drops_crowds(tmp_path):
    coco20k.write(tmp_path)
    reader = open_reader("coco20k", tmp_path)
    assert [int(reader.id(p)[-10:-4]) for p in range(3)] == [139, 560992, 9]
    assert reader.boxes(0) == []
    # 2.4, 3.6, 7.6, 9.6
    assert reader.boxes(1) == [Box((2, 4, 8, 10), 2)]
    # 0.5, 1.5, 10.75, 4.5: halves to even
    assert reader.boxes(2) == [Box((0, 2, 11, 4), 1)]
    assert reader.box_classes == ["person", "dog", "toothbrush"]
    assert shows(reader.image(2), 1)
    (tmp_path / "coco_20k_filenames.txt").write_text("train2014/COCO_train2014_000000000001.jpg\n")
    with pytest.raises(AtlasError, match=r"coco_20k_filenames\.txt: COCO_train2014_000000000001\.jpg is not an image of"):
        open_reader("coco20k", tmp_path)


def test_bdd100k_frames_boxes_and_flags(tmp_path):
    bdd100k_mot.write(tmp_path)
    reader = open_reader("bdd100k_mot", tmp_path)
    assert len(reader) == 6
    assert reader.frame(4) == (bdd100k_mot.VIDEOS[1], 1)
    assert shows(reader.image(4), 4)
    name = reader.box_classes.index
    # The last pixel is included: 10 to 29 is 20 wide.
    assert reader.boxes(0) == [
        Box((10, 20, 30, 40), name("car"), "7"),
        Box((1.5, 2.5, 4.5, 10.5), name("pedestrian"), "8", frozenset({"crowd"})),
    ]
    assert reader.boxes(1) == []  # null
    assert reader.boxes(5) == [
        Box((12, 20, 32, 40), name("car"), "7", frozenset({"occluded"})),
        Box((0, 0, 6, 6), name("other vehicle"), "9", frozenset({"distractor"})),
        Box((5, 5, 7, 7), name("pedestrian"), "10", frozenset({"truncated"})),
    ]
    assert len(open_reader("bdd100k_mot", tmp_path, {"videos": 1})) == 3


def test_bdd100k_numbers_frames_by_their_names_also_where_some_are_missing(tmp_path):
    bdd100k_mot.write(tmp_path)
    video = bdd100k_mot.VIDEOS[1]
    folder = tmp_path / f"bdd100k/images/track/val/{video}"
    (folder / f"{video}-0000002.jpg").unlink()
    reader = open_reader("bdd100k_mot", tmp_path)
    assert [reader.frame(position) for position in (3, 4)] == [(video, 0), (video, 2)]
    assert [box.track for box in reader.boxes(4)] == ["7", "9", "10"]
    (folder / f"{video}-0000001.jpg").rename(folder / "first.jpg")
    with pytest.raises(
        AtlasError, match=rf"first\.jpg: expected a name that ends in the number of the frame, as {video}-0000001"
    ):
        open_reader("bdd100k_mot", tmp_path)


def test_broken_bdd100k(tmp_path):
    bdd100k_mot.write(tmp_path)
    video = bdd100k_mot.VIDEOS[0]
    path = tmp_path / f"bdd100k/labels/box_track_20/val/{video}.json"
    content = json.loads(path.read_text())
    content[0]["labels"][0]["category"] = "lorry"
    path.write_text(json.dumps(content))
    with pytest.raises(AtlasError, match=rf"{video}\.json: not the labels of a video .category 'lorry' is not known"):
        open_reader("bdd100k_mot", tmp_path).boxes(0)
    path.write_text('{"frames": []}')
    assert open_reader("bdd100k_mot", tmp_path).boxes(0) == []
    path.write_text('{"frames": [{"name": "1.jpg", "labels": []}]}')
    with pytest.raises(AtlasError, match=rf"{video}\.json: none of its frames is an image, as 1\.jpg"):
        open_reader("bdd100k_mot", tmp_path).boxes(0)
    for frame in (tmp_path / f"bdd100k/images/track/val/{video}").iterdir():
        frame.unlink()
    with pytest.raises(AtlasError, match=rf"{video}: no frame"):
        open_reader("bdd100k_mot", tmp_path)


def test_mot17_takes_every_video_once_and_counts_from_zero(tmp_path):
    mot17.write(tmp_path)
    reader = open_reader("mot17", tmp_path)
    assert len(reader) == 3
    assert [reader.frame(p) for p in range(3)] == [("MOT17-02-FRCNN", i) for i in range(3)]
    assert shows(reader.image(1), 2)
    walker, standing = reader.boxes(0)
    assert walker == Box((10, 20, 30, 30), 0, "2")
    assert standing.xyxy == (-5, 0, 5, 10)  # reaches beyond the image
    assert standing.flags == {"ignored", "distractor"}
    assert reader.box_classes[standing.label] == "static_person"
    (car,) = reader.boxes(1)
    assert (reader.box_classes[car.label], car.flags) == ("car", {"ignored"})
    assert [box.track for box in reader.boxes(2)] == ["2"]
    assert reader.id(0) == "MOT17-02-FRCNN/img1/000001.jpg"
    truth = tmp_path / "MOT17/train/MOT17-02-FRCNN/gt/gt.txt"
    truth.write_text(truth.read_text().replace("8,8,0,3,1", "8,8,1,3,1"))
    assert open_reader("mot17", tmp_path).boxes(1)[0].flags == {"ignored"}  # the evaluation is of pedestrians alone
    assert open_reader("mot17", tmp_path, {"detector": "DPM"}).frame(0)[0] == "MOT17-02-DPM"
    with pytest.raises(AtlasError, match="no folder of a video, as MOT17-02-SDP"):
        open_reader("mot17", tmp_path, {"detector": "SDP"})


def test_broken_mot17(tmp_path):
    mot17.write(tmp_path)
    root = tmp_path / "MOT17/train/MOT17-02-FRCNN"
    truth = root / "gt/gt.txt"
    content = truth.read_text()
    truth.write_text("1,2,11,21,20,10,1,14,0.86\n")
    with pytest.raises(AtlasError, match=r"gt\.txt: expected frame \(1 to 3\), id, left, .* in '1,2,11,21,20,10,1,14"):
        open_reader("mot17", tmp_path)
    truth.write_text(content)
    (root / "img1/000002.jpg").unlink()
    with pytest.raises(AtlasError, match=r"img1: 2 frames, but seqinfo\.ini says 3"):
        open_reader("mot17", tmp_path)
    (root / "seqinfo.ini").write_text("[Sequence]\nname=a\n")
    with pytest.raises(AtlasError, match=r"seqinfo\.ini: not the description of a video .'imDir'"):
        open_reader("mot17", tmp_path)


@pytest.fixture
def satellite(tmp_path):
    fair1m.write(tmp_path)
    return tmp_path


def test_fair1m_whole_images_of_both_parts(satellite):
    reader = open_reader("fair1m", satellite)
    groups = dict(zip(reader.dense_classes, reader.dense_groups(), strict=True))
    assert groups["background"] == ""
    assert groups["Passenger Ship"] == groups["Motorboat"] != ""
    assert len(set(groups.values())) == 1 + 5  # of the study's supercategories
    assert [reader.id(p) for p in range(4)] == [f"train/part{i}/images/{n}.tif" for i in (1, 2) for n in (0, 1)]
    assert shows(reader.image(2), 2)
    plane, bridge = reader.boxes(0)
    assert plane.xyxy == (20, 20, 100, 100)
    assert plane.corners.tolist() == [list(corner) for corner in fair1m.DIAMOND]
    assert [reader.box_classes[box.label] for box in (plane, bridge)] == ["Boeing737", "Bridge"]
    assert len(open_reader("fair1m", satellite, {"split": "validation"})) == 1


def test_fair1m_later_boxes_lie_on_top(satellite):
    reader = open_reader("fair1m", satellite)
    labels = reader.dense_labels(0)
    assert labels.shape == (460, 500)
    name = reader.dense_classes.index
    assert reader.dense_classes[0] == "background"
    assert labels[0, 0] == 0
    assert labels[50, 60] == name("Boeing737")
    assert labels[70, 70] == name("Bridge")  # both are there
    assert (labels == name("Bridge")).sum() == 180 * 50
    # Half of the diamond and more is left: its area is 3200, the part below y = 60 and right of x = 60 is a quarter.
    assert abs((labels == name("Boeing737")).sum() - 2400) < 60


def test_fair1m_tiles_show_a_third_of_a_box_and_are_drawn_by_category(satellite):
    everything = open_reader("fair1m", satellite, {"tile": 224})
    assert len(everything) == 4 * 4  # 500 x 460 has 2 x 2 tiles of 224; the rest is dropped
    assert everything.id(3) == "train/part1/images/0.tif@224,224"
    assert everything.image(3).size == (224, 224)
    assert [everything.box_classes[box.label] for box in everything.boxes(0)] == ["Boeing737", "Bridge"]
    # Only 16 of the bridge's 180 pixels reach into the second tile: not shown, but painted.
    assert everything.boxes(1) == []
    assert (everything.dense_labels(1) > 0).sum() == 16 * 50
    # The bus lies in the tile at 224, 224, at the same place as the others.
    assert everything.boxes(15)[0].xyxy == (20, 20, 100, 100)
    drawn = open_reader("fair1m", satellite, {"tile": 224, "per_category": 1})
    # Small Car takes part1/1; Van shares part2/0, Boeing737 and Bridge share part1/0, so each of these is taken once.
    assert [drawn.id(p) for p in range(len(drawn))] == [
        "train/part1/images/0.tif@0,0", "train/part1/images/1.tif@0,0",
        "train/part2/images/0.tif@0,0", "train/part2/images/1.tif@224,224",
    ]  # fmt: skip


def test_fair1m_third_of_the_area(satellite):
    path = satellite / "train/part1/labelXml/1.xml"
    content = path.read_text()
    for cut, shown in ((0.32, 0), (0.34, 1)):
        # A box of 60 x 10 whose share `cut` lies in the first tile.
        left = 224 - 60 * cut
        corners = [(left, 10), (left + 60, 10), (left + 60, 20), (left, 20), (left, 10)]
        points = "".join(f"<point>{x},{y}</point>" for x, y in corners)
        start, end = content.index("<points>") + 8, content.index("</points>")
        path.write_text(content[:start] + points + content[end:])
        reader = open_reader("fair1m", satellite, {"tile": 224})
        assert [len(reader.boxes(4)), len(reader.boxes(5))] == [shown, 1]


def test_broken_fair1m(satellite):
    path = satellite / "train/part1/labelXml/0.xml"
    path.write_text(path.read_text().replace("Boeing737", "Boeing738"))
    with pytest.raises(AtlasError, match=r"part1/labelXml/0\.xml: 'Boeing738' is not one of the 37 classes"):
        open_reader("fair1m", satellite).boxes(0)
    path.write_text(path.read_text().replace("Boeing738", "Boeing737").replace(",20.000000", ""))
    with pytest.raises(AtlasError, match=r"labelXml/0\.xml: "):
        open_reader("fair1m", satellite).boxes(0)
    path.unlink()
    with pytest.raises(AtlasError, match=r"part1: no file 0\.xml, expected the annotation of 0\.tif"):
        open_reader("fair1m", satellite)
    with pytest.raises(AtlasError, match="per_category needs the option tile"):
        open_reader("fair1m", satellite, {"per_category": 8})


def test_a_seed_changes_which_tiles_are_drawn(tmp_path, monkeypatch):
    objects = {f"train/part1/{i}": [("Van", fair1m.DIAMOND)] for i in range(6)}
    monkeypatch.setattr(fair1m, "OBJECTS", objects | {"train/part2/0": [("Van", fair1m.DIAMOND)]})
    fair1m.write(tmp_path)

    def drawn(seed):
        reader = open_reader("fair1m", tmp_path, {"tile": 224, "per_category": 2, "seed": seed})
        return [reader.id(p) for p in range(len(reader))]

    assert drawn(None) == ["train/part1/images/0.tif@0,0", "train/part1/images/1.tif@0,0"]
    chosen = sorted(np.random.RandomState(3).permutation(7)[:2])
    assert drawn(3) == [
        ([f"train/part1/images/{i}.tif@0,0" for i in range(6)] + ["train/part2/images/0.tif@0,0"])[i] for i in chosen
    ]


def test_tiles_of_one_image_are_taken_from_the_top_left_whatever_the_order_of_its_annotation(tmp_path, monkeypatch):
    below = [(x + 224, y + 224) for x, y in fair1m.DIAMOND]
    objects = {"train/part1/0": [("Van", below), ("Van", fair1m.DIAMOND)], "train/part2/0": [("Bus", fair1m.DIAMOND)]}
    monkeypatch.setattr(fair1m, "OBJECTS", objects)
    fair1m.write(tmp_path)
    reader = open_reader("fair1m", tmp_path, {"tile": 224, "per_category": 1})
    assert [reader.id(p) for p in range(len(reader))] == ["train/part1/images/0.tif@0,0", "train/part2/images/0.tif@0,0"]
