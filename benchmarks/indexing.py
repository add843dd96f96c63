"""Opening a dataset of ImageNet's size: seconds, and the memory that its index takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import row

CLASSES, IMAGES = 1000, 1281  # of each class
# A process of its own, because the peak of a process never falls; VmHWM, because what getrusage calls the peak starts with
# that of the process that started it. What the imports take is subtracted.
SCRIPT = """
import json, sys, time
from pathlib import Path
import PIL.Image
from workflow_scripts.data.reader import open_reader
from workflow_scripts.data.reader_names import reader_module

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024

reader, path, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
__import__(f"workflow_scripts.{reader_module(reader)}")
before, start = peak(), time.perf_counter()
opened = open_reader(reader, path, options)
seconds = time.perf_counter() - start
print(json.dumps([len(opened), seconds, peak() - before]))
"""


def measure() -> list[dict]:
    """Make a tree of empty files, open it by both readers that may meet such a tree, and return seconds and MiB."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(CLASSES):
            wnid = f"n{number:08d}"
            (Path(folder) / "train" / wnid).mkdir(parents=True)
            for image in range(IMAGES):
                os.close(os.open(f"{folder}/train/{wnid}/{wnid}_{image}.JPEG", os.O_CREAT))
        for reader, path, options in (("imagenet", folder, {"split": "train"}), ("image_folder", f"{folder}/train", {})):
            made = subprocess.run(
                [sys.executable, "-c", SCRIPT, reader, path, json.dumps(options)],
                cwd=Path(__file__).resolve().parents[1],
                check=True,
                capture_output=True,
                text=True,
            )
            count, seconds, mib = json.loads(made.stdout)
            assert count == CLASSES * IMAGES, f"{reader}: {count} images"
            detail = f"{count} empty files in {CLASSES} folders, names in the system's cache"
            rows += [
                row(f"index of an ImageNet tree, reader {reader}", seconds, "s", most=30, detail=detail),
                row(f"memory of that index, reader {reader}", mib, "MiB", most=500, detail=detail),
            ]
    return rows
