"""Words and numbers for sentences: what tables call something, and a value, as they are read."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

_SPELLED = {
    "ari": "ARI", "cka": "CKA", "cls": "CLS", "corloc": "CorLoc", "f1": "F1", "iou": "IoU", "jf": "J&F", "knn": "k-NN",
    "miou": "mIoU", "mse": "MSE", "nmi": "NMI", "pck": "PCK", "psnr": "PSNR", "r2": "R2", "ssim": "SSIM",
}  # fmt: skip
_RAISED = str.maketrans("-0123456789", "\N{SUPERSCRIPT MINUS}⁰¹²³⁴⁵⁶⁷⁸⁹")


def spoken(value: float) -> str:
    """Return a number for reading, with two or three digits that count."""
    size = abs(value)
    if value == 0 or math.isnan(value):
        return "0" if value == 0 else "undefined"
    if size < 0.001 or size >= 1e6:
        digits, power = f"{value:.1e}".split("e")
        text = f"{digits} \N{MULTIPLICATION SIGN} 10{str(int(power)).translate(_RAISED)}"
    elif size >= 100:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.3f}" if size < 0.1 else f"{value:.2f}"
    return text.replace("-", "\N{MINUS SIGN}")


def with_interval(value: float, low: float, high: float) -> str:
    """Return a number with its 95 % interval, if it has one: ``0.53, 95 % interval 0.51 to 0.55``."""
    if pd.isna(low) or pd.isna(high):
        return spoken(value)
    return f"{spoken(value)}, 95 % interval {spoken(low)} to {spoken(high)}"


def listed(words: Sequence[str]) -> str:
    """Return words as a list in a sentence: ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def counted(number: int, one: str, more: str = "") -> str:
    """Return ``1 model`` or ``2 models``."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def in_words(name: str) -> str:
    """Return a name of the tables for reading: ``patch_miou`` as "patch mIoU"."""
    return " ".join(_SPELLED.get(word, word) for word in str(name).replace("_", " ").split(" "))


def roughly(value: float) -> str:
    """Return a number for reading with the two digits that a bin of a histogram can tell."""
    if not value or not math.isfinite(value):
        return spoken(value)
    places = 1 - math.floor(math.log10(abs(value)))
    text = f"{round(value, places):,.{max(places, 0)}f}" if 1e-3 <= abs(value) < 1e6 else spoken(value)
    return text.replace("-", "\N{MINUS SIGN}")


def in_percent(share: float) -> str:
    """Return a share for reading: ``62 %``, ``2.4 %``."""
    percent = 100 * share
    return f"{percent:.0f} %" if percent >= 9.95 else f"{percent:.2g} %" if percent >= 1 else f"{spoken(percent)} %"


def plural(name: str) -> str:
    """Return the plural of a name of the tables, for reading: ``query`` as "queries"."""
    word = in_words(name)
    if word[-1:].isupper() or word[-1:].isdigit():
        return word
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word.removesuffix('y')}ies"
    return f"{word}es" if word.endswith(("s", "ch", "x")) else f"{word}s"
