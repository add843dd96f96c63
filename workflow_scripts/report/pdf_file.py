"""What a figure's PDF says of itself, and whether the PNG beside it does as well."""

from __future__ import annotations

import re
from pathlib import Path

_PAGE = re.compile(rb"/Type\s*/Page\b")
_HEAVY = 500_000  # bytes


def n_pages(content: bytes) -> int:
    """Return how many pages a PDF of this project has."""
    return max(1, len(_PAGE.findall(content)))


def is_heavy(pdf: Path) -> bool:
    """Return whether a PDF is so large that it is of photographs: the PNG shows them as well, if it shows all pages."""
    return pdf.stat().st_size > _HEAVY and n_pages(pdf.read_bytes()) == 1
