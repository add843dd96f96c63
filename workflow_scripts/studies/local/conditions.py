"""How the tables of this study name what was measured: the rule in front, then what differs from the study's usual case.

A setting is ``<rule>; <word> <value>; ...``, its words in the order of `WORDS`. What it does not say is as usual: the training
images of the configuration, no feature removed, images as they are, the whole of all classes.
"""

from __future__ import annotations

from typing import NamedTuple

NN = "1-NN"  # by Euclidean distance
COSINE = "1-NN, cosine"
NORMALISED = "1-NN, batch norm"  # by the statistics of a linear probe with batch normalisation
LINEAR = "linear"  # the study's: with batch normalisation for the models that the configuration names, without for others
NORMED, PLAIN = "linear, batch norm", "linear, no batch norm"  # for every model
FASTER, SLOWER = "linear, 3 x rate", "linear, rate / 3"  # the study's with another learning rate
NEIGHBOURS = "k-NN"  # of whole images
DECODER = "decoder"  # what a model's decoder makes of its features
RIDGE = "ridge"  # regression on the shares of classes in an image

WORDS = {
    "images": "number of training images",
    "without": "number of features removed, those of largest variance",
    "altered": "alteration of the images, as in names of views: blur10, noise20, band4, shift2, rotation5, scale90",
    "class": "the class that a score is of",
    "kind": "of what kind the patch is that is nearest (`metrics.patch_retrieval.CATEGORIES`)",
    "elsewhere": "yes where patches of the query's own image are left out",
    "gap": "frames between two that are compared",
    "view": "full where images are not cut into tiles",
    "size": "side of the images in pixels",
    "zeroed": "top or lowest: the features set to 0, of largest or smallest variance",
    "masked": "share of the patches that are masked, in percent",
    "features": "without top, random, or top: which features a prediction has; all if it does not say",
}


class Condition(NamedTuple):
    """What a setting says: the rule, and the value of each of `WORDS` that it has."""

    rule: str
    words: dict[str, str]


def setting(rule: str, **words: str | int) -> str:
    """Return the setting of rows.

    Args:
        rule: one of this module's, or what else an analysis compares; without "; ".
        **words: values of `WORDS`; one that is 0 or "" is as usual and left out.
    """
    assert words.keys() <= WORDS.keys(), words
    return "; ".join([rule, *(f"{word} {words[word]}" for word in WORDS if words.get(word))])


def condition(text: str) -> Condition:
    """Return what a setting says."""
    rule, *parts = text.split("; ")
    return Condition(rule, dict(part.split(" ", 1) for part in parts))
