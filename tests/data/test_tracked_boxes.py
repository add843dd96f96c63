"""Boxes of videos in pixels of the seen image: by hand in every view, cut at its ends, by track; what is wrong is named."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.formats import bdd100k_mot, davis2017, mot17
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.alterations import Rotation, Shift
from workflow_scripts.data.ground_truth import KINDS
from workflow_scripts.data.reader import Box, open_reader
from workflow_scripts.data.tracked_boxes import tracked_boxes
from workflow_scripts.data.views import CentreCrop, Letterbox, Squash, Tiles, View

WHOLE = View(Squash(40, 80))


def samples(positions, sizes):
    rows = [(position, f"frame{position}.jpg", *size) for position, size in zip(positions, sizes, strict=True)]
    return pd.DataFrame(rows, columns=["position", "id", "image_height", "image_width"])


def video(frames, name=lambda position: "video", number=lambda position: position):
    """A reader of one frame for each list of boxes."""
    return SimpleNamespace(
        boxes=frames.__getitem__, frame=lambda position: (name(position), number(position)), box_classes=["car", "bus"]
    )


def boxes(frames, view=WHOLE, size=(40, 80), **more):
    return tracked_boxes(video(frames, **more), samples(range(len(frames)), [size] * len(frames)), view)


def edges(view, *xyxy, size=(40, 80)):
    made, left_out = boxes([[Box(one, 0, str(at)) for at, one in enumerate(xyxy)]], view, size)
    assert len(made["box_xyxy"]) + left_out == len(xyxy)
    assert made["box_xyxy"].dtype == np.float32
    return made["box_xyxy"].tolist()


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (View(Squash(40, 80)), [10, 4, 30, 20]),
        (View(Squash(80, 40)), [5, 8, 15, 40]),
        (View(Tiles(80, 40, 8)), [20, 8, 60, 40]),
        (View(Letterbox(40)), [5, 12, 15, 20]),  # 10 px of black above
        (View(CentreCrop(40, 40)), [0, 4, 10, 20]),  # 20 px are cut off at the left
        (View(CentreCrop(40, 40), Shift(4)), [0, 8, 14, 24]),
    ],
)
def test_boxes_in_pixels_of_the_view(view, expected):
    assert edges(view, (10, 4, 30, 20)) == [expected]


def test_a_box_in_a_rotated_image_is_the_one_around_it():
    """About the centre (10, 10), by 45 degrees: what is right of it is up and right."""
    (made,) = edges(View(Squash(20, 20), Rotation(45)), (10, 8, 14, 12), size=(20, 20))
    assert made == pytest.approx(10 + np.sqrt(2) * np.array([-1, -3, 3, 1]), abs=1e-4)


def test_boxes_end_with_the_image_and_those_of_which_nothing_is_seen_are_counted():
    frames = [
        [Box((-5, -5, 10, 10), 0, "a"), Box((80, 0, 90, 10), 0, "b"), Box((70, 30, 90, 50), 1, "c")],
        [],
        [Box((3, 3, 3, 9), 0, "a"), Box((-9, 0, 0, 5), 0, "c"), Box((1, -3, 2, 0.5), 0, "b")],
    ]
    made, left_out = boxes(frames)
    assert left_out == 3
    assert made["box_image"].tolist() == [0, 0, 2]
    assert made["box_xyxy"].tolist() == [[0, 0, 10, 10], [70, 30, 80, 40], [1, 0, 2, 0.5]]
    assert made["box_label"].tolist() == [0, 1, 0]
    # What the black of a letterbox hides is not seen either, and the square's black is no image.
    assert edges(View(Letterbox(40)), (0, -20, 40, 10)) == [[0, 10, 20, 15]]


def test_tracks_are_numbered_through_videos_and_frames_as_the_dataset_counts():
    frames = [
        [Box((0, 0, 1, 1), 0, "7"), Box((0, 0, 2, 2), 0, "9", frozenset({"ignored", "crowd"}))],
        [Box((0, 0, 3, 3), 0, "9")],
        [Box((0, 0, 4, 4), 1, "9", frozenset({"crowd"}))],
        [Box((0, 0, 5, 5), 0, "once"), Box((0, 0, 6, 6), 0, "9")],
    ]
    reader = video(frames, name=lambda position: "ab"[position // 2], number=lambda position: 5 + 3 * position)
    made, _ = tracked_boxes(reader, samples([0, 1, 2, 3], [(40, 80)] * 4), WHOLE)
    assert made["video"].tolist() == [0, 0, 1, 1] and made["frame"].tolist() == [5, 8, 11, 14]
    assert made["box_image"].tolist() == [0, 0, 1, 2, 3, 3]
    assert made["box_track"].tolist() == [0, 1, 1, 2, 3, 2]
    assert made["box_ignored"].tolist() == [0, 1, 0, 0, 0, 0]
    # A frame that was skipped leaves a gap.
    made, _ = tracked_boxes(reader, samples([0, 3], [(40, 80)] * 2), WHOLE)
    assert made["frame"].tolist() == [5, 14] and made["box_image"].tolist() == [0, 0, 1, 1]


@given(st.data())
def test_any_boxes_stay_in_the_image_in_their_order_and_are_left_out_only_if_nothing_is_seen(data):
    side = st.integers(-30, 120)
    corners = data.draw(st.lists(st.tuples(side, side, side, side), min_size=1, max_size=6))
    given_boxes = [Box((min(a, b), min(c, d), max(a, b), max(c, d)), 0, str(at)) for at, (a, b, c, d) in enumerate(corners)]
    inside = [
        box for box in given_boxes
        if min(box.xyxy[2], 80) > max(box.xyxy[0], 0) and min(box.xyxy[3], 40) > max(box.xyxy[1], 0)
    ]  # fmt: skip
    if not inside:
        with pytest.raises(AtlasError, match="no box is left"):
            boxes([given_boxes])
        return
    made, left_out = boxes([given_boxes])
    assert left_out == len(given_boxes) - len(inside)
    expected = [np.clip(box.xyxy, 0, [80, 40, 80, 40]).tolist() for box in inside]
    assert made["box_xyxy"].tolist() == expected


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        ([Box((0, 0, 1, 1), 0)], r"image frame1\.jpg: a box without a track; choose"),
        ([Box((0, 0, 1, 1), 0, "4"), Box((90, 0, 99, 1), 0, "4")], r"image frame1\.jpg: track '4' has 2 boxes; give each"),
        ([Box((9, 0, 1, 1), 0, "4")], r"image frame1\.jpg: the box of track '4' ends before it begins \(9, 0, 1, 1\)"),
    ],
)
def test_boxes_that_follow_nothing_are_named_with_their_frame(frame, problem):
    with pytest.raises(AtlasError, match=problem):
        boxes([[], frame])


def test_a_dataset_without_boxes_or_without_tracks():
    for reader in (SimpleNamespace(boxes=[].__getitem__), SimpleNamespace(frame=lambda position: ("a", 0))):
        with pytest.raises(AtlasError, match="no boxes that follow objects through videos; choose a dataset that has"):
            tracked_boxes(reader, samples([0], [(4, 4)]), WHOLE)
    with pytest.raises(AtlasError, match="no box is left"):
        boxes([[], []])


def reduced(folder, layout, reader, view):
    layout.write(folder)
    opened = open_reader(reader, folder)
    table = samples(range(len(opened)), [layout.SIZE[::-1]] * len(opened))
    return KINDS["boxes"](opened, table, view, None, lambda done: None)


def test_official_layouts(tmp_path):
    """Each dataset in its layout, shown at half its size."""
    made, words = reduced(tmp_path / "bdd", bdd100k_mot, "bdd100k_mot", View(Squash(36, 64)))
    assert made["frame"].tolist() == [0, 1, 2] * 2
    assert made["box_image"].tolist() == [0, 0, 2, 2, 2, 3, 3, 5, 5, 5]
    assert made["box_track"].tolist() == [0, 1, 0, 2, 3, 4, 5, 4, 6, 7]
    assert made["box_xyxy"][:2].tolist() == [[5, 10, 15, 20], [0.75, 1.25, 2.25, 5.25]]
    assert made["box_ignored"].sum() == 0 and words["left_out"] == "0"

    made, words = reduced(tmp_path / "mot", mot17, "mot17", View(Squash(24, 32)))
    assert made["box_image"].tolist() == [0, 0, 1, 2]
    assert made["box_ignored"].tolist() == [0, 1, 1, 0]
    assert made["box_xyxy"][1].tolist() == [0, 0, 2.5, 5]  # reaches beyond the left
    assert made["box_track"].tolist() == [0, 1, 2, 0]

    made, words = reduced(tmp_path / "davis", davis2017, "davis", View(Squash(32, 48)))
    assert made["box_track"].tolist() == [0, 1] * 4 + [2, 3] * 4
    assert made["box_xyxy"][0].tolist() == [2, 4, 18, 20]
    assert words == {"names": '["object"]', "left_out": "0"}
