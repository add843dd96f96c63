"""What the study asks of passes, by the demo's configuration and by the paper's."""

import json
from pathlib import Path

import pytest

from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.studies.cost import stores_bytes
from workflow_scripts.studies.found import find_study
from workflow_scripts.studies.settings import load_settings
from workflow_scripts.studies.targets import Targets

ROOT = Path(__file__).resolve().parents[3]
STUDY = find_study("tokens")
TOKENS = ["query", "key", "value", "attention_output", "token", "token_normed"]


@pytest.fixture
def planned(monkeypatch):
    """Return the targets of the default configuration with something laid over it."""
    monkeypatch.chdir(ROOT)

    def targets(over=None):
        config = read_yaml(ROOT / "config/config.yaml")
        for key, value in (over or {}).items():
            config[key] = {**config.get(key, {}), **value} if isinstance(value, dict) else value
        return Targets(load_settings(config, ["config/config.yaml"]))

    return targets


def test_the_demo_asks_for_tokens_of_the_last_layer_in_the_passes_that_it_makes_anyhow(planned):
    made = planned()
    for split, whole in (("demo_train", 0), ("demo_val", 5)):
        asked = json.loads(made.pass_collectors("demo_mae", split))["resize64-crop60"]
        assert asked["cls_facets"] == {"facets": TOKENS, "layers": [-1], "precision": "float16"}
        assert asked["concept_patches"]["whole_images"] == whole
        assert f"concepts=resources/crops/{split}/resize64-crop60/concepts_12x12.safetensors" in made.pass_options(
            "demo_mae", split
        )
    assert not {"cls_facets", "concept_patches"} & set(
        json.loads(made.pass_collectors("demo_clip", "demo_val"))["resize64-crop60"]
    )
    assert {figure.name for figure in made.figures if figure.study == "tokens"} == {figure.name for figure in STUDY.figures}


def test_the_paper_s_settings_are_the_defaults(planned):
    paper = read_yaml(ROOT / "config/tokens.yaml")
    made = planned(paper)
    for analysis in STUDY.analyses.values():
        own = {name: value for name, value in paper["tokens"][analysis.name].items() if name != "models"}
        assert own.items() <= {name: setting.default for name, setting in analysis.settings.items()}.items()
    assert made.models == ["dino_s8", "mae_b16", "random_b16"]
    assert set(made.planned("dino_s8", "broden_val").views) == {"resize224-crop224"}
    assert set(made.planned("dino_s8", "imagenet200_train").views) == {"resize256-crop224"}


def test_the_plan_knows_the_size_of_the_stores(planned):
    made = planned(read_yaml(ROOT / "config/tokens.yaml"))
    models, datasets = made.settings.models, made.settings.datasets
    mae = {"mae_b16": made.settings.passes["mae_b16"]}
    row = 6 * 768 * 2  # six tokens in half precision
    spread = {44314: 44314 * (500000 // 44314), 18992: 18992 * (500000 // 18992)}
    rows = 100000 + 10000 + sum(spread.values()) + 2 * 1197 * 500 + 1197 * 5 * 196
    assert stores_bytes(mae, models, datasets) == rows * row


def test_the_table_for_reading_is_made_again_with_the_published_numbers_of_those_studies_alone_that_show_them(planned):
    made = planned()
    for study, shown in (("tokens", True), ("segmentation", False)):
        code = made.summary_inputs(find_study(study))["code"]
        assert (f"workflow_scripts/studies/{study}/published.yaml" in code) == shown
