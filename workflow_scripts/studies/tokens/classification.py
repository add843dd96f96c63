"""Which token of CLS, and which rule, tells images of a class from others.

Kaltampanidis et al., "Which Direction to Choose?" (arXiv 2509.15272v1), sections 4.1 and 4.2: one yes-no question a class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass.stores import stored_layers
from workflow_scripts.studies.passes import Passed, Passes
from workflow_scripts.studies.rows import Row
from workflow_scripts.studies.tokens.learning import (
    LEAST_TEST,
    LEAST_TRAIN,
    OPTIMISERS,
    Category,
    Labelled,
    cosine_rows,
    example_rows,
    hyperplane_rows,
    learn_hyperplanes,
    left_out_row,
    try_cosines,
)
from workflow_scripts.studies.tokens.tokens import stored_facets

_CATEGORY = "class"


def rows(passes: Passes, settings: Mapping[str, Any], seed: int, device: str) -> Iterator[Row]:
    """Yield scores by token, layer and rule, over all classes and of each, and how many images each is learnt from."""
    train, test = passes["train"], passes["test"]
    settings = {**settings, "supports": sorted(settings["supports"])}  # a support holds the smaller ones
    category, left_out = classes(train, test, seed)
    counts = {_CATEGORY: [len(rows) for rows in category.train.examples]}
    for row in (*left_out, *example_rows([category], counts)):
        yield row | {"dataset": train.dataset}
    for facet in stored_facets(train, "cls_facets"):
        features = [one.mapped("cls_facets", facet) for one in (train, test)]
        for place, layer in enumerate(stored_layers(settings["layers"], train.made["n_layers"])):
            own = [values[:, place] for values in features]
            columns = {"layer": layer, "facet": facet, "dataset": test.dataset}
            for rule, optimiser in OPTIMISERS.items():
                _, found = learn_hyperplanes(category, *own, optimiser, device)
                yield from hyperplane_rows(rule, [(category, found)], seed, columns)
            found = try_cosines(category, *own, settings)
            yield from cosine_rows([(category, found)], settings, seed, columns)


def classes(train: Passed, test: Passed, seed: int) -> tuple[Category, list[Row]]:
    """Return the classes of both datasets, by name, and a row for each that too few images show.

    Raises:
        AtlasError: an image has no class, or fewer than two classes are left.
    """
    names = []
    for one in (train, test):
        unlabelled = (one.samples["label"] < 0).to_numpy()
        if unlabelled.any():
            image = one.samples["id"].iloc[int(unlabelled.argmax())]
            raise AtlasError(f"dataset '{one.dataset}': image '{image}' has no class; choose one whose images all have")
        names.append(one.samples["class"].to_numpy(str))
    every = np.unique(np.concatenate(names))
    number = np.array([[(own == name).sum() for name in every] for own in names])
    kept = (number[0] >= LEAST_TRAIN) & (number[1] >= LEAST_TEST)
    if kept.sum() < 2:
        raise AtlasError(
            f"datasets '{train.dataset}' and '{test.dataset}': {kept.sum()} classes have {LEAST_TRAIN} training and "
            f"{LEAST_TEST} test images; two are needed, choose datasets of the same classes"
        )
    left_out = [left_out_row(_CATEGORY, str(every[at]), *number[:, at].tolist()) for at in np.flatnonzero(~kept)]
    splits = [Labelled.whole(own[:, None] == every[kept]) for own in names]
    return Category(_CATEGORY, every[kept].tolist(), np.flatnonzero(kept).tolist(), *splits, seed), left_out
