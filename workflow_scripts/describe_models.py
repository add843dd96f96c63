"""Describe the models of a run for everything that names, groups or colours them (rule describe_models)."""

from __future__ import annotations

import argparse
import json

from workflow_scripts.common.errors import run_command
from workflow_scripts.common.run_model import write_models
from workflow_scripts.studies.settings import load_settings


def main() -> None:
    """Read the command line and the registries that the configuration names, write the description."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="the merged configuration, as JSON")
    parser.add_argument("--output", required=True, help="output .json")
    args = parser.parse_args()
    write_models(args.output, load_settings(json.loads(args.config), []).models)


if __name__ == "__main__":
    run_command(main)
