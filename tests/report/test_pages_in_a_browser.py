"""The report's pages in headless Chromium: limits of weight and width, keyboard, search, sorting, and accessibility."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.report.browser import BROWSER, opened, probe
from tests.report.test_report import CLAIMS, FIGURES, STUDY, TABLES, numbers, run_info, write_results
from workflow_scripts.common.table import make_table
from workflow_scripts.report.build import Extras, Results, write_report
from workflow_scripts.report.claims import read_claims
from workflow_scripts.report.measured import Measured
from workflow_scripts.report.pictures import PICTURE_BYTES, PREVIEW_BYTES
from workflow_scripts.report.scorecard_counts import Counts
from workflow_scripts.report.site import Addition

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="needs a browser: install the package chromium-headless-shell (or chromium)"
)
PAGES = ["index.html", "run.html", "glossary.html", "explore.html", "studies/thesis.html", "models/model_contrastive.html"]
FIRST_LOAD = 2_000_000  # bytes of all that a page loads before anybody scrolls
SCREEN = 900
AXE = "https://registry.npmjs.org/axe-core/-/axe-core-4.14.1.tgz"
NAMES = {model["id"]: model["display_name"] for model in run_info()["models"]}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report of one study whose figures weigh what figures do."""
    folder = tmp_path_factory.mktemp("whole")
    noise = np.random.default_rng(0).integers(0, 256, (900, 2148, 3), dtype=np.uint8)
    for place, entry in enumerate(FIGURES):
        base = folder / "figures" / entry.key
        base.parent.mkdir(parents=True, exist_ok=True)
        if place == 1:  # heavier than a page may load
            Image.fromarray(noise).save(f"{base}.png")
        else:
            Image.new("RGB", (2148, 5000 if place == 0 else 900), (250, 250, 255)).save(f"{base}.png")
        base.with_suffix(".pdf").write_text(entry.name)
        base.with_suffix(".csv").write_text("model\n" if place == 3 else numbers(place))
    write_results(folder / "tables/thesis", [table.name for table in TABLES])
    claims = read_claims(folder / "tables/thesis/claims.json")
    studies = [Results(STUDY, FIGURES, folder / "tables/thesis", claims)]
    additions = [Addition("explore.html", "Explore", lambda site: site.write("glossary.html.j2", "explore.html", words=WORDS))]
    extras = Extras(measured=measured(), counts={"thesis": Counts({"match": 3, "differs": 1})}, additions=additions)
    write_report(folder / "report", run_info(), studies, folder / "figures", extras)
    return folder / "report"


class WORDS:
    terms, columns, metrics = {"Word": "Meaning."}, {"column": "Meaning."}, ()


def measured():
    """Return tables in which k-NN rises with the model's place."""
    tables = {}
    for place, model in enumerate(NAMES):
        rows = [
            {"layer": layer, "facet": "cls", "value": 0.1 * place + 0.05 * layer}
            | {"ci_low": 0.1 * place, "ci_high": 0.1 * place + 0.2, "n": 9}
            for layer in (1, 2)
        ]
        constant = {"study": "thesis", "analysis": "knn", "dataset": "demo_val", "metric": "knn_top1", "setting": "k = 20"}
        tables[model] = make_table(rows, model=model, unit="share", higher_is_better=True, **constant)
    return Measured({"thesis/knn": tables})


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("width", [390, 1280])
def test_opens_offline_without_overflow_and_within_its_weight(report, tmp_path, page, width):
    seen = probe(report / page, width, tmp_path)
    assert seen["width"] == width
    assert seen["page"] <= width
    assert seen["wide"] == []
    assert seen["unreached"] == []
    root = report.resolve().as_uri()
    assert len(seen["requests"]) >= 3  # page, style, script
    assert all(name.startswith((f"{root}/", "data:")) for name in seen["all_requests"])
    assert seen["said"] == []
    assert sum(seen["requests"].values()) < FIRST_LOAD


@pytest.mark.parametrize("width", [390, 1280])
def test_the_first_figure_stands_within_two_screens_and_the_last_waits(report, tmp_path, width):
    seen = probe(report / "studies/thesis.html", width, tmp_path)
    assert seen["first"] < 2 * SCREEN
    assert len(seen["images"]) == len(FIGURES)
    assert seen["images"][0][1] > 0
    assert seen["images"][-1][1] == 0


def test_no_picture_is_heavy(report):
    for path in (report / "assets").iterdir():
        if path.suffix in (".png", ".webp"):
            assert path.stat().st_size <= (PREVIEW_BYTES if path.suffix == ".webp" else PICTURE_BYTES), path.name
    with Image.open(report / f"assets/thesis_{FIGURES[1].name}.png") as image:
        assert image.mode == "P"  # reduced, because it was too heavy


def test_the_browser_check_can_fail(report, tmp_path):
    broken = '<p style="width: 900px">wide</p><a href="#x" tabindex="-1">never reached</a>'
    broken += '<img src="https://example.org/a.png" alt="">'
    copy = tmp_path / "broken"
    shutil.copytree(report, copy)
    page = copy / "run.html"
    text = page.read_text(encoding="utf-8").replace("</main>", f'{broken}<script>console.error("loud")</script></main>')
    page.write_text(text, encoding="utf-8")
    seen = probe(page, 390, tmp_path)
    assert seen["page"] > 390
    assert any(name.startswith("P") for name in seen["wide"])
    assert any("never reached" in text for text in seen["unreached"])
    assert "loud" in seen["said"]
    assert any("example.org" in text for text in seen["said"])


