"""What a configuration would run, fetch and need, before it does (rule plan). Nothing is fetched or computed."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from workflow_scripts.common.errors import run_command
from workflow_scripts.studies.cost import PassCost, crops_bytes, fit_costs, pass_costs, stores_bytes, weights_bytes
from workflow_scripts.studies.settings import Settings, load_settings
from workflow_scripts.studies.targets import Targets


def main() -> None:
    """Read the command line, print the plan."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="the merged configuration, as JSON")
    args = parser.parse_args()
    print(plan_text(load_settings(json.loads(args.config), [])))


def plan_text(settings: Settings) -> str:
    """Return the plan of a checked configuration as text."""
    models = settings.models
    targets = Targets(settings)
    costs = pass_costs(settings.passes, models, settings.datasets)
    fits = fit_costs({model: targets.fits(model) for model in models}, models)
    used = {name: settings.datasets[name] for name in dict.fromkeys(cost.dataset for cost in (*costs, *fits))}
    shown = [(dataset, view) for dataset, view in targets.views if settings.datasets[dataset].get("images") is not None]
    sections = [
        _jobs(targets),
        _passes(costs, settings.config["plan_tflops"]),
        _fits(fits, settings.config["plan_tflops"]),
        _datasets(used),
        _models(models),
        _disk(
            sum(crops_bytes(settings.datasets[dataset], view) for dataset, view in shown),
            models,
            stores_bytes(settings.passes, models, settings.datasets),
        ),
        _asked(used, models),
        _unverified(used, models),
    ]
    return "\n\n".join(section for section in sections if section)


def _jobs(targets: Targets) -> str:
    passes = sum(len(planned) for planned in targets.settings.passes.values())
    lines: list[tuple[Any, ...]] = [("Study", "Models", "Analyses", "Tables", "Figures")]
    for study in targets.settings.studies:
        analyses = [analysis for analysis in targets.analyses.values() if analysis.study == study.name]
        tables = sum(1 if analysis.over_models else len(targets.analysis_models(analysis)) for analysis in analyses)
        figures = [figure for figure in targets.figures if figure.study == study.name]
        lines.append((study.name, len(targets.models), len(analyses), tables, len(figures)))
    left_out = "".join(f"\n  {line}" for line in targets.left_out)
    return _section(f"Jobs, beside {_passes_text(passes)}", lines) + left_out


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
    note = f"{total}{f', without {_passes_text(missing)} over datasets of unknown size' if missing else ''}."
    return _section("Passes: every image meets every model once", lines) + f"\n{note}"


def _fits(costs: list[PassCost], tflops: float) -> str:
    grouped: dict[tuple[str, str], list[PassCost]] = {}
    for cost in costs:
        grouped.setdefault((cost.dataset, cost.view), []).append(cost)
    lines = [("Dataset", "View", "Models", "Images in steps", "GPU-hours")]
    for (dataset, view), group in grouped.items():
        images = max(cost.images or 0 for cost in group)
        lines.append((dataset, view, str(len(group)), _count(images), _hours(_sum(cost.flops for cost in group), tflops)))
    return _section("Fits: a model's forward passes over shuffled batches, beside its passes", lines)


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
        none = "yours" if source["type"] == "path" else "none"
        lines.append((name, none if size is None else _size(size), source["type"], _short(entry["licence"])))
    return _section("Models", lines)


def _disk(crops: float, models: Mapping[str, Any], stores: float) -> str:
    weights = sum(weights_bytes(entry) or 0 for entry in models.values())
    lines = [("Kept on disk", "Size"), ("weights", _size(weights)), ("decoded crops (keep_crops)", _size(crops))]
    lines += [("stored patch features", _size(stores))] if stores else []
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


def _passes_text(number: int) -> str:
    return f"{number} pass" if number == 1 else f"{number} passes"


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
