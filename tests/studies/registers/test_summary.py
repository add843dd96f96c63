"""Tables for reading: ours, and beside them what the paper printed of models that it has."""

from dataclasses import replace

import pytest
import yaml
from markupsafe import escape

from tests.studies.registers.made_up_others import DATASETS, corloc, models, table
from workflow_scripts.report.fragments import MISSING, to_html
from workflow_scripts.report.latex.tables import to_latex
from workflow_scripts.studies.registers import table_cells
from workflow_scripts.studies.registers.methods import published_facet
from workflow_scripts.studies.registers.summary import tables

# Made up, but in the form of `published.yaml`.
_GIANT = {"method": "DINOv2", "architecture": "ViT-g/14"}
PUBLISHED = {
    "1": [
        {**_GIANT, "dataset": name, "kind": kind, "value": value, **({} if kind == "cls" else {"sd": 0.005})}
        for name, values in {"aircraft": (0.2, 0.8, 0.9), "imagenet1k": (0.6, 0.7, 0.85)}.items()
        for kind, value in zip(("normal", "high-norm", "cls"), values, strict=True)
    ],
    "3": [
        {"method": method, "registers": registers, "dataset": name, "metric": "corloc", "value": value}
        for method, registers, value in (("DINOv2", False, 0.36), ("DINOv2", True, 0.56), ("DeiT-III", False, 0.12))
        for name in DATASETS[:2]
    ],
    "5b": [
        {**_GIANT, "kind": "normal", "metric": "position_accuracy", "value": 0.42},
        {**_GIANT, "kind": "high-norm", "metric": "position_distance", "value": 5.2},
    ],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _printed(tmp_path, monkeypatch):
    path = tmp_path / "published.yaml"
    path.write_text(yaml.safe_dump({"tables": PUBLISHED}), encoding="utf-8")
    monkeypatch.setattr(table_cells, "_PUBLISHED", path)
    table_cells.published.cache_clear()
    yield
    table_cells.published.cache_clear()


def made(run=None, rows=None):
    run = models() if run is None else run
    return {fragment.label: (own, fragment) for own, fragment in tables(table(run) if rows is None else rows, run, {})}


def texts(fragment, name):
    return [[cell.text for cell in row[1:]] for row in fragment.rows if row[0].text == name]


def test_tables_are_four_in_both_spellings():
    found = made()
    assert list(found) == ["one_token", "local_information", "corloc", "corloc_choices"]
    for name, (rows, fragment) in found.items():
        assert set(rows["analysis"]) == {name} and set(rows["study"]) == {"registers"}
        assert escape(fragment.caption) in to_html(fragment) and r"\bottomrule" in to_latex(fragment)
        assert "Data: " in fragment.caption


def test_one_token_has_deviations_and_the_paper_s_datasets():
    rows, fragment = made()["one_token"]
    ours = next(row for row in fragment.rows if row[0].text == "DINOv2 ViT-g/14")
    assert [cell.text for cell in ours[1:]] == ["imagenet1k_val", "with a high-norm token", "65.8", "69.0", "86.0"]
    assert [cell.note for cell in ours[3:]] == ["0.5", "0.5", ""] and ours[3].interval == "64.8 to 66.8"
    assert texts(fragment, "DINOv2 ViT-g/14, as published") == [
        ["aircraft", "not said", "20.0", "80.0", "90.0"], ["imagenet1k", "not said", "60.0", "70.0", "85.0"],
    ]  # fmt: skip
    assert texts(fragment, "DINO ViT-B/16") == [["imagenet1k_val", "all", "64.6", MISSING, "84.8"]]
    assert not texts(fragment, "DINOv2+reg ViT-g/14, as published") and not texts(fragment, "DINOv2 ViT-S/14, as published")
    assert len(rows) == 9 * 3 + 4 * 2


def test_corloc_stands_beside_the_published_of_the_same_method_and_registers():
    rows, fragment = made()["corloc"]
    assert [column.heading for column in fragment.columns] == [
        "Model", "By", DATASETS[0], "as published", DATASETS[1], "as published", DATASETS[2],
    ]  # fmt: skip
    run = {model.id: model for model in models()}
    own = {name: f"{100 * corloc(run['dinov2reg_g'], 'key', dataset=name):.1f}" for name in DATASETS}
    assert texts(fragment, "DINOv2+reg ViT-g/14") == [
        ["keys", own[DATASETS[0]], "56.0", own[DATASETS[1]], "56.0", own[DATASETS[2]]]
    ]
    assert texts(fragment, "DINOv2 ViT-S/14")[0][2] == "36.0" and "all sizes" in fragment.caption
    assert (
        texts(fragment, "DeiT-III ViT-B/16")[0][:3:2] == ["values", "12.0"] and texts(fragment, "MAE ViT-B/16")[0][2] == MISSING
    )
    assert [row[0].text for row in fragment.rows][:2] == ["DINOv2 ViT-g/14", "DINOv2+reg ViT-g/14"]
    assert len(rows) == 27 and set(rows["setting"]) == {"bias 0"}


def test_local_information_has_the_kinds_and_the_paper_s():
    rows, fragment = made()["local_information"]
    assert texts(fragment, "DINOv2 ViT-g/14") == [
        ["normal", "41.7", "0.79", "18.38"], ["high-norm", "22.8", "5.09", "25.23"], ["all", "41.0", "0.90", "18.50"],
    ]  # fmt: skip
    assert texts(fragment, "DINOv2 ViT-g/14, as published") == [
        ["normal", "42.0", MISSING, MISSING], ["high-norm", MISSING, "5.20", MISSING],
    ]  # fmt: skip
    assert [one[0] for one in texts(fragment, "DINO ViT-B/16")] == ["normal", "all"]
    assert len(rows) == 3 * (9 * 2 + 4)


def test_choices_tell_the_best_the_study_s_and_their_spread():
    rows, fragment = made()["corloc_choices"]
    (model,) = models(1)
    own, top = (corloc(model, "key", *said) for said in ((12, 0, None), (11, 0.1, 672)))
    (line,) = texts(fragment, model.display_name)
    assert line[:5] == [
        DATASETS[0], "keys, layer 11, bias +10 %, 672 px", f"{100 * top:.1f}",
        "keys, layer 12, bias 0 %, own size", f"{100 * own:.1f}",
    ]  # fmt: skip
    spans = {
        "layer": [corloc(model, "key", layer) for layer in (9, 10, 11, 12)],
        "bias": [corloc(model, "key", shift=shift) for shift in (-0.2, 0.1)],
        "size": [corloc(model, "key", side=side) for side in (None, 448, 672, 896)],
    }
    for text, values in zip(line[7:], spans.values(), strict=True):
        assert text == f"{100 * min(values):.1f}\N{EN DASH}{100 * max(values):.1f}"
    assert line[5].endswith(f"{100 * top:.1f}") and len(rows) == 2 * 9


def test_the_demo_is_none_of_the_paper_s_models_and_says_what_it_is():
    for name, (_, fragment) in made(models(demo=True)).items():
        assert fragment.caption.endswith("In the demo world."), name
        assert "ublished" not in fragment.caption
        assert not any("published" in cell.text for row in fragment.rows for cell in row)
        assert not any("published" in column.heading for column in fragment.columns)


@pytest.mark.parametrize("analysis", ["classification", "local_information", "discovery", "choices"])
def test_an_analysis_that_was_not_made_leaves_its_table_empty(analysis):
    rows = table(models())
    found = made(rows=rows[rows["analysis"] != analysis])
    empty = [name for name, (_, fragment) in found.items() if not fragment.rows]
    assert len(empty) == 1 and found[empty[0]][0].empty and found[empty[0]][1].caption.endswith("Data: none.")
    assert to_html(found[empty[0]][1])


def test_what_is_missing_is_a_dash_and_noise_is_left_out():
    rows = table(models())
    gone = (rows["model"] == "dinov2_g") & (rows["dataset"] == DATASETS[1])
    few = rows[~gone & ~((rows["analysis"] == "choices") & rows["setting"].str.endswith("own size"))]
    found = made(rows=few)
    assert texts(found["corloc"][1], "DINOv2 ViT-g/14")[0][4:] == [MISSING, "36.0"]
    assert texts(found["corloc_choices"][1], "DINOv2 ViT-g/14")[0][3:5] == [MISSING, MISSING]
    noise = tuple(replace(model, random=True) for model in models())
    assert all(not fragment.rows for _, fragment in made(noise, rows).values())


def test_facets_are_the_paper_s():
    assert [published_facet(model) for model in models()][3:6] == ["key", "value", "value"]
