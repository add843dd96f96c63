"""The report: its content, escaping, whole folder, and how it opens in a browser."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from markupsafe import escape
from PIL import Image

from tests.report.page import Page
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.study import Figure, Summary, SummaryTable
from workflow_scripts.common.table import make_table, write_table
from workflow_scripts.figures.style import FAMILIES
from workflow_scripts.report.build import Extras, Results, write_report
from workflow_scripts.report.claims import read_claims
from workflow_scripts.report.fragments import Cell, Column, Fragment, to_html
from workflow_scripts.report.latex.tables import to_latex
from workflow_scripts.report.neighbours import read_neighbours
from workflow_scripts.report.run_info import duration, moment, read_run_info
from workflow_scripts.report.site import anchor
from workflow_scripts.studies.found import find_study

STUDY = find_study("thesis")
FIGURES = STUDY.figures
TABLES = STUDY.summary.tables
NASTY = '<script>alert("x")</script> & co'


CLAIMS = [
    {
        "id": f"c.{name}",
        "part": part,
        "statement": f"Statement of {name}, long enough to fill more than one line of its column on the page.",
        "compared": f"What {name} compares.",
        "source": f"Table 2.3; {name}" if name != "first_one" else "Table 2.1; section 2.3.1; Figures 2.3, 2.14",
        "outcome": outcome,
        "reason": f"Reason of {name}.",
        "rule": rule,
        "numbers": numbers,
    }
    for name, part, outcome, rule, numbers in (
        (
            "first_one",
            "Attention",
            "holds",
            "Holds if this is so.",
            [
                {"name": f"best IoU of {NASTY}", "value": 0.51234, "ci_low": 0.4, "ci_high": 0.6, "unit": "IoU"},
                {"name": "deepest layer", "value": 7.0, "ci_low": None, "ci_high": None, "unit": "count"},
                {"name": "shift", "value": -0.25, "ci_low": None, "ci_high": None, "unit": "CKA"},
            ],
        ),
        ("second", "Attention", "does not hold", "Holds if that is so.", []),
        (f"third {NASTY}", "Downstream tasks", "cannot be tested", "", []),
        ("fourth", "Downstream tasks", "cannot be tested", "", []),
    )
]


def run_info(**more):
    models = [
        {
            "id": f"model_{family}",
            "display_name": f"A model with a rather long display name, {family}",
            "supervision": family,
            "method": "official recipe, shortened",
            "architecture": "ViT, width 64, depth 6, patch 8",
            "layers": 6,
            "heads": 4,
            "dim": 64,
            "patch": 8,
            "licence": "CC-BY-NC-4.0",
            "weights_sha256": None if family == "none" else "0123456789abcdef" * 4,
        }
        for family in FAMILIES
    ]
    datasets = [{"id": "demo_val", "images": 480, "skipped": ["a/very/long/path/" * 8 + "broken.png"]}]
    return {
        "title": "ViT Atlas",
        "demo": True,
        "models": models,
        "datasets": datasets,
        "seed": 3,
        "commit": "e498d50d8851ce9c2fd1211a5b50a66774360af4 with uncommitted changes",
        "command": "uv run snakemake",
        "finished": "2026-11-21T06:00:00+00:00",
        "seconds": 372.4,
        "versions": {"python": "3.11.7"},
        "config": {"seed": 3, "note": "x" * 300},
    } | more


@pytest.fixture
def files(tmp_path):
    """Figures of the sizes that occur, a contact sheet, k-NN accuracies and the run's facts."""
    figures = tmp_path / "results" / "figures"
    for place, entry in enumerate(FIGURES):
        base = figures / entry.key
        base.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (430, 1000 if place == 0 else 180), (250, 250, 255)).save(f"{base}.png")
        base.with_suffix(".pdf").write_text(entry.name)
        base.with_suffix(".csv").write_text(numbers(place))
    sheet = tmp_path / "sheet.png"
    Image.new("RGB", (2148, 2000)).save(sheet)
    rows = [
        {"model": model, "dataset": "demo_val", "layer": layer, "facet": facet, "value": value, "ci_low": low}
        | {"ci_high": value + 0.04, "n": 480}
        for model, values in (("model_supervised", (0.1, 0.75, 0.5)), ("model_none", (0.2, 0.1, 0.05)))
        for facet in ("cls", "mean_patch")
        for layer, (value, low) in enumerate(zip(values, (0.06, float("nan"), 0.01), strict=True), 1)
    ]
    table = make_table(rows, analysis="knn", metric="knn_accuracy", setting="k = 20", unit="share", higher_is_better=True)
    write_table(tmp_path / "knn.parquet", table, {})
    (tmp_path / "run.json").write_text(json.dumps(run_info()))
    write_results(tmp_path / "tables" / "thesis", [table.name for table in TABLES])
    return tmp_path


