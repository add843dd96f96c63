"""Annotation files in XML, read with messages. Expat itself stops entities that blow up."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from workflow_scripts.data.bad_data import bad_data, no_file
from workflow_scripts.data.readers.numbers import finite, near


class XmlError(ValueError):
    """An element is missing or holds something else than expected."""


def parse(path: Path) -> ElementTree.Element:
    """Return the root element of a file.

    Raises:
        AtlasError: the file is missing or not XML.
    """
    try:
        return ElementTree.parse(path).getroot()  # noqa: S314
    except (FileNotFoundError, NotADirectoryError):
        raise no_file(path, "an annotation") from None
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter two: an encoding that is not known
        raise bad_data(f"{path}: not XML ({error}), expected an annotation") from None


def text(element: ElementTree.Element, path: str) -> str:
    """Return the text of the first element at `path` below `element`.

    Raises:
        XmlError: there is none.
    """
    found = element.findtext(path)
    if found is None or not found.strip():
        raise XmlError(f"an <{element.tag}> without <{path}>")
    return found.strip()


def number(element: ElementTree.Element, path: str) -> float:
    """Return the number at `path` below `element`.

    Raises:
        XmlError: there is none.
    """
    return as_number(text(element, path), f"<{path}>")


def as_number(found: str, where: str) -> float:
    """Return the number that a text is.

    Raises:
        XmlError: it is none that is finite; the message says `where` it stands.
    """
    try:
        return finite(float(found), where)
    except ValueError:
        raise XmlError(f"'{found[:40]}' in {where}, expected a number") from None


def image_size(root: ElementTree.Element) -> tuple[float, float] | None:
    """Return (width, height) as the annotation states it under ``size``, None where it does not, or only zeros.

    Raises:
        XmlError: it states no numbers.
    """
    if root.find("size/width") is None or root.find("size/height") is None:
        return None
    size = number(root, "size/width"), number(root, "size/height")
    return size if min(size) >= 1 else None


def inside(values: list[float], what: str, size: tuple[float, float] | None) -> None:
    """Refuse coordinates that are far outside the image.

    Raises:
        XmlError: one is.
    """
    try:
        near(values, what, size)
    except ValueError as error:
        raise XmlError(str(error)) from None
