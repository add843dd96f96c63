"""The cutoff of high norms of a model: chosen by hand for those that the configuration names, else by the rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from workflow_scripts.metrics.token_norms import cutoff


def chosen_cutoff(model: str, counts: np.ndarray, settings: Mapping[str, Any]) -> float | None:
    """Return the norm above which patch tokens of the last layer are high; None if the model has none.

    Args:
        model: id.
        counts: [200] histogram of the norms (`metrics.token_norms`).
        settings: `hand_models` (None: all) and `hand_cutoff`.
    """
    by_hand = settings["hand_models"] is None or model in settings["hand_models"]
    return float(settings["hand_cutoff"]) if by_hand else cutoff(counts)
