"""What the study asks for, in the demo and with the paper's own settings: one fit and one pass a model."""

import copy
import json
from pathlib import Path

import pytest

from workflow_scripts.common.errors import AtlasError
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
    assert set(options) == {"facets", "clusters", "steps", "batch_size", "pca_batches", "pca_interval", "learning_rate"}
    assert options["clusters"] == 21
    words = made.pass_options("demo_fs", "demo_val")
    assert "classes=resources/crops/demo_val/resize64-crop60/classes.safetensors" in words
    assert "segmentation/codebooks=results/fits/segmentation/codebooks/demo_fs.safetensors" in words
    asked = json.loads(made.pass_collectors("demo_fs", "demo_val"))["resize64-crop60"]["cluster_maps"]
    assert asked == {"codebooks": {"fit": "segmentation/codebooks"}, "canvas": 30, "examples": 24, "draws": 100, "seed": 0}
    scenes = {"segmented_scenes", "scenes_bars"}  # the demo world has none
    assert {figure.name for figure in made.figures} == {figure.name for figure in STUDY.figures} - scenes
    assert "pairs=resources/crops/demo_pairs/letterbox60/pairs.safetensors" in made.pass_options("demo_fs", "demo_pairs")
    assert "matched_pixels" in json.loads(made.pass_collectors("demo_fs", "demo_pairs"))["letterbox60"]


def test_the_paper_s_settings_are_the_defaults(planned):
    paper = read_yaml(ROOT / "config/segmentation.yaml")
    made = planned(paper)
    for analysis in STUDY.analyses.values():
        defaults = {name: setting.default for name, setting in analysis.settings.items() if name != "models"}
        own = {name: value for name, value in paper["segmentation"][analysis.name].items() if name != "models"}
        assert own == defaults
    fit = made.fit("segmentation", "codebooks", "dinov3_l16")
    assert (fit.dataset, fit.view) == ("cocostuff27_train", "resize320-crop320")
    assert fit.fit["codebooks"] == {
        "facets": ["query", "key", "value", "token", "token_normed"], "clusters": 27, "steps": 5000, "batch_size": 24,
        "pca_batches": 96, "pca_interval": 1, "learning_rate": 0.005,
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


def test_further_codebooks_differ_in_what_they_are_about_alone(planned):
    made = planned(read_yaml(ROOT / "config/segmentation.yaml"))
    usual = made.fit("segmentation", "codebooks", "dinov3_b16")
    differing = {
        "codebooks_scenes": ("cityscapes27_train", {}),
        "codebooks_parts": ("pascal_part_animals_train", {"clusters": 6}),
        "codebooks_over": ("cocostuff27_train", {"clusters": 97, "facets": ["token", "token_normed"]}),
        "codebooks_second": ("cocostuff27_train", {"pca_interval": 2}),
        "codebooks_fourth": ("cocostuff27_train", {"pca_interval": 4}),
        "codebooks_larger": ("cocostuff27_train", {"batch_size": 32}),
        "codebooks_largest": ("cocostuff27_train", {"batch_size": 48}),
    }
    for name, (dataset, options) in differing.items():
        fit = made.fit("segmentation", name, "dinov3_b16")
        assert (fit.dataset, fit.view) == (dataset, usual.view)
        assert fit.fit["codebooks"] == usual.fit["codebooks"] | options
    assert len(made.fits("dinov3_b16")) == 1 + len(differing)
    assert [list(fit.fit["codebooks"]["facets"]) for fit in made.fits("mugs_l16")][1:] == [["token", "token_normed"]]
    assert len(made.fits("mae_l16")) == 1


def test_an_analysis_of_some_models_has_files_of_these_and_its_figures_show_them(planned):
    made = planned()
    analysis = made.analyses["segmentation/overclustering"]
    assert made.analysis_models(analysis) == ["demo_dinov2reg"]
    tables = made.tables(STUDY, ["overclustering"])
    assert tables == [f"results/tables/segmentation/overclustering/{model}.parquet" for model in made.analysis_models(analysis)]
    assert made.figure_models(made.figure(STUDY, "overclustered_images")) == ["demo_dinov2reg"]
    assert made.figure_models(made.figure(STUDY, "segmented_parts")) == ["demo_dino", "demo_mae"]
    assert made.figure_models(made.figure(STUDY, "sensitivity")) == ["demo_dinov2reg"]  # has both analyses
    assert made.figure_models(made.figure(STUDY, "miou_by_layer")) == made.models
    assert set(made.settings.passes["demo_fs"]) == {"demo_val", "demo_train", "demo_pairs"}
    with pytest.raises(AtlasError, match=r"not made of demo_fs in this run; add it to segmentation.overclustering.models"):
        made.analysis_inputs(analysis, ["demo_fs"])
    with pytest.raises(AtlasError, match=r"no analysis of demo_fs in this configuration uses it \(used: codebooks\)"):
        made.fit_inputs("segmentation", "codebooks_over", "demo_fs")


def test_an_analysis_of_models_that_the_run_lacks_is_left_out_and_says_so(planned):
    made = planned({"models": ["demo_fs", "demo_untrained"]})
    line = "segmentation.overclustering.models: names no model of this run: left out (More clusters than classes)"
    assert line in made.left_out
    assert "segmentation/overclustering" not in made.analyses
    assert "overclustered_images" not in {figure.name for figure in made.figures}
    with pytest.raises(AtlasError, match=r"segmentation.parts.models: no entry 'demo_dina'|demo_dina"):
        planned({"segmentation": read_yaml(ROOT / "config/config.yaml")["segmentation"] | {"parts": {"models": ["demo_dina"]}}})


def test_analyses_whose_fits_are_set_in_one_that_is_null_are_left_out_and_say_so(planned):
    made = planned({"segmentation": read_yaml(ROOT / "config/config.yaml")["segmentation"] | {"clustering": None}})
    assert set(made.analyses) == {"segmentation/locality", "segmentation/keypoints"}
    assert sum("its fits are set in an analysis that is left out" in line for line in made.left_out) == 3


def test_pictures_without_classes_have_their_locality_alone(planned):
    made = planned({"only_dataset": "demo_clips"})
    assert set(made.analyses) == {"segmentation/locality"}
    assert {figure.name for figure in made.figures} == {"locality", "attention_matrices", "attention_of_queries"}
    assert not made.fits("demo_fs")
    assert any(line.startswith("segmentation.clustering.dataset: 'demo_clips' has no dense_labels") for line in made.left_out)


@pytest.mark.parametrize("queries", [[[0.5]], [[0.5, 2]], [0.5], []])
def test_queries_that_are_no_places_of_an_image_are_refused_before_anything_runs(planned, queries):
    with pytest.raises(AtlasError, match=r"segmentation\.locality\.queries") as refused:
        planned({"segmentation": {"locality": {"queries": queries}}})
    assert "\n" not in str(refused.value)
