"""The configuration's schema, put together from the general part and the settings that each study describes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from workflow_scripts.common.study import Analysis, Setting, Study


def config_schema(general: Mapping[str, Any], studies: Iterable[Study]) -> dict[str, Any]:
    """Return the JSON schema of a whole configuration.

    Args:
        general: the schema of everything that is no study's.
        studies: all studies there are, enabled or not.
    """
    studies = list(studies)
    names = {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"enum": [study.name for study in studies]}}
    sections = {study.name: _study_schema(study) for study in studies}
    properties = {**general["properties"], "studies": names, **sections}
    return {**general, "additionalProperties": False, "properties": properties}


def fill_defaults(config: dict[str, Any], studies: Iterable[Study]) -> None:
    """Give every setting of `studies` that `config` does not name its default; null analyses stay null.

    Only mappings are filled: anything else at their place is for the schema to report.
    """
    for study in studies:
        section = config.setdefault(study.name, {})
        if not isinstance(section, dict):
            continue
        _fill(section, study.settings)
        for analysis in study.analyses.values():
            own = section.setdefault(analysis.name, {})
            if isinstance(own, dict):
                _fill(own, analysis.settings)


def _fill(section: dict[str, Any], settings: Mapping[str, Setting]) -> None:
    for setting in settings.values():
        default = setting.default
        section.setdefault(setting.name, dict(default) if isinstance(default, dict) else default)


def _study_schema(study: Study) -> dict[str, Any]:
    own = {name: _described(setting) for name, setting in study.settings.items()}
    analyses = {name: _analysis_schema(analysis) for name, analysis in study.analyses.items()}
    return {"type": "object", "additionalProperties": False, "description": study.title, "properties": own | analyses}


def _analysis_schema(analysis: Analysis) -> dict[str, Any]:
    settings = {name: _described(setting) for name, setting in analysis.settings.items()}
    return {
        "type": ["object", "null"],
        "additionalProperties": False,
        "description": analysis.title,
        "properties": settings,
    }


def _described(setting: Setting) -> dict[str, Any]:
    return {**setting.schema, "description": setting.meaning}
