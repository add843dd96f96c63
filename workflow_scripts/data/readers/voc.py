"""Boxes of Pascal VOC 2007 and 2012 (Everingham et al. 2010).

Layout: ``VOCdevkit/VOC<year>/{JPEGImages/*.jpg, Annotations/*.xml, ImageSets/Main/<split>.txt}``.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.reader import Box
from workflow_scripts.data.readers.annotation_xml import XmlError, number, parse, text
from workflow_scripts.data.readers.files import ImageFiles, choose, first_of, packaged_lines, read_lines


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
        choose("voc", "year", year, (2007, 2012))
        choose("voc", "split", split, ("trainval", "train", "val"))
        root = first_of(path / "VOCdevkit" / f"VOC{year}", path / f"VOC{year}", path)
        listed = root / "ImageSets" / "Main" / f"{split}.txt"
        names = sorted(line.split()[0] for line in read_lines(listed, "the list of images"))
        if not names:
            raise AtlasError(f"{listed}: no image is listed; fetch the dataset again")
        super().__init__(root / "JPEGImages", [f"{name}.jpg" for name in names])
        self._annotations = root / "Annotations"
        self.box_classes = packaged_lines("voc_classes.txt")

    def boxes(self, position: int) -> list[Box]:
        """Return the boxes of the image's objects, however many there are.

        Raises:
            AtlasError: the annotation is missing or broken.
        """
        path = self._annotations / f"{self.files[position][:-4]}.xml"
        return [self._box(path, element) for element in parse(path).findall("object")]

    def _box(self, path: Path, element: ElementTree.Element) -> Box:
        try:
            name = text(element, "name")
            left, top, right, bottom = (number(element, f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax"))
            if name not in self.box_classes:
                raise XmlError(f"'{name}' is not a class of VOC")
        except XmlError as error:
            raise AtlasError(f"{path}: {error}; fetch the dataset again") from None
        flags = frozenset(flag for flag in ("difficult", "truncated") if (element.findtext(flag) or "").strip() == "1")
        return Box((left - 1, top - 1, right, bottom), self.box_classes.index(name), flags=flags)
