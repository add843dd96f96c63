"""How much of its image's class one token holds: high-norm, normal and CLS tokens (Darcet et al., table 1).

What is compared is of images that have a high-norm token, learnt from and scored, in all kinds; beside it normal tokens and CLS
of all images, for models without high-norm tokens. In images whose tokens are all high there is no normal one: they are left
out where kinds are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.token_classification import class_accuracy, mean_and_deviation
from workflow_scripts.studies.passes import Passed, Passes
from workflow_scripts.studies.registers.conditions import CLASS_ACCURACY, CLASS_DEVIATION, CLS, HIGH, NORMAL, of_all_images
from workflow_scripts.studies.rows import Row

_TOKENS = "drawn_tokens"
_KEYS = {HIGH: "high", NORMAL: "normal", CLS: "cls"}


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield the accuracy from one token by kind, mean and deviation over draws.

    Raises:
        AtlasError: a split has images without a label.
    """
    train, test = (_Split(passes[name]) for name in ("train", "test"))
    here = {"dataset": passes["test"].dataset, "layer": passes["test"].made["n_layers"], "facet": "token"}
    both = [np.intersect1d(split.images(HIGH), split.images(NORMAL)) for split in (train, test)]
    compared = all(len(np.unique(split.labels[images])) > 1 for split, images in zip((train, test), both, strict=True))
    if compared:
        for kind in (NORMAL, HIGH, CLS):
            yield from (here | row for row in _rows(kind, kind, train, test, both))
    for kind in (NORMAL, CLS):
        every = [split.images(kind) for split in (train, test)]
        yield from (here | row for row in _rows(kind, of_all_images(kind), train, test, every))


class _Split:
    """The drawn tokens of one pass, by kind and position."""

    def __init__(self, passed: Passed) -> None:
        self.state = passed.state(_TOKENS)
        if (passed.samples["label"] < 0).any():
            raise AtlasError(f"registers.classification: {passed.dataset} has images without a label; choose another dataset")
        self.labels = passed.samples["class"].to_numpy(str)

    def images(self, kind: str) -> np.ndarray:
        """Return the positions of the images that have a token of a kind, ascending."""
        return self.state.get(f"{_KEYS[kind]}.index", np.empty(0, np.int64))

    def tokens(self, kind: str, images: np.ndarray) -> np.ndarray:
        """Return the tokens [I, K, D] of a kind of some images that have one."""
        return self.state[_KEYS[kind]][np.searchsorted(self.images(kind), images), 0]


def _rows(kind: str, setting: str, train: _Split, test: _Split, images: list[np.ndarray]) -> Iterator[Row]:
    if not all(map(len, images)):
        return  # a model without CLS
    labels = np.concatenate([split.labels[chosen] for split, chosen in zip((train, test), images, strict=True)])
    tokens = np.concatenate([split.tokens(kind, chosen) for split, chosen in zip((train, test), images, strict=True)])
    training = np.arange(len(labels)) < len(images[0])
    scores = np.array([class_accuracy(tokens[:, draw], labels, training) for draw in range(tokens.shape[1])])
    row = {"setting": setting, "n": len(images[1]), "unit": "share"}
    if len(scores) == 1:
        yield row | {"metric": CLASS_ACCURACY, "value": float(scores[0]), "higher_is_better": True}
        return
    mean, deviation = mean_and_deviation(scores)
    yield row | {"metric": CLASS_ACCURACY, "value": mean, "higher_is_better": True}
    yield row | {"metric": CLASS_DEVIATION, "value": deviation}
