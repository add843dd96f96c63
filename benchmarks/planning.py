"""How long Snakemake thinks: a large plan, and a finished demo."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks import row

ROOT = Path(__file__).resolve().parents[1]
MODELS, DATASETS = 46, 20
STUDIES = 5


def measure() -> list[dict]:
    """Plan every model over every dataset of synthetic registries and return the seconds it takes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "weights").write_bytes(b"")
        (folder / "images").mkdir()
        entry = yaml.safe_load((ROOT / "config/models.yaml").read_text())["models"]["random_baseline"]
        source = {"type": "path", "path": str(folder / "weights")}
        models = {f"random_{i}": entry | {"checkpoint": {"source": source, "layout": "timm"}} for i in range(MODELS)}
        dataset = {
            "display_name": "synthetic",
            "reader": "image_folder",
            "path": str(folder / "images"),
            "source": {"type": "local"},
            "ground_truth": ["label", "object_masks", "part_masks"],
            "licence": "none",
        }
        datasets = {f"dataset{i}": dataset for i in range(DATASETS)}
        config = {
            "results": str(folder / "results"),
            "resources": str(folder / "resources"),
            "registries": {"models": str(folder / "models.yaml"), "datasets": str(folder / "datasets.yaml")},
            "models": list(models),
            "features": {"datasets": list(datasets)},
            "thesis": {
                "attention": {"dataset": "dataset0", "mask_dataset": "dataset1"},
                "cka": {"dataset": "dataset0"},
                "residual": {"dataset": "dataset0"},
                "clustering": {"image_dataset": "dataset0", "object_dataset": "dataset1", "part_dataset": "dataset2"},
                "knn": {"bank": "dataset3", "queries": "dataset4"},
                "retrieval": None,
                "video": None,
                "keypoints": None,
            },
        }
        for file, content in (("models", {"models": models}), ("datasets", {"datasets": datasets}), ("config", config)):
            (folder / f"{file}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
        start = time.perf_counter()
        command = [sys.executable, "-m", "snakemake", "-n", "--cores", "2", "--quiet", "reason"]
        made = subprocess.run(
            [*command, "--configfile", str(folder / "config.yaml")], cwd=ROOT, capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - start
        if made.returncode:
            raise RuntimeError(made.stdout + made.stderr)
        jobs = int(re.search(r"^total\s+(\d+)", made.stdout + made.stderr, re.MULTILINE)[1])
    plan = row(f"plan of {MODELS} models x {DATASETS} datasets", seconds, "s", most=20, detail=f"{jobs} jobs")
    return [plan, _five_studies(), *_finished_demo()]


def _five_studies() -> dict:
    """Time the dry run of the full paper with five studies: a checkout in which the thesis stands five times."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "atlas"
        for folder in ("workflow_scripts", "rules", "config", "envs", "profiles"):
            shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "Snakefile", copy)
        studies = copy / "workflow_scripts/studies"
        names = ["thesis", *(f"study{number}" for number in range(2, STUDIES + 1))]
        for other in names[1:]:
            shutil.copytree(studies / "thesis", studies / other)
        start = time.perf_counter()
        command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "reason", "--configfile", "config/paper.yaml"]
        made = subprocess.run(
            [*command, "--config", f"studies=[{','.join(names)}]"], cwd=copy, capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - start
        if made.returncode:
            raise RuntimeError(made.stdout + made.stderr)
        jobs = int(re.search(r"^total\s+(\d+)", made.stdout + made.stderr, re.MULTILINE)[1])
    models = len(yaml.safe_load((ROOT / "config/paper.yaml").read_text())["models"])
    detail = f"{jobs} jobs of {models} models; the four further studies are copies of the first"
    return row(f"plan of the full paper with {STUDIES} studies", seconds, "s", most=10, detail=detail)


def _finished_demo() -> list[dict]:
    """Time a second run of the demo, where it has run in this checkout."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--dry-run"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if "Nothing to be done" not in made.stdout + made.stderr:
        print("left out: the second run of the demo; run `uv run snakemake` first")
        return []
    return [row("second run of the finished demo", time.perf_counter() - start, "s", most=10, detail="nothing to do")]
