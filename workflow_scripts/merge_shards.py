"""Put the shards of a pass together: the file that the pass would have written as one job (rule merge_shards)."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from workflow_scripts.common.errors import run_command
from workflow_scripts.run_pass import fit_files, with_fits


def main() -> None:
    """Read the command line, merge the shards, write the pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", nargs="+", required=True, help="all shards of one pass")
    parser.add_argument("--collectors", required=True, help="JSON: view -> collector -> options, as the shards were given it")
    parser.add_argument("--fits", nargs="*", default=[], metavar="NAME=FILE", help="fits whose results collectors use")
    parser.add_argument("--output", required=True, help="output .safetensors")
    args = parser.parse_args()

    from workflow_scripts.onepass.shards import merged_states
    from workflow_scripts.onepass.states import write_states

    plan = with_fits(json.loads(args.collectors), fit_files(args.fits))
    output = Path(args.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    states, metadata = merged_states(args.shards, plan, output.parent)
    write_states(output, states, metadata)


if __name__ == "__main__":
    run_command(main)
