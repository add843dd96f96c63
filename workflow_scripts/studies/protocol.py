"""Whether a run shows images as the study did: the sizes that the views of an analysis name are those of its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_scripts.common.study import Analysis, Study


def other_sizes(study: Study, analysis: Analysis, chosen: Mapping[str, Any]) -> str:
    """Return which size of the views of an analysis a run sets otherwise than the study's protocol, in words; "" if none.

    Args:
        study: whose defaults are its protocol.
        analysis: one of its analyses.
        chosen: the study's section of the run's configuration; a setting that is not there is as by default.
    """
    named = [value for ask in analysis.asks.values() for value in study.views[ask.view].values() if isinstance(value, str)]
    for name in dict.fromkeys(named):
        of, _, setting = name.rpartition(".")
        settings = study.analyses[of].settings if of in study.analyses else study.settings if not of else {}
        if setting not in settings:  # a word that is no setting, "each"
            continue
        section = (chosen.get(of) or {}) if of else chosen
        usual, own = (_plain(value) for value in (settings[setting].default, section.get(setting, settings[setting].default)))
        if own != usual:
            return f"{name} is {_said(own)}, the study's {_said(usual)}"
    return ""


def _plain(value: Any) -> Any:
    """Return a size without the keys that are null, which are as if they were not there."""
    return {key: item for key, item in value.items() if item is not None} if isinstance(value, Mapping) else value


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return " x ".join(map(str, value)) if isinstance(value, list) else str(value)