def numbers(value):
    """Return the numbers of a figure: a best layer in each of two models."""
    rows = [("model_supervised", 1, value + 0.25), ("model_supervised", 2, value + 0.5), ("model_language", 1, value)]
    lines = [f"{model},demo_val,purity,cls,normal,{layer},{v},{v - 0.1},{v + 0.1}" for model, layer, v in rows]
    return "\n".join(["model,dataset,metric,facet,setting,layer,value,ci_low,ci_high", *lines, ""])


def write_results(folder, tables):
    """Write a study's tables for reading and its judged claims."""
    folder.mkdir(parents=True)
    for name in tables:
        columns = (Column("Model"), *(Column(f"A rather long heading {place}", number=True) for place in range(9)))
        table = Fragment(name, f"Caption of {name}.", columns, ((Cell(NASTY), *[Cell("0.5", "3", "0.4 to 0.6")] * 9),))
        (folder / f"{name}.html").write_text(to_html(table))
        (folder / f"{name}.tex").write_text(to_latex(table))
    (folder / "claims.json").write_text(json.dumps({"demo": True, "claims": CLAIMS}))


def results(files, study=STUDY, figures=FIGURES):
    folder = files / "tables" / study.name
    return Results(study, figures, folder, read_claims(folder / "claims.json"))


def build(files, info=None, figures=FIGURES, more=(), **extras):
    """Return the folder of a report and the text of its pages by file."""
    output = files / "results" / "report"
    knn = read_neighbours(files / "knn.parquet", {"model_supervised": NASTY})
    studies = [results(files, figures=figures), *more]
    extras = Extras(contact_sheet=files / "sheet.png", neighbours=knn, **extras)
    write_report(output, info or run_info(), studies, files / "results/figures", extras)
    return output, pages(output)


def pages(output):
    """Return the text of every page of a report by file."""
    return {path.relative_to(output).as_posix(): path.read_text(encoding="utf-8") for path in output.rglob("*.html")}


def test_figures_say_of_how_many_things_their_numbers_are_and_how_many_pages_they_have(files):
    figure = next(one for one in FIGURES if one.tables == ("knn",))
    base = files / "results" / "figures" / figure.key
    heads, row = "model,dataset,metric,facet,value,ci_low,ci_high,n", "model_supervised,demo_val,knn_top1,cls,0.5,0.4,0.6,320"
    base.with_suffix(".csv").write_text(f"{heads}\n{row}\n")
    base.with_suffix(".pdf").write_bytes(b"<< /Type /Page >>" * 3)
    page = build(files)[1]["studies/thesis.html"]
    card = page[page.index(f'id="{anchor(figure.study, figure.name)}"') :]
    card = card[: card.index("</article>")]
    assert "n = 320 images; 95 % intervals over images." in card
    assert "PDF (3 pages, 1 kB)" in card


def test_every_page_is_well_formed_and_accessible(files):
    _, texts = build(files)
    models = {f"models/{model['id']}.html" for model in run_info()["models"]}
    assert set(texts) == {"index.html", "run.html", "glossary.html", "studies/thesis.html"} | models
    for name, text in texts.items():
        page = Page(text)
        assert page.all("html") == [{"lang": "en"}]
        for landmark in ("header", "main", "h1", "title"):
            assert len(page.all(landmark)) == 1, (name, landmark)
        assert [nav["aria-label"] for nav in page.all("nav")] == ["Pages", "Contents"]
        assert page.all("a")[0]["href"] == "#main"
        ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
        assert len(ids) == len(set(ids)), name
        images = page.all("img")
        assert all(image["alt"] and image["width"] and image["height"] and image["loading"] == "lazy" for image in images)
        assert len({image["alt"] for image in images}) == len(images)
        assert all(header.get("scope") for header in page.all("th"))
        for attrs in (attrs for _, attrs in page.tags if attrs.get("tabindex") == "0"):
            assert attrs["aria-label"]
        for _, attrs in page.tags:
            assert attrs.get("aria-labelledby", ids[0]) in ids
    assert len(Page(texts["studies/thesis.html"]).all("img")) == len(FIGURES)
    assert len(Page(texts["index.html"]).all("img")) == 1


