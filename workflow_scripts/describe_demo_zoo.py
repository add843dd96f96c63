"""Measure the shipped zoo by a finished demo run and write the numbers into its card, docs/demo_zoo.md."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from workflow_scripts.common.atomic import write_text
from workflow_scripts.common.errors import AtlasError, run_command
from workflow_scripts.common.run_model import RunModel, read_models
from workflow_scripts.common.table import of_score, read_table
from workflow_scripts.demo.phenomena import Phenomena, as_seen, measure
from workflow_scripts.demo.shipped import CARD, read_index
from workflow_scripts.demo.world import load_world
from workflow_scripts.figures.style import FAMILY_COLOURS, atlas_style
from workflow_scripts.studies.found import find_study, study_names
from workflow_scripts.zoo.load import load_vit
from workflow_scripts.zoo.registry import ModelEntry
from workflow_scripts.zoo.registry import read_models as read_registry

_NUMBERS = re.compile(r"(<!-- numbers -->\n).*(<!-- end of numbers -->)", re.DOTALL)
_EARLY = 3  # layers
_SCORES = {"video": "J&F mean", "keypoints": "PCK@0.1", "purity_object": "object purity"}
_SEED = 0


def main() -> None:
    """Read the command line, measure, write the card and the picture of its learning curves."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m workflow_scripts.describe_demo_zoo")
    parser.add_argument("--results", type=Path, default=Path("results"), help="of a finished demo run")
    parser.add_argument("--resources", type=Path, default=Path("resources"), help="of the same run")
    parser.add_argument("--curves", type=Path, default=Path("docs/demo_zoo_curves.png"), help="output .png")
    options = parser.parse_args()

    entries = {name: e for name, e in read_registry("config/models.yaml").items() if e.checkpoint.source.get("type") == "demo"}
    models = [model for model in read_models(options.results / "models.json") if model.id in entries]
    index = read_index()
    images = load_world(options.resources / "demo/world/val.safetensors", ("image",))[0]["image"]
    seen: dict[str, Phenomena] = {}
    for model in models:
        vit = load_vit(entries[model.id], options.resources / "checkpoints" / entries[model.id].checkpoint.file)
        seen[model.id] = measure(vit, as_seen(images, vit.image_size), _SEED)
    tables = {name: _measured(options.results / "tables", name, models) for name in _SCORES} | {
        "knn": read_table(options.results / "tables/demo/knn.parquet")
    }
    heads = pd.concat(
        [read_table(path) for model in models for path in options.results.glob(f"tables/*/attention/{model.id}.parquet")]
    )
    records = {model.id: index[entries[model.id].checkpoint.file] for model in models}
    numbers = [
        "### Scores\n\n" + _markdown(scores(models, tables)),
        "### Phenomena\n\n" + _markdown(phenomena(models, heads, seen)),
        "### Training\n\n" + _markdown(trainings(models, records, entries)),
    ]
    _put_into_card(Path(CARD), numbers)
    _draw_curves(models, records, options.curves)


def scores(models: Sequence[RunModel], tables: dict[str, pd.DataFrame]) -> list[tuple[str, ...]]:
    """Return rows of text: each model's score at its best layer in k-NN, video, keypoints and object purity."""
    rows = [("model", "k-NN top-1", *_SCORES.values())]
    for model in models:
        knn = _best(tables["knn"], model)
        cells = [f"{knn['value']:.3f} ({'CLS' if knn['facet'] == 'cls' else 'mean patch'}, layer {knn['layer']:.0f})"]
        for name in _SCORES:
            best = _best(tables[name], model)
            cells.append(f"{best['value']:.3f} (layer {best['layer']:.0f})")
        rows.append((model.display_name, *cells))
    return rows


