"""The demo world as datasets: ground truth that agrees with itself."""

import numpy as np
import pytest

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.reader import open_reader
from workflow_scripts.demo.clips import paint_clips
from workflow_scripts.demo.world import paint_split, save_world, vocabulary


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    arrays, _ = paint_split(0, "val", 96)
    save_world(folder / "val.safetensors", arrays, vocabulary())
    save_world(folder / "clips.safetensors", paint_clips(0, 3, 5), vocabulary())
    return folder


def test_objects_and_parts_are_disjoint_and_parts_lie_on_objects(world):
    reader = open_reader("demo_world", world / "val.safetensors")
    for position in range(0, 96, 7):
        objects, parts = reader.objects(position), reader.parts(position)
        assert reader.label(position) in [region.label for region in objects]
        for regions in (objects, parts):
            assert sum(region.mask.astype(int) for region in regions).max() == 1
            assert all(region.mask.any() for region in regions)
        anything = np.any([region.mask for region in objects], 0)
        assert (np.any([region.mask for region in parts], 0) <= anything).all()


def test_every_pixel_has_a_class_that_of_the_object_or_else_of_the_stuff(world):
    reader = open_reader("demo_world", world / "val.safetensors")
    stuff = vocabulary()["stuff"]
    assert reader.dense_classes == [*vocabulary()["classes"], *stuff[1:]]
    seen = set()
    for position in range(96):
        labels = reader.dense_labels(position)
        seen |= set(np.unique(labels).tolist())
        assert labels.dtype == np.int16 and labels.shape == (64, 64)
        objects = np.zeros((64, 64), bool)
        for region in reader.objects(position):
            assert (labels[region.mask] == region.label).all()
            objects |= region.mask
        assert (labels[~objects] >= len(reader.classes)).all()
    assert seen == set(range(len(reader.dense_classes)))


def test_pixels_can_be_of_parts_instead(world):
    reader = open_reader("demo_world", world / "val.safetensors", {"dense": "parts"})
    assert reader.dense_classes == ["background", *vocabulary()["parts"][1:]]
    for position in range(0, 96, 7):
        labels = reader.dense_labels(position)
        expected = np.zeros((64, 64), int)
        for region in reader.parts(position):
            expected[region.mask] = region.label
        assert labels.dtype == np.int16 and np.array_equal(labels, expected)


def test_concepts_are_the_world_in_five_categories_that_agree_with_the_masks(world):
    reader = open_reader("demo_world", world / "val.safetensors")
    words = vocabulary()
    numbers = {category: [] for category in ("object", "part", "material", "texture", "scene")}
    for number, (category,) in reader.concept_categories.items():
        numbers[category].append(number)
    assert [n for own in numbers.values() for n in own] == list(range(1, len(reader.concept_names) + 1))
    named = (words["classes"], words["parts"][1:], words["stuff"][1:], words["textures"][1:], words["scenes"])
    for own, names in zip(numbers.values(), named, strict=True):
        assert [reader.concept_names[number] for number in own] == names
    for position in range(0, 96, 5):
        found = reader.concepts(position)
        assert list(found) == list(numbers) and all(layers.dtype == np.int32 for layers in found.values())
        for category, layers in found.items():
            assert layers.shape == ((1, 1, 1) if category == "scene" else (1, 64, 64))
            assert set(np.unique(layers)) <= {0, *numbers[category]}
        for region in reader.objects(position):
            assert (found["object"][0][region.mask] == 1 + region.label).all()
        for region in reader.parts(position):
            assert {reader.concept_names[n] for n in np.unique(found["part"][0][region.mask])} == {words["parts"][region.label]}
        assert ((found["object"] > 0) == (found["texture"] > 0)).all() and (
            (found["object"] > 0) != (found["material"] > 0)
        ).all()


def test_the_label_is_the_class_of_the_largest_object(world):
    reader = open_reader("demo_world", world / "val.safetensors")
    for position in range(96):
        largest = max(reader.objects(position), key=lambda region: region.mask.sum())
        assert largest.label == reader.label(position)


def test_retrieval_queries_are_not_in_the_database_and_judgements_are_exclusive(world):
    reader = open_reader("demo_world", world / "val.safetensors", {"query_every": 6})
    database = set(reader.database())
    judged = reader.judgements()
    assert len(judged) == 16
    assert {judgement.query for judgement in judged}.isdisjoint(database)
    for judgement in judged:
        groups = [set(judgement.easy), set(judgement.hard), set(judgement.junk)]
        assert set.union(*groups) <= database
        assert sum(map(len, groups)) == len(set.union(*groups))
        kind = reader.label(judgement.query)
        assert all(reader.label(p) == kind for p in judgement.easy)
        assert all(reader.label(p) != kind for p in judgement.hard)
        for p in database - set.union(*groups):
            assert kind not in [region.label for region in reader.objects(p)]


