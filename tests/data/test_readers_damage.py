"""Whatever an annotation file holds, a reader reads it or refuses it in one line that names it."""

import json
import pickle
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from tests.formats import (
    ade20k,
    bdd100k_mot,
    broden,
    cityscapes,
    coco20k,
    coco2017,
    cocostuff27,
    davis2017,
    eurosat,
    fair1m,
    imagenet_val,
    mot17,
    partimagenet,
    pascal_part,
    roxford5k,
    spair71k,
    tiny_imagenet,
    voc2007,
)
from tests.formats.damage import damaged, damaged_json, refusal
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.reader import GROUND_TRUTH, open_reader

# Format, reader, options, and the file that is damaged.
FILES = [
    (ade20k, "ade20k", {"per_class": 1}, "ADEChallengeData2016/annotations/training/ADE_train_00000001.png"),
    (bdd100k_mot, "bdd100k_mot", {}, f"bdd100k/labels/box_track_20/val/{bdd100k_mot.VIDEOS[0]}.json"),
    (broden, "broden", {}, "broden1_224/index.csv"),
    (broden, "broden", {}, "broden1_224/label.csv"),
    (cityscapes, "cityscapes", {"split": "val"}, "gtFine/val/frankfurt/frankfurt_000000_000000_gtFine_labelIds.png"),
    (coco2017, "coco_instances", {}, "annotations/instances_val2017.json"),
    (coco20k, "coco20k", {}, "annotations/instances_train2014.json"),
    (coco20k, "coco20k", {}, "coco_20k_filenames.txt"),
    (cocostuff27, "cocostuff27", {}, "curated/Coco164kFull_Stuff_Coarse_7.val2017.txt"),
    (davis2017, "davis", {}, "DAVIS/ImageSets/2017/val.txt"),
    (eurosat, "scenes", {"collection": "eurosat", "split": "train"}, "eurosat-train.txt"),
    (fair1m, "fair1m", {}, "train/part1/labelXml/0.xml"),
    (fair1m, "fair1m", {"tile": 224, "per_category": 1}, "train/part1/labelXml/0.xml"),
    (imagenet_val, "imagenet", {"split": "val"}, "ILSVRC2012_devkit_t12/data/meta.mat"),
    (imagenet_val, "imagenet", {"split": "val"}, "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt"),
    (mot17, "mot17", {}, "MOT17/train/MOT17-02-FRCNN/gt/gt.txt"),
    (mot17, "mot17", {}, "MOT17/train/MOT17-02-FRCNN/seqinfo.ini"),
    (partimagenet, "partimagenet", {}, "train.json"),
    (pascal_part, "pascal_part_animals", {}, "Annotations_Part/2008_000008.mat"),
    (pascal_part, "pascal_part_animals", {}, "VOCdevkit/VOC2010/ImageSets/Main/bird_train.txt"),
    (roxford5k, "revisitop", {}, "gnd_roxford5k.pkl"),
    (spair71k, "spair", {}, "SPair-71k/PairAnnotation/test/000000-2008_000001-2009_000020:cat.json"),
    (tiny_imagenet, "tiny_imagenet", {"split": "val"}, "tiny-imagenet-200/val/val_annotations.txt"),
    (voc2007, "voc", {"year": 2007}, "VOCdevkit/VOC2007/Annotations/000005.xml"),
    (voc2007, "voc", {"year": 2007}, "VOCdevkit/VOC2007/ImageSets/Main/trainval.txt"),
]
SLOW = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}


def read_all(name, path, options):
    """Open a dataset and ask for everything that it offers."""
    reader = open_reader(name, path, options)
    for position in range(len(reader)):
        reader.id(position).encode("utf-8")
        assert reader.label(position) < max(1, len(reader.classes))
        for kind in set(GROUND_TRUTH.values()) - {"pairs", "judgements", "object_map", "dense_groups"}:
            if hasattr(reader, kind):
                getattr(reader, kind)(position)
    for kind in ("pairs", "judgements", "dense_groups"):
        if hasattr(reader, kind):
            getattr(reader, kind)()


