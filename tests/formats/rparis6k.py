"""Revisited Paris 6k: two archives, images in folders by landmark."""

from pathlib import Path

from tests.formats.revisitop import write_revisited

ARCHIVES = {
    "paris_1-v1.tgz": ("jpg/paris/louvre",),
    "paris_2-v1.tgz": ("jpg/paris/moulinrouge",),
    "gnd_rparis6k.pkl": ("gnd_rparis6k.pkl",),
}


def write(folder: Path) -> None:
    write_revisited(folder, "rparis6k", ["paris_louvre", "paris_moulinrouge"], "paris/{landmark}")
