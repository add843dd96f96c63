"""Train one tiny ViT of the demo zoo and save it in its method's official checkpoint layout."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

# Read by cuBLAS when it loads; without it, matrix products on a GPU are not repeatable.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

import torch

from workflow_scripts.common.device import compute_device
from workflow_scripts.common.errors import AtlasError, run_command
from workflow_scripts.demo.models import NORMALISATION
from workflow_scripts.demo.objectives.beit import Beit
from workflow_scripts.demo.objectives.clip import Clip
from workflow_scripts.demo.objectives.controls import PreparedStart, Untrained
from workflow_scripts.demo.objectives.dino import Dino
from workflow_scripts.demo.objectives.fs import Fs
from workflow_scripts.demo.objectives.mae import Mae
from workflow_scripts.demo.objectives.mocov3 import MocoV3
from workflow_scripts.demo.training import TrainingWorld, fit
from workflow_scripts.demo.world import load_world

OBJECTIVES = {objective.method: objective for objective in (Fs, Clip, Dino, MocoV3, Mae, Beit, Untrained, PreparedStart)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m workflow_scripts.train_demo_model")
    parser.add_argument("--method", choices=list(NORMALISATION), required=True)
    parser.add_argument("--world", type=Path, required=True, help="training split painted by paint_world")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--effort", type=float, default=1.0, help="factor on the number of steps")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--gpu", choices=["auto", "require", "never"], default="auto", help="train on a GPU")
    parser.add_argument("--output", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    """Train (or, for the control, only start) the model and save it."""
    options = _arguments()
    if not options.effort > 0:
        raise AtlasError(f"--effort {options.effort} must be more than 0; 1.0 is the full training")
    if options.threads < 1:
        raise AtlasError(f"--threads {options.threads} must be at least 1; give the number of CPU threads to use")
    _prepare(options.seed, options.threads)
    started, started_cpu = time.perf_counter(), time.process_time()
    with compute_device(options.gpu) as device:
        steps = train(options.method, options.world, options.effort, options.output, device)
    wall, cpu = time.perf_counter() - started, time.process_time() - started_cpu
    print(f"{options.method}: {steps} steps in {wall:.1f} s ({cpu:.1f} CPU s)", flush=True)


def train(method: str, world: Path, effort: float, output: Path, device: str) -> int:
    """Train `method` on the split in `world`, save it to `output`, and return the number of steps.

    Raises:
        AtlasError: `world` is not a split painted by paint_world.
    """
    arrays, names = load_world(world, ("image", "label"))
    data = TrainingWorld(
        images=torch.from_numpy(arrays["image"]).permute(0, 3, 1, 2).contiguous().to(device),
        labels=torch.from_numpy(arrays["label"]).to(device),
        classes=names["classes"],
        captions=names["captions"],
    )
    objective = OBJECTIVES[method](data).to(device)
    steps = fit(objective, effort)
    objective.save(output)
    return steps


def _prepare(seed: int, threads: int) -> None:
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    # Denormal numbers are slow on some CPUs and mean nothing here.
    torch.set_flush_denormal(True)
    if torch.cuda.is_available():
        torch.use_deterministic_algorithms(True, warn_only=True)


if __name__ == "__main__":
    run_command(main)
