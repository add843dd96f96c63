"""Speed and memory, held as ratios against what a user would pick instead."""

from __future__ import annotations


def row(what: str, value: float, unit: str, least: float | None = None, most: float | None = None, detail: str = "") -> dict:
    """Return one line of the benchmark table; `least` and `most` are the bounds that the value should keep."""
    bound = f">= {least}" if least is not None else f"<= {most}" if most is not None else ""
    ok = (least is None or value >= least) and (most is None or value <= most)
    return {"what": what, "value": value, "unit": unit, "bound": bound, "ok": ok, "detail": detail}
