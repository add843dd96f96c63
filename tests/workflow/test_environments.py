"""The conda environments pin what the lock pins, and hold what the commands import."""

import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from workflow_scripts.common.code_inputs import imported_names
from workflow_scripts.onepass.names import COLLECTORS
from workflow_scripts.studies.found import claim_modules, find_study, study_names

ROOT = Path(__file__).resolve().parents[2]
# Import name -> distribution, where they differ.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "yaml": "pyyaml",
    "sklearn": "scikit-learn",
    "open_clip": "open-clip-torch",
    "markupsafe": "jinja2",
}
JOBS = {
    "analysis": [
        "paint_world", "paint_zoo_world", "reduce_truth", "check_demo_zoo",
        "fetch_dataset", "fetch_model", "print_plan",
        "tabulate", "summarise", "judge_claims", "draw_figure", "draw_contact_sheet", "describe_models", "describe_run",
        "write_scorecard", "write_report",
    ],
    "vit": ["crop_images", "train_demo_model", "run_pass", "merge_shards", "tabulate_on_device", "tabulate_with_model"],
}  # fmt: skip
STUDIES = [find_study(name) for name in study_names()]
ANALYSES = [analysis for study in STUDIES for analysis in study.analyses.values()]
ON_DEVICE = [analysis.module for analysis in ANALYSES if analysis.on_device]
# Everything of the studies that commands of the analysis environment import by a computed name.
STUDY_MODULES = [
    *(analysis.module for analysis in ANALYSES if analysis.module not in ON_DEVICE),
    *(figure.module for study in STUDIES for figure in study.figures if figure.module),
    *(f"studies.{study.name}.summary" for study in STUDIES if study.summary),
    *(module for study in STUDIES if study.claims for module in claim_modules(study.name)),
]


def pins(name):
    environment = yaml.safe_load((ROOT / f"envs/{name}.yaml").read_text())
    pip = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    return dict(line.split("==") for line in pip)


@pytest.mark.parametrize("name", JOBS)
def test_pins_equal_the_lock(name):
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    locked = {}
    for package in lock["package"]:
        locked.setdefault(package["name"], set()).add(package.get("version"))
    for package, version in pins(name).items():
        assert version in locked[package], f"envs/{name}.yaml pins {package}=={version}, the lock {locked[package]}"


@pytest.mark.parametrize("name", JOBS)
def test_every_import_of_its_jobs_is_pinned(name):
    adapters = ["zoo.timm_vit", "zoo.timm_eva", "zoo.timm_beit", "zoo.open_clip_vit", "zoo.torchvision_vit"]
    collectors = sorted({gathered.module for gathered in COLLECTORS.values()})
    modules = JOBS[name] + (adapters + collectors + ON_DEVICE if name == "vit" else STUDY_MODULES)
    third_party = imported_names(*modules) - set(sys.stdlib_module_names)
    needed = {DISTRIBUTIONS.get(package, package) for package in third_party}
    assert needed <= set(pins(name))


@pytest.mark.parametrize("command", JOBS["analysis"])
def test_commands_of_the_analysis_environment_do_not_import_torch(command):
    by_name = command in ("tabulate", "summarise", "judge_claims", "draw_figure")  # these import studies' modules by name
    heavy = imported_names(command, *(STUDY_MODULES if by_name else [])) & {
        "torch",
        "torchvision",
        "timm",
        "open_clip",
        "lightly",
    }
    assert not heavy


@pytest.mark.parametrize("command", JOBS["vit"])
def test_commands_of_the_other_environment_do(command):
    assert "torch" in imported_names(command)
