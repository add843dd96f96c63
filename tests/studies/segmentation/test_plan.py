"""What the study asks for, in the demo and with the paper's own settings: one fit and one pass a model."""

import copy
import json
from pathlib import Path

import pytest

from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.studies.found import find_study
from workflow_scripts.studies.settings import load_settings
from workflow_scripts.studies.targets import Targets

ROOT = Path(__file__).resolve().parents[3]
STUDY = find_study("segmentation")


@pytest.fixture
def planned(monkeypatch):
    """A function that returns the targets of the default configuration with others laid over it."""
    monkeypatch.chdir(ROOT)

    def targets(*over):
        config = copy.deepcopy(read_yaml(ROOT / "config/config.yaml"))
        for one in ({"studies": ["segmentation"]}, *over):
            for key, value in one.items():
                config[key] = {**config[key], **value} if isinstance(value, dict) else value
        return Targets(load_settings(config, ["config/config.yaml"]))

    return targets


def test_the_demo_fits_on_one_split_and_segments_the_other(planned):
    made = planned()
    fit = made.fit("segmentation", "codebooks", "demo_fs")
    assert (fit.dataset, fit.view) == ("demo_train", "resize64-crop60")
    options = fit.fit["codebooks"]
    assert set(options) == {"facets", "clusters", "steps", "batch_size", "pca_batches", "learning_rate"}
    assert options["clusters"] == 21
    words = made.pass_options("demo_fs", "demo_val")
    assert "classes=resources/crops/demo_val/resize64-crop60/classes.safetensors" in words
    assert "segmentation/codebooks=results/fits/segmentation/codebooks/demo_fs.safetensors" in words
    asked = json.loads(made.pass_collectors("demo_fs", "demo_val"))["resize64-crop60"]["cluster_maps"]
    assert asked == {"codebooks": {"fit": "segmentation/codebooks"}, "canvas": 30, "examples": 24}
    assert {figure.name for figure in made.figures} == {figure.name for figure in STUDY.figures}
    assert "pairs=resources/crops/demo_pairs/letterbox60/pairs.safetensors" in made.pass_options("demo_fs", "demo_pairs")
    assert "matched_pixels" in json.loads(made.pass_collectors("demo_fs", "demo_pairs"))["letterbox60"]


def test_the_paper_s_settings_are_the_defaults(planned):
    paper = read_yaml(ROOT / "config/segmentation.yaml")
    made = planned(paper)
    defaults = {setting.name: setting.default for setting in STUDY.analyses["clustering"].settings.values()}
    assert paper["segmentation"]["clustering"] == defaults
    fit = made.fit("segmentation", "codebooks", "dinov3_l16")
    assert (fit.dataset, fit.view) == ("cocostuff27_train", "resize320-crop320")
    assert fit.fit["codebooks"] == {
        "facets": ["query", "key", "value", "token", "token_normed"], "clusters": 27, "steps": 5000, "batch_size": 24,
        "pca_batches": 96, "learning_rate": 0.005,
    }  # fmt: skip
    assert made.fit("segmentation", "codebooks", "dinov2_b14").view == "resize322-crop322"  # whole patches
    pairs = {model: next(iter(made.planned(model, "spair71k").views)) for model in ("dinov3_l16", "openclip_l14", "dinov2_b14")}
    assert pairs == {"dinov3_l16": "letterbox960", "openclip_l14": "letterbox840", "dinov2_b14": "letterbox840"}
    assert {made.settings.models[model]["architecture"].split("/")[0] for model in made.settings.main_models(STUDY)} == {
        "ViT-B"
    }


def test_pairs_may_be_shown_at_a_size_in_pixels(planned):
    made = planned({"segmentation": {"pair_geometry": {"patches": None, "resize": 60, "crop": 60}}})
    assert set(made.planned("demo_fs", "demo_pairs").views) == {"letterbox60"}


def test_pictures_without_classes_have_their_locality_alone(planned):
    made = planned({"only_dataset": "demo_clips"})
    assert set(made.analyses) == {"segmentation/locality"}
    assert {figure.name for figure in made.figures} == {"locality", "attention_matrices", "attention_of_queries"}
    assert not made.fits("demo_fs")
    assert any(line.startswith("segmentation.clustering.dataset: 'demo_clips' has no dense_labels") for line in made.left_out)
