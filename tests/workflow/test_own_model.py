"""Anyone's model and pictures: entries in files of one's own give every analysis that they allow; wrong ones are named."""

import shutil

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from tests.workflow.conftest import Workflow
from workflow_scripts.common.table import read_table

ENTRY = """models:
  my_vit:
    { display_name: Mine, supervision: contrastive, method: DINO, architecture: ViT-Ti/16, layers: 3, heads: HEADS, dim: 48,
      patch: 16, prefix_tokens: 1, image_size: 64, adapter: timm_vit,
      build: { library: timm, name: vit_tiny_patch16_224, arguments: { embed_dim: 48, depth: 3, num_heads: 3 } },
      checkpoint: { source: { type: path, path: my_weights.pth }, layout: timm },
      normalisation: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }, licence: mine }
"""
TABLE = "results/tables/thesis/attention/my_vit.parquet"
ANALYSES = ("attention", "clustering", "residual", "knn", "retrieval", "video", "keypoints")
REGISTRIES = "registries={models: [config/models.yaml, mine.yaml], datasets: [config/datasets.yaml, data.yaml]}"
WITH = ("--config", REGISTRIES, "models=[demo_untrained,my_vit]")
PHOTOS = """datasets:
  photos:
    { display_name: Photos, reader: image_folder, path: my photos, source: { type: local }, ground_truth: [], licence: own }
"""


@pytest.fixture
def own(finished, tmp_path):
    shutil.copytree(finished.path, tmp_path / "atlas")
    workflow = Workflow(tmp_path / "atlas")
    torch.manual_seed(0)
    arguments = {"img_size": 64, "embed_dim": 48, "depth": 3, "num_heads": 3, "num_classes": 0}
    model = timm.create_model("vit_tiny_patch16_224", pretrained=False, **arguments)
    torch.save(model.state_dict(), workflow.path / "my_weights.pth")

    def add(heads):
        (workflow.path / "mine.yaml").write_text(ENTRY.replace("HEADS", str(heads)))
        (workflow.path / "data.yaml").write_text(PHOTOS)
        return workflow

    return add


def test_one_entry_gives_a_model_every_analysis(own):
    workflow = own(heads=3)
    figures = [f"results/figures/thesis/{name}.csv" for name in ("overview", "residual_ratio", "clustering_local_dense")]
    tables = [TABLE.replace("attention", name) for name in ANALYSES]
    workflow.run(*figures, *tables, *WITH)
    for path in tables:
        table = read_table(workflow.path / path)
        assert set(table["model"]) == {"my_vit"}
        assert table["layer"].max() == 3
    for figure in figures:
        assert "my_vit" in (workflow.path / figure).read_text()


def test_a_folder_of_pictures_is_enough(own):
    workflow = own(heads=3)
    folder = workflow.path / "my photos"
    folder.mkdir()
    noise = np.random.default_rng(0)
    for index in range(12):
        Image.fromarray(noise.integers(0, 255, (70, 80, 3), np.uint8)).save(folder / f"{index}.png")
    made = workflow.run("--config", REGISTRIES, "models=my_vit", "only_dataset=photos", "results=results/mine")
    notes = [line for line in made.text.splitlines() if line.startswith("note: ")]
    assert "note: thesis.video.dataset: 'photos' has no video_masks: left out (Video propagation: videos)" in notes[-2]
    assert len(notes) == 9
    drawn = {path.stem for path in (workflow.path / "results/mine/figures/thesis").glob("*.pdf")}
    assert {"average_cls_attention", "attention_distance", "head_kinds", "cka_depth", "residual_ratio"} <= drawn
    assert not {"mask_iou", "clustering_image", "knn_by_supervision", "overview"} & drawn
    report = (workflow.path / "results/mine/report/run.html").read_text()
    assert "What this run leaves out" in report
    assert "thesis.keypoints.dataset" in report
    assert set(read_table(workflow.path / "results/mine/tables/thesis/attention/my_vit.parquet")["dataset"]) == {"photos"}


def test_an_entry_that_contradicts_its_network_stops_by_name(own):
    workflow = own(heads=6)
    made = workflow.run(TABLE, *WITH, check=False)
    assert made.returncode == 1
    line = next(line for line in made.text.splitlines() if line.startswith("error:"))
    assert "my_vit" in line
    assert "heads" in line
    assert not (workflow.path / TABLE).exists()


def test_weights_that_are_not_there_are_asked_for_before_any_job(own):
    workflow = own(heads=3)
    (workflow.path / "my_weights.pth").unlink()
    made = workflow.run(TABLE, *WITH, check=False)
    assert made.returncode == 1
    assert (
        "models.my_vit.checkpoint.source.path: my_weights.pth does not exist; put the weights there or correct the path"
        in made.text
    )
