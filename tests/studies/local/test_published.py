"""The paper's numbers and claims are all there, each named as the rows of our tables are."""

import pytest

from tests.studies.local.made_up_study import PUBLISHED, measured
from workflow_scripts.studies.local.conditions import LINEAR, NN, condition, setting
from workflow_scripts.studies.local.methods import METHODS
from workflow_scripts.studies.local.table_cells import published

TABLES = PUBLISHED["tables"]


def test_counts_are_those_of_the_paper():
    assert {name: len(entries) for name, entries in TABLES.items()} == {
        "2": 6 * 4 - 1, "3": 3 * 44, "5": 2 * 2 * 2, "6": 4 * 4, "text": 18, "setup": 49,
    }  # fmt: skip
    ids = [entry["id"] for entries in TABLES.values() for entry in entries]
    assert len(set(ids)) == len(ids) == 246
    assert len({claim["id"] for claim in PUBLISHED["claims"]}) == len(PUBLISHED["claims"]) == 33


def test_claims_say_what_is_compared_and_where_they_stand():
    for claim in PUBLISHED["claims"]:
        assert set(claim) == {"id", "part", "statement", "compared", "source"}
        assert claim["id"].startswith("c.") and claim["statement"].endswith(".") and claim["compared"].endswith(".")
    assert len({claim["part"] for claim in PUBLISHED["claims"]}) == 6


@pytest.mark.parametrize("name", ["2", "5", "6"])
def test_settings_are_spelled_as_in_our_tables(name):
    there = {(key[0], key[2], key[3].replace("without 20", "without 200")) for key in measured()}
    for entry in published(name):
        said = condition(entry["setting"])
        assert entry["setting"] == setting(said.rule, **said.words)
        assert (entry["analysis"], entry["metric"], entry["setting"]) in there
        assert entry["method"] in METHODS and entry["architecture"].startswith("ViT-B/")
        assert 0 < entry["value"] < 1


def test_table_2_lacks_one_cell_and_agrees_with_the_text():
    found = {(entry["method"], entry["analysis"], entry["setting"]): entry["value"] for entry in TABLES["2"]}
    assert ("MAE", "patches", setting(LINEAR, without=200)) not in found
    text = {entry["id"]: entry["value"] for entry in TABLES["text"]}
    assert found["MAE", "patches", NN] == text["s4.mae.knn.m0"] == 0.058
    assert found["MAE", "patches", setting(NN, without=200)] == text["s4.mae.knn.m200"] == 0.295


@pytest.mark.parametrize(
    ("metric", "patch", "total"), [("pixels", None, 295 * 224**2), ("patches", 16, 295 * 196), ("patches", 14, 295 * 256)]
)
def test_table_3_adds_up(metric, patch, total):
    entries = [entry for entry in TABLES["3"] if (entry["metric"], entry.get("patch")) == (metric, patch)]
    single = {entry["class"]: entry["value"] for entry in entries if "class" in entry}
    supers = {entry["supercategory"]: entry["value"] for entry in entries if "supercategory" in entry}
    assert len(single) == 39 and set(supers) == {"airplane", "ship", "car", "court", "road"}
    assert sum(single.values()) == total
    assert single["background"] + sum(supers.values()) == total


def test_disagreements_of_the_paper_are_noted():
    noted = {entry["id"] for entries in TABLES.values() for entry in entries if "note" in entry}
    assert {"s6.r2.random", "s6.r2.mae200", "t3.airplane.a330.pixels"} <= noted
    derived = [entry["id"] for entries in TABLES.values() for entry in entries if entry.get("provenance") == "derived"]
    assert derived == ["t3.airplane.a330.pixels"]
