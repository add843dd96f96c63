"""The explorer: its data from tables and maps, its limits, and how it works in a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import zlib
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pandas as pd
import pytest

from tests.report.browser import BROWSER
from tests.report.explored import KINDS, NASTY, registry_models, small_models, write_explored
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.study import Figure
from workflow_scripts.common.table import make_table, read_table
from workflow_scripts.report.data_scripts import packed, rounded
from workflow_scripts.report.explore import ASSETS, PAGE, Explored, explorer
from workflow_scripts.report.explore_heads import head_maps, head_numbers, packed_maps
from workflow_scripts.report.explore_links import Explorable
from workflow_scripts.report.explore_pairs import depth_blocks, model_matrices
from workflow_scripts.report.explore_series import NO_LAYER, is_of_head, is_of_pair, series, split_series
from workflow_scripts.report.site import Site

A_FILE = 3_000_000
FIRST_PAINT = 2_000_000
WHOLE = 120_000_000


def read(folder, key):
    """Return the data of a script, which must be one call and nothing else."""
    text = (folder / "data/explore" / f"{key}.js").read_text(encoding="ascii")
    found = re.fullmatch(r'atlas\.add\("([^"]+)","([^"]*)"\);\n', text)
    assert found and found.group(1) == key
    return json.loads(zlib.decompress(base64.b64decode(found.group(2))))


def rows_of(data):
    """Return the rows that a part of a table stands for, from its description."""
    start, rows = 0, []
    runs = data["runs"]
    for key, model, first, count, n in zip(*(runs[name] for name in ("key", "model", "first", "count", "n")), strict=True):
        what = {column: words[data["keys"][column][key]] for column, words in data["words"].items()}
        for i in range(count):
            layer = None if first == NO_LAYER else first + i
            numbers = {name: data[name][start + i] if data[name] else None for name in ("value", "low", "high")}
            n_own = n[i] if isinstance(n, list) else n
            better = data["keys"]["better"][key]
            rows.append(what | numbers | {"model": data["models"][model], "layer": layer, "n": n_own, "better": better})
        start += count
    return rows


# What is vendored


def test_vendored_files_are_the_ones_that_are_written_down():
    listed = json.loads((ASSETS / "vendor/vendored.json").read_text(encoding="utf-8"))
    for entry in listed:
        content = (ASSETS / "vendor" / entry["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"], entry["file"]
        assert entry["version"] in content[:200].decode("utf-8")
    licences = (ASSETS / "vendor/LICENCES.txt").read_text(encoding="utf-8")
    assert all(entry["file"] in licences and entry["version"] in licences for entry in listed)
    assert {path.name for path in (ASSETS / "vendor").glob("*.js")} == {entry["file"] for entry in listed}


# Numbers and arrays


def test_numbers_have_four_digits_and_none_where_there_is_none():
    assert rounded([0.123456, -12345.6, 0.0, 3.0, float("nan"), float("inf"), 1.23456e-9]) == [
        0.1235, -12350, 0, 3, None, None, 1.235e-9,
    ]  # fmt: skip


@pytest.mark.parametrize(("kind", "steps"), [(np.uint8, 254), (np.uint16, 65534)])
def test_arrays_come_back_within_half_a_step_of_their_own_range(kind, steps):
    array = np.random.default_rng(0).normal(size=(3, 4, 5)) * np.array([1, 100, 0.01])[:, None, None]
    array[1, 2, 3] = np.nan
    data = packed(array, kind, axes=2)
    codes = np.frombuffer(base64.b64decode(data["codes"]), dtype=np.dtype(kind).newbyteorder("<")).reshape(array.shape)
    low, high = (np.array(data[edge])[:, None, None] for edge in ("low", "high"))
    back = np.where(codes == np.iinfo(kind).max, np.nan, low + codes / steps * (high - low))
    assert np.isnan(back[1, 2, 3]) and np.isnan(back).sum() == 1
    error = np.abs(back - array) / (high - low)
    assert np.nanmax(error) <= 0.5 / steps + 5e-4  # half a step, and the four digits of the range


def test_a_constant_map_and_an_empty_one_are_packed():
    data = packed(np.stack([np.full((2, 2), 0.25), np.full((2, 2), np.nan)]), np.uint8, axes=2)
    assert data["low"] == [0.25, 0] and data["high"] == [0.25, 0]
    assert [*base64.b64decode(data["codes"])] == [0, 0, 0, 0, 255, 255, 255, 255]


# Series


def frame_of(*rows):
    return make_table([{"study": "s", "analysis": "a", "dataset": "d", "model": "m", "metric": "x"} | row for row in rows])


def test_series_stand_for_the_rows_that_they_are_made_of():
    frame = frame_of(
        {"layer": 2, "value": 0.2, "n": 5, "ci_low": 0.1, "ci_high": 0.3, "higher_is_better": True},
        {"layer": 1, "value": 0.1, "n": 5, "higher_is_better": True},
        {"layer": 5, "value": 0.5, "n": 6, "higher_is_better": True},
        {"value": 9.0, "metric": "no layer", "higher_is_better": False},
        {"layer": 1, "value": 7.0, "model": "k", "setting": "other"},
    )
    rows = rows_of(series(frame, ["k", "m"]))
    columns = ("model", "metric", "setting", "layer", "value", "n", "better")
    assert {tuple(row[column] for column in columns) for row in rows} == {
        ("m", "x", "", 1, 0.1, 5, 1), ("m", "x", "", 2, 0.2, 5, 1), ("m", "x", "", 5, 0.5, 6, 1),
        ("m", "no layer", "", None, 9, None, 0), ("k", "x", "other", 1, 7, None, -1),
    }  # fmt: skip
    assert [(row["low"], row["high"]) for row in rows if row["layer"] == 2] == [(0.1, 0.3)]


def test_a_large_table_is_split_below_the_limit_and_no_row_is_lost():
    rng = np.random.default_rng(0)
    frame = frame_of(
        *({"metric": metric, "model": model, "layer": layer, "value": rng.random(), "setting": setting}
          for metric in "xyz" for model in "mk" for layer in range(1, 13) for setting in ("a", "b", "c", "d"))
    )  # fmt: skip
    parts = list(split_series(frame, ["m", "k"], limit=1200))
    assert len(parts) > 3
    assert max(len(json.dumps(part, separators=(",", ":"))) for part in parts) <= 1200
    values = sorted(row["value"] for part in parts for row in rows_of(part))
    assert values == sorted(rounded(frame["value"]))


# Heads


def test_numbers_of_heads_are_by_layer_and_kinds_are_told_from_numbers():
    model = RunModel("m", "M", "none", layers=2, heads=2)
    rows = [
        {"layer": layer, "head": str(head), "metric": metric, "value": value, "setting": setting, "n": 4}
        for layer, head, distance, kind in ((1, 1, 0.1, "near"), (1, 2, 0.2, "far"), (2, 1, 0.3, "far"))
        for metric, value, setting in (("distance", distance, ""), ("kind", 1.0, kind))
    ]
    found = head_numbers(frame_of(*rows), model)
    assert [(one["metric"], one["value"], one["n"]) for one in found["numbers"]] == [("distance", [0.1, 0.2, 0.3, None], 4)]
    (kind,) = found["kinds"]
    assert [kind["names"][code] if code >= 0 else None for code in kind["codes"]] == ["near", "far", "far", None]


def test_maps_of_heads_are_told_by_shape_and_stored_a_head_at_its_place():
    model = RunModel("m", "M", "none", layers=2, heads=3, grid=(4, 5), prefix_tokens=2)
    rng = np.random.default_rng(0)
    arrays = {
        "average_cls": rng.random((2, 3, 22)),
        "pure": rng.random((2, 3, 20)),
        "aligned": rng.random((2, 3, 7, 9)),
        "single_cls": rng.random((2, 2, 3, 22)),
        "single_image": rng.integers(0, 256, (2, 8, 8, 3)).astype(np.uint8),
        "no_layers": rng.random((3, 2, 22)),
        "no_tokens": rng.random((2, 3, 21)),
    }
    found = list(head_maps(arrays, {"rows": "4", "cols": "5", "image_ids": '["i", "j"]'}, model))
    assert [(one.name, one.item) for one in found] == [
        ("average_cls", ""), ("pure", ""), ("aligned", ""), ("single_cls", "i"), ("single_cls", "j"),
    ]  # fmt: skip
    assert [one.displacement for one in found] == [False, False, True, False, False]
    assert np.array_equal(found[0].values[1, 2].ravel(), arrays["average_cls"][1, 2, 2:])
    assert np.array_equal(found[0].prefix[1, 2], arrays["average_cls"][1, 2, :2]) and found[1].prefix is None
    assert np.array_equal(found[4].values[0, 1].ravel(), arrays["single_cls"][1, 0, 1, 2:])
    assert np.array_equal(found[4].picture, arrays["single_image"][1])
    assert list(head_maps(arrays, {}, model)) == []
    parts = list(packed_maps(found[2], limit=20_100))  # a layer a part
    assert [(part["layer"], part["layers"]) for part in parts] == [(1, 1), (2, 1)]
    codes = np.frombuffer(base64.b64decode(parts[1]["codes"]), dtype=np.uint8).reshape(3, 7, 9)
    least, most = (arrays["aligned"][1].min((1, 2), keepdims=True), arrays["aligned"][1].max((1, 2), keepdims=True))
    assert np.array_equal(codes, np.rint((arrays["aligned"][1] - least) / (most - least) * 254))


# Comparisons


def test_matrices_have_each_two_models_in_both_orders():
    pair = {"other_model": "k", "layer": 2, "other_layer": 3, "facet": "t", "other_facet": "t", "metric": "cka"}
    frame = frame_of(pair | {"value": 0.5}, pair | {"other_model": "m", "other_layer": 2, "value": 1.0})
    (matrix,) = model_matrices(frame, ["m", "k"])
    assert matrix["value"] == [1, 0.5, 0.5, None]


def test_depths_lie_by_layer_with_the_parts_of_a_layer_side_by_side():
    rows = [
        {"other_model": "k", "layer": layer, "other_layer": other, "facet": facet, "other_facet": facing,
         "value": layer + other / 10 + (facet == "n2") * 100 + (facing == "n2") * 1000}
        for layer in (1, 2) for other in (1, 2, 3) for facet in ("n1", "n2") for facing in ("n1", "n2")
    ]  # fmt: skip
    apart = {"other_model": "m", "facet": "skip", "other_facet": "branch"}
    rows += [apart | {"layer": layer, "other_layer": other, "value": 0.5} for layer in (1, 2) for other in (1, 2)]
    ((model, blocks),) = depth_blocks(frame_of(*rows), {"m": 2, "k": 3})
    assert model == "m" and [(block["other"], block["left"], block["right"]) for block in blocks] == [
        ("k", ["n1", "n2"], ["n1", "n2"]), ("m", ["skip"], ["branch"]),
    ]  # fmt: skip
    codes = np.frombuffer(base64.b64decode(blocks[0]["codes"]), dtype="<u2").reshape(4, 6)
    value = blocks[0]["low"][0] + codes / 65534 * (blocks[0]["high"][0] - blocks[0]["low"][0])
    expected = [[r // 2 + 1 + (c // 2 + 1) / 10 + (r % 2) * 100 + (c % 2) * 1000 for c in range(6)] for r in range(4)]
    assert np.allclose(value, expected, atol=0.6)  # four digits of a range to a thousand


# The folder


def write(folder, explored):
    """Write the explorer as the report does."""
    for name in ("assets", "data"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    site = Site(folder, {"title": "A run", "demo": True}, [("first", "Study 1: the first")], {PAGE: "Explore"})
    site.write_look()
    explorer(explored).write(site)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small explorer, and what it was made of."""
    folder = tmp_path_factory.mktemp("explorer")
    explored = write_explored(folder / "in", small_models())
    write(folder / "report", explored)
    return folder / "report", explored


