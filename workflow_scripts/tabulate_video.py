"""Scores of the masks that every layer of one model propagates through videos (rule tabulate_video)."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.common.errors import AtlasError, run_command
from workflow_scripts.common.table import make_table, write_table
from workflow_scripts.data.reader import VideoReader, open_reader
from workflow_scripts.data.views import parse_view, whole_grid
from workflow_scripts.onepass.states import FileRows, read_metadata
from workflow_scripts.studies.model_facts import model_facts
from workflow_scripts.studies.thesis_video import score_video, video_rows

LEAST_FRAMES = 3  # the first and the last do not count


def main() -> None:
    """Read the command line, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=Path, required=True, help="pass over the videos, normal features")
    parser.add_argument("--dense", type=Path, help="pass over the videos, tiled features")
    parser.add_argument("--samples", required=True, help="parquet of the crops")
    parser.add_argument("--reader", required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--options", default="{}", help="JSON: options of the reader")
    parser.add_argument("--seed", type=int, required=True, help="seed of the resampling of videos")
    parser.add_argument("--table", required=True, help="output .parquet")
    args = parser.parse_args()

    reader = open_reader(args.reader, args.path, json.loads(args.options))
    samples = pd.read_parquet(args.samples)
    rows = []
    for setting, path in (("normal", args.frames), ("dense", args.dense)):
        if path:
            rows += video_rows(list(scores(path, reader, samples)), setting, args.seed)
    made = read_metadata(args.frames)
    table = make_table(rows, study="thesis", analysis="video", dataset=made["dataset"], model=made["model"])
    write_table(args.table, table, model_facts(made) | {"seed": args.seed})


def scores(path: Path, reader: VideoReader, samples: pd.DataFrame) -> Iterator[dict[str, np.ndarray]]:
    """Yield the scores of each video of a pass; one video is in memory at a time.

    Raises:
        AtlasError: a video is too short to be scored.
    """
    made = read_metadata(path)
    view = parse_view(made["geometry"])
    grid = tuple(int(side) for side in made["grid"].split("x"))
    names = [reader.frame(position)[0] for position in samples["position"]]
    for number, name in enumerate(dict.fromkeys(names)):
        rows = [row for row, other in enumerate(names) if other == name]
        if len(rows) < LEAST_FRAMES:
            raise AtlasError(f"video '{name}' has {len(rows)} frames; at least {LEAST_FRAMES} are needed, leave it out")
        truths = np.stack([reader.object_map(samples["position"][row]) for row in rows])
        if not truths[0].any():
            raise AtlasError(f"video '{name}': no object in its first frame; leave it out")
        soft = FileRows(path, "propagated_labels", f"video{number:04d}")[:]
        cells = whole_grid(view.seen_size(truths.shape[1:]), view.shape, grid)
        yield score_video(soft, cells, view.shape[0] // grid[0], truths)


if __name__ == "__main__":
    run_command(main)
