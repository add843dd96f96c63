"""What the configuration asks of each model: which datasets it passes over, and which collectors listen to each pass.

Pure data: no array, no file, no model. The workflow turns the plan into jobs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_scripts.data.views import CentreCrop
from workflow_scripts.studies import thesis_plan
from workflow_scripts.studies.thesis_plan import Request, pooled
from workflow_scripts.zoo.registry import sides

Collectors = dict[str, dict[str, Any]]


def planned_passes(
    config: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]], demo_models: set[str]
) -> dict[str, dict[tuple[str, str], Collectors]]:
    """Return for each model the passes it makes: {(dataset, geometry): {collector: options}}.

    All enabled studies that ask for the same dataset and geometry share one pass.

    Args:
        config: the validated configuration.
        models: registry entries of its models.
        demo_models: ids of the models that the demo trains; they pass over both splits of the demo world as well, for
            the k-NN check that none of them has collapsed.
    """
    precision = config["feature_precision"]
    both = pooled(["cls", "mean_patch"], precision)
    plan: dict[str, dict[tuple[str, str], Collectors]] = {}
    for model in config["models"]:
        requests: list[Request] = []
        if "thesis" in config["studies"]:
            requests += thesis_plan.requests(config["thesis"], sides(models[model]["patch"])[0], precision)
        geometry = str(CentreCrop(**config["features"]["geometry"]))
        requests += [(dataset, geometry, both) for dataset in config["features"]["datasets"]]
        if model in demo_models:
            geometry = str(CentreCrop(**config["demo"]["geometry"]))
            requests += [(split, geometry, both) for split in ("demo_train", "demo_val")]
        passes: dict[tuple[str, str], Collectors] = {}
        for dataset, geometry, collectors in requests:
            passes[dataset, geometry] = merged(passes.get((dataset, geometry), {}), collectors)
        plan[model] = passes
    return plan


def merged(collectors: Collectors, more: Collectors) -> Collectors:
    """Return what serves both requests: lists of facets are united, all other options must be equal."""
    result = {name: dict(options) for name, options in collectors.items()}
    for name, options in more.items():
        known = result.setdefault(name, {})
        for key, value in options.items():
            if isinstance(value, list):
                value = list(dict.fromkeys([*known.get(key, []), *value]))
            assert isinstance(value, list) or known.get(key, value) == value, f"two studies want {name} with other {key}"
            known[key] = value
    return result
