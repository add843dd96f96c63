"""The summary tables: best layers, dense against normal, inventory; and the published numbers behind them."""

import pandas as pd
import pytest

from tests.studies.thesis.made_up_study import PUBLISHED, SCORES, all_variants, entry, run_models
from workflow_scripts.common.table import make_table
from workflow_scripts.studies.thesis.summary import best_layers, dense_against_normal, inventory

MODELS = run_models({"b": entry("FS", "ViT-B/16"), "a": entry("DINO", "ViT-S/8"), "noise": entry("Random", "none")})
COLUMNS = {
    "knn": ("knn_top1", "cls", "k = 20"),
    "retrieval": ("mean_average_precision", "cls", "medium"),
    "video": ("jf_mean", "token", "dense"),
    "normal": ("jf_mean", "token", "normal"),
    "keypoints": ("pck_0.1", "token", "thesis rule"),
}


def scores(task, model, values, dataset="d", **more):
    metric, facet, setting = COLUMNS[task]
    common = {"analysis": "video" if task == "normal" else task, "metric": metric, "facet": facet, "setting": setting}
    return [
        common | {"model": model, "dataset": dataset, "layer": layer, "value": value, "n": 10 + layer, "unit": "share"}
        | {"ci_low": value - 0.1, "ci_high": value + 0.1, "higher_is_better": True} | more
        for layer, value in enumerate(values, 1)
    ]  # fmt: skip


def row(table, **keys):
    found = table[(table[list(keys)] == pd.Series(keys)).all(axis=1)]
    assert len(found) == 1, found
    return found.iloc[0]


def test_each_task_s_best_layer_with_its_interval():
    rows = scores("knn", "a", [0.2, 0.5, 0.5, 0.1]) + scores("keypoints", "a", [0.4, 0.3]) + scores("video", "b", [0.1, 0.3])
    table = best_layers(make_table(rows[::-1]), MODELS, SCORES)
    best = row(table, model="a", metric="knn_top1")
    assert (best["layer"], best["value"], best["n"], best["ci_low"], best["ci_high"]) == (2, 0.5, 12, 0.4, 0.6)
    assert row(table, model="a", metric="pck_0.1")["layer"] == 1
    assert row(table, model="b", metric="jf_mean")["setting"] == "dense"
    assert list(table["model"]) == ["b", "a", "a"]  # the order of the run, and what was not measured is left out
    assert set(table["analysis"]) == {"best_layers"}
    assert set(table["study"]) == {"thesis"}


def test_other_settings_and_metrics_are_left_alone():
    rows = (
        scores("knn", "a", [0.2]) + scores("knn", "a", [0.9], setting="k = 10") + scores("knn", "a", [0.9], metric="knn_top5")
    )
    rows += scores("keypoints", "a", [0.9], setting="per-point rule") + scores("retrieval", "a", [0.9], setting="hard")
    rows += scores("normal", "a", [0.9]) + scores("knn", "a", [0.9], facet="mean_patch")
    table = best_layers(make_table(rows), MODELS, SCORES)
    assert list(table["value"]) == [0.2]


def test_noise_is_the_mean_of_its_first_ten_layers_and_has_no_best():
    table = best_layers(make_table(scores("video", "noise", [0.1] * 5 + [0.3] * 5 + [9.0] * 2)), MODELS, SCORES)
    noise = row(table, model="noise")
    assert noise["value"] == pytest.approx(0.2)
    assert pd.isna(noise["layer"]) and pd.isna(noise["ci_low"]) and pd.isna(noise["ci_high"])


def test_every_dataset_has_its_own_best_layer():
    rows = scores("retrieval", "a", [0.2, 0.1], "roxford") + scores("retrieval", "a", [0.2, 0.3], "rparis")
    table = best_layers(make_table(rows), MODELS, SCORES)
    assert list(zip(table["dataset"], table["layer"], strict=True)) == [("roxford", 1), ("rparis", 2)]


