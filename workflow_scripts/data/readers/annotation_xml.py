"""Annotation files in XML, read with messages. Expat itself stops entities that blow up."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from workflow_scripts.common.errors import AtlasError


class XmlError(ValueError):
    """An element is missing or holds something else than expected."""


def parse(path: Path) -> ElementTree.Element:
    """Return the root element of a file.

    Raises:
        AtlasError: the file is missing or not XML.
    """
    try:
        return ElementTree.parse(path).getroot()  # noqa: S314
    except FileNotFoundError:
        raise AtlasError(f"{path}: the annotation is missing; fetch the dataset again") from None
    except ElementTree.ParseError as error:
        raise AtlasError(f"{path}: not XML ({error}); fetch the dataset again") from None


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
    found = text(element, path)
    try:
        return float(found)
    except ValueError:
        raise XmlError(f"'{found}' in <{path}>, expected a number") from None
