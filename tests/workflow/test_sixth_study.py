"""A study is a folder: one more, from images to the report, with no other file touched."""

import json
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.numpy import load_file

from tests.workflow.conftest import Workflow
from workflow_scripts.common.table import read_table

DESCRIPTION = """
title: Where the large norms are
reference: { short: a test }
settings:
  size: { default: { resize: 64, crop: 60 }, type: size, meaning: of images }
  large: { default: { resize: 96, crop: 96 }, type: size, meaning: of larger images }
views:
  whole: { crop: size }
  large: { crop: large }
  blurred: { crop: size, blur: each }
fits:
  basis:
    title: Principal components
    dataset: norms.dataset
    view: whole
    fit: { principal_components: { facets: [token, key], batches: 3, batch_size: 10 } }
analyses:
  norms:
    title: Norm ratios
    maps: true
    fits: [basis]
    settings:
      dataset: { default: demo_val, truth: images, meaning: images }
      levels: { default: [3, 9], minimum: 1, meaning: kernels of the blur }
      patches: { default: 100, minimum: 1, meaning: patches kept }
    asks:
      images: &ratio { dataset: dataset, view: whole, gather: { residual_ratio: {} } }
      large: { <<: *ratio, view: large }
      blurred: { <<: *ratio, view: blurred, each: levels }
      store:
        dataset: dataset
        view: whole
        apart: true
        gather:
          patch_store: { facets: [key], layers: [1, -1], patches: { setting: patches }, precision: float16, seed: 7 }
scores:
  norm: { analysis: norms, metric: skip_branch_ratio, facet: attention, setting: whole, label: Norm ratio }
figures:
  - { name: by_layer, section: Norms, title: Norms by layer, caption: A ratio., tables: [norms], draw: { panels: [[norm]] } }
claims:
  - { id: rises, part: Norms, statement: The ratio rises with depth., compared: Two layers., source: invented }
"""
ANALYSIS = '''
"""Norm ratios of whole, larger and blurred images."""

from workflow_scripts.studies.rows import mean_rows


def rows(passes, settings, seed):
    """Yield the mean ratio at every layer."""
    for name in ("images", "large", *(f"blurred/{level}" for level in settings["levels"])):
        ratio = passes[name].state("residual_ratio")["attention_all"]
        setting = "whole" if name == "images" else name
        yield from mean_rows(
            ratio, "skip_branch_ratio", seed, facet="attention", setting=setting, dataset=passes[name].dataset, unit="ratio"
        )


def maps(passes, settings):
    """Return the fitted variances, and the patches kept."""
    store = passes["store"].state("patch_store")
    return {"variance": passes.fit("basis")["key_variance"], "key": store["key"], "cell": store["cell"]}, {}
'''
CLAIMS = '''
"""What the study says."""

from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.verdict import Verdict, above, decide


def rises(evidence: Evidence) -> Verdict:
    """The last layer is above the first, in every model."""
    pairs = [(curve.at(curve.depth), curve.at(1)) for curve in evidence.curves("norm")]
    return decide("the last layer is above the first", [above(*pair) for pair in pairs], sum(pairs, ()))
'''


@pytest.fixture(scope="module")
def sixth(finished, tmp_path_factory):
    """A checkout with a study of its own, run to its report."""
    path = tmp_path_factory.mktemp("sixth") / "atlas"
    shutil.copytree(finished.path, path)
    folder = path / "workflow_scripts/studies/norms"
    folder.mkdir()
    (folder / "__init__.py").write_text('"""A sixth study."""\n')
    (folder / "study.yaml").write_text(DESCRIPTION)
    (folder / "norms.py").write_text(ANALYSIS)
    (folder / "claims.py").write_text(CLAIMS)
    workflow = Workflow(path)
    workflow.made = workflow.run("--config", "studies=[norms]")
    return workflow


def test_it_runs_from_images_to_the_report(sixth):
    assert "Study 1: where the large norms are" in (sixth.path / "results/report/index.html").read_text()
    page = (sixth.path / "results/report/studies/norms.html").read_text()
    assert "The ratio rises with depth." in page
    assert "Norms by layer" in page
    assert (sixth.path / "results/figures/norms/by_layer.pdf").read_bytes()[:5] == b"%PDF-"
    (claim,) = json.loads((sixth.path / "results/tables/norms/claims.json").read_text())["claims"]
    assert claim["outcome"] in ("holds", "does not hold")
    assert len(claim["numbers"]) == 2 * 2  # two networks, two layers each
    run = json.loads((sixth.path / "results/run.json").read_text())
    assert [data["id"] for data in run["datasets"]] == ["demo_val", "demo_train"]  # the latter for the demo's check


