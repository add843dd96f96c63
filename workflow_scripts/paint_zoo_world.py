"""Paint the two splits of the demo world that the zoo learns from: its training images, and those that chose its recipes."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from workflow_scripts.common.errors import AtlasError, run_command
from workflow_scripts.demo.world import paint_split, save_world, vocabulary


def main() -> None:
    """Paint and save both splits: images, labels, captions."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m workflow_scripts.paint_zoo_world")
    parser.add_argument("--seed", type=int, default=0, help="world number; the same seed paints the same bytes")
    parser.add_argument("--zoo-images", type=int, required=True, help="images to train on")
    parser.add_argument("--tuning-images", type=int, required=True, help="images of the learning curves")
    parser.add_argument("--zoo", type=Path, required=True, help="output, .safetensors")
    parser.add_argument("--tuning", type=Path, required=True, help="output, .safetensors")
    options = parser.parse_args()
    if options.seed < 0:
        raise AtlasError(f"--seed {options.seed} must be 0 or more; choose another number")
    started = time.perf_counter()
    for split, count, path in (("zoo", options.zoo_images, options.zoo), ("tuning", options.tuning_images, options.tuning)):
        if count < 1:
            raise AtlasError(f"--{split}-images {count} must be at least 1; ask for more")
        arrays, captions = paint_split(options.seed, split, count)
        learned = {name: arrays[name] for name in ("image", "label")}
        save_world(path, learned, vocabulary() | {"captions": captions})
    seconds = time.perf_counter() - started
    print(f"painted {options.zoo_images} images to train on and {options.tuning_images} of the curves in {seconds:.1f} s")


if __name__ == "__main__":
    run_command(main)
