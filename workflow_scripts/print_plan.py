"""What a configuration would run, fetch and need, before it does (rule plan). Nothing is fetched or computed."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from workflow_scripts.common.errors import run_command
from workflow_scripts.figures.catalogue import FIGURES
from workflow_scripts.studies import thesis_plan
from workflow_scripts.studies.cost import PassCost, crops_bytes, pass_costs, weights_bytes
from workflow_scripts.studies.plan import planned_passes


def main() -> None:
    """Read the command line, print the plan."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="the checked configuration, as JSON")
    parser.add_argument("--models", required=True, help="registry entries of its models, as JSON {id: entry}")
    parser.add_argument("--datasets", required=True, help="all registry entries of datasets, as JSON {id: entry}")
    args = parser.parse_args()
    print(plan_text(json.loads(args.config), json.loads(args.models), json.loads(args.datasets)))


def plan_text(config: Mapping[str, Any], models: Mapping[str, Any], datasets: Mapping[str, Any]) -> str:
    """Return the plan as text.

    Args:
        config: the checked configuration.
        models: registry entries of its models.
        datasets: all registry entries of datasets.
    """
    demo = {name for name, entry in models.items() if entry["checkpoint"]["source"]["type"] == "demo"}
    costs = pass_costs(planned_passes(config, models, demo), models, datasets)
    used = {name: datasets[name] for name in dict.fromkeys(cost.dataset for cost in costs)}
    sections = [
        _jobs(config, models, costs),
        _passes(costs, config["plan_tflops"]),
        _datasets(used),
        _models(models),
        _disk(costs, models),
        _asked(used, models),
        _unverified(used, models),
    ]
    return "\n\n".join(section for section in sections if section)


def _jobs(config: Mapping[str, Any], models: Mapping[str, Any], costs: list[PassCost]) -> str:
    lines = [("Study", "Models", "Passes", "Tables", "Figures")]
    for study in config["studies"]:
        analyses = thesis_plan.analyses(config["thesis"])
        per_model = len([name for name in analyses if name != "cka"])
        figures = [figure for figure in FIGURES if figure.study == study and {*figure.analyses} <= {*analyses}]
        lines.append((study, len(models), len(costs), per_model * len(models) + 5, len(figures)))
    return _section("Jobs", lines)


def _passes(costs: list[PassCost], tflops: float) -> str:
    grouped: dict[tuple[str, str], list[PassCost]] = {}
    for cost in costs:
        # Tiles of several patch sizes are one line.
        view = re.sub("-patch[0-9]+", "", cost.view)
        grouped.setdefault((cost.dataset, view), []).append(cost)
    lines = [("Dataset", "View", "Models", "Images", "Crops", "GPU-hours")]
    for (dataset, view), group in grouped.items():
        flops = _sum(cost.flops for cost in group)
        lines.append((dataset, view, len(group), _count(group[0].images), _count(group[0].crops), _hours(flops, tflops)))
    known = [cost.flops for cost in costs if cost.flops is not None]
    missing = sum(cost.flops is None for cost in costs)
    total = f"Together {_hours(sum(known), tflops)} GPU-hours at {tflops:g} TFLOP/s sustained (plan_tflops; an assumption)"
    note = f"{total}{f', without {missing} passes over datasets of unknown size' if missing else ''}."
    return _section("Passes: every image meets every model once", lines) + f"\n{note}"


def _datasets(used: Mapping[str, Any]) -> str:
    lines = [("Dataset", "Images", "Download", "Access", "Licence")]
    seen: set[str] = set()
    for name, entry in used.items():
        files = entry["source"].get("files", [])
        new = [file for file in files if file["name"] not in seen]
        seen |= {file["name"] for file in files}
        access = ", ".join(dict.fromkeys(file["access"] for file in files)) or entry["source"]["type"]
        if not files:
            size = "none"
        elif not new:
            size = "shared with one above"
        else:
            size = _files_size(new)
        lines.append((name, _count(entry.get("images")), size, access, _short(entry["licence"])))
    return _section("Datasets", lines)


def _models(models: Mapping[str, Any]) -> str:
    lines = [("Model", "Weights", "From", "Licence")]
    for name, entry in models.items():
        source = entry["checkpoint"]["source"]
        size = weights_bytes(entry)
        lines.append((name, "none" if size is None else _size(size), source["type"], _short(entry["licence"])))
    return _section("Models", lines)


def _disk(costs: list[PassCost], models: Mapping[str, Any]) -> str:
    shown = {(cost.dataset, cost.view): cost.images for cost in costs if cost.images is not None}
    crops = sum(crops_bytes(images, view) for (_, view), images in shown.items())
    weights = sum(weights_bytes(entry) or 0 for entry in models.values())
    lines = [("Kept on disk", "Size"), ("weights", _size(weights)), ("decoded crops (keep_crops)", _size(crops))]
    return _section("Disk, beside archives and their extracted files", lines)


def _asked(used: Mapping[str, Any], models: Mapping[str, Any]) -> str:
    lines: list[tuple[Any, ...]] = [("File", "For", "Get it from", "Terms")]
    asked: dict[str, tuple[Any, ...]] = {}
    for name, entry in used.items():
        for file in entry["source"].get("files", []):
            if file["access"] != "open":
                asked.setdefault(file["name"], (file["name"], name, file["url"], _short(file.get("terms", ""))))
    for name, entry in models.items():
        source = entry["checkpoint"]["source"]
        if source["type"] == "incoming":
            asked[source["name"]] = (source["name"], name, source["url"], _short(source["terms"]))
    return _section("Needs a login or a form: put these into the incoming folder yourself", [*lines, *asked.values()])


def _unverified(used: Mapping[str, Any], models: Mapping[str, Any]) -> str:
    lines = [
        f"  {name}: {sentence}" for name, entry in (*used.items(), *models.items()) for sentence in entry.get("unverified", [])
    ]
    return "\n".join(["Not verified", *dict.fromkeys(lines)]) if lines else ""


def _section(title: str, lines: list[tuple[Any, ...]]) -> str:
    """Return a table under a title, empty if there is nothing but the head; numbers stand to the right."""
    if len(lines) < 2:
        return ""
    text = [[str(cell) for cell in line] for line in lines]
    widths = [max(len(line[column]) for line in text) for column in range(len(text[0]))]
    right = [all(_is_number(line[column]) for line in text[1:]) for column in range(len(text[0]))]
    rows = [
        "  " + "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, widths, right, strict=True)).rstrip()
        for line in text
    ]
    return "\n".join([title, *rows])


def _is_number(text: str) -> bool:
    return text == "unknown" or text.replace(",", "").replace(".", "").isdigit()


def _count(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"


def _hours(flops: float | None, tflops: float) -> str:
    return "unknown" if flops is None else f"{flops / (tflops * 1e12) / 3600:,.2f}"


def _sum(values: Iterable[float | None]) -> float | None:
    values = list(values)
    return None if None in values else sum(value for value in values if value is not None)


def _files_size(files: list[Mapping[str, Any]]) -> str:
    known = [file["bytes"] for file in files if file.get("bytes")]
    if not known:
        return "size not published"
    return _size(sum(known)) + (" and more" if len(known) < len(files) else "")


def _size(n_bytes: float) -> str:
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if n_bytes >= scale:
            return f"{n_bytes / scale:.1f} {unit}"
    return f"{n_bytes / 1e3:.0f} kB"


def _short(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else text[: limit - 3].rstrip() + "..."


if __name__ == "__main__":
    run_command(main)
