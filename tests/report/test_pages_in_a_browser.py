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

from tests.report.browser import BROWSER, probe
from tests.report.page import Page
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
    seen = probe(report, width, tmp_path, page)
    assert seen["width"] == width
    assert seen["page"] <= width
    assert seen["wide"] == []
    assert seen["unreached"] == []
    assert all(name.startswith(("file:", "data:")) for name in seen["requests"])
    assert seen["said"] == []
    assert seen["console"] == []
    copy = tmp_path / f"copy{width}"
    loaded = [copy / name.split(f"/{copy.name}/")[1] for name in seen["requests"] if name.startswith("file:")]
    shown = [copy.joinpath(page).parent / src for src, width in seen["images"] if width]
    weight = sum(
        path.stat().st_size for path in {*map(Path.resolve, loaded), *map(Path.resolve, shown), (copy / page).resolve()}
    )
    assert weight < FIRST_LOAD


def test_the_first_figure_stands_within_two_screens_and_the_last_waits(report, tmp_path):
    for width in (390, 1280):
        seen = probe(report, width, tmp_path, "studies/thesis.html")
        assert seen["first"] < 2 * SCREEN
        assert len(seen["images"]) == len(FIGURES)
        assert seen["images"][0][1] > 0
        assert seen["images"][-1][1] == 0  # lazy


def test_no_picture_is_heavy(report):
    for path in (report / "assets").iterdir():
        if path.suffix in (".png", ".webp"):
            assert path.stat().st_size <= (PREVIEW_BYTES if path.suffix == ".webp" else PICTURE_BYTES), path.name
    with Image.open(report / f"assets/thesis_{FIGURES[1].name}.png") as image:
        assert image.mode == "P"  # reduced, because it was too heavy


def test_the_browser_check_can_fail(report, tmp_path):
    broken = (
        '<p style="width: 900px">wide</p><img src="assets/none.png" alt="gone"><script>console.error("loud")</script></main>'
    )
    copy = tmp_path / "broken"
    shutil.copytree(report, copy)
    page = copy / "index.html"
    page.write_text(page.read_text(encoding="utf-8").replace("</main>", broken), encoding="utf-8")
    seen = probe(copy, 390, tmp_path)
    assert seen["page"] > 390
    assert ["assets/none.png", 0] in seen["images"]
    assert any("loud" in line for line in seen["console"])


def test_scripts_off_all_figures_and_claims_are_there(report):
    """What stands in the page without any script: nothing is hidden but what scripts alone use."""
    page = Page((report / "studies/thesis.html").read_text(encoding="utf-8"))
    assert len(page.all("img")) == len(FIGURES)
    for claim in CLAIMS:
        assert claim["statement"] in page.text
    hidden = [attrs.get("class") or attrs.get("id") for _, attrs in page.tags if "hidden" in attrs]
    assert hidden == ["search", "found", "filter"]


SORT = """(() => {
  const names = () => [...document.querySelectorAll(".board tbody th")].map((head) => head.textContent);
  const button = document.querySelectorAll(".board thead button")[1];
  button.click(); const falling = names(); button.click();
  return [falling, names(), button.closest("th").getAttribute("aria-sort")];
})()"""


def test_the_leaderboard_sorts(report, tmp_path):
    falling, rising, said = probe(report, 1280, tmp_path, do=SORT)["did"]
    assert falling == list(reversed(NAMES.values()))
    assert rising == list(NAMES.values())
    assert said == "ascending"


SEARCH = """await (async () => {
  const field = document.querySelector("#search");
  field.focus(); field.value = "cka last"; await new Promise((done) => setTimeout(done, 1500));
  field.dispatchEvent(new Event("input"));
  return [...document.querySelectorAll("#found a")].map((link) => [link.textContent, link.getAttribute("href")]);
})()"""


def test_search_finds_a_figure(report, tmp_path):
    found = probe(report, 1280, tmp_path, "models/model_none.html", do=SEARCH)["did"]
    assert found
    assert all(href.startswith("../") for _, href in found)
    assert any("#thesis-cka-last-layer" in href for _, href in found)


FILTER = """(() => {
  document.querySelector('.filter button[data-verdict="untested"]').click();
  return [...document.querySelectorAll(".claims tr[data-verdict]")].map((row) => row.checkVisibility());
})()"""


def test_claims_can_be_chosen_by_verdict(report, tmp_path):
    assert probe(report, 1280, tmp_path, "studies/thesis.html", do=FILTER)["did"] == [True, True, False, False]


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


RUN_AXE = """(await axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] })).violations
  .map((fault) => [fault.id, fault.nodes.map((node) => node.html.slice(0, 160) + " " + (node.any[0] || {}).message)])"""


@pytest.mark.parametrize("page", PAGES)
def test_axe_finds_nothing(report, tmp_path, page):
    seen = probe(report, 1280, tmp_path, page, do=RUN_AXE, before=f"<script>{axe()}</script>")
    assert seen["did"] == []


def test_axe_can_find_something(report, tmp_path):
    before = f"<script>{axe()}</script><style>p {{ color: #ccc !important; background: #fff; }}</style>"
    found = probe(report, 1280, tmp_path, do=RUN_AXE, before=before)["did"]
    assert "color-contrast" in json.dumps(found)
