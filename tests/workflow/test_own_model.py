"""Anyone's model: one registry entry gives every analysis, also with another patch grid, and wrong entries are named."""

import shutil

import pytest
import timm
import torch

from tests.workflow.conftest import Workflow
from workflow_scripts.common.table import read_table

ENTRY = """
  my_vit:
    { display_name: Mine, supervision: contrastive, method: DINO, architecture: ViT-Ti/16, layers: 3, heads: HEADS, dim: 48,
      patch: 16, prefix_tokens: 1, image_size: 64, adapter: timm_vit,
      build: { library: timm, name: vit_tiny_patch16_224, arguments: { embed_dim: 48, depth: 3, num_heads: 3 } },
      checkpoint: { source: { type: path, path: my_weights.pth }, layout: timm },
      normalisation: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }, licence: mine }
"""
TABLE = "results/tables/thesis/attention/my_vit.parquet"
ANALYSES = ("attention", "clustering", "residual", "knn", "retrieval", "video", "keypoints")
MODELS = "models=[demo_untrained,my_vit]"


@pytest.fixture
def own(finished, tmp_path):
    shutil.copytree(finished.path, tmp_path / "atlas")
    workflow = Workflow(tmp_path / "atlas")
    torch.manual_seed(0)
    arguments = {"img_size": 64, "embed_dim": 48, "depth": 3, "num_heads": 3, "num_classes": 0}
    model = timm.create_model("vit_tiny_patch16_224", pretrained=False, **arguments)
    torch.save(model.state_dict(), workflow.path / "my_weights.pth")

    def add(heads):
        registry = workflow.path / "config/models.yaml"
        registry.write_text(registry.read_text() + ENTRY.replace("HEADS", str(heads)))
        return workflow

    return add


def test_one_entry_gives_a_model_every_analysis(own):
    workflow = own(heads=3)
    figures = [f"results/figures/thesis/{name}.csv" for name in ("overview", "residual_ratio", "clustering_local_dense")]
    tables = [TABLE.replace("attention", name) for name in ANALYSES]
    workflow.run(*figures, *tables, "--config", MODELS)
    for path in tables:
        table = read_table(workflow.path / path)
        assert set(table["model"]) == {"my_vit"}
        assert table["layer"].max() == 3
    for figure in figures:
        assert "my_vit" in (workflow.path / figure).read_text()


def test_an_entry_that_contradicts_its_network_stops_by_name(own):
    workflow = own(heads=6)
    made = workflow.run(TABLE, "--config", MODELS, check=False)
    assert made.returncode == 1
    line = next(line for line in made.text.splitlines() if line.startswith("error:"))
    assert "my_vit" in line
    assert "heads" in line
    assert not (workflow.path / TABLE).exists()


def test_weights_that_are_not_there_are_asked_for_before_any_job(own):
    workflow = own(heads=3)
    (workflow.path / "my_weights.pth").unlink()
    made = workflow.run(TABLE, "--config", MODELS, check=False)
    assert made.returncode == 1
    assert (
        "models.my_vit.checkpoint.source.path: my_weights.pth does not exist; put the weights there or correct the path"
        in made.text
    )