def test_it_says_that_it_is_of_the_demo_world(made):
    assert "This is the demo world" in (made[0] / PAGE).read_text()


def test_each_row_of_the_tables_is_in_one_view(made):
    folder, explored = made
    index = read(folder, "index")
    in_series = sum(
        len(rows_of(read(folder, part)))
        for one in index["analyses"] for part in dict.fromkeys(part for metric in one["metrics"] for part in metric["parts"])
    )  # fmt: skip
    in_heads = 0
    for key in index["heads"].values():
        data = read(folder, key)
        in_heads += sum(value is not None for one in data["numbers"] for value in one["value"])
        in_heads += sum(code >= 0 for kind in data["kinds"] for code in kind["codes"])
    frames = [read_table(path) for paths in explored.tables.values() for path in paths]
    rows = pd.concat(frames)
    assert in_series == len(rows[~is_of_head(rows) & ~is_of_pair(rows)])
    assert in_heads == len(rows[is_of_head(rows)])
    assert index["headKinds"] == sorted(KINDS)
    assert {one["name"] for one in index["maps"]} == {"average_cls", "average_all", "average_spatial", "aligned", "single_cls"}


def test_files_of_another_run_are_refused_in_one_line(tmp_path):
    models = small_models()
    explored = write_explored(tmp_path / "in", models)
    with pytest.raises(AtlasError, match=r"model_a\.parquet: model 'model_a' is not of this run"):
        write(tmp_path / "out", Explored(models[1:], explored.tables, explored.maps))
    with pytest.raises(AtlasError, match=r"model_a\.safetensors: model 'model_a' is not of this run"):
        write(tmp_path / "out", Explored(models[1:], {}, explored.maps))
    maps = next(iter(explored.maps.values()))[0]
    maps.write_bytes(b"no maps")
    with pytest.raises(AtlasError, match=r"model_a\.safetensors") as error:
        write(tmp_path / "out", Explored(models, {}, explored.maps))
    assert "\n" not in str(error.value)


