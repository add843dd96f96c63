"""What servers and repositories send in place of a file: a web page, or a pointer to it."""

from __future__ import annotations

import html
import re

HEAD = 4096
"""So many bytes of a file are enough to tell."""
_OPENINGS = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<title", b"<!--")
_XML_ERROR = (b"<?xml", b"<error>")  # how object stores say no


def web_page(head: bytes) -> str | None:
    """Return ``a web page ('Sign in')``, with its title where it has one, if a file that begins with `head` is one."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:HEAD].lower()
    if not start.startswith(_OPENINGS + _XML_ERROR):
        return None
    title = re.search(rb"<title[^>]*>(.*?)</title|<message>(.*?)</message", head, re.IGNORECASE | re.DOTALL)
    if not title:
        return "a web page"
    text = html.unescape((title[1] or title[2] or b"").decode("utf-8", "replace"))
    return f"a web page ('{' '.join(text.split())[:80]}')"


def pointer(head: bytes) -> tuple[str, str] | None:
    """Return what a file that begins with `head` points to something by, and what gets that; None if it is no pointer."""
    if head.startswith(b"version https://git-lfs"):
        size = re.search(rb"\nsize (\d+)", head)
        return f"a git-lfs pointer{f' to {int(size[1])} bytes' if size else ''}", "run 'git lfs pull' where it was cloned"
    if b"/annex/objects/" in head[:200] and len(head) < 1000:
        return "a git-annex pointer", "run 'git annex get' where it was cloned"
    return None
