"""Alterations of images in names of rows, as numbers: ``blur20`` is blur of level 20, ``scale90`` a scale of 0.9."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

# Kind -> (title, name of the axis of its levels), in the order of figure 5, then what figure 4 has beside them.
KINDS = {
    "shift": ("Shift", "pixels"),
    "rotation": ("Rotation", "degrees"),
    "scale": ("Scale", "factor"),
    "blur": ("Blur", "pixels"),
    "noise": ("Noise", "grey levels"),
    "band": ("Noise in a band", "band"),
}
GEOMETRIC = ("shift", "rotation", "scale")


class Altered(NamedTuple):
    """What an alteration is: its kind, one of `KINDS`, its level, and its word in names of rows."""

    kind: str
    level: float
    word: str

    @property
    def strength(self) -> float:
        """Return how far it is from the image as it was: of a scale by how many times, of all others the level."""
        return max(self.level, 1 / self.level) if self.kind == "scale" else self.level


def altered(word: str) -> Altered:
    """Return what a word says."""
    kind, number = re.fullmatch(r"([a-z]+)(\d+)", word).groups()
    return Altered(kind, int(number) / 100 if kind == "scale" else float(number), word)


def by_kind(words: Iterable[str]) -> dict[str, list[Altered]]:
    """Return the alterations of each kind by level, ascending; kinds in the order of `KINDS`, without those that lack."""
    every = sorted((altered(word) for word in dict.fromkeys(words)), key=lambda one: one.level)
    found = {kind: [one for one in every if one.kind == kind] for kind in KINDS}
    return {kind: levels for kind, levels in found.items() if levels}