def test_a_zoo_of_real_sizes_keeps_within_the_limits(tmp_path):
    """The registry's models and five studies; one image stands for ten, and depths, which add 4 MB, are not compared."""
    explored = write_explored(tmp_path / "in", registry_models(), studies=5, settings=25, images=1, deep=False)
    assert len(explored.models) >= 46
    write(tmp_path / "out", explored)
    sizes = {path: path.stat().st_size for path in (tmp_path / "out").rglob("*") if path.is_file()}
    images = sum(size for path, size in sizes.items() if ".single_cls." in path.name)
    assert images > 1_000_000
    assert sum(sizes.values()) + 9 * images + 4_000_000 < WHOLE
    assert max(size for path, size in sizes.items() if path.is_relative_to(tmp_path / "out/data")) < A_FILE
    first = [size for path, size in sizes.items() if path.relative_to(tmp_path / "out").parts[0] != "data"]
    largest = max(size for path, size in sizes.items() if path.parent.name == "series")
    assert sum(first) + (tmp_path / "out/data/explore/index.js").stat().st_size + largest < FIRST_PAINT


# In the browser

_DRIVER = """
<script>
window.said = [];
window.saved = [];
addEventListener("error", (event) => said.push(String(event.message || event.target.src)), true);
addEventListener("unhandledrejection", (event) => said.push(String(event.reason)));
const truly = URL.createObjectURL;
URL.createObjectURL = (blob) => { blob.text().then((text) => saved.push([blob.type, text])); return truly.call(URL, blob); };
HTMLAnchorElement.prototype.click = function () { saved.push(["name", this.download]); };
const settled = async () => {
  for (let i = 0; i < 200; i++) {
    await new Promise((done) => setTimeout(done, 20));
    const panel = document.querySelector(".panel");
    if (panel && panel.children.length && panel.getAttribute("aria-busy") === "false") return;
  }
  said.push("never drawn");
};
const key = (node, name) => node.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true }));
addEventListener("load", async () => {
  await settled();
  const found = {};
  try { await (async () => { STEPS })(); } catch (error) { said.push(String(error.stack)); }
  const root = document.documentElement;
  Object.assign(found, { said, saved, hash: location.hash, width: root.clientWidth, page: root.scrollWidth,
    requests: performance.getEntriesByType("resource").map((entry) => entry.name) });
  parent.postMessage(JSON.stringify(found), "*");
});
</script>
"""

