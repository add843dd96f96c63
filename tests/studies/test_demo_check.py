"""The demo's check: a trained model that does not beat its control stops the run by name."""

import pytest

from workflow_scripts.check_demo_zoo import check_margin
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.table import make_table

MODELS = (
    RunModel("fs", "FS", "supervised", method="FS"),
    RunModel("dino", "DINO", "contrastive", method="DINO"),
    RunModel("control", "Control", "none", method="Untrained"),
    RunModel("noise", "Noise", "none", method="Random"),
)


def table(**accuracies):
    rows = [
        {"model": model, "facet": facet, "layer": layer + 1, "value": value}
        for model, facets in accuracies.items()
        for facet, values in zip(("cls", "mean_patch"), facets, strict=True)
        for layer, value in enumerate(values)
    ]
    return make_table(rows, metric="knn_accuracy")


def test_each_model_s_best_layer_counts():
    accuracies = table(fs=([0.2, 0.5], [0.2, 0.2]), dino=([0.2, 0.2], [0.36, 0.1]), control=([0.2, 0.1], [0.3, 0.2]))
    check_margin(accuracies, MODELS, 0.05)


def test_a_model_that_has_not_learned_is_named_with_its_numbers():
    accuracies = table(fs=([0.5], [0.5]), dino=([0.22], [0.31]), control=([0.2], [0.3]))
    with pytest.raises(
        AtlasError, match=r"know too little: dino \(cls 0\.220, mean_patch 0\.310\).*control \(cls 0\.200"
    ) as caught:
        check_margin(accuracies, MODELS, 0.05)
    assert "fs (" not in str(caught.value)


def test_what_is_not_trained_need_not_beat_the_control():
    check_margin(table(fs=([0.5], [0.5]), noise=([0.1], [0.1]), control=([0.2], [0.3])), MODELS, 0.05)


def test_without_a_control_nothing_can_be_said():
    with pytest.raises(AtlasError, match="needs its untrained control"):
        check_margin(table(fs=([0.5], [0.5])), MODELS, 0.05)
