"""Pages opened in headless Chromium: what they loaded, whether they overflow, what they said on the console."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

BROWSER = shutil.which("chromium-headless-shell") or shutil.which("chromium")

_PROBE = """
<script>
window.said = [];
window.addEventListener("error", (event) => said.push(String(event.message || event.target.src)), true);
window.addEventListener("load", () => setTimeout(async () => {
  const root = document.documentElement;
  const scrolls = (node) => node && (getComputedStyle(node).overflowX !== "visible" || scrolls(node.parentElement));
  const wide = [...document.body.querySelectorAll("*")].filter((node) =>
    node.getBoundingClientRect().right > root.clientWidth + 1 && !scrolls(node.parentElement));
  const first = document.querySelector(".figure img, figure img");
  const images = [...document.images].map((image) => [image.getAttribute("src"), image.naturalWidth]);
  const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
  const page = root.scrollWidth;
  // From here on the page may scroll, and load more.
  const focusable = [...document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")].filter((node) =>
    node.checkVisibility({ checkVisibilityCSS: true, contentVisibilityAuto: true }));
  const unreached = focusable.filter((node) => { node.focus(); return document.activeElement !== node; });
  const did = __DO__;
  const report = {
    width: root.clientWidth,
    page: page,
    wide: wide.map((node) => node.tagName + " " + node.className),
    images: images,
    first: first ? first.getBoundingClientRect().top + scrollY : null,
    unreached: unreached.map((node) => node.outerHTML.slice(0, 80)),
    requests: loaded,
    did: did,
    said: said,
  };
  parent.postMessage(JSON.stringify(report), "*");
}, 300));
</script>
"""

_FRAME = """<!doctype html><title>frame</title>
<iframe src="{page}" style="width: {width}px; height: 900px; border: 0"></iframe>
<pre id="probe"></pre>
<script>addEventListener("message", (event) => {{ document.getElementById("probe").textContent = event.data; }});</script>
"""


def probe(report: Path, width: int, scratch: Path, page: str = "index.html", do: str = "null", before: str = "") -> dict:
    """Open a page of a copy of the report folder `width` pixels wide and return what the probe saw.

    The page stands in a frame, because some builds of Chromium make no window narrower than 500 pixels.

    Args:
        report: folder of the report.
        width: of the page.
        scratch: where the copy is made.
        page: the page's file in the report.
        do: JavaScript expression, evaluated last, whose value is returned as ``did``; may await.
        before: markup that is put into the page's head.
    """
    copy = scratch / f"copy{width}"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(report, copy)
    file = copy / page
    probed = before + _PROBE.replace("__DO__", do)
    file.write_text(file.read_text(encoding="utf-8").replace("<head>", "<head>" + probed, 1), encoding="utf-8")
    (copy / "frame.html").write_text(_FRAME.format(width=width, page=page), encoding="utf-8")
    done = subprocess.run(
        [*_command(scratch / f"profile{width}"), "--virtual-time-budget=8000", "--dump-dom", (copy / "frame.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = re.search(r'<pre id="probe">(.+?)</pre>', done.stdout, re.S)
    assert found, f"the probe did not run: {done.stderr[-500:]}"
    seen = json.loads(unescape(found.group(1)))
    seen["console"] = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return seen


def _command(profile: Path) -> list[str]:
    return [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        f"--user-data-dir={profile}",
        "--window-size=1400,1000",
        "--hide-scrollbars",
        "--enable-logging=stderr",
    ]
