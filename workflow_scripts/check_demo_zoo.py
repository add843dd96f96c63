"""Check that every demo model has learned, by weighted k-NN on the demo world (rule check_demo_zoo)."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from workflow_scripts.common.errors import AtlasError, run_command
from workflow_scripts.common.run_model import RunModel, read_models
from workflow_scripts.common.table import make_table, write_table
from workflow_scripts.metrics.intervals import bootstrap_means
from workflow_scripts.metrics.neighbours import nearest_neighbours, vote
from workflow_scripts.onepass.states import read_metadata, read_state

FACETS = ("cls", "mean_patch")
CONTROL = "Untrained"


def main() -> None:
    """Read the command line, write the k-NN accuracies, fail if a trained model does not beat the control."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bank-passes", nargs="+", required=True, help="passes over the training split, one per model")
    parser.add_argument("--query-passes", nargs="+", required=True, help="passes over the held-out split, same order")
    parser.add_argument("--bank-samples", required=True)
    parser.add_argument("--query-samples", required=True)
    parser.add_argument("--neighbours", type=int, required=True, help="k")
    parser.add_argument("--view", required=True, help="name of the view of both passes")
    parser.add_argument("--models", type=Path, required=True, help="description of the run's models, .json")
    parser.add_argument("--minimum-margin", type=float, help="accuracy above the control that counts as learned")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output", required=True, help="output .parquet")
    args = parser.parse_args()

    bank_labels = pd.read_parquet(args.bank_samples)["label"].to_numpy()
    query_labels = pd.read_parquet(args.query_samples)["label"].to_numpy()
    n_classes = int(max(bank_labels.max(), query_labels.max())) + 1
    rows = []
    for bank_path, query_path in zip(args.bank_passes, args.query_passes, strict=True):
        made = read_metadata(query_path)
        bank, query = (read_state(path, args.view, "pooled_features") for path in (bank_path, query_path))
        for facet in FACETS:
            similarity, index = nearest_neighbours(bank[facet], query[facet], args.neighbours)
            for layer in range(len(similarity)):
                votes = vote(similarity[layer], bank_labels[index[layer]], query_labels, [args.neighbours], n_classes)
                correct = votes[args.neighbours][0][:, None].astype(float)
                low, high = bootstrap_means(correct, seed=args.seed)
                rows.append(
                    {
                        "model": made["model"],
                        "dataset": made["dataset"],
                        "layer": layer + 1,
                        "facet": facet,
                        "value": correct.mean(),
                        "n": len(correct),
                        "ci_low": low[0],
                        "ci_high": high[0],
                    }
                )
    table = make_table(
        rows,
        study="demo",
        analysis="knn",
        metric="knn_accuracy",
        setting=f"k = {args.neighbours}",
        unit="share",
        higher_is_better=True,
    )
    if args.minimum_margin is not None:
        check_margin(table, read_models(args.models), args.minimum_margin)
    write_table(args.output, table, {"seed": args.seed})


def check_margin(table: pd.DataFrame, models: Sequence[RunModel], margin: float) -> None:
    """Compare every trained model with the untrained control, facet by facet at each one's best layer.

    Args:
        table: k-NN accuracies (columns model, facet, value).
        models: those of the run; method "Untrained" marks the control, supervision "none" what is not trained.
        margin: accuracy by which a trained model must be above the control on at least one facet.

    Raises:
        AtlasError: a trained model is not above the control by the margin; names the models and the numbers.
    """
    best = table.groupby(["model", "facet"])["value"].max().unstack("facet")
    by_id = {model.id: model for model in models}
    controls = [model for model in best.index if by_id[model].method == CONTROL]
    if not controls:
        raise AtlasError("models: the demo needs its untrained control for comparison; add demo_untrained to `models`")
    control = best.loc[controls].max()
    collapsed = [
        f"{model} ({', '.join(f'{facet} {best.loc[model, facet]:.3f}' for facet in FACETS)})"
        for model in best.index
        if by_id[model].supervision != "none" and (best.loc[model] - control).max() < margin
    ]
    if collapsed:
        raise AtlasError(
            f"demo models that know too little: {'; '.join(collapsed)} against the untrained control "
            f"({', '.join(f'{facet} {control[facet]:.3f}' for facet in FACETS)}), where a margin of {margin} on one of them "
            "is expected; where they are trained here (demo.zoo: train), raise demo.effort; or set demo.minimum_margin to null"
        )


if __name__ == "__main__":
    run_command(main)
