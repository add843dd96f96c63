"""Classes of patches of another dataset: 1-NN and linear probe of the last layer, with and without the removed features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workflow_scripts.metrics.exact_neighbours import COSINE as BY_COSINE
from workflow_scripts.metrics.exact_neighbours import EUCLIDEAN
from workflow_scripts.metrics.linear_probe import Head, predict
from workflow_scripts.studies.local.classifying import Gallery, fit, with_batch_norm
from workflow_scripts.studies.local.conditions import COSINE, LINEAR, NN
from workflow_scripts.studies.local.patch_sets import patch_set
from workflow_scripts.studies.local.removal import require_fewer
from workflow_scripts.studies.local.scoring import Scorer
from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.rows import Row


def rows(passes: Passes, settings: Mapping[str, Any], seed: int, device: str) -> Iterator[Row]:
    """Yield the rows of the last layer, with all features and without those of largest variance."""
    train, test = patch_set(passes["train"]), patch_set(passes["test"])
    images = train.first(settings["images"])
    last = passes["train"].made["n_layers"]
    scorer = Scorer(test, passes["test"].dataset, seed)
    gallery, queries = Gallery(train, images), test.features[:, -1]
    require_fewer(settings["removed"], queries.shape[1])
    counts = (0, settings["removed"])
    yield from gallery.rows(scorer.dataset, last, settings["removed"])
    for rule, metric in ((NN, EUCLIDEAN), (COSINE, BY_COSINE)):
        for count, predicted in zip(counts, gallery.predict(queries, counts, metric, device), strict=True):
            yield from scorer.rows(predicted, last, rule, without=count)
    probes = fit(
        train,
        images,
        [-1],
        settings,
        seed,
        device,
        order=gallery.order[None],
        heads=[Head(count, settings["rate"]) for count in counts],
        batch_norm=with_batch_norm(passes["train"].model, settings),
    )
    for count, predicted in zip(counts, predict(probes, queries[:, None], device)[:, 0].T, strict=True):
        yield from scorer.rows(predicted, last, LINEAR, without=count)