def test_every_link_leads_somewhere(files):
    output, texts = build(files)
    there = {name: {attrs["id"] for _, attrs in Page(text).tags if "id" in attrs} for name, text in texts.items()}
    for name, text in texts.items():
        for _, attrs in Page(text).tags:
            for target in (attrs[key] for key in ("href", "src") if key in attrs):
                if target.startswith("data:"):
                    continue
                file, _, fragment = target.partition("#")
                path = (output / name).parent.joinpath(file).resolve() if file else (output / name).resolve()
                assert path.is_relative_to(output.resolve()) and path.is_file(), (name, target)
                if fragment:
                    assert fragment in there[path.relative_to(output.resolve()).as_posix()], (name, target)


def test_page_says_what_was_run(files):
    _, texts = build(files)
    index, run, study = (Page(texts[name]) for name in ("index.html", "run.html", "studies/thesis.html"))
    for fact in (
        "demo world",
        "nothing here reproduces a published number",
        "6 min 12 s",
        "e498d50d88 with uncommitted changes",
        "2026-11-21 06:00 UTC",
    ):
        assert fact in index.text
        assert fact in run.text
    assert {"title": "0123456789abcdef" * 4} in run.all("code")
    assert "0123456789ab" in run.text
    assert "broken.png" in run.text
    for entry in FIGURES:
        for sentence in (entry.title, entry.caption, entry.found):
            assert sentence in study.text
    assert "75.0 % layer 2" in index.text  # the best layer, without an interval
    assert "50.0 % layer 3" in index.text  # the last layer
    assert "1.0 to 54.0" in index.text
    assert all("nan" not in re.findall(r"\w+", Page(text).text) for text in texts.values())


def test_claims_with_their_verdicts(files):
    _, texts = build(files)
    page = Page(texts["studies/thesis.html"])
    assert "Of 4 claims 1 is seen here, 1 is not seen, 2 cannot be tested with this run." in page.text
    assert "Claims of the study, in the demo world" in page.text
    assert "They neither confirm nor refute the study." in page.text
    for sign, outcome in (
        ("\N{CHECK MARK}", "seen here"),
        ("\N{WHITE CIRCLE}", "not seen here"),
        ("\N{EN DASH}", "cannot be tested"),
    ):
        assert f"{sign} {outcome}" in page.text  # said by sign and words, not by colour alone
    chips = [attrs["class"] for attrs in page.all("span") if attrs.get("class", "").startswith("verdict")]
    assert chips[:2] == 2 * ["verdict demo holds"]  # beside the two figures that the first claim cites
    assert chips[2:] == [f"verdict demo {kind}" for kind in ("holds", "fails", "untested", "untested")]  # neutral in the demo
    for said in (
        "Reason of second.",
        "Holds if that is so.",
        "What fourth compares.",
        "Table 2.1; section 2.3.1; Figures 2.3, 2.14",
    ):
        assert said in page.text
    assert "What second compares." not in page.text  # its rule says it
    assert "0.512" in page.text and "0.400 to 0.600" in page.text
    assert "\N{MINUS SIGN}0.250" in page.text
    assert "deepest layer7—" in page.text
    assert page.text.index("Reason of first_one") < page.text.index("Reason of third")
    claims = [attrs for tag, attrs in page.tags if tag == "table" and attrs.get("class") == "claims"]
    assert claims == [{"class": "claims", "role": "table"}]  # narrow screens show it as blocks: roles keep it a table
    path = files / "tables/thesis/claims.json"
    path.write_text(json.dumps({"demo": False, "claims": CLAIMS}))
    _, texts = build(files, run_info(demo=False))
    page = Page(texts["studies/thesis.html"])
    assert "n the demo world" not in page.text
    assert "Verdict" in page.text
    assert "Of 4 claims 1 holds, 1 does not, 2 cannot be tested with this run." in page.text
    assert f"Holds: \N{LEFT DOUBLE QUOTATION MARK}{CLAIMS[0]['statement']}" in Page(texts["index.html"]).text
    chips = [attrs["class"].split() for attrs in page.all("span") if attrs.get("class", "").startswith("verdict")]
    assert chips[2:] == [["verdict", kind] for kind in ("holds", "fails", "untested", "untested")]