def test_its_jobs_are_called_by_what_they_do(sixth):
    assert "Norm ratios of demo_fs" in sixth.made.text
    assert "norms_norms" in sixth.run("--list", "--config", "studies=[norms]").text.split()


def test_views_of_several_sizes_and_blurs_share_one_pass(sixth):
    table = read_table(sixth.path / "results/tables/norms/norms/demo_fs.parquet")
    values = table.set_index(["setting", "layer"])["value"]
    assert set(table["setting"]) == {"whole", "large", "blurred/3", "blurred/9"}
    assert values["whole"].notna().all() and len(values["whole"]) == 8
    assert not np.allclose(values["whole"], values["large"])
    assert not np.allclose(values["blurred/3"], values["blurred/9"])
    assert {path.name for path in (sixth.path / "resources/crops/demo_val").iterdir()} >= {
        "resize64-crop60", "resize95-crop95", "resize64-crop60-blur3", "resize64-crop60-blur9",
    }  # fmt: skip
    log = (sixth.path / "results/logs/run_pass/demo_val/demo_fs.log").read_text()
    assert log.count("demo_fs on cpu, ") == 4


def test_an_ask_apart_has_a_pass_of_its_own_and_the_store_is_bounded(sixth):
    passes = sixth.path / "results/passes/demo_val"
    assert (passes / "norms_norms_store/demo_fs.safetensors").is_file()
    maps = load_file(sixth.path / "results/maps/norms/norms/demo_fs.safetensors")
    assert maps["key"].shape == (2 * 48, 2, 64)  # 100 patches of 48 images: two each, of two layers
    assert maps["key"].dtype == np.float16
    assert maps["cell"].min() >= 0 and maps["cell"].max() < 144


def test_the_fit_saw_its_images_in_the_order_of_the_seed(sixth):
    fitted = load_file(sixth.path / "results/fits/norms/basis/demo_fs.safetensors")
    assert fitted["token_components"].shape == (8, 64, 64)
    assert np.allclose(fitted["key_components"] @ fitted["key_components"].transpose(0, 2, 1), np.eye(64), atol=1e-8)
    maps = load_file(sixth.path / "results/maps/norms/norms/demo_fs.safetensors")
    assert np.array_equal(maps["variance"], fitted["key_variance"])
    assert not list((sixth.path / "results/fits/norms/basis").glob(".*"))


def test_blur_is_seen_by_the_model(sixth):
    crops = [np.load(sixth.path / f"resources/crops/demo_val/resize64-crop60{blur}/crops.npy") for blur in ("", "-blur9")]
    roughness = [np.abs(np.diff(pixels.astype(int), axis=2)).mean() for pixels in crops]
    assert roughness[1] < 0.5 * roughness[0]
    assert Image.fromarray(crops[1][0]).size == (60, 60)
    samples = [
        pd.read_parquet(sixth.path / f"resources/crops/demo_val/resize64-crop60{b}/samples.parquet") for b in ("", "-blur9")
    ]
    assert samples[0].equals(samples[1])  # labels and places are not blurred


def test_no_other_file_was_touched_and_both_studies_run_together(sixth, finished):
    listed = subprocess.run(["diff", "-rq", finished.path, sixth.path], capture_output=True, text=True, check=False).stdout
    code = [
        line for line in listed.splitlines() if "results" not in line and "resources" not in line and "__pycache__" not in line
    ]
    assert [line for line in code if ".snakemake" not in line] == [f"Only in {sixth.path}/workflow_scripts/studies: norms"]
    jobs = sixth.planned("--config", "studies=[thesis,norms]")
    assert "norms_norms" in jobs  # its pass is now one with the thesis'
    assert jobs["run_pass"] == 3  # demo_val alone
    assert not {"thesis_video", "thesis_keypoints", "train_demo_model"} & set(jobs)  # of other datasets
