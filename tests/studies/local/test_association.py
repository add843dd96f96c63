"""Association from files of passes: objects that one loud feature confuses are found again without it, by hand."""

import json

import numpy as np
import pytest

from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.table import make_table
from workflow_scripts.onepass.states import write_states
from workflow_scripts.studies.local import association, other_association
from workflow_scripts.studies.local.conditions import COSINE, NN, condition, setting
from workflow_scripts.studies.passes import Passed, Passes

SETTINGS = {"gaps": [2, 1, 2, 5], "removed": 1}
# Of two videos: (video, frame, track, category, ignored). The second misses frame 1; object 5 is there once.
BOXES = [
    *((0, frame, track, 0, 0) for frame in range(4) for track in (0, 1)),
    *((1, frame, track, track % 2, track == 4) for frame in (0, 2, 3) for track in (2, 3, 4)),
    (1, 3, 5, 1, 0),
]


def features():
    """Features of two videos: which object it is, and before that a loud one that changes places from frame to frame."""
    rows = []
    for _, frame, track, *_ in BOXES:
        loud = 50 * (-1) ** (frame + track) if track < 4 else 0
        rows.append([loud, *(3 * np.eye(6)[track] + 0.1)])
    return np.array(rows)


def made_pass(folder, loud, view="squash32", precision=np.float16):
    """Return a pass in which the loud feature of objects varies as much over patches as it says."""
    values, (video, frame, track, category, ignored) = features(), np.array(BOXES).T
    # Frames in the order of the videos: four, three.
    image = np.where(video == 0, frame, 4 + np.searchsorted([0, 2, 3], frame))
    boxes = {
        "video": np.array([0] * 4 + [1] * 3),
        "frame": np.array([0, 1, 2, 3, 0, 2, 3]),
        "box_image": image,
        "box_xyxy": np.zeros((len(BOXES), 4), np.float32),
        "box_track": track,
        "box_label": category,
        "box_ignored": ignored.astype(np.uint8),
    }
    write_arrays(folder / "boxes.safetensors", boxes, {"names": '["car", "bus"]', "left_out": "0"})
    squares = np.array([[loud, *range(1, 7)]], float)
    states = {
        "object_features": {"token_normed": values[:, None].astype(precision), "token_normed.index": np.arange(len(values))},
        "feature_moments": {"count": np.array([90.0]), "mean": np.zeros((1, 7)), "squares": squares * 90},
    }
    facts = {"model": "m", "views": json.dumps({view: {"n_layers": 12, "grid": [2, 2]}})}
    write_states(folder / "pass.safetensors", {view: states}, facts)
    files = {"pass": str(folder / "pass.safetensors"), "boxes": str(folder / "boxes.safetensors")}
    return Passed("videos", view, files)


def table(passes, settings=SETTINGS, analysis=association):
    return make_table(list(analysis.rows(Passes(passes), settings, 0)), study="local", analysis="association", model="m")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return table({"tiles": made_pass(tmp_path_factory.mktemp("pass"), 100)})


def value(made, metric, rule, column="value", **words):
    rows = made[(made["metric"] == metric) & (made["setting"] == setting(rule, **words))]
    assert len(rows) == 1
    return rows[column].iloc[0]


@pytest.mark.parametrize("rule", [NN, COSINE])
def test_by_hand(made, rule):
    """One frame later the loud feature is that of the other object; two later its own. Without it nothing is confused."""
    # Asked one frame later: 6 of the first video, of the second 2 of frame 2; 4, which is ignored, is not.
    assert value(made, "instance", rule, "n", gap=1) == 8 and value(made, "instance", rule, gap=1) == 0
    assert value(made, "category", rule, gap=1) == 6 / 8
    assert value(made, "category_of_errors", rule, gap=1) == 6 / 8
    assert value(made, "category_of_errors", rule, "n", gap=1) == 8
    # Two later: 4 of the first video, 2 of the second, whose frames are missing in between.
    assert value(made, "instance", rule, "n", gap=2) == 6 and value(made, "instance", rule, gap=2) == 1
    for gap, asked in ((1, 8), (2, 6)):
        for metric in ("instance", "category"):
            assert value(made, metric, rule, gap=gap, without=1) == 1
            assert value(made, metric, rule, "n", gap=gap, without=1) == asked
    assert value(made, "instance", rule, "ci_low", gap=1) == 0
    low, high = (value(made, "category", rule, end, gap=1) for end in ("ci_low", "ci_high"))
    assert (low, high) == (0, 1)  # of the second video alone, of the first alone


def test_rows_are_those_of_the_contract(made):
    assert value(made, "removed_main", NN) == 1 and value(made, "removed_main", NN, "n") == 90
    assert set(made["metric"]) == {"removed_main", "instance", "category", "category_of_errors"}
    assert set(made["layer"]) == {12} and set(made["facet"]) == {"token_normed"} and set(made["dataset"]) == {"videos"}
    scores = made[made["metric"] != "removed_main"]
    # Five frames later nothing is asked, and where there is no error none has a category.
    assert {condition(text).words["gap"] for text in scores["setting"]} == {"1", "2"}
    errors = scores[scores["metric"] == "category_of_errors"]["setting"]
    assert sorted(errors) == sorted(setting(rule, gap=1) for rule in (NN, COSINE))
    assert len(scores) == 2 * 2 * 2 * 2 + 2
    assert scores["value"].between(0, 1).all() and scores["higher_is_better"].all()


def test_features_are_removed_by_their_variance_over_all_patches_and_not_over_objects(tmp_path):
    quiet = table({"tiles": made_pass(tmp_path, 0.5)})
    assert value(quiet, "instance", NN, gap=1, without=1) == 0
    # Once all are removed that vary more, the loud one is what is left.
    every = table({"tiles": made_pass(tmp_path, 0.5)}, SETTINGS | {"removed": 6})
    assert value(every, "category", NN, gap=1, without=6) == pytest.approx(6 / 8)
    with pytest.raises(AtlasError, match="removed: 7 of 7 features are all of them; name fewer"):
        table({"tiles": made_pass(tmp_path, 0.5)}, SETTINGS | {"removed": 7})


def test_whole_images_beside_tiles_have_their_own_variances(tmp_path):
    for name in ("tiles", "full"):
        (tmp_path / name).mkdir()
    passes = {"tiles": made_pass(tmp_path / "tiles", 100), "full": made_pass(tmp_path / "full", 0.5, "squash32x64", np.float32)}
    both = table(passes)
    assert value(both, "instance", NN, gap=1, without=1) == 1
    assert value(both, "instance", NN, gap=1, without=1, view="full") == 0
    assert value(both, "instance", COSINE, gap=2, view="full") == 1
    assert (both["metric"] == "removed_main").sum() == 1
    assert other_association.rows is association.rows