def test_facts_that_nobody_could_verify_are_said(files):
    info = run_info(demo=False)
    info["models"][0]["unverified"] = ["Its server was <never> asked."]
    info["datasets"][0]["unverified"] = ["Counted by hand."]
    _, texts = build(files, info)
    page = Page(texts["run.html"]).text
    assert "Its server was <never> asked." in Page(texts["models/model_supervised.html"]).text
    assert "2 facts about models and data that could not be verified" in page
    assert f"{info['models'][0]['display_name']}: Its server was <never> asked." in page
    assert "demo_val: Counted by hand." in page
    _, texts = build(files, run_info())
    assert not [name for name, text in texts.items() if "could not be verified" in Page(text).text]


def test_verdicts_that_cannot_be_read(tmp_path):
    path = tmp_path / "claims.json"
    for content in ("{", "[]", json.dumps({"demo": True, "claims": [CLAIMS[0] | {"outcome": "maybe"}]})):
        path.write_text(content)
        with pytest.raises(AtlasError, match=r"claims\.json: not the verdicts of a study"):
            read_claims(path)


def test_summary_tables_stand_on_the_study_s_page(files):
    output, texts = build(files)
    page = Page(texts["studies/thesis.html"])
    for table in TABLES:
        assert f"{table.title} as Table {table.number} of the study" in page.text
        assert f"Caption of {table.name}." in page.text
        written = (files / f"tables/thesis/{table.name}.tex").read_text()
        assert (output / f"assets/thesis_{table.name}.tex").read_text() == written
    assert {(table.name, table.number) for table in TABLES} == {
        ("best_layers", "2.1"), ("dense_against_normal", "2.4"), ("models", "2.2"),
    }  # fmt: skip
    (files / "tables/thesis/models.tex").unlink()
    with pytest.raises(AtlasError, match=r"models\.tex: this table has not been made; make it with the rule thesis_summary"):
        build(files)


def test_figures_stand_by_section_with_the_study_s_number(files):
    _, texts = build(files, figures=FIGURES[::-1])
    text = texts["studies/thesis.html"]
    page = Page(text)
    sections = list(dict.fromkeys(entry.section for entry in FIGURES[::-1]))
    places = [text.index(f'<h2 id="section-{section.lower().replace(" ", "-")}">') for section in sections]
    assert places == sorted(places)
    for entry in FIGURES:
        place = text.index(f'<h3 id="thesis-{entry.name.replace("_", "-")}">')
        section = sections.index(entry.section)
        assert places[section] < place < [*places, len(text)][section + 1]
        tag = f"{entry.title} Figure {entry.number} of the study"
        assert (tag in page.text) == bool(entry.number)


def test_claims_and_figures_lead_to_each_other(files):
    _, texts = build(files)
    text = texts["studies/thesis.html"]
    row = text[text.index('id="thesis-c-first-one"') :].split("</tr>")[0]
    figures = {entry.number: entry.name.replace("_", "-") for entry in FIGURES}
    assert f'<a href="#thesis-{figures["2.3"]}">Figure' in row
    assert '<a href="#thesis-table-best-layers">' in row
    card = text[text.index(f'<h3 id="thesis-{figures["2.3"]}">') :].split("</article>")[0]
    assert '<a href="#thesis-c-first-one">' in card
    other = text[text.index(f'<h3 id="thesis-{figures["2.2"]}">') :].split("</article>")[0]
    assert "#thesis-c-" not in other


def test_a_figure_says_what_this_run_shows(files):
    _, texts = build(files)
    page = Page(texts["studies/thesis.html"])
    said = "Cluster purity (CLS token): highest in A model with a rather long display name, supervised, layer 2 (3.50"
    assert f"What this run shows: {said}" in page.text
    alts = [image["alt"] for image in page.all("img")]
    assert alts[3].startswith(f"Figure 4: {FIGURES[3].title}. {said}")


