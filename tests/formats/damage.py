"""Damaged copies of small files, drawn by hypothesis: bytes changed, cut out, doubled, put in, and the end cut off."""

from collections.abc import Callable

from hypothesis import strategies as st

from workflow_scripts.common.errors import AtlasError

# What readers of text stumble over: numbers that are none, too large, nested, of another kind.
WORDS = [
    b"NaN", b"-Infinity", b"1e400", b"1e9", b"-1", b"0", b"null", b"true", b'"x"', b"[]", b"{}", b"[[1, 2], 3]", b"9" * 30,
    b"\xff\xfe", b"\x00", b"\r\n", b'"', b"<", b">", b",", b"\\ud800",
]  # fmt: skip


def damaged(content: bytes, data: st.DataObject) -> bytes:
    """Return `content` with one to four damages."""
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        stop = min(len(content), start + data.draw(st.integers(0, 12)))
        new = data.draw(st.one_of(st.sampled_from(WORDS), st.binary(max_size=6), st.just(content[start:stop] * 2)))
        content = content[:start] + new + content[stop:]
        if data.draw(st.integers(0, 9)) == 0:
            content = content[:start]
    return content


def refusal(read: Callable[[], object]) -> str:
    """Return the message with which `read` refuses a file, empty if it does not; what no command catches goes on."""
    try:
        read()
    except AtlasError as error:
        return str(error)
    return ""


def damaged_json(content: object, data: st.DataObject) -> object:
    """Return a copy of what a JSON file holds in which one value, at any depth, is another, or gone."""
    if isinstance(content, dict | list) and content and data.draw(st.integers(0, 5)):
        key = data.draw(st.sampled_from(sorted(content) if isinstance(content, dict) else range(len(content))))
        copy = content.copy()
        if data.draw(st.integers(0, 9)) == 0:
            del copy[key]
        else:
            copy[key] = damaged_json(content[key], data)
        return copy
    return data.draw(st.sampled_from(VALUES))


VALUES = [
    None, True, "", "x", "\ud800", "a\0b", "../../x", -1, 0, 1, 3, 2**31, 2**63, 10**400, 0.5, -0.0, 1e9, 1e300, float("nan"),
    float("inf"), [], {}, [1], [1, 2, 3], [[1, 2], [3, 4], [5, 6]], {"counts": [1]}, {"x1": 1}, [None] * 4, "9" * 5000,
]  # fmt: skip
