"""Boxes of Pascal VOC 2007 and 2012 (Everingham et al. 2010).

Layout: ``VOCdevkit/VOC<year>/{JPEGImages/*.jpg, Annotations/*.xml, ImageSets/Main/<split>.txt}``.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from workflow_scripts.data.bad_data import bad_data
from workflow_scripts.data.folders import first_of
from workflow_scripts.data.reader import Box
from workflow_scripts.data.readers.annotation_xml import XmlError, image_size, inside, number, parse, text
from workflow_scripts.data.readers.files import ImageFiles, packaged_lines, read_lines


class Voc(ImageFiles):
    """The images of a split's list (Main, not Segmentation), in sorted order.

    VOC counts pixels from 1 and includes the last, so the edges of a box are xmin - 1, ymin - 1, xmax, ymax: what LOST
    (Simeoni et al. 2021) compares with. All objects count, flagged "difficult" and "truncated" where they are.
    """

    def __init__(self, path: Path, year: int, split: str = "trainval") -> None:
        """Index the images below `path`.

        Args:
            path: folder that holds ``VOCdevkit``, or ``VOCdevkit`` itself, or the year's folder.
            year: 2007 or 2012.
            split: "trainval", "train" or "val".

        Raises:
            AtlasError: the list is missing or empty.
        """
        root = first_of(path / "VOCdevkit" / f"VOC{year}", path / f"VOC{year}", path)
        listed = root / "ImageSets" / "Main" / f"{split}.txt"
        names = sorted(line.split()[0] for line in read_lines(listed, "the list of images"))
        if not names:
            raise bad_data(f"{listed}: no image is listed")
        super().__init__(root / "JPEGImages", [f"{name}.jpg" for name in names])
        self._annotations = root / "Annotations"
        self.box_classes = packaged_lines("voc_classes.txt")

    def boxes(self, position: int) -> list[Box]:
        """Return the boxes of the image's objects, however many there are.

        Raises:
            AtlasError: the annotation is missing or broken.
        """
        path = self._annotations / f"{self.files[position][:-4]}.xml"
        root = parse(path)
        try:
            size = image_size(root)
            return [self._box(element, size) for element in root.findall("object")]
        except XmlError as error:
            raise bad_data(f"{path}: {error}") from None

    def _box(self, element: ElementTree.Element, size: tuple[float, float] | None) -> Box:
        name = text(element, "name")
        left, top, right, bottom = edges = [number(element, f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")]
        inside(edges, "a side of a <bndbox>", size)
        if name not in self.box_classes:
            raise XmlError(f"'{name}' is not a class of VOC")
        flags = frozenset(flag for flag in ("difficult", "truncated") if (element.findtext(flag) or "").strip() == "1")
        return Box((left - 1, top - 1, right, bottom), self.box_classes.index(name), flags=flags)
