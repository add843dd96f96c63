"""Pages opened in headless Chromium: what they loaded, whether they overflow, what they said on the console.

Chromium is driven over its pipe by the DevTools protocol, because pictures that wait to be scrolled to are loaded at once where
a page is merely dumped, and what a page asks for from a folder is in no list that the page itself can read.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BROWSER = shutil.which("chromium-headless-shell") or shutil.which("chromium")
_PATIENCE = 60  # seconds
_SETTLES = 0.6  # seconds that nothing more has been asked for

_LAID_OUT = """(() => {
  const root = document.documentElement;
  const scrolls = (node) => node && (getComputedStyle(node).overflowX !== "visible" || scrolls(node.parentElement));
  const shown = (node) => node.checkVisibility({ contentVisibilityAuto: true });
  const wide = [...document.body.querySelectorAll("*")].filter((node) =>
    shown(node) && node.getBoundingClientRect().right > root.clientWidth + 1 && !scrolls(node.parentElement));
  const first = document.querySelector("figure img");
  return {
    width: root.clientWidth,
    page: root.scrollWidth,
    wide: wide.map((node) => node.tagName + " " + node.className),
    images: [...document.images].map((image) => [image.getAttribute("src"), image.naturalWidth]),
    first: first && first.getBoundingClientRect().top + scrollY,
  };
})()"""
_UNREACHED = """[...document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")].filter((node) => {
  node.focus();
  return node.checkVisibility() && (document.activeElement !== node || node.tabIndex < 0);
}).map((node) => node.outerHTML.slice(0, 80))"""


@dataclass
class Tab:
    """A page that is open: what it asked for (address -> bytes), and what it said on the console."""

    read: int
    write: int
    requests: dict[str, int] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    _addresses: dict[str, str] = field(default_factory=dict)
    _answers: dict[int, Any] = field(default_factory=dict)
    _rest: bytes = b""
    _session: str = ""
    _number: int = 0

    def call(self, method: str, **given: Any) -> Any:
        """Call a method of the protocol and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": given}
        os.write(self.write, json.dumps(message | ({"sessionId": self._session} if self._session else {})).encode() + b"\0")
        end = time.monotonic() + _PATIENCE
        while self._number not in self._answers:
            assert time.monotonic() < end, f"{method}: no answer"
            self._listen()
        answer = self._answers.pop(self._number)
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def run(self, script: str) -> Any:
        """Return the value of a JavaScript expression, which may be a promise."""
        done = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def settle(self) -> None:
        """Wait until nothing more has been asked for, for a while."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            before = len(self._addresses), len(self.requests)
            time.sleep(_SETTLES)
            self.run("document.readyState")
            if before == (len(self._addresses), len(self.requests)):
                return

    def press(self, key: str) -> None:
        """Press a key, by its name in the protocol."""
        for kind in ("rawKeyDown", "keyUp"):
            codes = {"Tab": 9, "Enter": 13}
            text = {"text": "\r"} if key == "Enter" and kind == "rawKeyDown" else {}
            kind = "keyDown" if text else kind
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=codes[key], **text)

    def _listen(self) -> None:
        self._rest += os.read(self.read, 1 << 20)
        *messages, self._rest = self._rest.split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self._answers[message["id"]] = message
            else:
                self._note(message["method"], message["params"])

    def _note(self, method: str, said: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self._addresses[said["requestId"]] = said["request"]["url"]
        elif method == "Network.loadingFinished":
            address = self._addresses.get(said["requestId"], "?")
            path = Path(address.removeprefix("file://").partition("#")[0])
            self.requests[address] = path.stat().st_size if path.is_file() else int(said["encodedDataLength"])
        elif method == "Network.loadingFailed":
            self.said.append(f"failed: {self._addresses.get(said['requestId'])} {said['errorText']}")
        elif method == "Runtime.exceptionThrown":
            self.said.append(said["exceptionDetails"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.said.append(" ".join(str(one.get("value")) for one in said["args"]))
        elif method == "Log.entryAdded":
            self.said.append(said["entry"]["text"])


@contextmanager
def opened(page: Path, width: int, scratch: Path, height: int = 900, scripts: bool = True) -> Iterator[Tab]:
    """Open a page of a report, `width` pixels wide, and wait until it has loaded what it loads before anybody scrolls."""
    ours, theirs = os.pipe(), os.pipe()
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars",
        f"--user-data-dir={scratch / 'profile'}", "--remote-debugging-pipe", "about:blank",
    ]  # fmt: skip
    browser = subprocess.Popen(
        command,
        preexec_fn=lambda: _onto_pipe(ours[0], theirs[1]),
        close_fds=False,  # all others close themselves
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    os.close(ours[0])
    os.close(theirs[1])
    tab = Tab(theirs[0], ours[1])
    try:
        target = tab.call("Target.createTarget", url="about:blank")["targetId"]
        tab._session = tab.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            tab.call(f"{domain}.enable")
        tab.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        if not scripts:
            tab.call("Emulation.setScriptExecutionDisabled", value=True)
        address, _, fragment = str(page).partition("#")
        tab.call("Page.navigate", url=Path(address).resolve().as_uri() + (f"#{fragment}" if fragment else ""))
        tab.settle()
        yield tab
    finally:
        browser.terminate()
        browser.wait(timeout=_PATIENCE)
        os.close(tab.read)
        os.close(tab.write)


def _onto_pipe(read: int, write: int) -> None:
    """Put the pipes where the browser looks for them: it reads from descriptor 3 and writes to 4."""
    read, write = (fcntl.fcntl(one, fcntl.F_DUPFD, 10) for one in (read, write))  # out of each other's way
    os.dup2(read, 3)
    os.dup2(write, 4)
    os.close(read)
    os.close(write)


def probe(page: Path, width: int, scratch: Path, do: str = "null") -> dict[str, Any]:
    """Open a page of a report and return what was seen before anybody scrolls, and then by keyboard.

    Args:
        page: file.
        width: pixels.
        scratch: folder for the browser's profile.
        do: JavaScript expression, evaluated last, whose value is returned as ``did``; may be a promise.
    """
    with opened(page, width, scratch) as tab:
        seen = tab.run(_LAID_OUT) | {"requests": dict(tab.requests)}
        seen["unreached"] = tab.run(_UNREACHED)
        seen["did"] = tab.run(do)
        tab.settle()
        return seen | {"all_requests": list(tab.requests), "said": list(tab.said)}
