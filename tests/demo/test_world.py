"""The painted splits: repeatable, independent, and their ground truth agrees with itself."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt
from sklearn.neighbors import KNeighborsClassifier

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.demo.anatomy import PARTS, STUFF
from workflow_scripts.demo.backdrop import SCENES
from workflow_scripts.demo.plans import CLASSES, KEYPOINTS, PLANS
from workflow_scripts.demo.world import boxes_of, load_world, paint_split, vocabulary


def _mask(arrays, k):
    return arrays["object"][arrays["object_image"][k]] == arrays["object_index"][k]


def test_same_seed_same_bytes_and_other_seed_other_images():
    first, captions = paint_split(1, "val", 8)
    second, again = paint_split(1, "val", 8)
    other, _ = paint_split(2, "val", 8)
    assert captions == again
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)
    assert (first["image"] != other["image"]).any((1, 2, 3)).all()


def test_an_image_depends_on_neither_the_length_of_its_split_nor_the_other_split(split):
    short, captions = paint_split(3, "train", 100)
    long, long_captions = split
    assert captions == long_captions[:100]
    for name in ("image", "label", "object", "part", "stuff", "texture", "scene"):
        np.testing.assert_array_equal(short[name], long[name][:100])
    kept = long["object_image"] < 100
    np.testing.assert_array_equal(short["object_box"], long["object_box"][kept])
    val, _ = paint_split(3, "val", 100)
    assert (val["image"] != short["image"]).any((1, 2, 3)).all()


def test_shapes_types_and_names(split):
    arrays, captions = split
    n, m, k = 480, len(arrays["object_image"]), len(arrays["keypoint_image"])
    expected = {
        "image": ((n, 64, 64, 3), np.uint8),
        "label": ((n,), np.int64),
        **dict.fromkeys(("object", "part", "stuff", "texture"), ((n, 64, 64), np.uint8)),
        "scene": ((n,), np.int64),
        **dict.fromkeys(("object_image", "object_index", "object_class"), ((m,), np.int64)),
        "object_box": ((m, 4), np.int64),
        **dict.fromkeys(("keypoint_image", "keypoint_object", "keypoint_name"), ((k,), np.int64)),
        "keypoint_xy": ((k, 2), np.float32),
        "keypoint_visible": ((k,), np.bool_),
    }
    assert {name: (array.shape, array.dtype) for name, array in arrays.items()} == expected
    assert len(captions) == n
    assert len(CLASSES) == 12 and PARTS[0] == STUFF[0] == "none"
    assert set(arrays["label"]) == set(range(12))


def test_boxes_and_label_follow_from_the_masks(split):
    arrays, _ = split
    largest = {}
    for k, (image, box) in enumerate(zip(arrays["object_image"], arrays["object_box"], strict=True)):
        row, column = np.nonzero(_mask(arrays, k))
        assert box.tolist() == [column.min(), row.min(), column.max() + 1, row.max() + 1]
        largest.setdefault(image, []).append((len(row), arrays["object_class"][k]))
    for image, label in enumerate(arrays["label"]):
        areas = sorted(largest[image], key=lambda pair: -pair[0])
        assert label in [kind for area, kind in areas if area == areas[0][0]]


def test_objects_wear_textures_that_show_and_settings_are_those_of_the_stuff_around(split):
    arrays, _ = split
    np.testing.assert_array_equal(arrays["texture"] > 0, arrays["object"] > 0)
    names = vocabulary()["textures"]
    assert set(np.unique(arrays["texture"])) == set(range(len(names)))
    # Neighbouring pixels of a body differ by noise alone where it is plain, and by the pattern's steps elsewhere.
    steps = np.abs(np.diff(arrays["image"].astype(int), axis=2)).max(3)
    usual = {name: [] for name in names[1:]}
    for step, texture, part in zip(steps, arrays["texture"], arrays["part"], strict=True):
        for number, name in enumerate(names[1:], 1):
            body = (texture == number) & (part == PARTS.index("body"))
            inside = body[:, 1:] & body[:, :-1]
            if inside.sum() > 150:
                usual[name].append(np.percentile(step[inside], 90))
    plain, *patterned = (np.median(values) for values in usual.values())
    assert plain < 0.5 * min(patterned)
    assert set(arrays["scene"]) == set(range(len(SCENES)))
    wall, sky = STUFF.index("brick wall"), STUFF.index("sky")
    for stuff, scene in zip(arrays["stuff"], arrays["scene"], strict=True):
        above, ground = list(SCENES.values())[scene]
        there = {STUFF[kind] for kind in np.unique(stuff)}
        assert {above, ground} <= there and (wall in stuff) != (sky in stuff)


def test_every_pixel_is_either_stuff_or_part_of_a_listed_object(split):
    arrays, _ = split
    covered = arrays["object"] > 0
    np.testing.assert_array_equal(arrays["stuff"] == 0, covered)
    np.testing.assert_array_equal(arrays["part"] > 0, covered)
    listed = set(zip(arrays["object_image"], arrays["object_index"], strict=True))
    image, row, column = np.nonzero(covered)
    assert set(zip(image, arrays["object"][image, row, column], strict=True)) == listed
    for k, kind in enumerate(arrays["object_class"]):
        worn = {PARTS[p] for p in np.unique(arrays["part"][arrays["object_image"][k]][_mask(arrays, k)])}
        assert worn <= {part.name for part in PLANS[CLASSES[kind]].parts}


def test_keypoints_lie_on_their_object_and_have_one_name_per_object(split):
    arrays, _ = split
    for image, index, name, xy, visible in zip(
        *(arrays[f"keypoint_{key}"] for key in ("image", "object", "name", "xy", "visible")), strict=True
    ):
        mask = arrays["object"][image] == index
        column, row = np.floor(xy).astype(int)
        inside = 0 <= column < 64 and 0 <= row < 64
        assert visible == bool(inside and mask[row, column]), KEYPOINTS[name]
    keys = ("keypoint_image", "keypoint_object", "keypoint_name")
    rows = np.stack([arrays[key] for key in keys], 1)
    assert len(np.unique(rows, axis=0)) == len(rows)
    assert arrays["keypoint_visible"].mean() > 0.75


def test_a_keypoint_out_of_sight_is_outside_the_image_or_behind_another_object(split):
    arrays, _ = split
    alone = np.flatnonzero(np.bincount(arrays["object_image"], minlength=480) == 1)
    inside = ((arrays["keypoint_xy"] > 0) & (arrays["keypoint_xy"] < 64)).all(1)
    hidden = np.flatnonzero(np.isin(arrays["keypoint_image"], alone) & inside & ~arrays["keypoint_visible"])
    # Nothing stands in front of a single object: only rounding at its rim can hide a keypoint.
    for k in hidden:
        away = distance_transform_edt(arrays["object"][arrays["keypoint_image"][k]] == 0)
        column, row = np.floor(arrays["keypoint_xy"][k]).astype(int)
        assert away[row, column] < 2


def test_keypoints_are_named_alike_within_a_class(split):
    arrays, _ = split
    owner = {
        (image, index): kind
        for image, index, kind in zip(*(arrays[f"object_{key}"] for key in ("image", "index", "class")), strict=True)
    }
    names = {}
    for image, index, name in zip(*(arrays[f"keypoint_{key}"] for key in ("image", "object", "name")), strict=True):
        names.setdefault((image, index), set()).add(int(name))
    by_class = {}
    for key, kind in owner.items():
        by_class.setdefault(kind, set()).add(frozenset(names[key]))
    assert all(len(sets) == 1 for sets in by_class.values())
    assert all(len(next(iter(sets))) >= 4 for sets in by_class.values())


def test_a_quarter_of_the_images_show_several_objects(split):
    number = np.bincount(split[0]["object_image"], minlength=480)
    assert number.min() >= 1
    assert 0.18 < (number > 1).mean() < 0.36


def test_captions_name_the_classes_and_stuff_that_are_there(split):
    arrays, captions = split
    named_stuff = 0
    for image, line in enumerate(captions):
        kinds = arrays["object_class"][arrays["object_image"] == image]
        for kind in np.unique(kinds):
            assert CLASSES[kind] in line
        there = {STUFF[s] for s in np.unique(arrays["stuff"][image])}
        named = {name for name in STUFF[1:] if f"the {name}" in line}
        assert named <= there
        named_stuff += bool(named)
    assert len(set(captions)) > 200
    assert named_stuff > 240


def test_mean_colour_does_not_tell_the_class(split):
    arrays, _ = split
    colour = arrays["image"].reshape(480, -1, 3).mean(1)
    fitted = KNeighborsClassifier(20).fit(colour[:320], arrays["label"][:320])
    assert fitted.score(colour[320:], arrays["label"][320:]) < 0.25


def test_sky_lies_above_the_ground(split):
    stuff = split[0]["stuff"]
    row = np.broadcast_to(np.arange(64)[None, :, None], stuff.shape)
    height = {name: row[stuff == index].mean() for index, name in enumerate(STUFF) if index}
    for above in ("sky", "brick wall"):
        for below in ("grass", "sand", "road", "water", "wood floor"):
            assert height[above] + 15 < height[below]
    for middle in ("hills", "trees"):
        assert height["sky"] < height[middle] < height["grass"]
    number = np.array([len(set(np.unique(s)) - {0}) for s in stuff])
    assert number.min() >= 1 and number.max() <= 4 and np.median(number) >= 2


def test_boxes_of_single_pixels():
    mask = np.zeros((2, 5, 7), bool)
    mask[0, 1, 2] = mask[1, 4, 0] = mask[1, 0, 6] = True
    assert boxes_of(mask).tolist() == [[2, 1, 3, 2], [0, 0, 7, 5]]


def test_a_file_gives_back_what_was_saved(split, world_file):
    arrays, metadata = load_world(world_file, ("image", "label"))
    np.testing.assert_array_equal(arrays["image"], split[0]["image"])
    assert metadata == vocabulary() | {"captions": split[1]}


@pytest.mark.parametrize("content", [b"", b"not a world at all", b"\x10" + b"\0" * 40])
def test_a_file_that_is_no_world_gives_one_line(tmp_path, content):
    path = tmp_path / "world.safetensors"
    path.write_bytes(content)
    with pytest.raises(AtlasError, match=r"world\.safetensors.*paint_world") as caught:
        load_world(path, ("image",))
    assert "\n" not in str(caught.value)


def test_a_world_without_the_array_gives_its_name(world_file):
    with pytest.raises(AtlasError, match="no array 'depth'"):
        load_world(world_file, ("image", "depth"))


def test_the_command_paints_three_files(tmp_path):
    def run(name):
        files = [tmp_path / f"{name}_{part}.safetensors" for part in ("train", "val", "clips")]
        sizes = {"--seed": "5", "--train-images": "5", "--val-images": "4", "--clips": "1", "--frames": "2"}
        command = ["-m", "workflow_scripts.paint_world", *(word for pair in sizes.items() for word in pair)]
        outputs = ["--train", files[0], "--val", files[1], "--clip-file", files[2]]
        done = subprocess.run([sys.executable, *command, *outputs], capture_output=True, text=True, check=True)
        assert done.stdout.count("\n") == 1
        return [file.read_bytes() for file in files]

    first = run("a")
    assert first == run("b")
    assert len(load_world(tmp_path / "a_val.safetensors", ("image",))[0]["image"]) == 4