def phenomena(models: Sequence[RunModel], heads: pd.DataFrame, seen: dict[str, Phenomena]) -> list[tuple[str, ...]]:
    """Return rows of text: each model's phenomena, and the kinds of its attention heads."""
    head = (
        "model",
        f"attention distance, layers 1-{_EARLY}",
        "last layer",
        "local heads",
        "offset heads",
        "place in keys, least and most of layers",
        "largest norm / median, last layer",
        "norm of registers / median, last layer",
        "variance in 5 % of features",
    )
    rows = [head]
    for model in models:
        own = heads[heads["model"] == model.id]
        distance = (
            own[(own["metric"] == "attention_distance") & (own["head"] == "mean")].set_index("layer")["value"].sort_index()
        )
        kinds = own[own["metric"] == "head_kind"]["setting"]
        it = seen[model.id]
        rows.append(
            (
                model.display_name,
                f"{distance.loc[1:_EARLY].mean():.3f}",
                f"{distance.iloc[-1]:.3f}",
                str(int(kinds.isin(["strict_local", "soft_local", "axial_local"]).sum())),
                str(int((kinds == "offset_local").sum())),
                f"{it.place_in_keys.min():.2f} to {it.place_in_keys.max():.2f}",
                f"{it.largest_norm[-1]:.2f}",
                "-" if it.register_norm is None else f"{it.register_norm[-1]:.2f}",
                f"{it.variance_share:.2f}",
            )
        )
    return rows


def trainings(
    models: Sequence[RunModel], records: dict[str, dict[str, Any]], entries: dict[str, ModelEntry]
) -> list[tuple[str, ...]]:
    """Return rows of text: how each model was trained."""
    rows = [
        (
            "model",
            "file",
            "steps x batch",
            "peak rate",
            "patches kept",
            "small images",
            "all patches",
            "CPU minutes",
            "k-NN, tuning split",
        )
    ]
    for model in models:
        made = records[model.id]
        recipe = made["recipe"]
        rows.append(
            (
                model.display_name,
                f"`{entries[model.id].checkpoint.file}`",
                f"{made['steps']} x {recipe['batch']}" if made["steps"] else "none",
                f"{recipe['lr']:g}" if made["steps"] else "-",
                f"{recipe['keep']:.0%}" if made["steps"] else "-",
                f"first {recipe['small']:.0%} of steps" if recipe["small"] else "-",
                f"last {recipe['whole']:.0%} of steps" if recipe["whole"] else "-",
                f"{made['cpu_seconds'] / 60:.0f}",
                f"{made['curve'][0][1]:.3f} -> {made['curve'][-1][1]:.3f}" if made["curve"] else "-",
            )
        )
    return rows


def _measured(tables: Path, score: str, models: Sequence[RunModel]) -> pd.DataFrame:
    """Return the rows of the score of that name, of whichever study has it, of all models."""
    study = next(study for study in map(find_study, study_names()) if score in study.scores)
    described = study.scores[score]
    files = [tables / study.name / described.analysis / f"{model.id}.parquet" for model in models]
    return of_score(pd.concat([read_table(file) for file in files], ignore_index=True), described)


def _best(table: pd.DataFrame, model: RunModel) -> pd.Series:
    rows = table[table["model"] == model.id]
    if rows.empty:
        raise AtlasError(f"nothing of '{model.id}' in the tables of this run; run the default demo to its end first")
    return rows.loc[rows["value"].idxmax()]


def _markdown(rows: Iterable[tuple[str, ...]]) -> str:
    first, *others = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in (first, ("---",) * len(first), *others)) + "\n"


def _put_into_card(card: Path, numbers: list[str]) -> None:
    text = card.read_text(encoding="utf-8")
    if not _NUMBERS.search(text):
        raise AtlasError(f"{card}: no '<!-- numbers -->' and '<!-- end of numbers -->'; put them where the tables belong")
    write_text(card, _NUMBERS.sub(lambda found: found[1] + "\n".join(numbers) + found[2], text))


def _draw_curves(models: Sequence[RunModel], records: dict[str, dict[str, Any]], path: Path) -> None:
    with atlas_style():
        figure, axes = plt.subplots(figsize=(6.0, 3.4), layout="constrained")
        trained = [model for model in models if records[model.id]["steps"]]
        for number, model in enumerate(trained):
            steps, accuracy = np.array(records[model.id]["curve"]).T
            dash = ("-", "--", "-.", ":")[sum(m.supervision == model.supervision for m in trained[:number]) % 4]
            axes.plot(steps / steps[-1], accuracy, dash, color=FAMILY_COLOURS[model.supervision], label=model.display_name)
        axes.axhline(1 / 12, color=FAMILY_COLOURS["none"], linewidth=0.8, label="Chance")
        axes.set(xlabel="Share of the training", ylabel="k-NN top-1 accuracy, tuning split", ylim=(0, 1), xlim=(0, 1))
        figure.legend(*axes.get_legend_handles_labels(), loc="outside right center")
        figure.savefig(path, dpi=160)
        plt.close(figure)


if __name__ == "__main__":
    run_command(main)
