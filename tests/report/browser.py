"""A page opened in headless Chromium: what it loaded, whether it overflows, what it said on the console."""

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
window.addEventListener("load", () => {
  const root = document.documentElement;
  const scrolls = (node) => node && (getComputedStyle(node).overflowX !== "visible" || scrolls(node.parentElement));
  const wide = [...document.body.querySelectorAll("*")].filter((node) =>
    node.getBoundingClientRect().right > root.clientWidth + 1 && !scrolls(node.parentElement));
  const report = {
    width: root.clientWidth,
    page: root.scrollWidth,
    wide: wide.map((node) => node.tagName + " " + node.className),
    images: [...document.images].map((image) => [image.getAttribute("src"), image.naturalWidth]),
    requests: performance.getEntriesByType("resource").map((entry) => entry.name),
    said: said,
  };
  parent.postMessage(JSON.stringify(report), "*");
});
</script>
"""

_FRAME = """<!doctype html><title>frame</title>
<iframe src="index.html" style="width: {width}px; height: 900px; border: 0"></iframe>
<pre id="probe"></pre>
<script>addEventListener("message", (event) => {{ document.getElementById("probe").textContent = event.data; }});</script>
"""


def probe(report: Path, width: int, scratch: Path) -> dict:
    """Open a copy of the report folder `width` pixels wide and return what the probe saw.

    The page stands in a frame, because some builds of Chromium make no window narrower than 500 pixels.
    """
    copy = scratch / f"copy{width}"
    shutil.copytree(report, copy)
    page = copy / "index.html"
    page.write_text(page.read_text(encoding="utf-8").replace("<head>", "<head>" + _PROBE, 1), encoding="utf-8")
    (copy / "frame.html").write_text(_FRAME.format(width=width), encoding="utf-8")
    command = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        f"--user-data-dir={scratch / f'profile{width}'}",
        "--window-size=1400,1000",
        "--hide-scrollbars",
        "--virtual-time-budget=5000",
        "--enable-logging=stderr",
        "--dump-dom",
        (copy / "frame.html").as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found = re.search(r'<pre id="probe">(.+?)</pre>', done.stdout, re.S)
    assert found, f"the probe did not run: {done.stderr[-500:]}"
    seen = json.loads(unescape(found.group(1)))
    seen["console"] = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return seen
