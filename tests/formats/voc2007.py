"""Pascal VOC 2007."""

from pathlib import Path

from tests.formats.voc import write_voc

ARCHIVES = {"VOCtrainval_06-Nov-2007.tar": ("VOCdevkit",)}


def write(folder: Path) -> None:
    write_voc(folder, 2007)
