"""What decides a drawing: no words, the scores that it shows, and the first of them that was measured."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace

import pandas as pd
import pytest

from tests.figures.synthetic import save_table
from workflow_scripts.common.study import Figure, Score, Study
from workflow_scripts.figures.curves import Curve, first_measured
from workflow_scripts.figures.drawing import Drawing
from workflow_scripts.figures.read import load
from workflow_scripts.figures.save import draw
from workflow_scripts.studies.found import find_study, study_names

WORDS = {"title": "Another", "caption": "Another, with a comma.", "found": "Another.", "number": "9.9", "section": "Another"}
SCORES = {
    "dense": Score("dense", "video", "jf_mean", "token", "dense", title="Dense", label="J&F, dense", axis="J&F"),
    "normal": Score("normal", "video", "jf_mean", "token", "normal", title="Normal", label="J&F, normal", axis="J&F"),
    "finest": Score("finest", "video", "jf_mean", "token", "finest", title="Finest", label="J&F, finest"),
    "knn": Score("knn", "knn", "knn_top1", "cls", "k = 20", title="Neighbours", label="Top-1"),
}
EVERY = [(study, figure.name) for study in study_names() for figure in find_study(study).figures]


def made_up(draw=None, scores=(), tables=("video",), **more):
    """Return a study with one figure."""
    words = {"number": "1", "section": "All", "title": "A figure", "caption": "What is drawn.", "found": "What was found."}
    figure = Figure("made_up", "one", **words, tables=tables, draw=draw or {}, scores=tuple(scores), **more)
    return Study("made_up", "Made up", {}, {}, {}, {}, {}, SCORES, (figure,), None, "", ())


def drawing(draw, scores, **more):
    study = made_up(draw, scores, **more)
    return Drawing.of(study, study.figures[0])


@pytest.mark.parametrize(("study", "name"), EVERY)
def test_words_are_no_part_of_what_decides_a_drawing(study, name):
    study = find_study(study)
    figure = study.figure(name)
    decides = study.drawing(figure)
    for word, other in WORDS.items():
        assert study.drawing(replace(figure, **{word: other})) == decides, word
    assert figure.title not in decides
    assert figure.caption not in decides


@pytest.mark.parametrize("kind", ["tables", "maps", "pairs"])
def test_what_is_read_decides_a_drawing(kind):
    study = made_up({"by_supervision": "knn"}, ["knn"])
    figure = study.figures[0]
    assert study.drawing(replace(figure, **{kind: ("another",)})) != study.drawing(figure)


def test_the_kit_s_drawing_and_what_it_is_given_decide_a_drawing():
    study = made_up({"panels": [["knn"]]}, ["knn"])
    figure = study.figures[0]
    for other in ({"panels": [["knn", "knn"]]}, {"panels": [["knn"]], "share_y": False}, {"by_supervision": "knn"}, {}):
        assert study.drawing(replace(figure, draw=other)) != study.drawing(figure)


@pytest.mark.parametrize("field", [name for name in asdict(SCORES["knn"]) if name != "name"])
def test_a_score_decides_the_drawings_that_show_it_and_no_other(field):
    """Its title and its labels too: they stand on the figure."""
    study = made_up({"panels": [["knn"]]}, ["knn"])
    decides = study.drawing(study.figures[0])

    def with_another(name):
        scores = SCORES | {name: replace(SCORES[name], **{field: "another"})}
        return replace(study, scores=scores)

    assert with_another("knn").drawing(study.figures[0]) != decides
    assert with_another("dense").drawing(study.figures[0]) == decides


@pytest.mark.parametrize(("study", "name"), EVERY)
def test_a_drawing_is_what_its_json_says(study, name):
    study = find_study(study)
    figure = study.figure(name)
    found = Drawing.of(study, figure)
    assert found == Drawing.from_json(json.loads(study.drawing(figure)))
    assert (found.key, found.tables, found.maps, found.pairs) == (figure.key, figure.tables, figure.maps, figure.pairs)
    assert found.scores == {name: study.scores[name] for name in figure.scores}
    assert bool(found.module) != bool(found.kit)  # drawn by a module of the study or by the kit


@pytest.mark.parametrize(("study", "name"), EVERY)
def test_a_figure_reads_the_tables_of_the_scores_that_it_shows(study, name):
    study = find_study(study)
    figure = study.figure(name)
    analyses = {study.scores[score].analysis for score in figure.scores}
    assert analyses == set(figure.tables) if figure.draw else analyses <= set(figure.tables)


def test_panels_have_the_titles_and_labels_of_their_scores(small):
    axes = draw(drawing({"panels": [["dense", "normal"], ["knn", "knn"]]}, SCORES, tables=("video", "knn")), small).figure.axes
    assert [one.get_title(loc="left") for one in axes] == ["Dense", "Normal", "Neighbours", "Neighbours"]
    assert [one.get_ylabel() for one in axes] == ["J&F", "", "Top-1", ""]  # once a row; `axis` before `label`
    assert [one.get_title(loc="right") for one in axes] == ["", "davis_2017", "", "imagenet_1k"]


def test_what_the_kit_is_given(small):
    def panels(**given):
        return draw(drawing({"panels": [["dense", "normal"]]} | given, SCORES), small)

    own, shared = panels(share_y=False).figure.axes, panels().figure.axes
    assert [one.get_ylabel() for one in own] == ["J&F", "J&F"]
    assert shared[0].get_ylim() == shared[1].get_ylim()
    assert own[0].get_ylim() != own[1].get_ylim()
    assert "random_baseline" in set(panels().data["model"])
    assert "random_baseline" not in set(panels(random=False).data["model"])

    def marks_one(result):
        return [any(list(line.get_ydata()) == [1, 1] for line in axes.lines) for axes in result.figure.axes]

    assert (marks_one(panels(ratio=True)), marks_one(panels())) == ([True, True], [False, False])


def test_by_supervision_is_labelled_by_its_score(small):
    result = draw(drawing({"by_supervision": "knn"}, ["knn"], tables=("knn",)), small)
    assert result.figure.axes[0].get_ylabel() == "Top-1"
    assert set(result.data["metric"]) == {"knn_top1"}
    assert set(result.data["setting"]) == {"k = 20"}


def test_a_curve_is_that_of_its_score():
    assert Curve.of(SCORES["knn"]) == Curve("knn_top1", "", "cls", "k = 20")
    iou = Score("iou", "attention", "mask_iou", "attention", head="best")
    assert Curve.of(iou) == Curve("mask_iou", "best", "attention", None)  # any setting


@pytest.fixture
def without_dense(small_files, tmp_path):
    """A function that reads the video tables of two models, of which the first `count` have no dense rows."""

    def read(count):
        paths = list(small_files.tables["video"][:2])
        for place, path in enumerate(paths[:count]):
            frame = pd.read_parquet(path)
            paths[place] = save_table(tmp_path / path.name, frame[frame["setting"] != "dense"])
        return load(small_files.run_models(["fs_b16", "clip_b16"]), paths)

    return read


def test_of_several_scores_the_first_that_any_model_was_measured_by(without_dense):
    dense, normal, finest = (SCORES[name] for name in ("dense", "normal", "finest"))
    assert first_measured(without_dense(0), [dense, normal]) == dense
    assert first_measured(without_dense(1), [dense, normal]) == dense  # the drawing then names the model that lacks it
    assert first_measured(without_dense(2), [dense, normal]) == normal
    assert first_measured(without_dense(2), [finest, normal, dense]) == normal
    assert first_measured(without_dense(2), [dense, finest]) == finest  # none: the last, whose absence is then named
    assert first_measured(without_dense(2), [dense]) == dense


def test_a_place_shows_the_first_of_its_scores_that_was_measured(without_dense):
    places = drawing({"panels": [[["dense", "normal"], "normal"]]}, ["dense", "normal"])
    for count, title in ((0, "Dense"), (2, "Normal")):
        axes = draw(places, without_dense(count)).figure.axes
        assert [one.get_title(loc="left") for one in axes] == [title, "Normal"]
    kinds = drawing({"by_supervision": ["dense", "normal"]}, ["dense", "normal"])
    result = draw(kinds, without_dense(2))
    assert result.figure.axes[0].get_ylabel() == "J&F, normal"
    assert set(result.data["setting"]) == {"normal"}


def test_descriptions_are_data_and_drawing_needs_no_torch():
    script = (
        "import sys, importlib; from workflow_scripts.studies.found import find_study, study_names;"
        "figures = [figure for name in study_names() for figure in find_study(name).figures];"
        "assert figures and not {'matplotlib', 'pandas', 'numpy', 'torch'} & set(sys.modules);"
        "[importlib.import_module(f'workflow_scripts.{figure.module}') for figure in figures if figure.module];"
        "import workflow_scripts.write_report, workflow_scripts.draw_contact_sheet, workflow_scripts.draw_figure;"
        "assert 'torch' not in sys.modules"
    )
    made = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