def test_pairs_show_the_same_key_points_on_the_objects_of_one_class(world):
    reader = open_reader("demo_pairs", world / "val.safetensors", {"pairs_per_class": 2, "seed": 1})
    full = open_reader("demo_world", world / "val.safetensors")
    pairs = reader.pairs()
    assert pairs
    assert {i for pair in pairs for i in (pair.source, pair.target)} == set(range(len(reader)))
    positions = {full.id(p): p for p in range(96)}
    for pair in pairs:
        assert pair.source != pair.target
        assert len(pair.source_xy) == len(pair.target_xy) >= 3
        assert reader.classes[reader.label(pair.source)] == reader.classes[reader.label(pair.target)] == pair.category
        x0, y0, x1, y1 = pair.target_box
        assert ((pair.target_xy >= (x0, y0)) & (pair.target_xy <= (x1, y1))).all()
        whole = positions[reader.id(pair.target)]
        masks = [region.mask for region in full.objects(whole) if region.label == full.label(whole)]
        rows, columns = np.floor(pair.target_xy).astype(int).T[::-1]
        assert any(mask[rows, columns].all() for mask in masks)
        assert np.array_equal(np.asarray(reader.image(pair.target)), np.asarray(full.image(whole)))


def test_the_seed_of_the_pairs_decides_them(world):
    def drawn(seed):
        reader = open_reader("demo_pairs", world / "val.safetensors", {"seed": seed})
        return [(reader.id(pair.source), reader.id(pair.target)) for pair in reader.pairs()]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_frames_of_clips_in_order(world):
    reader = open_reader("demo_clips", world / "clips.safetensors")
    assert len(reader) == 15
    assert reader.frame(7) == ("clip01", 2)
    assert reader.id(7) == "clip01/00002"
    assert reader.image(7).size == (64, 64)
    assert reader.object_map(7).dtype == np.uint8
    assert reader.object_map(5).max() >= 2
    assert reader.label(0) == -1
    with pytest.raises(AtlasError, match="a split of the demo world, not its clips"):
        open_reader("demo_clips", world / "val.safetensors")


def test_boxes_of_clips_are_the_bounds_of_what_is_seen_with_one_class_for_a_track(world):
    reader = open_reader("demo_clips", world / "clips.safetensors")
    assert reader.box_classes == vocabulary()["classes"]
    kinds = {}
    for position in range(len(reader)):
        seen = reader.object_map(position)
        boxes = {int(box.track): box for box in reader.boxes(position)}
        assert sorted(boxes) == np.unique(seen[seen > 0]).tolist()
        for track, box in boxes.items():
            rows, columns = np.nonzero(seen == track)
            assert box.xyxy == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            kinds.setdefault((reader.frame(position)[0], track), set()).add(box.label)
    assert len(kinds) == 7 and all(len(found) == 1 for found in kinds.values())
    assert len(set.union(*kinds.values())) > 2


def test_an_option_that_a_reader_does_not_take_is_named(world):
    with pytest.raises(AtlasError, match=r"reader 'demo_world' has no option 'qery_every' .options: query_every."):
        open_reader("demo_world", world / "val.safetensors", {"qery_every": 3})
    with pytest.raises(AtlasError, match=r"reader 'demo_clips' has no option 'seed' .options: none"):
        open_reader("demo_clips", world / "clips.safetensors", {"seed": 3})


def test_few_images_of_a_split_and_the_groups_of_its_classes(world):
    whole, few = (open_reader("demo_world", world / "val.safetensors", options) for options in ({}, {"images": 3}))
    assert len(few) == 3 < len(whole)
    assert [few.id(p) for p in range(3)] == [whole.id(p) for p in range(3)]
    assert np.array_equal(few.dense_labels(2), whole.dense_labels(2))
    groups = dict(zip(whole.dense_classes, whole.dense_groups(), strict=True))
    assert all(groups[name] for name in whole.classes)
    assert {name for name, group in groups.items() if not group} == set(vocabulary()["stuff"][1:])
    assert groups["dog"] == groups["horse"] != groups["fish"]
    assert not any(open_reader("demo_world", world / "val.safetensors", {"dense": "parts"}).dense_groups())
