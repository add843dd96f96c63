"""How many features can be removed."""

from __future__ import annotations

from workflow_scripts.common.errors import AtlasError


def require_fewer(removed: int, width: int) -> None:
    """Refuse to remove all features of a model of `width` features.

    Raises:
        AtlasError: nothing would be left.
    """
    if removed >= width:
        raise AtlasError(f"removed: {removed} of {width} features are all of them; name fewer")
