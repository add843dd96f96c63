"""Classes of patches of tiles against those of full images, whose positions are interpolated (Vanyan et al., section A.8.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workflow_scripts.metrics.linear_probe import predict
from workflow_scripts.studies.local.classifying import Gallery, fit, with_batch_norm
from workflow_scripts.studies.local.conditions import LINEAR, NN
from workflow_scripts.studies.local.patch_sets import patch_set
from workflow_scripts.studies.local.scoring import Scorer
from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.rows import Row


def rows(passes: Passes, settings: Mapping[str, Any], seed: int, device: str) -> Iterator[Row]:
    """Yield the rows of the last layer, of tiles and of full images."""
    model, last = passes["train"].model, passes["train"].made["n_layers"]
    for view, asks in (("", ("train", "test")), ("full", ("full_train", "full_test"))):
        train, test = (patch_set(passes[ask]) for ask in asks)
        images = train.first(settings["images"])
        scorer, queries = Scorer(test, passes["test"].dataset, seed), test.features[:, -1]
        yield from scorer.rows(Gallery(train, images).predict(queries, device=device)[0], last, NN, view=view)
        probes = fit(train, images, [-1], settings, seed, device, batch_norm=with_batch_norm(model, settings))
        yield from scorer.rows(predict(probes, queries[:, None], device)[:, 0, 0], last, LINEAR, view=view)
