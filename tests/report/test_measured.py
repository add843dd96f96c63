"""Tables of a run, models by tasks, the counts of a scorecard, and what is refused."""

import os
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.study import Score
from workflow_scripts.common.table import COLUMNS, make_table, write_table
from workflow_scripts.report.build import Extras, write_report
from workflow_scripts.report.glossary import glossary
from workflow_scripts.report.leaderboard import leading, tasks
from workflow_scripts.report.measured import Measured, read_measured
from workflow_scripts.report.scorecard_counts import read_counts
from workflow_scripts.studies.found import find_study, study_names

STUDY = find_study("thesis")
WEIGHTS = {"a": "1" * 64, "b": "2" * 64, "c": ""}
INFO = {
    "title": "Atlas",
    "demo": False,
    "models": [
        {"id": name, "display_name": f"<b>{name}</b>", "supervision": "none" if name == "c" else "labels"} for name in WEIGHTS
    ],
    "datasets": [{"id": "d", "images": 1}],
}


def table(model, values, **more):
    constant = {"study": "thesis", "analysis": "knn", "dataset": "d", "metric": "knn_top1", "facet": "cls", "setting": "k = 20"}
    constant |= {"unit": "share", "higher_is_better": True, "model": model} | more
    rows = [{"layer": layer, "value": v, "ci_low": v - 0.05, "ci_high": v + 0.05} for layer, v in enumerate(values, 1)]
    return make_table(rows, **constant)


def write(folder, model, frame, **metadata):
    path = folder / "thesis/knn" / f"{model}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(path, frame, metadata)


def test_tables_of_this_run_are_read(tmp_path):
    write(tmp_path, "a", table("a", [0.1]), passes={"images": {"weights_sha256": WEIGHTS["a"]}})
    measured = read_measured(tmp_path, {"thesis/knn": ["a"]}, WEIGHTS)
    assert measured.made_of("a") == [("thesis/knn", 1)]
    assert measured.made_of("b") == []


@pytest.mark.parametrize(
    ("frame", "metadata", "said"),
    [
        (table("x", [0.1]), {}, "holds rows of 'x', a table of another run; delete it and run again"),
        (table("a", [0.1], analysis="cka"), {}, "holds rows of the analysis thesis/cka, a table of another run"),
        (table("a", [0.1]), {"passes": {"images": {"weights_sha256": "9" * 64}}}, r"made with other weights \(999999999999\)"),
    ],
)
def test_tables_of_another_run_are_refused(tmp_path, frame, metadata, said):
    write(tmp_path, "a", frame, **metadata)
    with pytest.raises(AtlasError, match=rf"knn/a\.parquet: {said}"):
        read_measured(tmp_path, {"thesis/knn": ["a"]}, WEIGHTS)


def test_a_table_that_is_missing_or_of_no_model_of_the_run_is_named(tmp_path):
    with pytest.raises(AtlasError, match=r"knn/a\.parquet: there is no such file"):
        read_measured(tmp_path, {"thesis/knn": ["a"]}, WEIGHTS)
    with pytest.raises(AtlasError, match=r"knn/z\.parquet: 'z' is no model of this run"):
        read_measured(tmp_path, {"thesis/knn": ["z"]}, WEIGHTS)


def board(**values):
    return tasks(STUDY, Measured({"thesis/knn": {model: table(model, own) for model, own in values.items()}}), ["a", "b"])


def test_each_model_stands_at_its_best_layer_and_controls_have_no_rank():
    (task,) = board(a=[0.1, 0.4, 0.2], b=[0.6, 0.5], c=[0.7])
    assert (task.name, task.dataset, task.ranked) == ("k-NN top-1 accuracy", "d", 2)
    best = task.best
    assert [(best[m].text, best[m].layer, best[m].rank) for m in "abc"] == [("0.40", 2, 2), ("0.60", 1, 1), ("0.70", 1, 0)]
    assert best["a"].last_text == "0.20"
    assert best["a"].interval == "0.35 to 0.45"
    assert [best[m].heat for m in "abc"] == [0, 0.67, 1]
    assert leading(task, {m: m.upper() for m in "abc"}) == (
        "k-NN top-1 accuracy: B leads (0.60, 95 % interval 0.55 to 0.65, layer 1); C, without training, is not below it."
    )


