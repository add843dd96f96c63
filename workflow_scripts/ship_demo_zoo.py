"""Put a trained demo zoo where the shipped one lies, with the record of how each network came about."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path

from workflow_scripts.common.atomic import atomic_path, write_text
from workflow_scripts.common.errors import AtlasError, run_command
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.demo.shipped import FOLDER, INDEX
from workflow_scripts.demo.trace import first_losses

_MOST_BYTES = 12_000_000
COMMAND = "snakemake --cores all {file} --config 'demo={{zoo: train}}'"


def main() -> None:
    """Read the command line; copy the checkpoints and write the index."""
    demo = read_yaml("config/config.yaml")["demo"]
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m workflow_scripts.ship_demo_zoo")
    parser.add_argument("--checkpoints", type=Path, default=Path("resources/checkpoints"), help="folder of the trained files")
    parser.add_argument("--records", type=Path, default=Path("resources/demo_records"), help="folder of <file>.json")
    parser.add_argument("--zoo-images", type=int, default=demo["zoo_images"], help="images they trained on")
    parser.add_argument("--tuning-images", type=int, default=demo["tuning_images"], help="images of the curves")
    options = parser.parse_args()

    models = {}
    for record in sorted(options.records.glob("*.json")):
        file = options.checkpoints / record.stem
        if not file.is_file():
            raise AtlasError(f"{file}: not there, but {record} describes it; train it again")
        content = file.read_bytes()
        facts = json.loads(record.read_text(encoding="utf-8"))
        models[file.name] = facts | {
            "data": {"seed": facts["seed"], "zoo_images": options.zoo_images, "tuning_images": options.tuning_images},
            "command": COMMAND.format(file=f"resources/checkpoints/{file.name}"),
            "first_losses": first_losses(facts["method"]),
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
    declared = _declared()
    if missing := sorted(declared - set(models)):
        raise AtlasError(f"{options.records}: no record of {', '.join(missing)}; train them, with demo.zoo: train")
    size = sum(facts["bytes"] for facts in models.values())
    if size > _MOST_BYTES:
        raise AtlasError(f"{options.checkpoints}: {size} bytes together, more than the {_MOST_BYTES} that the project holds")
    for name in models:
        with atomic_path(FOLDER / name) as temporary:
            shutil.copyfile(options.checkpoints / name, temporary)
    write_text(INDEX, json.dumps({"models": models}, indent=1) + "\n")
    print(f"shipped {len(models)} models, {size / 1e6:.1f} MB, in {FOLDER}", flush=True)


def _declared() -> set[str]:
    entries = read_yaml("config/models.yaml")["models"].values()
    return {entry["checkpoint"]["file"] for entry in entries if entry["checkpoint"]["source"]["type"] == "demo"}


if __name__ == "__main__":
    run_command(main)
