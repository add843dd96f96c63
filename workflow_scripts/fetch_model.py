"""Fetch and check the checkpoint of a model (rule fetch_model)."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from workflow_scripts.common.errors import run_command
from workflow_scripts.fetch.digests import DigestLock
from workflow_scripts.fetch.model import fetch_model
from workflow_scripts.fetch.obtain import Place
from workflow_scripts.fetch.remote_file import model_file
from workflow_scripts.fetch.transport import limits_from


def main() -> None:
    """Read the command line, put the checkpoint in its place."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="id of the model, for messages")
    parser.add_argument("--source", required=True, help="JSON: the registry's checkpoint.source")
    parser.add_argument("--output", type=Path, required=True, help="output file")
    parser.add_argument("--incoming", type=Path, required=True, help="folder of files got by hand")
    parser.add_argument("--lock", type=Path, required=True, help="YAML: digests recorded on first fetch, read and extended")
    parser.add_argument("--registry", default="config/models.yaml", help="the registry's file name, for messages")
    parser.add_argument("--limits", default="{}", help="JSON: patience of downloads, as fetch.transport.Limits")
    args = parser.parse_args()

    place = Place(args.incoming, DigestLock(args.lock), args.registry, limits_from(json.loads(args.limits)))
    checked = fetch_model(args.model, model_file(json.loads(args.source), args.output.name), args.output, place)
    print(f"{args.output}: {checked.size} bytes, sha256 {checked.sha256}, compared with {checked.by}", flush=True)


if __name__ == "__main__":
    run_command(main)
