"""Pascal VOC 2012."""

from pathlib import Path

from tests.formats.voc import write_voc

ARCHIVES = {"VOCtrainval_11-May-2012.tar": ("VOCdevkit",)}


def write(folder: Path) -> None:
    write_voc(folder, 2012)
