"""The numbers that a study published, each with the row of our tables that it stands beside.

They are data: ``tables`` of the study's ``published.yaml`` has the numbers, ``join`` what the numbers of a table have in common
(``config/schemas/published.schema.yaml`` explains the words). No study is known here by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from workflow_scripts.common.config import check
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.yaml_file import read_yaml

SCHEMA = Path(__file__).resolve().parents[2] / "config" / "schemas" / "published.schema.yaml"
BEST, LAST = "best", "last"  # a layer or facet chosen by the number itself; the layer of those that name none
_PERCENT = 100


@dataclass(frozen=True)
class PublishedNumber:
    """A published number and the row of our tables that it stands beside. Percent are shares here.

    Attributes:
        study, table, id, source: where it is from; `table` is the key in the file.
        value: None for a fact that is no number.
        unit: "" for none.
        precision: half a unit of the last digit printed in its table for its metric.
        sd: its printed deviation, 0 for none.
        tolerance: the largest difference stated for its unit, None for none.
        method, architecture: of its model, as in the registry; "" for any.
        registers: whether its model has registers, None for either.
        register_tokens: how many it has, None for any number.
        patch: side of its model's patches in pixels, None for any.
        analysis, dataset, facet, metric, setting: columns of our tables, "" where there is none. A facet may be `BEST`.
        layer: from 1, `BEST` or `LAST`.
        best_layer: the layer that was the best one in the study, where `layer` is `BEST` and it says so.
        facets: of which the best one is taken, where `facet` is `BEST`.
        best_by: the metric by which it is the best, its own if "".
        counted: whether it is a count, of which our value is the share and our `n` the whole.
        reason: why no verdict can be given, "" if one can.
    """

    study: str
    table: str
    id: str
    source: str
    value: float | None = None
    unit: str = ""
    precision: float = 0
    sd: float = 0
    tolerance: float | None = None
    method: str = ""
    architecture: str = ""
    registers: bool | None = None
    register_tokens: int | None = None
    patch: int | None = None
    analysis: str = ""
    dataset: str = ""
    facet: str = ""
    metric: str = ""
    setting: str = ""
    layer: int | str = LAST
    best_layer: int | None = None
    facets: tuple[str, ...] = ()
    best_by: str = ""
    counted: bool = False
    reason: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """Return study, table and id, which name it."""
        return self.study, self.table, self.id


def read_published(study: str, path: str | Path) -> tuple[PublishedNumber, ...]:
    """Return the numbers in a study's file of claims, in their order; none if it has no ``tables``.

    Raises:
        AtlasError: one line per mistake in the file.
    """
    content = read_yaml(path)
    problems = check(content, read_yaml(SCHEMA), [path]) or list(_problems(path, content))
    if problems:
        raise AtlasError("\n".join(problems))
    tolerances, joins = content.get("tolerance", {}), content.get("join", {})
    return tuple(
        _number(study, table, entry, entries, joins.get(table, {}), tolerances)
        for table, entries in content.get("tables", {}).items()
        for entry in entries
    )


def _problems(path: str | Path, content: Mapping[str, Any]) -> list[str]:
    tables, joins = content.get("tables", {}), content.get("join", {})
    found = [f"{path}: join.{name}: there is no such table" for name in joins if name not in tables]
    for name, entries in tables.items():
        ids = [entry["id"] for entry in entries]
        found += [f"{path}: tables.{name}: the id {one} twice" for one in dict.fromkeys(ids) if ids.count(one) > 1]
        rules = joins.get(name, {}).get("not_comparable", ())
        found += [
            f"{path}: join.{name}.not_comparable: '{rule['reason']}' is said of no number"
            for rule in rules
            if not any(_applies(rule, entry) for entry in entries)
        ]
    return found


def _number(
    study: str,
    table: str,
    entry: Mapping[str, Any],
    entries: Sequence[Mapping[str, Any]],
    join: Mapping[str, Any],
    tolerances: Mapping[str, float],
) -> PublishedNumber:
    scale = _PERCENT if entry.get("unit") == "percent" else 1
    unit = "share" if entry.get("unit") == "percent" else entry.get("unit", "")
    alike = [one["value"] for one in entries if "value" in one and one.get("metric") == entry.get("metric")]
    layer, printed = join.get("layer", entry.get("layer", LAST)), entry.get("layer")
    own = {name: entry[name] for name in PublishedNumber.__annotations__ if name in entry}
    own |= {key: _column(key, entry, join) for key in ("analysis", "dataset", "facet", "metric", "setting")}
    if "value" in entry:
        own["value"] = entry["value"] / scale
    return PublishedNumber(
        **own
        | {
            "study": study,
            "table": table,
            "unit": unit,
            # YAML drops the zeros that a number ends in: a table prints all numbers of a metric with as many digits.
            "precision": min(map(_half_digit, alike), default=0) / scale,
            "sd": entry.get("sd", 0) / scale,
            "tolerance": tolerances.get(unit),
            "layer": layer,
            "best_layer": printed if layer == BEST and isinstance(printed, int) else None,
            "facets": tuple(join.get("facets", ())),
            "best_by": join.get("best_by", entry.get("best_by", "")),
            "counted": join.get("counted", False),
            "reason": next((rule["reason"] for rule in join.get("not_comparable", ()) if _applies(rule, entry)), ""),
        }
    )


def _column(key: str, entry: Mapping[str, Any], join: Mapping[str, Any]) -> str:
    """Return a column of our tables: what the entry says, translated or laid over by what is said of its whole table."""
    own, common = entry.get(key, ""), join.get(key)
    match common:
        case Mapping():
            return common.get(own, own)
        case str():
            return common.format_map(_Blank(entry))
    return own


class _Blank(dict):  # an entry as text may name its keys: "" for what it does not have
    def __missing__(self, key: str) -> str:
        return ""


def _applies(rule: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    where = rule.get("where", {}).items()
    return all(key in entry for key in rule.get("has", ())) and all(entry.get(key) in values for key, values in where)


def _half_digit(value: float) -> float:
    exponent = Decimal(str(value)).normalize().as_tuple().exponent
    return 0.5 * 10.0 ** min(int(exponent), 0)
