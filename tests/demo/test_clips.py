"""The painted clips: tracks keep their object, boxes follow the masks, things cross and leave."""

from __future__ import annotations

import numpy as np

from workflow_scripts.demo.clips import paint_clips


def _areas(clips):
    """Visible pixels [C, F, T] of the tracks 1 to 3."""
    return np.stack([(clips["object"] == track).sum((2, 3)) for track in (1, 2, 3)], -1)


def test_a_clip_depends_only_on_its_number(clips):
    again = paint_clips(3, 2, 12)
    np.testing.assert_array_equal(again["image"], clips["image"][:2])
    np.testing.assert_array_equal(again["track_class"], clips["track_class"][clips["track_clip"] < 2])


def test_boxes_are_those_of_every_visible_track(clips):
    seen = {
        (clip, frame, track): (clips["object"][clip, frame] == track)
        for clip, frame, track in np.ndindex(3, 12, 4)
        if track and (clips["object"][clip, frame] == track).any()
    }
    keys = zip(clips["box_clip"], clips["box_frame"], clips["box_track"], strict=True)
    boxes = dict(zip(keys, clips["box_xyxy"], strict=True))
    assert boxes.keys() == seen.keys()
    for key, mask in seen.items():
        row, column = np.nonzero(mask)
        assert boxes[key].tolist() == [column.min(), row.min(), column.max() + 1, row.max() + 1]


def test_masks_hold_only_listed_tracks(clips):
    for clip in range(3):
        listed = clips["track_index"][clips["track_clip"] == clip]
        assert set(np.unique(clips["object"][clip])) == {0, *listed}
    np.testing.assert_array_equal(clips["stuff"] == 0, clips["object"] > 0)
    np.testing.assert_array_equal(clips["part"] > 0, clips["object"] > 0)


def test_a_track_keeps_its_look_and_moves_smoothly(clips):
    for clip, track in zip(clips["track_clip"], clips["track_index"], strict=True):
        frames = np.flatnonzero(_areas(clips)[clip, :, track - 1] > 60)
        mine = (clips["box_clip"] == clip) & (clips["box_track"] == track)
        centres = {f: (b[:2] + b[2:]) / 2 for f, b in zip(clips["box_frame"][mine], clips["box_xyxy"][mine], strict=True)}
        colours = [clips["image"][clip, f][clips["object"][clip, f] == track].mean(0) for f in frames]
        for before, after in zip(range(len(frames) - 1), range(1, len(frames)), strict=True):
            if frames[after] - frames[before] == 1:
                assert np.abs(centres[frames[after]] - centres[frames[before]]).max() < 16
        assert np.ptp(colours, axis=0).max() < 70


def test_one_clip_has_a_crossing_and_one_a_departure(clips):
    areas = _areas(clips)
    behind = areas[0, :, 0]
    assert behind.min() < 0.75 * behind[[0, -1]].min()
    assert areas[1, 0].max() > 0 and areas[1, 0, 1] > 100 and areas[1, -1, 1] == 0
