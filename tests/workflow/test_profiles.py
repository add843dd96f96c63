"""What profiles name exists, and what computes on a GPU asks for one."""

import re
from pathlib import Path

import pytest
import yaml

from workflow_scripts.studies.found import find_study, study_names

ROOT = Path(__file__).resolve().parents[2]
PROFILES = {path.parent.name: yaml.safe_load(path.read_text()) for path in sorted(ROOT.glob("profiles/*/config.yaml"))}
FILES = [path.read_text() for path in sorted(ROOT.glob("rules/*.smk"))]
RULES = {}  # name, or for those of studies what stands in its place -> text
for block in re.split(r"^\s*rule\b", "\n".join(FILES), flags=re.M)[1:]:
    RULES[re.match(r"\s*(\w+)?:(?:.*?name:\s*f\"([^\"]+)\")?", block, re.S).expand(r"\1\2")] = block
BY_RULE = ("set-resources", "set-threads", "groups")


def test_profiles_are_found():
    assert {"default", "slurm", "cluster"} <= set(PROFILES)
    assert {"run_pass", "fetch", "{analysis.study}_{analysis.name}", "{study.name}_figure"} <= set(RULES)


@pytest.mark.parametrize("name", PROFILES)
def test_every_rule_that_a_profile_names_exists(finished, name):
    named = {rule for key in BY_RULE for rule in PROFILES[name].get(key, {})}
    assert named <= set(finished.run("--list").text.split())


@pytest.mark.parametrize("name", PROFILES)
def test_every_group_that_a_profile_names_has_jobs(name):
    groups = {group for text in FILES for group in re.findall(r'together\("(\w+)"', text)}
    assert groups == {"crops", "tables", "figures"}
    assert set(PROFILES[name].get("group-components", {})) <= groups


def test_every_rule_that_computes_on_a_gpu_asks_for_one():
    on_device = {name for name, text in RULES.items() if "--gpu {params.gpu" in text or "analysis.on_device" in text}
    asking = {name for name, text in RULES.items() if "gpu=gpus_per_job" in text}
    assert {"run_pass", "run_fit", "train_demo_model"} < on_device
    assert asking == on_device
    analyses = [analysis for name in study_names() for analysis in find_study(name).analyses.values()]
    assert any(analysis.on_device for analysis in analyses)


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_keeps_the_gpus_of_rules(name):
    """A limit of none, or `gpu` set by rule, would take from them what they ask for."""
    profile = PROFILES[name]
    assert profile["default-resources"]["gpu"] == 0
    assert profile.get("resources", {}).get("gpu", 1) > 0
    assert not any("gpu" in resources for resources in profile.get("set-resources", {}).values())


def test_small_jobs_share_submissions_on_clusters_alone(finished):
    """Where this machine runs the jobs, nobody waits for a group."""
    assert "Group job" not in finished.run("--dry-run", "--forceall").text
