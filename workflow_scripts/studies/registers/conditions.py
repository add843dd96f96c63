"""How the tables of this study name what was measured: words of the columns metric and setting.

Tokens are "high-norm" if their norm in the last layer, before the final norm, is above the model's cutoff, else "normal".
"""

from __future__ import annotations

import re

# Metrics of norms, by layer; `setting` is a kind of token.
NORM_METRICS = ("norm_p1", "norm_median", "norm_p99", "norm_max")
PATCH, CLS = "patch", "cls"  # and "register 1" to "register R"

# Metrics by a cutoff; `setting` says which.
SHARE, CUTOFF = "high_norm_share", "cutoff"
OF_LAST, OF_LAYER = "cutoff of the last layer", "cutoff of the layer"

# What share of the CLS token's attention to patches a kind of patch gets in the last layer, and what share of these patches it
# is; `setting` is the kind.
ATTENTION_SHARE, TOKEN_SHARE = "attention_share", "token_share"

# Metrics by kind of patch; `setting` is a kind.
NORMAL, HIGH, EVERY = "normal", "high-norm", "all"
NEIGHBOURS, NEIGHBOURS_OF_PATCH = "neighbour_cosine", "neighbour_cosine_per_patch"
OUTSIDE = "outside_objects"
POSITION_ACCURACY, POSITION_DISTANCE, PIXEL_ERROR = "position_accuracy", "position_distance", "pixel_error"
CLASS_ACCURACY, CLASS_DEVIATION = "class_accuracy", "class_accuracy_sd"  # CLS too; and `of_all_images`

# Metrics by grid position.
BORDER_SHARE, LARGEST_SHARE, FREQUENT = "border_share", "largest_position_share", "frequent_positions"
BORDER, INSIDE = "border", "inside"
FREQUENT_FROM = 0.2  # of images: "more than 20 %" (appendix A)

CORLOC, SKIPPED = "corloc", "skipped_images"
OWN_SIZE = "own size"
_BIAS = re.compile(r"bias (?P<bias>[^,]+)(, (?P<size>.+))?")


def register(number: int) -> str:
    """Return the kind of the tokens of one register, counted from 1."""
    return f"register {number}"


def of_all_images(kind: str) -> str:
    """Return the setting of a score over all images, not only those that have a high-norm token."""
    return f"{kind}, all images"


def bias(share: float) -> str:
    """Return the setting of boxes found with a bias of `share` times the mean size of the Gram matrix."""
    return f"bias {share:+g}" if share else "bias 0"


def sized_bias(share: float, side: int | None) -> str:
    """Return the setting of the same in images whose long side is scaled to `side` pixels, None for their own size."""
    return f"{bias(share)}, {OWN_SIZE if side is None else f'long side {side}'}"


def bias_of(setting: str) -> tuple[float, int | None]:
    """Return the share and the side that `bias` or `sized_bias` wrote.

    Raises:
        ValueError: the setting is of another kind.
    """
    found = _BIAS.fullmatch(setting)
    if not found:
        raise ValueError(f"setting '{setting}': no bias")
    size = found["size"]
    return float(found["bias"]), None if size in (None, OWN_SIZE) else int(size.removeprefix("long side "))
