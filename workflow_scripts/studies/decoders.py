"""What a run leaves out by itself: models of analyses that reconstruct images, whose checkpoint has no decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workflow_scripts.common.study import Study
from workflow_scripts.studies.plan import analysed_models


def with_decoders(
    config: Mapping[str, Any], studies: Sequence[Study], models: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return `config` with such analyses of the models that have a decoder alone, and a line for each that leaves some out.

    Args:
        config: of a run.
        studies: those that it enables.
        models: registry entries of its models.
    """
    chosen, left_out = dict(config), {}
    for study in studies:
        for analysis in (one for one in study.analyses.values() if one.decodes and config[study.name][one.name]):
            key = f"{study.name}.{analysis.name}.{analysis.models}"
            asked = analysed_models(analysis, config)
            having = [name for name in asked if models[name]["checkpoint"].get("decoder")]
            if lacking := [name for name in asked if name not in having]:
                left_out[key] = f"{key}: no decoder in the checkpoint of {', '.join(lacking)}: left out ({analysis.title})"
            narrowed = {**chosen[study.name][analysis.name], analysis.models: having}
            chosen[study.name] = {**chosen[study.name], analysis.name: narrowed}
    return chosen, left_out
