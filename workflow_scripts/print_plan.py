"""What a configuration would run, fetch and need, before it does (rule plan). Nothing is fetched or computed."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from typing import Any

from workflow_scripts.common.errors import run_command
from workflow_scripts.onepass.fit_sizes import images_seen
from workflow_scripts.studies.cost import PassCost, pass_costs, weights_bytes
from workflow_scripts.studies.durations import UNKNOWN_IMAGES
from workflow_scripts.studies.schedule import Schedule
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
    schedule = Schedule(targets)
    costs = pass_costs(settings.passes, models, settings.datasets)
    fits = [
        (study.name, fit, model) for study in settings.studies for model in models for fit in targets.fits_of(study.name, model)
    ]
    used = {name: settings.datasets[name] for name in targets.datasets}
    sections = [
        _jobs(targets),
        _kinds(schedule),
        _gpu_hours(schedule),
        _passes(costs, [targets.view_seconds(cost.model, cost.job, cost.view) for cost in costs]),
        _fits(fits, targets),
        _datasets(used),
        _models(models, schedule),
        _disk(schedule, settings.config["keep_crops"]),
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


def _kinds(schedule: Schedule) -> str:
    lines: list[tuple[Any, ...]] = [("Kind", "Jobs", "Hours", "Longest")]
    lines += [(kind.name, f"{kind.jobs:,}", _hours(kind.seconds), _hours(kind.longest)) for kind in schedule.kinds]
    chain = schedule.longest
    title = "Hours of jobs, without downloads; of analyses the most that they may take"
    said = f"Longest chain, whatever the number of machines: {_hours(chain.seconds)} hours at most"
    return _section(title, lines) + f"\n{said}: {', then '.join(chain.jobs)}."


def _gpu_hours(schedule: Schedule) -> str:
    settings = schedule.settings
    lines: list[tuple[Any, ...]] = [("Study", "Passes", "Fits", "Both", "Analyses, at most")]
    times = {study.name: schedule.gpu_time(studies=[study]) for study in settings.studies}
    together = schedule.gpu_time()
    times |= {"together": together} if len(times) > 1 else {}
    lines += [(name, *map(_hours, (time.passes, time.fits, time.models, time.analyses))) for name, time in times.items()]
    shared = (
        "\nA study's line is of the study alone. An image that several show to a model in one view passes once: together they "
        "take less than their sum."
    )
    tflops = settings.config["plan_tflops"]
    unknown = sum(
        "images" not in settings.datasets[passed.dataset] for planned in settings.passes.values() for passed in planned.values()
    )
    guess = (
        f", {_passes_text(unknown)} over datasets of unknown size taken for {UNKNOWN_IMAGES:,} images each" if unknown else ""
    )
    return (
        _section(f"GPU-hours on a card that sustains {tflops:g} TFLOP/s (plan_tflops; an assumption)", lines)
        + f"\nTogether {_hours(together.models)} GPU-hours{guess}, and at most {_hours(together.analyses)} of analyses."
        + (shared if len(times) > 1 else "")
    )


def _passes(costs: list[PassCost], seconds: list[float]) -> str:
    grouped: dict[tuple[str, str], list[tuple[PassCost, float]]] = {}
    for cost, time in zip(costs, seconds, strict=True):
        # Tiles of several patch sizes are one line.
        view = re.sub("-patch[0-9]+", "", cost.view)
        grouped.setdefault((cost.dataset, view), []).append((cost, time))
    lines = [("Dataset", "View", "Models", "Images", "Crops", "GPU-hours")]
    for (dataset, view), group in grouped.items():
        first, known = group[0][0], all(cost.images is not None for cost, _ in group)
        hours = _hours(sum(time for _, time in group)) if known else "unknown"
        lines.append((dataset, view, len(group), _count(first.images), _count(first.crops), hours))
    return _section("Passes: every image meets every model once", lines)


def _fits(fits: list[tuple[str, str, str]], targets: Targets) -> str:
    grouped: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for study, fit, model in fits:
        planned = targets.fit(study, fit, model)
        images = sum(images_seen(name, options) for name, options in planned.fit.items())
        grouped.setdefault((planned.dataset, planned.view), []).append((images, targets.fit_seconds(study, fit, model)))
    lines = [("Dataset", "View", "Fits", "Images in steps", "GPU-hours")]
    for (dataset, view), group in grouped.items():
        most = max(images for images, _ in group)
        lines.append((dataset, view, str(len(group)), _count(most), _hours(sum(time for _, time in group))))
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


def _models(models: Mapping[str, Any], schedule: Schedule) -> str:
    lines = [("Model", "Weights", "GPU-hours", "From", "Licence")]
    for name, entry in models.items():
        source = entry["checkpoint"]["source"]
        size = weights_bytes(entry)
        none = "yours" if source["type"] == "path" else "none"
        hours = _hours(schedule.gpu_time(models=[name]).models)
        lines.append((name, none if size is None else _size(size), hours, source["type"], _short(entry["licence"])))
    return _section("Models", lines)


def _disk(schedule: Schedule, keep_crops: bool) -> str:
    disk = schedule.disk
    parts = [
        ("archives, of published size", disk.archives),
        ("their files, taken to be as large", disk.unpacked),
        ("weights", disk.weights),
        ("decoded crops, all", disk.crops),
        ("decoded crops of the dataset that has most", disk.least_crops),
        ("features in passes", disk.passes),
        ("the largest pass once more, before it is whole", disk.working),
    ]
    lines = [("What", "Size"), *((name, _size(size)) for name, size in parts if size)]
    kept, gone = (_size(disk.fullest(keep)) for keep in (True, False))
    chosen = "keep_crops is true" if keep_crops else "keep_crops is false"
    return (
        _section("Disk", lines)
        + f"\nAt its fullest {kept} with all crops kept; {gone} where crops go with their last pass (keep_crops: false) and "
        f"datasets are passed one after another. Here {chosen}."
    )


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


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:,.2f}"


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
