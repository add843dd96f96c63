"""Train one tiny ViT of the demo zoo and save it in its method's official checkpoint layout."""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

# Read by cuBLAS when it loads; without it, matrix products on a GPU are not repeatable.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

import torch

from workflow_scripts.common.atomic import write_text
from workflow_scripts.common.device import compute_device
from workflow_scripts.common.errors import AtlasError, run_command
from workflow_scripts.demo.objectives.methods import METHODS
from workflow_scripts.demo.training import Trained, TrainingWorld, fit
from workflow_scripts.demo.world import load_world


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m workflow_scripts.train_demo_model")
    parser.add_argument("--method", choices=list(METHODS), required=True)
    parser.add_argument("--world", type=Path, required=True, help="split to train on, painted by paint_zoo_world")
    parser.add_argument("--tuning", type=Path, help="split for the learning curve, painted by paint_zoo_world")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--effort", type=float, default=1.0, help="factor on the number of steps")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--gpu", choices=["auto", "require", "never"], default="auto", help="train on a GPU")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--record", type=Path, required=True, help="output, .json: what the training was")
    return parser.parse_args()


def main() -> None:
    """Train (or, for the control, only start) the model, save it, and write down how."""
    options = _arguments()
    if not options.effort > 0:
        raise AtlasError(f"--effort {options.effort} must be more than 0; 1.0 is the full training")
    if options.threads < 1:
        raise AtlasError(f"--threads {options.threads} must be at least 1; give the number of CPU threads to use")
    prepare(options.seed, options.threads)
    started, started_cpu = time.perf_counter(), time.process_time()
    with compute_device(options.gpu) as device:
        trained = train(options.method, options.world, options.effort, options.output, device, options.tuning)
    wall, cpu = time.perf_counter() - started, time.process_time() - started_cpu
    record = {
        "method": options.method,
        "recipe": vars(METHODS[options.method].recipe),
        "effort": options.effort,
        "seed": options.seed,
        "steps": trained.steps,
        "last_loss": sum(trained.losses[-50:]) / len(trained.losses[-50:]) if trained.losses else None,
        "curve": trained.curve,
        "device": torch.cuda.get_device_name()
        if device == "cuda"
        else f"CPU, {options.threads} thread{'s' * (options.threads > 1)}",
        "wall_seconds": round(wall),
        "cpu_seconds": round(cpu),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in ("torch", "timm", "lightly")},
    }
    write_text(options.record, json.dumps(record, indent=2) + "\n")
    print(f"{options.method}: {trained.steps} steps in {wall:.1f} s ({cpu:.1f} CPU s)", flush=True)


def train(method: str, world: Path, effort: float, output: Path, device: str, tuning: Path | None = None) -> Trained:
    """Train `method` on the split in `world`, save it to `output`, and return what the training was.

    Raises:
        AtlasError: `world` or `tuning` is not a split painted by paint_zoo_world.
    """
    objective = METHODS[method](_split(world, device)).to(device)
    trained = fit(objective, effort, _split(tuning, device) if tuning else None)
    objective.save(output)
    return trained


def _split(path: Path, device: str) -> TrainingWorld:
    arrays, names = load_world(path, ("image", "label"))
    return TrainingWorld(
        images=torch.from_numpy(arrays["image"]).permute(0, 3, 1, 2).contiguous().to(device),
        labels=torch.from_numpy(arrays["label"]).to(device),
        classes=names["classes"],
        captions=names["captions"],
    )


def prepare(seed: int, threads: int) -> None:
    """Seed torch and fix what else decides about repeatable numbers and speed."""
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    # Denormal numbers are slow on some CPUs and mean nothing here.
    torch.set_flush_denormal(True)
    if torch.cuda.is_available():
        torch.use_deterministic_algorithms(True, warn_only=True)


if __name__ == "__main__":
    run_command(main)
