"""Analyses that run a model and its decoder: which models they are made of, and what their jobs are given."""

import copy
import dataclasses
import json
from pathlib import Path

import pytest

from workflow_scripts.common.config import check
from workflow_scripts.common.study import Setting
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.studies import settings as settings_module
from workflow_scripts.studies.decoders import with_decoders
from workflow_scripts.studies.found import find_study, study_names
from workflow_scripts.studies.schema import fill_defaults
from workflow_scripts.studies.settings import load_settings
from workflow_scripts.studies.targets import Targets

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = read_yaml(ROOT / "config/config.yaml")
MODELS = read_yaml(ROOT / "config/models.yaml")["models"]


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def decoding():
    """A study with one analysis, of models with a decoder."""
    study = find_study("thesis")
    analysis = study.analyses["residual"]
    models = Setting("models", None, {"type": ["array", "null"]}, "", "models")
    needs = {**analysis.needs, "decoder": True}
    analysis = dataclasses.replace(analysis, models="models", needs=needs, settings=analysis.settings | {"models": models})
    return dataclasses.replace(study, analyses={"residual": analysis}, figures=(), summary=None, claims="", fits={}, scores={})


def configured(study, models, chosen):
    config = {key: value for key, value in copy.deepcopy(DEFAULT).items() if key not in study_names()}
    config |= {"models": models, "studies": [study.name]}
    config[study.name] = {"residual": {"dataset": "demo_val", "models": chosen}}
    fill_defaults(config, [study])
    return config


@pytest.mark.parametrize(
    ("chosen", "having", "lacking"),
    [
        (None, ["demo_mae"], "demo_fs, demo_untrained"),
        (["demo_mae"], ["demo_mae"], ""),
        (["demo_fs"], [], "demo_fs"),
        (["demo_mae", "mae_b16"], ["demo_mae"], ""),  # what the run has not is not its concern
    ],
)
def test_models_without_a_decoder_are_left_out_with_a_line(chosen, having, lacking):
    study = decoding()
    config = configured(study, ["demo_fs", "demo_mae", "demo_untrained"], chosen)
    narrowed, lines = with_decoders(config, [study], MODELS)
    assert narrowed["thesis"]["residual"]["models"] == having
    said = f"thesis.residual.models: no decoder in the checkpoint of {lacking}: left out ({study.analyses['residual'].title})"
    assert lines == ({"thesis.residual.models": said} if lacking else {})
    assert config["thesis"]["residual"]["models"] == chosen  # what was configured stays


def test_an_analysis_that_is_null_is_none_of_its_business():
    study = decoding()
    config = configured(study, ["demo_fs"], None)
    config["thesis"]["residual"] = None
    assert with_decoders(config, [study], MODELS) == (config, {})


def test_its_job_is_given_the_model(monkeypatch):
    study = decoding()
    monkeypatch.setattr(settings_module, "study_names", lambda: ["thesis"])
    monkeypatch.setattr(settings_module, "find_study", lambda name: study)
    made = Targets(load_settings(configured(study, ["demo_fs", "demo_mae", "demo_untrained"], None), ["config/config.yaml"]))
    analysis = made.analyses["thesis/residual"]
    assert (analysis.command, analysis.on_device) == ("tabulate_with_model", True)
    assert made.analysis_models(analysis) == ["demo_mae"]
    assert "no decoder in the checkpoint of demo_fs, demo_untrained" in "\n".join(made.left_out)
    inputs = made.analysis_inputs(analysis, ["demo_mae"])
    assert "resources/checkpoints/demo_mae.pth" in inputs["files"]
    assert {f"workflow_scripts/{name}.py" for name in ("tabulate_with_model", "zoo/timm_vit")} <= set(inputs["code"])
    words = made.analysis_options(analysis, ["demo_mae"])
    options = dict(zip(words[::2], words[1::2], strict=True))
    assert options.keys() == {"--gpu", "--threads", "--model", "--network", "--checkpoint"}
    assert json.loads(options["--network"])["checkpoint"]["decoder"] == {"heads": 4}
    assert "decoder" not in json.loads(made.network("demo_mae"))["checkpoint"]
    plain = dataclasses.replace(analysis, needs={"memory_mb": 1, "minutes": 1})
    assert made.analysis_options(plain, ["demo_mae"]) == []


def test_a_decoder_is_of_layout_mae():
    entry = copy.deepcopy(MODELS["demo_dino"])
    entry["checkpoint"]["decoder"] = {"heads": 4}
    schema = read_yaml(ROOT / "config/schemas/models.schema.yaml")
    (problem,) = check({"models": {"mine": entry}}, schema, [])
    assert "layout" in problem
    assert check({"models": {"mine": MODELS["demo_mae"]}}, schema, []) == []