def test_empty_and_repeated_figures_are_folded_away_with_a_line(files):
    folder = files / "results/figures"
    (folder / f"{FIGURES[1].key}.csv").write_text("model,value\n")
    (folder / f"{FIGURES[5].key}.csv").write_text("\n".join(numbers(4).splitlines()[:3]) + "\n")
    _, texts = build(files)
    lines = re.findall(r"<details class=\"folded\">\n<summary>(.*?)</summary>", texts["studies/thesis.html"])
    assert lines == [
        f"Figure 2, {FIGURES[1].title}, is empty in this run",
        f"Figure 6, {FIGURES[5].title}, holds no number that Figure 5 lacks",
    ]
    assert (
        f"{len(FIGURES)} figures, 1 of them empty in this run and 1 without a number that another lacks." in texts["index.html"]
    )
    assert len(Page(texts["studies/thesis.html"]).all("img")) == len(FIGURES)  # folded, and still there


def test_tables_of_maps_and_large_ones_stay_with_the_run(files, monkeypatch):
    monkeypatch.chdir(files)
    folder = files / "results/figures"
    (folder / f"{FIGURES[1].key}.csv").write_text("model,row,column,value\nmodel_supervised,1,1,0.5\n")
    (folder / f"{FIGURES[2].key}.csv").write_text(numbers(2) + 30_000 * "model_language,demo_val,purity,cls,normal,1,2,,\n")
    output, texts = build(files)
    assert not (output / f"assets/thesis_{FIGURES[1].name}.csv").exists()
    assert not (output / f"assets/thesis_{FIGURES[2].name}.csv").exists()
    assert f"the run has them in results/figures/{FIGURES[1].key}.csv" in Page(texts["studies/thesis.html"]).text


@pytest.fixture
def second(files):
    """What a run made of a second study, whose descriptions say no more than they must."""
    words = {"number": "", "section": "Attention", "title": "A second study's figure", "caption": "Seen.", "found": ""}
    figure = Figure("second", "one", **words, tables=("attention",))
    summary = Summary((), (SummaryTable("scores", "A second study's scores"),))
    study = replace(STUDY, name="second", title="What registers do", figures=(figure,), summary=summary)
    folder = files / "results" / "figures" / "second"
    folder.mkdir()
    for suffix in ("png", "pdf", "csv"):
        (folder / f"one.{suffix}").write_bytes((files / f"results/figures/thesis/mask_iou.{suffix}").read_bytes())
    write_results(files / "tables" / "second", ["scores"])
    return Results(study, study.figures, files / "tables" / "second")


def test_each_study_has_its_own_page(files, second):
    output, texts = build(files, more=[second])
    index, own = Page(texts["index.html"]), Page(texts["studies/second.html"])
    assert "Study 1: how supervision shapes Vision Transformers" in index.text
    assert "Study 2: what registers do" in index.text
    assert f"Figure {len(FIGURES) + 1} A second study's figure" in own.text  # numbers go on
    assert "A second study's figure" not in Page(texts["studies/thesis.html"]).text
    assert (output / "assets/second_one.png").is_file()
    assert (output / "assets/second_scores.tex").is_file()
    assert {"href": "../studies/second.html", "aria-current": "page"} in own.all("a")


def test_what_a_description_leaves_out_is_not_spoken_of(files, second):
    output = files / "out"
    write_report(output, run_info(), [second], files / "results/figures")
    text = Page(pages(output)["studies/second.html"]).text
    assert "A second study's scores" in text
    assert "of the study" not in text  # neither figure nor table has a number there
    assert "What the study found" not in text


def test_the_banner_says_where_the_demo_models_were_trained(files):
    _, texts = build(files)
    assert "tiny models trained on it by this run;" in Page(texts["index.html"]).text
    card = files / "demo_zoo.md"
    card.write_text("# The demo zoo\n")
    write_report(files / "out", run_info(), [results(files)], files / "results/figures", Extras(card=card))
    page = Page((files / "out/index.html").read_text(encoding="utf-8"))
    assert "tiny models trained on it beforehand (model card of the demo zoo);" in page.text
    (link,) = [link["href"] for link in page.all("a") if link["href"].endswith("demo_zoo.md")]
    assert (files / "out" / link).read_text() == "# The demo zoo\n"


def test_every_page_says_that_it_is_of_the_demo_world(files):
    for name, text in build(files)[1].items():
        assert "demo world" in Page(text).text.split("Contents")[-1], name