def test_with_scripts_off_all_figures_and_claims_are_there(report, tmp_path):
    statements = [claim["statement"] for claim in CLAIMS]
    with opened(report / "studies/thesis.html", 1280, tmp_path, scripts=False) as tab:
        assert tab.run("[...document.images].every((image) => image.naturalWidth > 0)")
        shown = tab.run(
            "[...document.querySelectorAll('.claims th')].filter((n) => n.checkVisibility()).map((n) => n.textContent)"
        )
        assert all(any(statement in text for text in shown) for statement in statements)
        dead = tab.run("[...document.querySelectorAll('button, input')].filter((n) => n.checkVisibility()).length")
        assert dead == 0  # nothing is offered that needs a script
        folded = tab.run("document.querySelector('.folded summary').textContent")
        assert folded.endswith("is empty in this run")


def test_on_paper_everything_is_open_and_nothing_needs_a_screen(report, tmp_path):
    with opened(report / "studies/thesis.html", 1280, tmp_path, scripts=False) as tab:
        visible = (
            "[...document.querySelectorAll('main details p:not(.files), main .folded img')].every((n) => n.checkVisibility()"
        )
        visible += " && n.getBoundingClientRect().height > 0 || n.closest('.again'))"
        assert not tab.run(visible)
        tab.call("Emulation.setEmulatedMedia", media="print")
        assert tab.run(visible)
        assert not tab.run(
            "document.querySelector('.bar').checkVisibility() || document.querySelector('.side').checkVisibility()"
        )


def test_a_link_opens_what_is_folded_away(report, tmp_path):
    name = FIGURES[3].name.replace("_", "-")
    with opened(report / f"studies/thesis.html#thesis-{name}", 1280, tmp_path) as tab:
        assert tab.run(f"document.getElementById('thesis-{name}').closest('details').open")


def test_the_first_key_skips_to_the_content(report, tmp_path):
    with opened(report / "index.html", 1280, tmp_path) as tab:
        tab.press("Tab")
        assert tab.run("document.activeElement.className") == "skip"
        tab.press("Enter")
        assert tab.run("document.activeElement.id") == "main"


SORT = """(() => {
  const names = () => [...document.querySelectorAll(".board tbody th")].map((head) => head.textContent);
  const button = document.querySelectorAll(".board thead button")[1];
  button.click(); const falling = names(); button.click();
  return [falling, names(), button.closest("th").getAttribute("aria-sort")];
})()"""


def test_the_leaderboard_sorts(report, tmp_path):
    falling, rising, said = probe(report / "index.html", 1280, tmp_path, SORT)["did"]
    assert falling == list(reversed(NAMES.values()))
    assert rising == list(NAMES.values())
    assert said == "ascending"


SEARCH = """(async () => {
  const field = document.querySelector("#search");
  field.focus(); field.value = "cka last"; await new Promise((done) => setTimeout(done, 1500));
  field.dispatchEvent(new Event("input"));
  return [...document.querySelectorAll("#found a")].map((link) => [link.textContent, link.getAttribute("href")]);
})()"""


def test_search_finds_a_figure(report, tmp_path):
    found = probe(report / "models/model_none.html", 1280, tmp_path, SEARCH)["did"]
    assert found
    assert all(href.startswith("../") for _, href in found)
    assert any("#thesis-cka-last-layer" in href for _, href in found)


FILTER = """(() => {
  document.querySelector('.filter button[data-verdict="untested"]').click();
  return [...document.querySelectorAll(".claims tr[data-verdict]")].map((row) => row.checkVisibility());
})()"""


def test_claims_can_be_chosen_by_verdict(report, tmp_path):
    assert probe(report / "studies/thesis.html", 1280, tmp_path, FILTER)["did"] == [True, True, False, False]


def axe():
    """Return the source of axe-core, fetched once from the npm registry and kept in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vit-atlas-tests" / "axe-core-4.14.1.js"
    if not cache.is_file():
        try:
            with urllib.request.urlopen(AXE, timeout=60) as answer:
                package = io.BytesIO(answer.read())
        except OSError as error:
            pytest.skip(f"needs axe-core from the npm registry ({error})")
        cache.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=package) as archive:
            cache.write_bytes(archive.extractfile("package/axe.min.js").read())
    return cache.read_text(encoding="utf-8")


RUN_AXE = """axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }).then((found) =>
  found.violations.map((fault) => [fault.id, fault.nodes.map((node) => node.html + " " + node.failureSummary)]))"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_axe_finds_nothing(report, tmp_path, page, scheme):
    source = axe()
    with opened(report / page, 1280, tmp_path) as tab:
        tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        tab.run(source)
        assert tab.run(RUN_AXE) == []


def test_axe_can_find_something(report, tmp_path):
    source = axe()
    with opened(report / "index.html", 1280, tmp_path) as tab:
        tab.run("document.querySelector('main p').style.color = '#ccc'")
        tab.run(source)
        assert "color-contrast" in json.dumps(tab.run(RUN_AXE))