def name_of(value):
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize(("module", "name", "options", "file"), FILES, ids=name_of)
def test_damaged_bytes(tmp_path, module, name, options, file):
    module.write(tmp_path)
    content = (tmp_path / file).read_bytes()

    @settings(max_examples=60, **SLOW)
    @given(st.data())
    def run(data):
        (tmp_path / file).write_bytes(damaged(content, data))
        message = refusal(lambda: read_all(name, tmp_path, options))
        assert message == "" or (str(tmp_path) in message and len(message.splitlines()) == 1)

    run()


@pytest.mark.parametrize(("module", "name", "options", "file"), [row for row in FILES if row[3].endswith(".json")], ids=name_of)
def test_other_values(tmp_path, module, name, options, file):
    module.write(tmp_path)
    content = json.loads((tmp_path / file).read_text())

    @settings(max_examples=300, **SLOW)
    @given(st.data())
    def run(data):
        (tmp_path / file).write_text(json.dumps(damaged_json(content, data)))
        message = refusal(lambda: read_all(name, tmp_path, options))
        assert message == "" or (str(tmp_path) in message and len(message.splitlines()) == 1)

    run()


def test_other_values_in_a_pickle(tmp_path):
    roxford5k.write(tmp_path)
    content = pickle.loads((tmp_path / "gnd_roxford5k.pkl").read_bytes())

    @settings(max_examples=200, **SLOW)
    @given(st.data())
    def run(data):
        (tmp_path / "gnd_roxford5k.pkl").write_bytes(pickle.dumps(damaged_json(content, data)))
        message = refusal(lambda: read_all("revisitop", tmp_path, {}))
        assert message == "" or (str(tmp_path) in message and len(message.splitlines()) == 1)

    run()


@pytest.mark.parametrize(
    ("module", "name", "options", "old", "file"),
    [
        (voc2007, "voc", {"year": 2007}, "<xmin>11</xmin>", FILES[-2][3]),
        (fair1m, "fair1m", {}, "<point>60.000000,20.000000</point>", FILES[11][3]),
        (mot17, "mot17", {}, "1,2,11,21,", FILES[15][3]),
    ],
    ids=["voc", "fair1m", "mot17"],
)
@pytest.mark.parametrize("number", ["nan", "inf", "-Infinity", "1e300", "1e9", "eleven", ""])
def test_numbers_that_are_no_place_in_an_image(tmp_path, module, name, options, old, file, number):
    module.write(tmp_path)
    read_all(name, tmp_path, options)
    content = (tmp_path / file).read_text()
    assert old in content
    digits = "11" if "11" in old else "60.000000"
    (tmp_path / file).write_text(content.replace(old, old.replace(digits, number), 1))
    with pytest.raises(AtlasError, match=rf"{file}: "):
        read_all(name, tmp_path, options)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e300, 1e9, "11", None, True, [1], 10**400])
@pytest.mark.parametrize(
    ("module", "name", "file", "keys"),
    [
        (bdd100k_mot, "bdd100k_mot", FILES[1][3], (0, "labels", 0, "box2d", "x1")),
        (coco20k, "coco20k", FILES[6][3], ("annotations", 0, "bbox", 1)),
        (spair71k, "spair", FILES[21][3], ("src_kps", 0, 1)),
        (spair71k, "spair", FILES[21][3], ("trg_bndbox", 2)),
    ],
    ids=["bdd100k", "coco20k", "spair", "spair box"],
)
def test_values_that_are_no_place_in_an_image(tmp_path, module, name, file, keys, number):
    module.write(tmp_path)
    content = json.loads((tmp_path / file).read_text())
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = number
    (tmp_path / file).write_text(json.dumps(content))
    with pytest.raises(AtlasError, match=rf"{file.split('/')[-1]}: .*(expected a number|far outside the image)"):
        read_all(name, tmp_path, {})


@pytest.mark.parametrize("encoding", ["klingon", "utf-7", "utf-32"])
def test_xml_in_an_encoding_that_is_not_known(tmp_path, encoding):
    voc2007.write(tmp_path)
    file = tmp_path / "VOCdevkit/VOC2007/Annotations/000005.xml"
    file.write_text(f'<?xml version="1.0" encoding="{encoding}"?>' + file.read_text())
    with pytest.raises(AtlasError, match=r"000005\.xml: not XML .*, expected an annotation"):
        read_all("voc", tmp_path, {"year": 2007})