def test_no_banner_and_no_demo_sections_outside_the_demo(files):
    studies = [Results(STUDY, FIGURES[:1])]
    write_report(files / "out", run_info(demo=False), studies, files / "results/figures")
    for text in pages(files / "out").values():
        assert "demo world" not in Page(text).text
        assert "Did the models learn?" not in text


def test_missing_facts_are_said_to_be_missing(files):
    bare = {key: run_info()[key] for key in ("title", "demo", "models", "datasets")}
    _, texts = build(files, bare | {"datasets": [{"id": "d", "images": 1}]})
    assert [Page(texts[name]).text.count("not recorded") for name in ("index.html", "run.html")] == [5, 6]
    assert "every image could be read" in texts["run.html"]


def test_everything_from_files_is_escaped(files):
    info = run_info(
        title=NASTY, commit=NASTY, command=NASTY, finished=NASTY, device=NASTY, versions={NASTY: NASTY}, config={"a": NASTY}
    )
    info["models"][0] |= {
        "display_name": NASTY,
        "method": NASTY,
        "architecture": NASTY,
        "weights_sha256": NASTY,
        "licence": NASTY,
    }
    info["models"][0]["supervision"] = f'"{NASTY}'
    info["datasets"][0] |= {"id": NASTY, "display_name": NASTY, "licence": NASTY, "skipped": [NASTY]}
    output, texts = build(files, info)
    for name, text in texts.items():
        assert "<script>alert" not in text, name
        assert len(Page(text).all("script")) == 1
        assert NASTY in Page(text).text  # the title, at least
    assert Page(texts["run.html"]).text.count(NASTY) >= 13
    assert Page(texts["studies/thesis.html"]).text.count(NASTY) >= len(TABLES) + 3
    found = (output / "data/search.js").read_text()
    assert json.loads(found.removeprefix("window.atlasSearch = ").removesuffix(";\n"))


def test_folder_has_every_file_and_asks_for_nothing_else(files, monkeypatch):
    monkeypatch.chdir(files)
    output, texts = build(files)
    named = {
        (output / name).parent.joinpath(attrs[key].partition("#")[0]).resolve().relative_to(output.resolve()).as_posix()
        for name, text in texts.items()
        for _, attrs in Page(text).tags
        for key in ("href", "src")
        if key in attrs and not attrs[key].startswith(("#", "data:"))
    }
    there = {path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file()}
    assert there - named == {"data/search.js"}  # the script asks for it when somebody searches
    assert named <= there
    for text in texts.values():
        assert "http:" not in text
        assert "https:" not in text
        assert str(files) not in text
    source = files / "results/figures" / f"{FIGURES[3].key}.csv"
    assert (output / "assets" / f"thesis_{FIGURES[3].name}.csv").read_bytes() == source.read_bytes()


def test_commands_can_be_typed_at_the_project_root(files, monkeypatch):
    monkeypatch.chdir(files)
    _, texts = build(files)
    text = texts["studies/thesis.html"]
    commands = [f"uv run snakemake results/figures/{entry.key}.pdf --force" for entry in FIGURES]
    assert all(f"<code>{command}</code>" in text for command in commands)


def test_a_new_report_replaces_the_old_one_whole(files):
    output, first = build(files)
    (output / "assets" / "stale.png").write_text("old")
    again, second = build(files)
    assert first == second
    assert not (again / "assets" / "stale.png").exists()
    assert sorted(path.name for path in output.parent.iterdir()) == ["figures", "report"]


def test_a_failed_report_leaves_the_old_one_and_nothing_beside_it(files):
    output, first = build(files)
    (files / "results/figures" / f"{FIGURES[-1].key}.csv").unlink()
    with pytest.raises(
        AtlasError,
        match=rf"{FIGURES[-1].name}\.csv: this figure has not been drawn; draw it with `uv run snakemake [^ ]+ --force`",
    ):
        build(files)
    assert pages(output) == first
    assert sorted(path.name for path in output.parent.iterdir()) == ["figures", "report"]


def test_another_folder_is_never_replaced(files):
    with pytest.raises(AtlasError, match="which is not of a report"):
        write_report(files, run_info(), (), files)
    assert (files / "knn.parquet").exists()


def test_how_files_were_read_is_said(files):
    info = run_info()
    info["datasets"][0]["notes"] = ["not read: 1 .heic <b>"]
    _, texts = build(files, info)
    assert f"</strong>: {escape('not read: 1 .heic <b>')}</li>" in texts["run.html"]
    _, texts = build(files, run_info())
    assert "How files were read" not in texts["run.html"]


