"""What was run, for the report: models, data, versions, commit, configuration, time (rule describe_run)."""

from __future__ import annotations

import argparse
import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.common.atomic import write_text
from workflow_scripts.common.checkout import commit
from workflow_scripts.common.errors import run_command
from workflow_scripts.common.provenance import versions
from workflow_scripts.onepass.states import read_metadata
from workflow_scripts.studies.settings import load_settings
from workflow_scripts.studies.targets import Targets

PACKAGES = ("vit-atlas", "snakemake", "numpy", "pandas", "matplotlib", "scikit-learn", "pyarrow")


def main() -> None:
    """Read the command line, write the description as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="the merged configuration, as JSON")
    parser.add_argument("--passes", nargs="+", required=True, help="one pass of each model that has any")
    parser.add_argument("--datasets", nargs="+", required=True, help="ids of the datasets that were used")
    parser.add_argument("--samples", nargs="+", required=True, help="samples of each dataset, in the order of --datasets")
    parser.add_argument("--skipped", nargs="+", required=True, help="skipped images of each dataset, in the same order")
    parser.add_argument("--benchmarks", required=True, help="folder of the jobs' benchmark files")
    parser.add_argument("--command", required=True, help="the command that makes this run again")
    parser.add_argument("--output", required=True, help="output .json")
    args = parser.parse_args()

    config = json.loads(args.config)
    settings = load_settings(config, [])
    entries = settings.models
    made = [read_metadata(path) for path in args.passes]
    made_of = {facts["model"]: facts for facts in made}
    unused = [f"model {name}: no analysis of this run is made of it" for name in entries if name not in made_of]
    description = {
        "demo": bool(settings.demo_models),
        "title": "ViT Atlas",
        "commit": commit(),
        "config": config,
        "models": [
            {"id": name, **_facts(entry), "weights_sha256": facts["weights_sha256"]}
            | {"preprocessing": preprocessing(facts, [view for one in settings.passes[name].values() for view in one.views])}
            for name, entry in entries.items()
            if (facts := made_of.get(name))
        ],
        "datasets": [
            {
                "id": name,
                "display_name": entry["display_name"],
                "licence": entry["licence"],
                **address(entry["source"]),
                "unverified": entry.get("unverified", []),
                "images": len(table),
                "notes": table.attrs.get("notes", []),
                "skipped": json.loads(Path(skipped).read_text(encoding="utf-8")),
            }
            for name, samples, skipped in zip(args.datasets, args.samples, args.skipped, strict=True)
            for entry, table in ((settings.datasets[name], pd.read_parquet(samples)),)
        ],
        "left_out": [*Targets(settings).left_out, *unused],
        "versions": {"python": platform.python_version(), **versions(*PACKAGES), **made[0]["versions"]},
        "seed": config["seed"],
        "device": ", ".join(sorted({facts["device"] for facts in made})),
        "precision": ", ".join(sorted({view["precision"] for facts in made for view in facts["views"].values()})),
        "command": args.command,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": job_seconds(Path(args.benchmarks)),
    }
    write_text(args.output, json.dumps(description, indent=1) + "\n")


def preprocessing(made: Mapping[str, Any], views: Sequence[str]) -> str:
    """Return how a model's images were prepared: the view that most of its passes have, how many others, its normalisation.

    Args:
        made: metadata of one of its passes.
        views: of all of its passes.
    """
    _, normalised = next(iter(made["views"].values()))["preprocessing"].split(", ", 1)
    (most, _), *others = Counter(views).most_common()
    beside = f" and {len(others)} other {'view' if len(others) == 1 else 'views'}" if others else ""
    return f"{most}{beside}, {normalised}"


def job_seconds(folder: Path) -> float:
    """Return the sum of the wall-clock seconds of all jobs that left a benchmark file in `folder`."""
    return float(sum(pd.read_csv(path, sep="\t")["s"].sum() for path in sorted(folder.rglob("*.tsv"))))


def address(source: dict[str, Any]) -> dict[str, str]:
    """Return where a model or dataset comes from, as the registry says it: of several files where the first does."""
    urls = [source.get("url"), *(file.get("url") for file in source.get("files", []))]
    if source["type"] == "hub":
        urls.append(f"https://huggingface.co/{source['repository']}")
    known = next(filter(None, urls), None)
    return {"address": known} if known else {}


def _facts(entry: dict[str, Any]) -> dict[str, Any]:
    keys = ("display_name", "supervision", "method", "architecture", "layers", "heads", "dim", "patch", "licence")
    uncertain = {"unverified": entry.get("unverified", [])}
    source = entry["checkpoint"]["source"]
    return {key: entry[key] for key in keys} | {"source": source["type"]} | address(source) | uncertain


if __name__ == "__main__":
    run_command(main)