def test_a_field_that_csv_does_not_take(tmp_path):
    broden.write(tmp_path)
    (tmp_path / "broden1_224/label.csv").write_text("number,name,category\n1," + "x" * 200_000 + ",object(1)\n")
    with pytest.raises(AtlasError, match=r"label\.csv: no values between commas .*, expected the list of concepts"):
        open_reader("broden", tmp_path)


def test_layers_of_several_sizes_are_refused(tmp_path):
    broden.write(tmp_path)
    path = tmp_path / "broden1_224/images/ade20k/ADE_train_00000001_part_1.png"
    path.write_bytes((tmp_path / "broden1_224/images/ade20k/ADE_train_00000001.jpg").read_bytes())
    with pytest.raises(AtlasError, match=r"index\.csv: the maps of 'ade20k/ADE_train_00000001_part_1\.png;.*several sizes"):
        read_all("broden", tmp_path, {})


def segfaulting_mat():
    """Return 256 bytes with which scipy ends the process: the numbers of an array are of kind 11, which there is not."""
    head = b"MATLAB 5.0 MAT-file Platform: posix, Created on: Thu Nov 26 14:02:31 2026".ljust(124, b"\0") + b"\0\1IM"
    array = struct.pack("<IIIIIIIIIIIII", 6, 8, 6, 0, 5, 8, 3, 3, 0x40001, int.from_bytes(b"anno", "little"), 11, 64, 0)
    return (head + struct.pack("<II", 14, 120) + array).ljust(256, b"\0")


def test_a_mat_that_crashes_scipy_is_an_error_of_one_line(tmp_path):
    pascal_part.write(tmp_path)
    path = tmp_path / "Annotations_Part/2008_000008.mat"
    sound = path.read_bytes()
    path.write_bytes(segfaulting_mat())
    with pytest.raises(AtlasError, match=r"2008_000008\.mat: not a MATLAB file .it crashes the library.*, expected a part"):
        open_reader("pascal_part_animals", tmp_path)
    path.write_bytes(sound)
    read_all("pascal_part_animals", tmp_path, {})


@pytest.mark.parametrize("shape", [(3, 3), (20, 24, 1), (1, 480)])
def test_masks_of_other_shapes_are_refused(tmp_path, shape):
    pascal_part.write(tmp_path)
    parts = pascal_part.struct(["part_name", "mask"], [("head", np.ones(shape, np.uint8))])
    objects = pascal_part.struct(
        ["class", "class_ind", "mask", "parts"], [("cat", np.uint8(8), pascal_part.block((0, 10, 0, 10)), parts)]
    )
    anno = pascal_part.struct(["imname", "objects"], [("2008_000003", objects)])
    savemat(tmp_path / "Annotations_Part/2008_000003.mat", {"anno": anno})
    with pytest.raises(AtlasError, match=r"2008_000003\.mat: not a part annotation .a mask of shape \("):
        open_reader("pascal_part_animals", tmp_path, {"split": "val"})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x80\x04r\xff\xff\xff\x7f.", ""),  # a memo of 2^31 places
        (b"\x80\x04\x8e" + (2**50).to_bytes(8, "little") + b".", ""),  # text of 10^15 bytes
        (pickle.dumps(np.ndarray).replace(b".", b"") + b"J\xff\xff\xff\x7f\x85R.", ""),
    ],
    ids=["memo", "bytes", "array"],
)
def test_a_small_pickle_takes_no_more_memory_than_there_is(tmp_path, content, reason):
    roxford5k.write(tmp_path)
    (tmp_path / "gnd_roxford5k.pkl").write_bytes(content)
    with pytest.raises(AtlasError, match=rf"gnd_roxford5k\.pkl: not a .*{reason}"):
        open_reader("revisitop", tmp_path)


@pytest.mark.parametrize("box", [[0, 0, 1e9, 1e9], [5, 5, 5, 9], [9, 5, 5, 9], [500, 500, 600, 600]])
def test_a_querys_box_that_shows_nothing(tmp_path, box):
    roxford5k.write(tmp_path)
    truth = tmp_path / "gnd_roxford5k.pkl"
    content = pickle.loads(truth.read_bytes())
    content["gnd"][0]["bbx"] = box
    truth.write_bytes(pickle.dumps(content))
    with pytest.raises(AtlasError, match=r"gnd_roxford5k\.pkl: (not a ground truth|query all_souls_000000: )"):
        open_reader("revisitop", tmp_path).image(6)