def test_what_a_run_leaves_out_is_said(files):
    line = "thesis.video.dataset: 'photos' has no video_masks: left out (Video propagation: videos)"
    _, texts = build(files, run_info(left_out=[line]))
    assert f"<li>{escape(line)}</li>" in texts["run.html"]
    _, texts = build(files, run_info())
    assert "What this run leaves out" not in texts["run.html"]


def test_run_info_is_checked(tmp_path):
    path = tmp_path / "run.json"
    for change, said in (
        ({"demo": "yes"}, r"run\.json: \$\.demo: 'yes' is not of type 'boolean'"),
        ({"datasets": [{"id": "a"}]}, "'images' is a required property"),
    ):
        path.write_text(json.dumps(run_info() | change))
        with pytest.raises(AtlasError, match=said):
            read_run_info(path)
    path.write_text("{")
    with pytest.raises(AtlasError, match="not JSON"):
        read_run_info(path)


def test_times_in_words():
    assert [duration(s) for s in (None, 48.2, 59.7, 362, 12000)] == [
        "not recorded", "48 s", "1 min 00 s", "6 min 02 s", "3 h 20 min",
    ]  # fmt: skip
    assert moment("2026-11-21T06:00:00+02:00") == "2026-11-21 06:00 UTC+02:00"
    assert moment("yesterday") == "yesterday"


def test_a_table_without_neighbours_is_refused(tmp_path):
    frame = make_table([{"model": "a", "layer": 1, "value": 1.0}], analysis="attention", metric="attention_distance")
    write_table(tmp_path / "a.parquet", frame, {})
    with pytest.raises(AtlasError, match=r"a\.parquet: no metric 'knn_accuracy'"):
        read_neighbours(tmp_path / "a.parquet", {})


def command(files, *arguments):
    words = ["--figures-dir", files / "results/figures", "--run-info", files / "run.json", "--output-dir", files / "out"]
    words += ["--knn", files / "knn.parquet", "--contact-sheet", files / "sheet.png", *arguments]
    run = [sys.executable, "-m", "workflow_scripts.write_report", *map(str, words)]
    return subprocess.run(run, capture_output=True, text=True, check=False)


def test_command_writes_the_report(files):
    two = ("--studies", "thesis", "--figures", "thesis/mask_iou", "thesis/head_kinds")
    assert command(files, *two).returncode == 0
    always = {"report.css", "report.js", "contact_sheet.png", "contact_sheet.webp"}
    both = {f"thesis_{name}.{end}" for name in ("mask_iou", "head_kinds") for end in ("png", "pdf", "csv", "webp")}
    assert {path.name for path in (files / "out/assets").iterdir()} == always | both
    text = (files / "out/studies/thesis.html").read_text()
    assert text.index('<h3 id="thesis-mask-iou">') < text.index('<h3 id="thesis-head-kinds">')
    name = next(model["display_name"] for model in run_info()["models"] if model["id"] == "model_supervised")
    assert f'<tr><th scope="row">{name}</th><td class="number">' in (files / "out/index.html").read_text()  # k-NN: by names
    assert command(files, *two, "--tables-dir", files / "tables").returncode == 0
    assert len(list((files / "out/assets").iterdir())) == len(always | both) + len(TABLES)
    assert "Reason of first_one." in (files / "out/studies/thesis.html").read_text()


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        ("thesis/mask_iuo", "no figure 'thesis/mask_iuo'; did you mean 'thesis/mask_iou'?"),
        ("mask_iou", "--figures mask_iou: give it as study/name"),
        ("thsis/mask_iou", "--figures thsis/mask_iou: not of a study in --studies (thesis); did you mean 'thesis'?"),
    ],
)
def test_command_names_a_figure_that_it_does_not_know(files, figure, said):
    done = command(files, "--studies", "thesis", "--figures", "thesis/head_kinds", figure)
    assert done.returncode == 1
    assert done.stderr == f"error: {said}\n"
    assert not (files / "out").exists()


def test_command_names_a_study_that_it_does_not_know(files):
    done = command(files, "--studies", "thesiss")
    assert (
        done.stderr
        == "error: no study 'thesiss' (known: local, registers, segmentation, thesis, tokens); did you mean 'thesis'?\n"
    )
