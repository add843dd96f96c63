"""The paper's numbers and claims are all there, each named as the rows of our tables are."""

import pytest

from tests.studies.registers.made_up_study import BOXES, DATASETS, PUBLISHED, measured
from workflow_scripts.studies.registers.conditions import CLASS_ACCURACY, CLS, CORLOC, HIGH, NORMAL, PIXEL_ERROR

TABLES = PUBLISHED["tables"]
KINDS = {NORMAL, HIGH, CLS, "register"}


def by(name, *columns):
    """Return {columns: value} of a table, each once."""
    found = {tuple(entry[column] for column in columns): entry["value"] for entry in TABLES[name]}
    assert len(found) == len(TABLES[name])
    return found


def test_counts_are_those_of_the_paper():
    assert {name: len(entries) for name, entries in TABLES.items()} == {
        "1": 3 * 14, "2": 6 * 3 + 2, "3": 6 * 3, "4": 2 * 3, "5": 2 * 2, "5b": 2 * 3, "text": 18,
    }  # fmt: skip
    ids = [entry["id"] for entries in TABLES.values() for entry in entries]
    assert len(set(ids)) == len(ids) == 114
    assert {entry["provenance"] for entries in TABLES.values() for entry in entries} == {"paper", "summary", "copy", "notes"}


def test_claims_say_what_is_compared_and_where_they_stand():
    assert len({claim["id"] for claim in PUBLISHED["claims"]}) == len(PUBLISHED["claims"]) == 13
    for claim in PUBLISHED["claims"]:
        assert set(claim) == {"id", "part", "statement", "compared", "source"}
        assert claim["id"].startswith("c.") and claim["statement"].endswith(".") and claim["compared"].endswith(".")
    assert len({claim["part"] for claim in PUBLISHED["claims"]}) == 3


@pytest.mark.parametrize("name", ["1", "3", "4", "5", "5b"])
def test_numbers_are_named_as_rows_of_our_tables_are(name):
    there = {(key[1], key[2]) for key in measured()}
    for entry in TABLES[name]:
        assert (entry["analysis"], entry["metric"]) in there
        assert entry.get("kind", NORMAL) in KINDS
        assert 0 < entry["value"] < 1 or entry["unit"] in ("L2", "patches")


def test_what_is_no_share_is_as_printed():
    units = {entry["unit"] for name in ("1", "2", "3", "4", "5", "5b") for entry in TABLES[name]}
    assert units == {"share", "rmse", "L2", "patches"}
    assert by("5b", "kind", "metric") == {
        (NORMAL, "position_accuracy"): 0.417, (NORMAL, "position_distance"): 0.79, (NORMAL, PIXEL_ERROR): 18.38,
        (HIGH, "position_accuracy"): 0.228, (HIGH, "position_distance"): 5.09, (HIGH, PIXEL_ERROR): 25.23,
    }  # fmt: skip


def test_table_1_has_what_table_6_has():
    found = by("1", "kind", "dataset")
    assert len({dataset for _, dataset in found}) == 14
    assert [found[kind, "imagenet1k"] for kind in (NORMAL, HIGH, CLS)] == [0.658, 0.69, 0.86]
    assert found[NORMAL, "pets"] == 0.478  # not the 0.947 of one note, which is that of CLS on Food101
    assert found[CLS, "food101"] == 0.947
    for kind in (NORMAL, HIGH):
        assert all(found[kind, dataset] < found[CLS, dataset] + 0.01 for _, dataset in found)
    assert all(found[NORMAL, dataset] < found[HIGH, dataset] for _, dataset in found)
    assert all((entry["kind"] == CLS) != ("sd" in entry) for entry in TABLES["1"])
    assert [entry["sd"] for entry in TABLES["1"] if entry["id"] == "t1.high_norm.cub"] == [0.021]
    assert {entry["metric"] for entry in TABLES["1"]} == {CLASS_ACCURACY}


def test_table_2_by_hand():
    found = by("2", "method", "registers", "dataset", "setting")
    assert found["DINOv2", True, "ade20k", "linear"] == 0.479 and found["OpenCLIP", True, "nyud", "linear"] == 0.661
    assert found["OpenCLIP", False, "imagenet1k", "zero-shot"] == 0.599
    fall = [found[m, False, "imagenet1k", "linear"] - found[m, True, "imagenet1k", "linear"] for m in BOXES]
    assert max(fall) == pytest.approx(0.001)


def test_table_3_and_the_gain_in_the_text():
    found = by("3", "method", "dataset", "registers")
    assert found == {
        (method, dataset, registers): pair[registers]
        for method, pairs in BOXES.items()
        for dataset, pair in zip(DATASETS, pairs, strict=True)
        for registers in (False, True)
    }
    assert {(entry["method"], entry["facet"]) for entry in TABLES["3"]} == {
        ("DINOv2", "key"), ("DeiT-III", "value"), ("OpenCLIP", "value"),
    }  # fmt: skip
    assert {entry["metric"] for entry in TABLES["3"]} == {CORLOC}
    text = {entry["id"]: entry["value"] for entry in TABLES["text"]}
    gain = found["DINOv2", DATASETS[0], True] - found["DINOv2", DATASETS[0], False]
    assert gain == pytest.approx(text["s3.3.gain"])


def test_tables_4_and_5_by_number_of_registers():
    assert by("4", "register_tokens", "kind") == {
        (0, CLS): 0.846, (0, NORMAL): 0.155, (0, HIGH): 0.733, (1, CLS): 0.852, (1, NORMAL): 0.145, (1, "register"): 0.711,
    }  # fmt: skip
    assert by("5", "register_tokens", "metric") == {
        (0, "position_accuracy"): 0.663, (0, PIXEL_ERROR): 15.9, (4, "position_accuracy"): 0.658, (4, PIXEL_ERROR): 16.0,
    }  # fmt: skip


def test_single_numbers_of_the_text():
    text = {entry["id"]: entry["value"] for entry in TABLES["text"]}
    assert text["sum.cutoff"] == 150 and text["fig3.share"] == 0.0237 and text["s1.ratio"] == 10
    assert (text["sum.layer_from"], text["sum.layers"]) == (15, 40)
    assert (text["appB.flop4"], text["appB.flop16"], text["appA.position_share"]) == (0.02, 0.06, 0.2)
    assert (text["s3.3.dino"], text["appE.mae_linear"]) == (0.619, 0.75)
