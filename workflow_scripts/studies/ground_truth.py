"""What a run leaves out by itself: analyses, or parts of them, whose dataset lacks the ground truth that they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workflow_scripts.common.study import Analysis, Study
from workflow_scripts.studies.found import truth_of


def asked_datasets(config: Mapping[str, Any], studies: Sequence[Study]) -> list[tuple[str, str, str | None]]:
    """Return (key, dataset, ground truth it must have) for every dataset that an enabled study names."""
    return [
        (f"{study.name}.{analysis.name}.{setting.name}", chosen, truth_of(setting))
        for study in studies
        for analysis in study.analyses.values()
        for setting in analysis.settings.values()
        if setting.truth and (chosen := (config[study.name][analysis.name] or {}).get(setting.name)) is not None
    ]


def with_ground_truth(
    config: Mapping[str, Any], studies: Sequence[Study], datasets: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return `config` with null for every dataset that lacks the ground truth it is named for, and a line for each by key.

    Where ``only_dataset`` names one, it stands first in place of every dataset that is not null.
    """
    chosen = dict(config)
    for study in studies:
        chosen[study.name] = dict(chosen[study.name])
    left_out: dict[str, str] = {}
    for key, name, truth in asked_datasets(config, studies):
        study, analysis, setting = key.split(".")
        name = config["only_dataset"] or name
        if missing := truth and truth not in datasets[name]["ground_truth"]:
            meaning = _meaning(next(one for one in studies if one.name == study).analyses[analysis], setting)
            others = "" if config["only_dataset"] else _others(truth, datasets)
            left_out[key] = f"{key}: '{name}' has no {truth}: left out ({meaning}){others}"
        chosen[study][analysis] = {**chosen[study][analysis], setting: None if missing else name}
    return chosen, left_out


def _meaning(analysis: Analysis, setting: str) -> str:
    return f"{analysis.title}: {analysis.settings[setting].meaning}"


def _others(truth: str | None, datasets: Mapping[str, Mapping[str, Any]]) -> str:
    having = [name for name, entry in datasets.items() if truth in entry["ground_truth"]]
    return f"; datasets that have: {', '.join(having[:6])}{' and others' if len(having) > 6 else ''}" if having else ""
