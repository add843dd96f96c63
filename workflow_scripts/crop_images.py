"""Decode every image of a dataset once and pack the crops (rule crop_images)."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys

from workflow_scripts.common.atomic import atomic_path, write_text
from workflow_scripts.common.errors import run_command
from workflow_scripts.common.progress import Progress
from workflow_scripts.data.crops import NOTES, Load, plain_load, reading_notes, write_crops
from workflow_scripts.data.images import JPEG_SUFFIXES
from workflow_scripts.data.reader import FileReader, Reader, open_reader
from workflow_scripts.data.views import CentreCrop, View, parse_view

# Seconds: importing torch, and what each JPEG is then made faster by, and each byte of it. Measured on one thread, PIL against
# `data.jpeg`: 0.8 / 0.3 ms for 64 x 64 px (4 kB), 3.8 / 1.7 ms for 375 x 500 (140 kB), 42 / 22 ms for 1500 x 2000 (2.1 MB);
# so it takes some 700 photographs of 375 x 500. Threads are left out, so that their number does not change the crops.
TORCH_IMPORT = 1.4
SAVED_PER_IMAGE = 0.5e-3
SAVED_PER_BYTE = 10e-9


def main() -> None:
    """Read the command line, write crops, samples and the list of skipped images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True, help="id of the dataset, for messages")
    parser.add_argument("--reader", required=True, help="name of the reader of the dataset's layout")
    parser.add_argument("--path", required=True, help="the dataset's files")
    parser.add_argument("--options", default="{}", help="JSON: options of the reader")
    parser.add_argument("--view", required=True, help="as resize224-crop224")
    parser.add_argument("--on-bad-image", choices=["stop", "skip"], required=True)
    parser.add_argument("--workers", type=int, default=1, help="decoding threads")
    parser.add_argument("--crops", required=True, help="output .npy, [crops, rows, columns, 3] uint8")
    parser.add_argument("--samples", required=True, help="output .parquet, one row per image")
    parser.add_argument("--skipped", required=True, help="output .json, messages of the images left out")
    args = parser.parse_args()

    reader = open_reader(args.reader, args.path, json.loads(args.options))
    view = parse_view(args.view)
    said = _say(args.dataset, reading_notes(reader))
    progress = Progress(f"{args.dataset} {args.view}", len(reader), "images")
    samples, skipped = write_crops(
        args.crops, reader, range(len(reader)), view, args.on_bad_image, args.workers, progress, _load(reader, view)
    )
    _say(args.dataset, [note for note in samples.attrs[NOTES] if note not in said])
    with atomic_path(args.samples) as temporary:
        samples.to_parquet(temporary, index=False)
    write_text(args.skipped, json.dumps(skipped, indent=1) + "\n")


def _say(dataset: str, notes: list[str]) -> list[str]:
    """Print lines about a dataset into the log; return them."""
    for note in notes:
        print(f"dataset '{dataset}': {note}", file=sys.stderr, flush=True)
    return notes


def _load(reader: Reader, view: View) -> Load:
    geometry = view.geometry
    fast = isinstance(geometry, CentreCrop) and not geometry.fit and not view.alteration
    if fast and hasattr(reader, "file") and _torch_pays(reader):
        from workflow_scripts.data import jpeg

        if jpeg.worth_it():
            return jpeg.fast_load(reader, geometry)
    return plain_load(reader, view)


def _torch_pays(reader: FileReader) -> bool:
    """Return whether torch saves the time that its import takes; of a large dataset only the first files are looked at."""
    saved = 0.0
    for position in range(len(reader)):
        file = reader.file(position)
        if file and file.suffix.lower() in JPEG_SUFFIXES:
            with contextlib.suppress(OSError, ValueError):  # a file that is missing is named where it is decoded
                saved += SAVED_PER_IMAGE + SAVED_PER_BYTE * file.stat().st_size
        if saved > TORCH_IMPORT:
            return True
    return False


if __name__ == "__main__":
    run_command(main)