_FRAME = """<!doctype html><title>frame</title>
<iframe src="explore.html{address}" style="width: {width}px; height: 900px; border: 0"></iframe>
<pre id="probe"></pre>
<script>addEventListener("message", (event) => {{ document.getElementById("probe").textContent = event.data; }});</script>
"""


def drive(report, scratch, steps, address="", width=1280):
    """Open a copy of the explorer at `address`, run `steps` (JavaScript that fills `found`) and return what was found."""
    copy = scratch / "copy"
    shutil.copytree(report, copy)
    page = copy / "explore.html"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("<head>", "<head>" + _DRIVER.replace("STEPS", steps), 1), encoding="utf-8")
    (copy / "frame.html").write_text(_FRAME.format(width=width, address=address), encoding="utf-8")
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
        f"--user-data-dir={scratch / 'profile'}", "--window-size=1400,1000", "--virtual-time-budget=20000",
        "--enable-logging=stderr", "--dump-dom", (copy / "frame.html").as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    probed = re.search(r'<pre id="probe">(.+?)</pre>', done.stdout, re.S)
    assert probed, f"the page did not answer: {done.stderr[-500:]}"
    found = json.loads(unescape(probed.group(1)))
    assert found["said"] == [] and [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    assert found["page"] <= found["width"], "the page is wider than its window"
    assert all(
        Path(name.removeprefix("file://")).is_relative_to(copy) for name in found["requests"] if name.startswith("file:")
    )
    assert all(name.startswith(("file:", "data:")) for name in found["requests"])
    return found


needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
ADDRESSES = {
    "curves": "#view=curves",
    "compare": "#view=compare",
    "heads": "#view=heads&model=model_a&other=model_b",
    "matrix": "#view=matrix&pair=model_a~model_b",
}
_SAVE = """
  const seen = document.querySelector(".panel").textContent;
  found.drawn = [document.querySelectorAll(".panel svg").length, document.querySelectorAll(".panel canvas").length];
  found.bold = document.querySelectorAll(".panel b, .box b").length;
  for (const button of document.querySelectorAll(".panel [data-save]")) button.click();
  await new Promise((done) => setTimeout(done, 200));
"""


@needs_browser
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("view", ADDRESSES)
def test_each_view_draws_and_can_be_downloaded(made, tmp_path, view, width):
    found = drive(made[0], tmp_path, _SAVE, ADDRESSES[view], width)
    drawings, canvases = found["drawn"]
    assert (canvases == 3 * 4 + 3 * 6) if view == "heads" else drawings >= 1
    assert found["bold"] == 0  # a display name with HTML in it is text
    names = [text for kind, text in found["saved"] if kind == "name"]
    assert {Path(name).suffix for name in names} == {".svg", ".csv"}
    svg = next(text for kind, text in found["saved"] if kind == "image/svg+xml")
    assert svg.startswith("<svg") and "</svg>" in svg and "A" in svg
    lines = next(text for kind, text in found["saved"] if kind == "text/csv").strip().split("\r\n")
    rows = {"curves": 4 + 6 + 4 + 4, "compare": 4, "heads": 12 + 18, "matrix": 16}
    assert len(lines) == 1 + rows[view]


@needs_browser
def test_the_values_of_a_download_are_those_of_the_table(made, tmp_path):
    found = drive(made[0], tmp_path, _SAVE, "#view=curves&analysis=study0%2Fcurves&metric=accuracy&setting=k%20%3D%201")
    lines = next(text for kind, text in found["saved"] if kind == "text/csv").strip().split("\r\n")
    columns = lines[0].split(",")
    table = read_table(next(path for path in made[1].tables["study0/curves"] if path.stem == "model_a"))
    table = table[(table["metric"] == "accuracy") & (table["setting"] == "k = 1")]
    own = [line.split(",") for line in lines[1:] if line.startswith("model_a,")]
    value, low = columns.index("value"), columns.index("ci_low")
    assert [float(cells[value]) for cells in own] == rounded(table["value"])
    assert [float(cells[low]) for cells in own] == rounded(table["ci_low"])
    assert any('"B <b>""bold""</b> & co"' in line for line in lines) and NASTY == 'B <b>"bold"</b> & co'


@needs_browser
def test_an_address_brings_the_view_back_and_choices_change_it(made, tmp_path):
    address = (
        "#view=curves&hide=model_c&mark=model_a&analysis=study1%2Fcurves&metric=error_low&setting=k%20%3D%202&depth=relative"
    )
    steps = """
      found.before = location.hash;
      found.chosen = ["analysis", "metric", "setting", "depth"].map((name) => document.getElementById(`pick-${name}`).value);
      found.shown = [...document.querySelectorAll(".models input")].map((box) => box.checked);
      found.marked = document.getElementById("mark-model_a").getAttribute("aria-pressed");
      found.lines = document.querySelectorAll(".panel table tbody tr").length;
      document.getElementById("family-contrastive").click();
      await settled();
      found.fewer = document.querySelectorAll(".panel table tbody tr").length;
      const menu = document.getElementById("pick-metric");
      menu.focus(); menu.value = "accuracy"; menu.dispatchEvent(new Event("change"));
      await settled();
      found.focus = document.activeElement.id;
    """
    found = drive(made[0], tmp_path, steps, address)
    assert found["before"] == address
    assert found["chosen"] == ["study1/curves", "error_low", "k = 2", "relative"]
    assert found["shown"] == [True, True, False, True] and found["marked"] == "true"
    assert (found["lines"], found["fewer"]) == (3, 2)
    assert found["focus"] == "pick-metric"
    assert "metric=accuracy" in found["hash"] and "hide=model_b,model_c".replace(",", "%2C") in found["hash"]


@needs_browser
def test_the_model_box_searches_and_picks(made, tmp_path):
    steps = """
      const search = document.getElementById("search-models");
      search.value = "noi"; search.dispatchEvent(new Event("input"));
      const items = [...document.querySelectorAll(".models li")];
      found.listed = items.filter((item) => !item.hidden).map((item) => item.dataset.model);
      document.getElementById("only-found").click();
      await settled();
      found.only = location.hash;
      document.getElementById("show-none").click();
      await settled();
      found.none = document.querySelector(".readout").textContent;
    """
    found = drive(made[0], tmp_path, steps, "#view=curves")
    assert found["listed"] == ["noise"] and "only=noise" in found["only"]
    assert "choose models" in found["none"]


@needs_browser
def test_the_keyboard_reads_values_and_opens(made, tmp_path):
    steps = """
      const chart = () => document.getElementById("chart");
      chart().focus();
      const said = () => document.querySelector(".readout").textContent;
      found.first = said();
      key(chart(), "ArrowRight"); found.right = said();
      key(chart(), "ArrowDown"); found.down = said();
      document.getElementById("tab-matrix").click(); await settled();
      chart().focus(); key(chart(), "ArrowRight"); key(chart(), "Enter"); await settled();
      found.pair = atlas.get("pair");
      found.depths = document.querySelectorAll("#pair svg").length;
      document.getElementById("tab-heads").click(); await settled();
      document.querySelector("button.head").focus();
      key(document.activeElement, "ArrowRight");
      found.head = document.activeElement.id;
      document.activeElement.click();
      document.querySelector(".big").focus();
      key(document.activeElement, "ArrowRight");
      found.cell = document.querySelector("dialog .readout").textContent;
      found.numbers = document.querySelectorAll("dialog tbody tr").length;
      document.getElementById("close-head").click();
      await new Promise((done) => setTimeout(done, 50));
      found.back = document.activeElement.id;
    """
    found = drive(made[0], tmp_path, steps, "#view=curves&analysis=study0%2Fcurves")
    assert re.fullmatch(r"A, layer 1 of 4: 0\.\d+ share, interval 0\.\d+ to 0\.\d+ over videos, n = 100 frames", found["first"])
    assert found["right"].startswith("A, layer 2 of 4") and found["down"].startswith("B <b>")
    assert found["pair"] == "model_a~model_b" and found["depths"] == 1
    assert found["head"] == "head-model_a-1" == found["back"]
    assert re.match(r"A, row \d, column \d: 0\.\d+|A, \S+ down, \S+ right of the source: 0\.\d+", found["cell"])
    assert found["numbers"] >= 4


@needs_browser
def test_a_data_file_that_is_lost_is_named(made, tmp_path):
    report = shutil.copytree(made[0], tmp_path / "report")
    next((report / "data/explore/series").glob("study0.curves.*")).write_text("// empty", encoding="utf-8")
    found = drive(
        report,
        tmp_path,
        'found.says = document.querySelector("[role=alert]").textContent;',
        "#view=curves&analysis=study0%2Fcurves",
    )
    assert "series/study0.curves.0.js: missing or damaged" in found["says"]


def test_without_scripts_the_page_says_where_to_read(made):
    page = (made[0] / "explore.html").read_text(encoding="utf-8")
    assert re.search(r'<noscript><p class="banner">[^\n]*<a href="index.html">', page)
    assert "http" not in re.sub(r"http://www.w3.org/\S+", "", page)


# Links from figures


FIGURE = Figure("study0", "x", "", "", "A figure", "", "", tables=("heads", "curves"), maps=("heads",), pairs=("alike",))


def shown_by(explored, key, **wanted):
    """Return rows of tables as a figure's CSV has them."""
    rows = explored.frames[key]
    for column, value in wanted.items():
        rows = rows[rows[column] == value]
    return rows.replace("", np.nan).dropna(axis=1, how="all").drop(columns=["study", "analysis"])


@pytest.fixture(scope="module")
def linked(made):
    """Links of figures of every kind, by kind."""
    explored = made[1]
    explorable = Explorable.of(explored.frames)
    maps = pd.DataFrame({"model": ["model_c"], "array": ["aligned"], "file": ["maps/study0/heads/model_c.safetensors"]})
    numbers = {
        "curves": shown_by(explored, "study0/curves", setting="k = 1", model="model_a").assign(depth=1),
        "several": shown_by(explored, "study0/curves", setting="k = 2", metric="accuracy").assign(depth=1),
        "heads": shown_by(explored, "study0/heads", metric="distance"),
        "maps": maps,
        "matrix": shown_by(explored, "study0/alike", facet="token"),
        "depths": shown_by(explored, "study0/alike", facet="norm1", model="model_a", other_model="model_b"),
    }
    return {kind: explorable.links(FIGURE, frame) for kind, frame in numbers.items()}


def test_links_say_what_the_figure_shows(linked):
    labels = {kind: [link.label for link in links] for kind, links in linked.items()}
    assert labels["curves"] == ["accuracy", "error low", "only last"]
    assert all("only=model_a" in link.address and "depth" not in link.address for link in linked["curves"])
    assert labels["several"] == ["accuracy"]
    assert "depth=relative" in linked["several"][0].address and "only" not in linked["several"][0].address
    assert labels["heads"] == ["distance"] and "head=mean" in linked["heads"][0].address
    assert [labels[kind] for kind in ("maps", "matrix", "depths")] == [["maps, aligned"], ["matrix, all"], ["depth by depth"]]


def test_what_the_explorer_has_not_is_not_linked(made):
    explorable = Explorable.of(made[1].frames)
    rows = shown_by(made[1], "study0/curves", setting="k = 1")
    assert explorable.links(FIGURE, rows.assign(metric="unheard of")) == []
    assert explorable.links(replace(FIGURE, tables=("heads",)), rows) == []
    assert explorable.links(FIGURE, None) == explorable.links(FIGURE, pd.DataFrame({"rank": [1]})) == []


@needs_browser
def test_every_link_opens_its_view_with_what_it_names(made, linked, tmp_path):
    addresses = [link.address for links in linked.values() for link in links]
    steps = """
      found.seen = [];
      for (const address of ADDRESSES) {
        location.hash = address;
        await new Promise((done) => setTimeout(done, 50));
        await settled();
        const chosen = {};
        for (const menu of document.querySelectorAll(".panel select")) chosen[menu.id.replace("pick-", "")] = menu.value;
        found.seen.push({ chosen, points: document.querySelectorAll("#chart circle, #chart text").length,
          pair: document.querySelectorAll("#pair svg").length, heads: document.querySelectorAll("button.head canvas").length,
          said: document.querySelector(".panel").textContent });
      }
    """.replace("ADDRESSES", json.dumps(addresses))
    found = drive(made[0], tmp_path, steps, f"#{addresses[0]}")
    for address, seen in zip(addresses, found["seen"], strict=True):
        asked = dict(parse_qsl(address))
        for key in set(asked) & set(seen["chosen"]):
            assert seen["chosen"][key] == asked[key], address
        assert "Nothing to show" not in seen["said"]
        assert {"curves": seen["points"] > 3, "matrix": seen["points"] > 3, "heads": seen["heads"] == 12}[asked["view"]], (
            address
        )
        assert seen["pair"] == ("pair" in asked)
