"""Paint the demo world: two splits of labelled images and a few clips, each in one file."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from workflow_scripts.common.errors import AtlasError, run_command
from workflow_scripts.demo.clips import paint_clips
from workflow_scripts.demo.world import paint_split, save_world, vocabulary


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m workflow_scripts.paint_world")
    parser.add_argument("--seed", type=int, default=0, help="world number; the same seed paints the same bytes")
    parser.add_argument("--train-images", type=int, default=4800)
    parser.add_argument("--val-images", type=int, default=480)
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--frames", type=int, default=12, help="frames per clip")
    parser.add_argument("--train", type=Path, required=True, help="output, .safetensors")
    parser.add_argument("--val", type=Path, required=True, help="output, .safetensors")
    parser.add_argument("--clip-file", type=Path, required=True, help="output, .safetensors")
    return parser.parse_args()


def main() -> None:
    """Paint and save the splits and the clips."""
    options = _arguments()
    if options.seed < 0:
        raise AtlasError(f"--seed {options.seed} must be 0 or more; choose another number")
    for name in ("train_images", "val_images", "clips", "frames"):
        if getattr(options, name) < 1:
            raise AtlasError(f"--{name.replace('_', '-')} {getattr(options, name)} must be at least 1; ask for more")
    started = time.perf_counter()
    for split, count, path in (
        ("train", options.train_images, options.train),
        ("val", options.val_images, options.val),
    ):
        arrays, captions = paint_split(options.seed, split, count)
        save_world(path, arrays, vocabulary() | {"captions": captions})
    save_world(options.clip_file, paint_clips(options.seed, options.clips, options.frames), vocabulary())
    print(
        f"painted {options.train_images} train and {options.val_images} val images, {options.clips} clips of "
        f"{options.frames} frames in {time.perf_counter() - started:.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    run_command(main)
