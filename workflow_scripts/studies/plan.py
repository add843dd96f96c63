"""What the configuration asks of each model: which datasets it passes over, and which collectors listen to each pass.

Pure data: no array, no file, no model. The workflow turns the plan into jobs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_scripts.data.geometry import Geometry
from workflow_scripts.studies import thesis_plan

Collectors = dict[str, dict[str, Any]]


def planned_passes(config: Mapping[str, Any], demo_models: set[str]) -> dict[str, dict[tuple[str, str], Collectors]]:
    """Return for each model the passes it makes: {(dataset, geometry): {collector: options}}.

    All enabled studies that ask for the same dataset and geometry share one pass.

    Args:
        config: the validated configuration.
        demo_models: ids of the models that the demo trains; they pass over both splits of the demo world as well, for
            the k-NN check that none of them has collapsed.
    """
    plan: dict[str, dict[tuple[str, str], Collectors]] = {}
    for model in config["models"]:
        requests = []
        if "thesis" in config["studies"]:
            requests += thesis_plan.requests(config["thesis"])
        geometry = str(Geometry(**config["features"]["geometry"]))
        requests += [(dataset, geometry, {"pooled_features": {}}) for dataset in config["features"]["datasets"]]
        if model in demo_models:
            geometry = str(Geometry(**config["demo"]["geometry"]))
            requests += [(split, geometry, {"pooled_features": {}}) for split in ("demo_train", "demo_val")]
        passes: dict[tuple[str, str], Collectors] = {}
        for dataset, geometry, collectors in requests:
            passes.setdefault((dataset, geometry), {}).update(collectors)
        plan[model] = passes
    return plan
