"""A file from one address, in as many connections as it takes.

What has come lies in ``<name>.part``; beside it, ``<name>.part.json`` remembers where it came from, so that a later attempt,
also of a later run, goes on from there and never joins the halves of two different files.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

from workflow_scripts.common.atomic import write_text
from workflow_scripts.common.disk import naming_a_full_disk, require_space, size_text
from workflow_scripts.common.stand_ins import HEAD
from workflow_scripts.fetch.contents import page_instead
from workflow_scripts.fetch.remote_file import RemoteFile
from workflow_scripts.fetch.space import Meter
from workflow_scripts.fetch.transport import InterruptedTransferError, Limits, RangeRefusedError, SourceError, blocks, request


def part_path(target: Path) -> Path:
    """Return where the file that will be `target` grows."""
    return target.with_name(f"{target.name}.part")


def discard_part(target: Path) -> None:
    """Forget what has come of `target`."""
    for path in (part_path(target), _state_path(target)):
        path.unlink(missing_ok=True)


def download(url: str, target: Path, file: RemoteFile, limits: Limits) -> bool:
    """Fetch `url` into `part_path(target)`, going on from what is there.

    Args:
        url: address.
        target: final path; its checking and renaming is the caller's.
        file: the size it should have; with a digest to rely on, a mirror may go on where another address stopped.
        limits: patience.

    Returns:
        Whether the file was put together from several answers.

    Raises:
        SourceError: the address does not have the file, or it broke off too often; what has come is kept.
        AtlasError: no room on the disk.
    """
    deadline = time.monotonic() + limits.total
    part = part_path(target)
    failures, best, joined = 0, _size(part), False
    while True:
        try:
            return _attempt(url, target, file, limits, deadline) or joined
        except RangeRefusedError as error:
            if error.total == _size(part):
                return True
            # Nothing follows what we have, and it is not all: another file by now.
            discard_part(target)
            reason, wait = "the server has another file than before; starting over", None
        except InterruptedTransferError as error:
            reason, wait = str(error), error.wait
        now = _size(part)
        joined = joined or now > 0
        # A server that breaks off often but brings something is gone on with; one that brings a few bytes a time is not.
        failures = 1 if now - best >= limits.slowest * limits.window else failures + 1
        best = max(best, now)
        pause = min(wait or limits.wait * 2 ** (failures - 1), limits.longest_wait)
        late = time.monotonic() + pause > deadline
        if late or failures >= limits.attempts:
            end = f"given up after {limits.total:g} s" if late else f"given up after {failures} attempts without real progress"
            kept = f", {size_text(now)} are kept: run the same command again to go on" if now else ""
            raise SourceError(f"{url}: {reason}; {end}{kept}")
        print(f"{file.name}: {reason}; attempt {failures + 1} in {pause:.0f} s", file=sys.stderr, flush=True)
        time.sleep(pause)


def _attempt(url: str, target: Path, file: RemoteFile, limits: Limits, deadline: float) -> bool:
    """Make one request and write what it brings; return whether it went on from an earlier one."""
    part, state = part_path(target), _read_state(target)
    have = _size(part)
    if have and not (state.get("url") == url or (file.has_strict_digest and state.get("total"))):
        have = 0
    if have and have == state.get("total"):
        return True
    headers = {}
    if have:
        headers["Range"] = f"bytes={have}-"
        if state.get("validator") and state["url"] == url:
            headers["If-Range"] = state["validator"]
    with request(url, headers, limits) as response:
        if response.status == 206:
            start, total = _content_range(response)
            if start != have or (state.get("total") and total != state["total"]):
                discard_part(target)
                raise InterruptedTransferError("the server goes on from another place or with another file; starting over")
        else:
            have, total = 0, _content_length(response)
            _refuse_other_size(url, file, total)
        body = blocks(response, limits, deadline)
        if not have:
            body = _refuse_page(url, file, body)
            require_space(target.parent, total or file.size or 0, file.name)
            discard_part(target)
            write_text(_state_path(target), json.dumps({"url": url, "total": total, "validator": _validator(response)}))
        else:
            require_space(target.parent, (total or file.size or have) - have, f"the rest of {file.name}")
        expected = total if total is not None else (file.size if file.strict else None)
        got = _write(body, part, have, expected, file.name)
    if expected is not None and got < expected:
        raise InterruptedTransferError(f"the connection ended after {size_text(got)} of {size_text(expected)}")
    return have > 0


def _write(body: Iterator[bytes], part: Path, have: int, total: int | None, name: str) -> int:
    """Append `body` to `part` and return the size that it has then."""
    meter = Meter(name, total, have)
    got = have
    with (
        naming_a_full_disk(part, total, kept="what has come of it is kept and gone on with"),
        open(part, "ab" if have else "wb") as file,
    ):
        for block in body:
            file.write(block)
            got += len(block)
            meter(got)
            if total is not None and got > total:
                raise SourceError(f"{name}: the server sends more than the {total} bytes that the file should have")
    if got == total:
        meter.end()
    return got


def _refuse_page(url: str, file: RemoteFile, body: Iterator[bytes]) -> Iterator[bytes]:
    """Return all of `body` after a look at its beginning."""
    head = b""
    for block in body:
        head += block
        if len(head) >= HEAD:
            break
    page = page_instead(head, file.name)
    if page:
        raise SourceError(f"{url} sends {page} in place of the file: it asks for a login, for accepted terms or for patience")
    return _joined(head, body)


def _joined(head: bytes, body: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from body


def _refuse_other_size(url: str, file: RemoteFile, total: int | None) -> None:
    if total is None or not file.size or total == file.size or not file.strict:
        return
    raise SourceError(
        f"{url} offers {total} bytes, the registry says {file.size}: the server has cut it short or its owner has changed it"
    )


def _content_range(response: HTTPResponse) -> tuple[int, int | None]:
    """Return the first byte of a partial answer and the size of the whole file, where it is told."""
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    if not match:
        return -1, None
    return int(match[1]), None if match[2] == "*" else int(match[2])


def _content_length(response: HTTPResponse) -> int | None:
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _validator(response: HTTPResponse) -> str | None:
    """Return what tells this version of the file from others: a strong ETag, else its date."""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _state_path(target: Path) -> Path:
    return target.with_name(f"{target.name}.part.json")


def _read_state(target: Path) -> dict[str, Any]:
    try:
        return json.loads(_state_path(target).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
