"""The page of the scorecard: what it says, escaping, the demo's neutral colour, and how it opens in a browser."""

from __future__ import annotations

import json
import re
import subprocess
from html import unescape

import pandas as pd
import pytest

from tests.report.browser import BROWSER, probe
from tests.report.page import Page
from tests.report.test_report import CLAIMS, NASTY, run_info
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.report.build import Extras, Results, write_report
from workflow_scripts.report.claims import read_claims
from workflow_scripts.report.scorecard import PAGE, SIGNS, read_scorecard, scorecard_page, spelled
from workflow_scripts.studies.found import find_study, study_names
from workflow_scripts.studies.scorecard import COLUMNS, DIFFERS, MATCH, NOT_COMPARABLE, NOT_RUN

STUDY = find_study(study_names()[0])
MINUS = "\N{MINUS SIGN}"


def row(name, verdict, table="1", **more):
    given = dict.fromkeys(COLUMNS, "") | dict.fromkeys(("ours", "ci_low", "ci_high", "difference"), float("nan")) | {"n": None}
    given |= {
        "study": STUDY.name,
        "table": table,
        "id": name,
        "metric": "miou",
        "method": "DINO",
        "unit": "share",
        "layer": "best",
    }
    given |= {"published": 0.5, "tolerance": 0.02, "verdict": verdict, "reason": f"why {name}", "source": f"Table {table}"}
    return given | more


ROWS = [
    row("first", MATCH, ours=0.511, ci_low=0.5, ci_high=0.522, n=5850, difference=0.011, model="dino_b16"),
    row("second", DIFFERS, ours=0.4, difference=-0.1),
    row("third", NOT_RUN, reason=NASTY, method=NASTY),
    row("fourth", NOT_COMPARABLE, "text", source="Sec. 1", published=float("nan"), metric="", layer=""),
    row("fifth", NOT_COMPARABLE, "text", source="Sec. 2", unit="count", published=13326420),
]


@pytest.fixture
def build(tmp_path):
    """Return a function that writes a report with a scorecard of rows, and returns its folder and the page."""

    def built(rows=ROWS, demo=False, claims=CLAIMS):
        folder = tmp_path / "tables"
        folder.mkdir(exist_ok=True)
        (folder / "claims.json").write_text(json.dumps({"demo": demo, "claims": claims}))
        pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS).to_parquet(tmp_path / "card.parquet", index=False)
        # A study's tables for reading are no part of this page.
        results = Results(STUDY, (), None, read_claims(folder / "claims.json"))
        output = tmp_path / "report"
        page = scorecard_page(tmp_path / "card.parquet", [(STUDY.name, STUDY.title, results.claims)])
        write_report(output, run_info(demo=demo), [results], tmp_path, Extras(additions=[page]))
        return output, (output / PAGE).read_text(encoding="utf-8")

    return built


def test_the_page_says_every_number_and_every_claim(build):
    output, text = build()
    page = Page(text)
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for said in (
        "0.500",
        "0.511",
        "0.500 to 0.522",
        "n 5,850",
        "+0.011",
        f"{MINUS}0.100",
        "13,326,420",
        "why second",
        "dino_b16",
    ):
        assert said in page.text
    assert "nan" not in page.text.lower().replace("governance", "")
    assert NASTY in page.text and NASTY not in text
    assert "Table 1 1 matches, 1 differs, 1 not run" in page.text and "Text 2 not comparable" in page.text
    opened = [attrs for tag, attrs in page.tags if tag == "details" and attrs.get("class") == "sc-table"]
    assert ["open" in attrs for attrs in opened] == [True, False]  # what was compared is seen at once
    for claim in CLAIMS:
        assert claim["statement"] in page.text and claim["reason"] in page.text
    assert "0.512 (0.400 to 0.600)" in page.text and "Holds if this is so." in page.text
    for sign, verdict in (*((SIGNS[verdict][1], verdict) for verdict in SIGNS), ("\N{CHECK MARK}", "holds")):
        assert f"{sign} {verdict}" in page.text
    chips = [attrs["class"] for attrs in page.all("span") if attrs.get("class", "").startswith("sc-chip")]
    assert chips[:3] == ["sc-chip sc-match", "sc-chip sc-differs", "sc-chip sc-notrun"] and "sc-chip sc-fails" in chips
    assert pd.read_csv(output / "assets/scorecard.csv")["id"].tolist() == [one["id"] for one in ROWS]


