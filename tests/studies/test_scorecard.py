"""Published numbers beside ours: the join, the rule, and what happens to numbers that have none beside them."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace

import pandas as pd
import pytest

from tests.studies.made_of_published import (
    LARGE,
    all_published,
    joinable,
    published,
    rows_of,
    run_models,
    table_of,
)
from workflow_scripts import write_scorecard
from workflow_scripts.common.run_messages import published_line
from workflow_scripts.common.run_model import NOISE_LAYERS, RunModel
from workflow_scripts.common.table import make_table, write_table
from workflow_scripts.studies.found import ROOT, find_study, study_names
from workflow_scripts.studies.published import BEST, LAST, PublishedNumber, read_published
from workflow_scripts.studies.scorecard import (
    COLUMNS,
    DEMO,
    DIFFERS,
    MATCH,
    NOT_COMPARABLE,
    NOT_RUN,
    Run,
    counts,
    scorecard,
    tolerance_of,
)

MODELS = run_models()
NUMBERS = all_published()


def number(**more):
    """Return a number of a made-up study."""
    given = {"value": 0.5, "unit": "share", "precision": 0.005, "tolerance": 0.02, "method": "DINO", "architecture": "ViT-B/16"}
    given |= {"analysis": "knn", "dataset": "photos", "facet": "cls", "metric": "top1", "setting": "k = 20"}
    return PublishedNumber("made_up", "1", "t1", "Table 1", **given | more)


def model(name="mine", **more):
    return RunModel(name, name, "contrastive", **{"method": "DINO", "architecture": "ViT-B/16", "layers": 12} | more)


def rows(values, **more):
    """Return rows by layer."""
    row = {"study": "made_up", "analysis": "knn", "dataset": "photos", "facet": "cls", "metric": "top1", "setting": "k = 20"}
    row |= {"model": "mine", "unit": "share", "n": 100}
    return [row | more | {"layer": layer, "value": value} for layer, value in values.items()]


def judged(one, measured, models=None, **more):
    """Return the row of a number in the scorecard of a run."""
    (row,) = scorecard([one], Run(models or [model()], make_table(measured), **more)).to_dict("records")
    return row


# Published numbers as a run


def test_what_was_published_matches_itself():
    numbers = joinable(NUMBERS)
    card = scorecard(numbers, Run(MODELS, table_of(numbers, MODELS)))
    assert card[card["verdict"] != MATCH][["study", "id", "verdict", "reason"]].to_dict("records") == []
    assert len(card) == len(numbers) > 400
    assert set(card["study"]) == set(study_names())
    assert card["difference"].abs().max() <= 0.02  # two tables of a study may print a number differently
    assert (card["ours"].notna() & (card["model"] != "")).all()


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(("tolerances", "verdict"), [(0.9, MATCH), (1.5, DIFFERS)])
def test_what_is_shifted_differs_by_the_shift_beyond_the_tolerance(sign, tolerances, verdict):
    # Each in a study of its own: another number of the same row, or one that is the best of it, would hide the shift.
    apart = [replace(one, study=f"study {place}", sd=0) for place, one in enumerate(joinable(NUMBERS))]
    shift = {one.key: sign * tolerances * tolerance_of(one) for one in apart}
    card = scorecard(apart, Run(MODELS, table_of(apart, MODELS, lambda one: shift[one.key])))
    assert set(card["verdict"]) == {verdict}
    assert card["difference"].tolist() == pytest.approx(list(shift.values()), abs=1e-9)
    assert card["reason"].str.contains("above" if sign > 0 else "below").all() == (verdict == DIFFERS)


def test_an_interval_that_reaches_the_number_matches():
    one = number()
    reaching, short = rows({12: 0.55}, ci_low=0.5, ci_high=0.6), rows({12: 0.55}, ci_low=0.51, ci_high=0.6)
    assert judged(one, reaching)["reason"] == "the interval reaches it" and judged(one, reaching)["verdict"] == MATCH
    assert judged(one, short)["verdict"] == DIFFERS
    assert judged(number(sd=0.011), short)["verdict"] == MATCH  # its printed deviation
    assert judged(number(precision=0.011, tolerance=0.01), short)["verdict"] == MATCH  # rounded when printed


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (number(), 0.02),
        (number(value=0.06), 0.006),  # a tenth
        (number(value=0.006, precision=0.0005), 0.0006),
        (number(value=0.002, precision=0.0005), 0.0005),  # the last digit
        (number(value=40, unit="L2", tolerance=None, precision=0.5), 4),
        (number(value=-0.5), 0.02),
    ],
)
def test_the_tolerance(one, expected):
    assert tolerance_of(one) == pytest.approx(expected)


# Layers, facets, counts


def test_layers():
    curve = rows({1: 0.1, 9: 0.5, 12: 0.4})
    assert judged(number(layer=9), curve)["ours"] == 0.5
    assert judged(number(layer=LAST), curve)["ours"] == 0.4
    best = judged(number(layer=BEST, best_layer=11), curve)
    assert (best["ours"], best["layer"]) == (0.5, "best")
    assert "best layer 9, the study's 11" in best["reason"]
    assert judged(number(layer=3), curve)["verdict"] == NOT_RUN
    low = judged(number(layer=BEST, value=0.1), rows({1: 0.1, 9: 0.5}, higher_is_better=False))
    assert low["ours"] == 0.1
    early = judged(number(), rows({1: 0.5}))  # the last layer of the model, not of what was measured
    assert (early["verdict"], early["reason"]) == (NOT_RUN, "knn of mine has no top1, cls, k = 20")


def test_noise_has_no_best_layer():
    values = {layer: 0.01 * layer for layer in range(1, 13)}
    row = judged(
        number(layer=BEST, method="Random", architecture="", value=0.055), rows(values), [model(method="Random", random=True)]
    )
    assert row["ours"] == pytest.approx(sum(list(values.values())[:NOISE_LAYERS]) / NOISE_LAYERS)
    assert pd.isna(row["ci_low"])


def test_the_best_facet_by_its_own_number_or_by_another():
    measured = [
        *rows({12: 0.5}, facet="key"), *rows({12: 0.6}, facet="value"), *rows({12: 0.9}, facet="other"),
        *rows({12: 0.8}, facet="key", metric="recall"), *rows({12: 0.7}, facet="value", metric="recall"),
    ]  # fmt: skip
    facets = ("key", "value")
    assert judged(number(facet=BEST, facets=facets), measured)["ours"] == 0.6
    assert judged(number(facet=BEST, facets=facets, metric="recall"), measured)["ours"] == 0.8
    by = judged(number(facet=BEST, facets=facets, metric="recall", best_by="top1"), measured)
    assert by["ours"] == 0.7 and "best: value" in by["reason"]


def test_counts_and_other_units():
    one = number(value=120, unit="count", precision=0.5, tolerance=None, counted=True, method="", architecture="", patch=16)
    row = judged(one, rows({12: 0.125}, unit=None, n=LARGE), [model(patch=(14, 14)), model(patch=(16, 16))])
    assert (row["ours"], row["verdict"], row["unit"]) == (125, MATCH, "count")
    assert judged(one, rows({12: 0.125}, n=LARGE), [model(patch=(14, 14))])["reason"] == "no model of patch 16 in this run"
    other = judged(number(unit="L2"), rows({12: 0.5}))
    assert (other["verdict"], other["reason"]) == (NOT_COMPARABLE, "another unit: ours is share")


def test_registers():
    run = [model("plain", prefix_tokens=1), model("registered", prefix_tokens=5)]
    measured = rows({12: 0.5}, model="plain") + rows({12: 0.5}, model="registered")
    for wanted, name in (
        ({}, "plain"), ({"registers": False}, "plain"), ({"registers": True}, "registered"),
        ({"register_tokens": 0}, "plain"), ({"register_tokens": 4}, "registered"),
    ):  # fmt: skip
        assert judged(number(**wanted), measured, run)["model"] == name
    assert judged(number(register_tokens=1), measured, run)["verdict"] == NOT_RUN


# What cannot be compared, and what was not run


def test_why_a_number_has_none_beside_it():
    assert judged(number(method="MAE"), rows({12: 0.5}))["reason"] == "no MAE ViT-B/16 in this run"
    assert judged(number(architecture="ViT-L/16"), rows({12: 0.5}))["verdict"] == NOT_RUN
    assert judged(number(), [])["reason"] == "knn was not run of mine"
    row = judged(number(), rows({12: 0.5}, dataset="mine_val"))
    assert (row["verdict"], row["reason"], row["model"]) == (NOT_COMPARABLE, "another dataset: mine_val", "mine")
    assert pd.isna(row["ours"])
    assert judged(number(setting="k = 10"), rows({12: 0.5}))["verdict"] == NOT_RUN
    assert judged(number(), rows({12: float("nan")}))["verdict"] == NOT_RUN
    row = judged(number(reason="read off a figure"), rows({12: 0.5}))
    assert (row["verdict"], row["reason"], row["ours"], row["difference"]) == (NOT_COMPARABLE, "read off a figure", 0.5, 0)
    row = judged(number(), rows({12: 0.5}), sizes={("made_up", "knn"): "geometry is crop 60, the study's crop 224"})
    assert (row["verdict"], row["ours"]) == (NOT_COMPARABLE, 0.5) and row["reason"].startswith("another resolution: geometry")
    assert judged(number(value=None), rows({12: 0.5}))["verdict"] == NOT_COMPARABLE


def test_the_demo_stands_for_nothing():
    demo = [model(demo=True), model("noise", method="Random", architecture="none", random=True)]
    for one in (number(), number(method="MAE"), number(method="Random", architecture=""), number(method="", architecture="")):
        row = judged(one, rows({12: 0.5}, dataset="demo"), demo)
        assert (row["verdict"], row["reason"]) == (NOT_COMPARABLE, DEMO)
        assert pd.isna(row["ours"])
    mixed = [model("toy", demo=True, architecture="ViT-demo/5"), model("real", method="MAE")]
    assert judged(number(), rows({12: 0.5}, model="toy"), mixed)["reason"] == DEMO
    assert judged(number(method="MAE"), rows({12: 0.5}, model="real"), mixed)["verdict"] == MATCH
    assert judged(number(method="iBOT"), rows({12: 0.5}, model="real"), mixed)["reason"] == "no iBOT ViT-B/16 in this run"
    toy = judged(number(architecture=""), rows({12: 0.5}, model="toy"), mixed)  # it has the number, and is of the demo
    assert (toy["verdict"], toy["reason"]) == (NOT_COMPARABLE, DEMO)


def test_of_several_models_the_first_that_has_the_number():
    two = [model("first"), model("second")]
    assert judged(number(), rows({12: 0.5}, model="second"), two)["model"] == "second"
    assert judged(number(), rows({12: 0.4}, model="first") + rows({12: 0.5}, model="second"), two)["ours"] == 0.4
    assert judged(number(), rows({12: 0.5}, model="second", dataset="b"), two)["reason"] == "another dataset: b"


def test_tables_of_another_run_count_for_nothing():
    run = Run([model()], make_table(rows({12: 0.1}, model="stranger") + rows({12: 0.5})))
    assert run.foreign == ("stranger",)
    assert scorecard([number()], run)["ours"].tolist() == [0.5]
    twice = rows({12: 0.5}) + rows({12: 0.7})
    assert judged(number(), twice)["ours"] == 0.5


def test_an_empty_run_and_no_numbers():
    card = scorecard(NUMBERS, Run((), make_table([])))
    assert len(card) == len(NUMBERS)
    assert set(card["verdict"]) == {NOT_RUN, NOT_COMPARABLE}
    none = scorecard([], Run((), make_table([])))
    assert list(none.columns) == list(COLUMNS) and len(none) == 0


# The command


def write_run(folder, numbers, models):
    """Write the description of models and a table for each analysis and model."""
    (folder / "models.json").write_text(json.dumps([asdict(one) for one in models]))
    files = []
    for place, (_, own) in enumerate(table_of(numbers, models).groupby(["study", "analysis", "model"])):
        files.append(folder / f"{place}.parquet")
        write_table(files[-1], own, {})
    return files


def command(monkeypatch, folder, files, studies, sizes=None):
    published = [f"{name}={ROOT / find_study(name).claims}" for name in studies]
    words = ["--published", *published, "--models", folder / "models.json", "--sizes", json.dumps(sizes or {})]
    words += ["--tables", *files, "--parquet", folder / "card.parquet", "--csv", folder / "card.csv"]
    monkeypatch.setattr(sys, "argv", ["write_scorecard", *map(str, words)])
    write_scorecard.main()
    return pd.read_parquet(folder / "card.parquet")


def test_the_command_reads_what_there_is(tmp_path, monkeypatch, capsys):
    study = study_names()[0]
    numbers = joinable(published(study))
    files = write_run(tmp_path, numbers, MODELS)
    whole = command(monkeypatch, tmp_path, files, [study])
    assert counts(whole["verdict"])[MATCH] == len(numbers)
    said = capsys.readouterr().out
    apart = len(whole) - len(numbers)
    assert said == f"published numbers: {len(numbers)} match, 0 differ, {apart} not comparable, 0 not run\n"
    assert pd.read_csv(tmp_path / "card.csv", keep_default_na=False)["verdict"].tolist() == whole["verdict"].tolist()

    files[0].unlink()
    files[1].write_text("no table")
    less = command(monkeypatch, tmp_path, files, [study])
    captured = capsys.readouterr()
    assert [line.split(": ")[0] for line in captured.err.splitlines()] == ["note"] * 2
    assert "0.parquet" in captured.err and "1.parquet" in captured.err
    assert counts(less["verdict"])[MATCH] < len(numbers) and counts(less["verdict"])[NOT_RUN] > 0

    described = [one for one in MODELS if one.id != whole["model"].iloc[0]]
    (tmp_path / "models.json").write_text(json.dumps([asdict(one) for one in described]))
    command(monkeypatch, tmp_path, files[2:], [study])
    assert "note: tables of models that are not of this run are left out" in capsys.readouterr().err


def test_a_run_at_another_size(tmp_path, monkeypatch):
    study = study_names()[0]
    numbers = joinable(published(study))
    first = numbers[0].analysis
    files = write_run(tmp_path, numbers, MODELS)
    card = command(monkeypatch, tmp_path, files, [study], {f"{study}/{first}": "geometry is crop 64, the study's crop 224"})
    other = card[card["reason"] == "another resolution: geometry is crop 64, the study's crop 224"]
    assert len(other) == sum(number.analysis == first for number in numbers) > 3
    assert set(other["verdict"]) == {NOT_COMPARABLE} and other["ours"].notna().all()


def test_the_line_on_the_screen(tmp_path):
    path = tmp_path / "card.csv"
    path.write_text("id,verdict\na,match\nb,match\nc,differs\nd,not run\n")
    assert published_line(path) == "published numbers: 2 match, 1 differ, 0 not comparable, 1 not run"
    path.write_text("id\na\n")
    assert published_line(path) == ""
    assert published_line(tmp_path / "none.csv") == ""


def test_rows_have_what_others_read():
    row = judged(number(), rows_of(number(), model(), 0.5, spread=0.1))
    assert {key: row[key] for key in ("ci_low", "ci_high", "n")} == {"ci_low": 0.4, "ci_high": 0.6, "n": LARGE}
    assert list(row) == list(COLUMNS)


def test_numbers_are_read_with_the_file_s_mistakes(tmp_path):
    from workflow_scripts.common.errors import AtlasError

    path = tmp_path / "published.yaml"
    entry = "{ id: a, source: Table 1, value: 12.50, unit: percent, metric: m, kind: new }"
    path.write_text(
        "claims: []\ntolerance: { share: 0.01 }\njoin: { '1': { setting: 'of {kind}' } }\n" + f"tables: {{ '1': [{entry}] }}\n"
    )
    (one,) = read_published("s", path)
    assert (one.value, one.unit, one.tolerance, one.setting, one.layer) == (0.125, "share", 0.01, "of new", LAST)
    assert one.precision == pytest.approx(0.0005)
    for text, message in (
        ("join: { '2': { facet: cls } }", "join.2: there is no such table"),
        ("join: { '1': { not_comparable: [{ reason: lost, has: [token] }] } }", "'lost' is said of no number"),
        ("join: { '1': { fazet: cls } }", "fazet"),
    ):
        path.write_text(f"claims: []\n{text}\ntables: {{ '1': [{entry}] }}\n")
        with pytest.raises(AtlasError, match=message):
            read_published("s", path)
    path.write_text(f"claims: []\ntables: {{ '1': [{entry}, {entry}] }}\n")
    with pytest.raises(AtlasError, match="the id a twice"):
        read_published("s", path)
    path.write_text("claims: []\n")
    assert read_published("s", path) == ()
