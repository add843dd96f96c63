"""Fetch, check and unpack the archives of a dataset (rule fetch_dataset)."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from workflow_scripts.common.errors import run_command
from workflow_scripts.fetch.dataset import fetch_dataset
from workflow_scripts.fetch.digests import DigestLock
from workflow_scripts.fetch.obtain import Place
from workflow_scripts.fetch.remote_file import dataset_file
from workflow_scripts.fetch.transport import limits_from


def main() -> None:
    """Read the command line, make the dataset's folder; its .complete.json is written last."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True, help="id of the dataset, for messages")
    parser.add_argument("--files", required=True, help="JSON: the registry's source.files")
    parser.add_argument("--path", type=Path, required=True, help="output folder")
    parser.add_argument("--downloads", type=Path, required=True, help="folder where archives are kept, shared by datasets")
    parser.add_argument("--incoming", type=Path, required=True, help="folder of files got by hand")
    parser.add_argument("--lock", type=Path, required=True, help="YAML: digests recorded on first fetch, read and extended")
    parser.add_argument("--registry", default="config/datasets.yaml", help="the registry's file name, for messages")
    parser.add_argument("--limits", default="{}", help="JSON: patience of downloads, as fetch.transport.Limits")
    args = parser.parse_args()

    files = [dataset_file(item) for item in json.loads(args.files)]
    place = Place(args.incoming, DigestLock(args.lock), args.registry, limits_from(json.loads(args.limits)))
    fetch_dataset(args.dataset, files, args.path, args.downloads, place)


if __name__ == "__main__":
    run_command(main)