def test_in_the_demo_no_verdict_has_a_colour(build):
    _, text = build(demo=True)
    page = Page(text)
    chips = {attrs["class"] for attrs in page.all("span") if attrs.get("class", "").startswith("sc-chip")}
    assert chips == {"sc-chip sc-neutral"}
    assert "In the demo world." in page.text and "Claims, in the demo world" in page.text
    _, text = build(demo=False)
    assert "demo world" not in Page(text).text


def test_counts_add_up(build):
    _, text = build()
    total = re.search(r'<tr class="sc-all">(.*?)</tr>', text, re.S).group(1)
    assert re.findall(r">(\d+)<", total) == ["1", "1", "2", "1", "5", "1", "1", "2"]


def test_without_numbers_or_claims(build):
    _, text = build(rows=[], claims=[])
    page = Page(text)
    assert "Scorecard" in page.text and "Published numbers and claims by study" in page.text


def test_what_is_no_scorecard(tmp_path):
    path = tmp_path / "card.parquet"
    with pytest.raises(AtlasError, match="there is no such file"):
        read_scorecard(path)
    path.write_text("none")
    with pytest.raises(AtlasError, match="not a scorecard"):
        read_scorecard(path)
    pd.DataFrame({"a": [1]}).to_parquet(path)
    with pytest.raises(AtlasError, match="it has other columns"):
        read_scorecard(path)


def test_numbers_as_text():
    assert [spelled(value, "share") for value in (0.12345, -0.0001, float("nan"))] == ["0.123", "0.000", "\N{EM DASH}"]
    assert spelled(-1234.4, "count", sign=True) == f"{MINUS}1,234"
    assert spelled(18.384, "L2") == "18.38" and spelled(0.1, "share", sign=True) == "+0.100"


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser(build, tmp_path, width):
    output, _ = build()
    seen = probe(output / PAGE, width, tmp_path / "scratch")
    assert seen["page"] <= seen["width"] and seen["wide"] == []
    assert seen["said"] == []


_USED = """<script>
const [search, ...boxes] = document.querySelectorAll("#sc-filter input");
boxes.find((box) => box.value === "not comparable").click();
search.value = "DINO why";
search.dispatchEvent(new Event("input"));
const ours = [...document.querySelectorAll(".sc-sort")].find((button) => button.textContent === "Ours");
const order = () => [...document.querySelector(".sc-numbers tbody").rows].map((row) => row.cells[3].textContent.slice(0, 5));
ours.click();
const rising = order();
ours.click();
const shown = [...document.querySelectorAll("tr[data-verdict]")].filter((row) => row.checkVisibility());
document.title = JSON.stringify([rising, order(), shown.length, document.querySelector("#sc-filter [role]").textContent]);
</script>"""


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_search_filter_and_sort(build, tmp_path):
    output, text = build()
    (output / PAGE).write_text(text.replace("</body>", _USED + "</body>"))
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    done = subprocess.run([*command, (output / PAGE).as_uri()], capture_output=True, text=True, timeout=60, check=True)
    rising, falling, shown, said = json.loads(unescape(re.search(r"<title>(.*?)</title>", done.stdout, re.S).group(1)))
    # What has no number stays last.
    assert rising == ["0.400", "0.511", "\N{EM DASH}"] and falling == ["0.511", "0.400", "\N{EM DASH}"]
    assert shown == 2 and said == f"2 of {len(ROWS) + len(CLAIMS)} shown"