def test_nothing_measured_is_an_empty_table():
    assert best_layers(make_table([]), MODELS, SCORES).empty
    assert dense_against_normal(make_table([]), MODELS, SCORES).empty


def test_dense_against_normal():
    rows = scores("video", "a", [0.1, 0.6]) + scores("normal", "a", [0.4, 0.2]) + scores("normal", "b", [0.3])
    rows += scores("video", "noise", [0.1, 0.2]) + scores("normal", "noise", [0.2, 0.4])
    table = dense_against_normal(make_table(rows), MODELS, SCORES)
    assert row(table, model="a", setting="normal")["layer"] == 1
    assert row(table, model="a", setting="dense")["layer"] == 2
    difference = row(table, model="a", setting="dense minus normal")
    assert difference["value"] == pytest.approx(0.2)
    assert pd.isna(difference["layer"]) and pd.isna(difference["ci_low"])
    assert row(table, model="noise", setting="dense minus normal")["value"] == pytest.approx(-0.15)
    assert set(table.loc[table["model"] == "b", "setting"]) == {"normal"}
    assert list(table.loc[table["setting"] == "dense minus normal", "model"]) == ["a", "noise"]
    assert set(table["analysis"]) == {"dense_against_normal"}


def test_inventory_has_every_network_and_not_the_noise():
    table = inventory(MODELS)
    assert list(table["model"]) == ["b", "a"]
    first = table.iloc[0].to_dict()
    assert first == {
        "model": "b", "display_name": "FS B/16", "supervision": "supervised", "method": "FS", "architecture": "ViT-B/16",
        "layers": 12, "heads": 2, "width": 64, "patch": "16", "patch_grid": "14x14", "prefix_tokens": 1,
    }  # fmt: skip


def test_published_numbers_come_back_out_of_curves_that_have_them():
    """The made-up study peaks where the study printed its best layers: the tables must find them again."""
    evidence = all_variants().evidence()
    names = {(model.method, model.architecture): model.id for model in evidence.models}
    tables = {
        "2.1": best_layers(evidence.table, evidence.models, SCORES),
        "2.4": dense_against_normal(evidence.table, evidence.models, SCORES),
    }
    count = 0
    for number, table in tables.items():
        for printed in PUBLISHED["tables"][number]:
            if printed["method"] == "Random":
                continue
            model = names[printed["method"], printed["architecture"]]
            found = row(table, model=model, metric=printed["metric"], setting=printed["setting"], facet=printed["facet"])
            scale = {"percent": 100, "share": 1}[printed["unit"]]
            assert (scale * found["value"], found["layer"]) == (pytest.approx(printed["value"]), printed["layer"])
            count += 1
    assert count == 24 + 40


def test_published_tables_are_whole():
    tables = PUBLISHED["tables"]
    assert {name: len(rows) for name, rows in tables.items()} == {"2.1": 28, "2.2": 20, "2.4": 40}
    ids = [row["id"] for rows in tables.values() for row in rows]
    assert len(ids) == len(set(ids))
    variants = {(row["method"], row["architecture"]): row for row in tables["2.2"]}
    assert {(row["method"], row["architecture"]) for row in tables["2.4"]} == set(variants)
    for (_, architecture), facts in variants.items():
        side = 224 // int(architecture.split("/")[1])
        assert facts["patch_grid"] == f"{side}x{side}"
        assert facts["layers"] == {"S": 12, "B": 12, "L": 24, "H": 32}[architecture[4]]
    by_key = {
        (r["method"], r["architecture"], r["metric"], r["setting"]): r["value"] for r in tables["2.1"] if "architecture" in r
    }
    for printed in tables["2.4"]:  # the two tables print the same dense scores
        key = (printed["method"], printed["architecture"], printed["metric"], printed["setting"])
        assert by_key.get(key, printed["value"]) == printed["value"]
        assert 1 <= printed["layer"] <= variants[key[:2]]["layers"]
