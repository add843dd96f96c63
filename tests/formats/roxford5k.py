"""Revisited Oxford 5k: images side by side."""

from pathlib import Path

from tests.formats.revisitop import write_revisited

ARCHIVES = {"oxbuild_images-v1.tgz": ("jpg",), "gnd_roxford5k.pkl": ("gnd_roxford5k.pkl",)}


def write(folder: Path) -> None:
    write_revisited(folder, "roxford5k", ["all_souls", "radcliffe_camera"], "")