def test_a_score_of_no_direction_is_no_task():
    lower = table("a", [0.1], higher_is_better=False)
    assert tasks(STUDY, Measured({"thesis/knn": {"a": lower}}), ["a"]) == []


def test_tasks_of_one_name_are_told_apart():
    scores = {name: Score(name, name, "knn_top1", "cls", "k = 20", label="Same") for name in ("knn", "retrieval")}
    tables = {f"thesis/{name}": {"a": table("a", [0.5], analysis=name)} for name in scores}
    names = [task.name for task in tasks(replace(STUDY, scores=scores), Measured(tables), ["a"])]
    assert len(set(names)) == 2


def test_the_glossary_knows_the_metric_of_every_score():
    known = yaml.safe_load(Path("workflow_scripts/report/glossary.yaml").read_text())["metrics"]
    scores = [score for name in study_names() for score in find_study(name).scores.values()]
    assert len(scores) > 20
    assert {score.metric for score in scores} <= set(known)


def test_the_glossary_has_every_column_and_the_metrics_of_the_run():
    words = glossary([STUDY], Measured({"thesis/knn": {"a": table("a", [0.5])}}))
    assert list(words.columns) == list(COLUMNS)
    assert [(metric.name, metric.unit, metric.direction) for metric in words.metrics] == [
        ("knn_top1", "share", "higher is better")
    ]
    assert words.metrics[0].meaning
    pairs = table("a", [0.5], analysis="cka").assign(metric="cka_plain", higher_is_better=None, other_model="b")
    words = glossary([STUDY], Measured(), {"thesis/cka": pairs, "local/cka": pairs.assign(metric="other")})
    assert [(metric.name, metric.direction, metric.analyses) for metric in words.metrics] == [
        ("cka_plain", "", (STUDY.analyses["cka"].title,))
    ]


def test_the_counts_of_a_scorecard(tmp_path):
    path = tmp_path / "scorecard.parquet"
    frame = pd.DataFrame({"study": ["x", "x", "y", "x"], "verdict": ["match", "not run", "differs", "match"]})
    frame.to_parquet(path)
    counts = read_counts(path)
    assert counts["x"].by_verdict == {"match": 2, "not run": 1}
    assert counts["x"].total == 3
    frame.assign(verdict="perhaps").to_parquet(path)
    with pytest.raises(AtlasError, match="it has the verdict 'perhaps'"):
        read_counts(path)
    path.write_text("no")
    with pytest.raises(AtlasError, match="not a scorecard"):
        read_counts(path)


def test_a_model_without_any_table_is_said_to_have_none(tmp_path):
    extras = Extras(measured=Measured({"thesis/knn": {"a": table("a", [0.5]), "c": table("c", [0.5])}}))
    write_report(tmp_path / "report", INFO, [], tmp_path, extras)
    index = (tmp_path / "report/index.html").read_text()
    assert "No analysis of this run has a table of &lt;b&gt;b&lt;/b&gt;; it is in no figure." in index
    assert index.count("has a table of") == 1
    assert "there is nothing to show" in (tmp_path / "report/models/b.html").read_text()
    assert "there is nothing to show" not in (tmp_path / "report/models/a.html").read_text()
    assert "<b>" not in index


def test_where_nobody_may_write_it_is_one_line(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(AtlasError, match=r"report: the report may not be written there; mend the permissions of"):
            write_report(tmp_path / "report", INFO, [], tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_another_job_s_folder_in_the_report_stays(tmp_path):
    write_report(tmp_path / "report", INFO, [], tmp_path)
    (tmp_path / "report/latex").mkdir()
    (tmp_path / "report/latex/report.tex").write_text("kept")
    write_report(tmp_path / "report", INFO | {"title": "Again"}, [], tmp_path)
    assert (tmp_path / "report/latex/report.tex").read_text() == "kept"
    assert "Again" in (tmp_path / "report/index.html").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
