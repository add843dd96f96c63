"""Every name by which a published number is joined is one of the studies, registries, configurations and tables."""

from __future__ import annotations

from functools import cache

import pytest
import yaml

from tests.studies.local import made_up_study as local
from tests.studies.made_of_published import REGISTRY, joinable, published
from tests.studies.registers import made_up_study as registers
from tests.studies.tokens import made_up_study as tokens
from workflow_scripts.data.readers.files import packaged_rows
from workflow_scripts.studies.found import ROOT, find_study, study_names
from workflow_scripts.studies.local.conditions import condition
from workflow_scripts.studies.protocol import other_sizes
from workflow_scripts.studies.published import BEST

DATASETS = yaml.safe_load((ROOT / "config/datasets.yaml").read_text(encoding="utf-8"))["datasets"]
CONFIGURATIONS = {"thesis": "paper"} | {name: name for name in study_names() if name != "thesis"}
# The study classifies all of ImageNet; its configuration, which others' weights are measured by, a fifth of the classes.
NOT_CONFIGURED = {("registers", "imagenet1k_val")}
ANY_CLASS = "class"


def configuration(study):
    """Return the configuration that runs a study as its authors did."""
    return yaml.safe_load((ROOT / f"config/{CONFIGURATIONS[study]}.yaml").read_text(encoding="utf-8"))


@cache
def spelled(study):
    """Return (analysis, metric, facet, setting) of the rows of a study's tables; a class in a setting stands for any."""
    found = {(one.analysis, one.metric, one.facet, one.setting) for one in find_study(study).scores.values()}
    if study == "local":  # its made-up run removes 20 features, the study 200
        found |= {
            (analysis, metric, facet, without_class(setting.replace("without 20", "without 200")))
            for analysis, _, metric, setting, _, facet, _ in local.measured()
        }
    if study == "tokens":
        found |= {(analysis, metric, facet, setting) for _, analysis, facet, metric, setting in tokens.measured()}
    if study == "registers":
        found |= {(analysis, metric, facet, setting) for _, analysis, metric, setting, facet, *_ in registers.measured()}
    return found


def without_class(setting):
    """Return a setting of the local study with any class in place of the one that it names."""
    words = condition(setting).words
    return setting.replace(f"class {words['class']}", ANY_CLASS) if "class" in words else setting


@pytest.mark.parametrize("name", study_names())
def test_analyses_datasets_and_models_are_registered_and_configured(name):
    study, config = find_study(name), configuration(name)
    registered = {(entry["method"], entry["architecture"]): key for key, entry in REGISTRY.items()}
    for number in joinable(published(name)):
        assert not study.analyses[number.analysis].over_models, number.key
        assert number.dataset in DATASETS, number.key
        chosen = config[name][number.analysis]
        if (name, number.dataset) not in NOT_CONFIGURED:
            assert number.dataset in chosen.values(), number.key
        if not number.method:
            continue
        models = [
            key for key, entry in REGISTRY.items()
            if entry["method"] == number.method and number.architecture in ("", entry["architecture"])
        ]  # fmt: skip
        assert models, number.key
        assert number.architecture or len({REGISTRY[key]["architecture"] for key in models}) == 1, number.key
        run = config["models"] if chosen.get("models") is None else chosen["models"]
        assert set(models) & set(run), number.key
    assert len(registered) > 40


@pytest.mark.parametrize("name", study_names())
def test_metrics_facets_and_settings_are_those_of_the_tables(name):
    known = spelled(name)
    for number in joinable(published(name)):
        setting = without_class(number.setting) if name == "local" else number.setting
        facets = number.facets if number.facet == BEST else [number.facet]
        for metric in (number.metric, number.best_by or number.metric):
            assert {(number.analysis, metric, facet, setting) for facet in facets} <= known, number.key
        assert all(facets) and number.unit in ("share", "R2", "count"), number.key


def test_classes_are_those_of_the_data_set():
    named = {condition(number.setting).words["class"] for number in joinable(published("local")) if number.counted}
    assert named == {"background", *(row["name"] for row in packaged_rows("fair1m_classes.csv"))}


@pytest.mark.parametrize("name", study_names())
def test_what_is_not_comparable_is_said_of_what_is_not(name):
    for number in published(name):
        if "not in the registry" in number.reason:
            assert number.dataset not in DATASETS, number.key
        if "size of the model" in number.reason:
            assert not number.architecture, number.key


@pytest.mark.parametrize("name", study_names())
def test_the_configuration_of_a_study_shows_images_as_it_did(name):
    study, config = find_study(name), configuration(name)[name]
    assert {one.name: other_sizes(study, one, config) for one in study.analyses.values()} == dict.fromkeys(study.analyses, "")


def test_another_size_is_named():
    study = find_study("thesis")
    knn, video, retrieval = (study.analyses[name] for name in ("knn", "video", "retrieval"))
    assert other_sizes(study, knn, {}) == ""
    small = {"geometry": {"resize": 64, "crop": 60}}
    assert other_sizes(study, knn, small) == "geometry is resize 64, crop 60, the study's resize 224, crop 224"
    assert other_sizes(study, video, small)
    assert other_sizes(study, knn, {"geometry": {"resize": 224, "crop": 224, "patches": None}}) == ""
    assert other_sizes(study, retrieval, {"retrieval": None}) == ""
    assert other_sizes(study, retrieval, {"retrieval": {"fit": 448}}).startswith("retrieval.fit is 448")
    wide = find_study("local")
    assert "full_images.size is 8 x 16" in other_sizes(wide, wide.analyses["full_images"], {"full_images": {"size": [8, 16]}})


def test_counts():
    """What can be joined is written down, so that it does not become less unseen."""
    found = {name: (len(published(name)), len(joinable(published(name)))) for name in study_names()}
    assert found == {
        "local": (246, 170), "registers": (114, 3), "segmentation": (216, 144), "thesis": (88, 68), "tokens": (50, 23),
    }  # fmt: skip
