"""The commands summarise and judge_claims: files in, files out, and their errors."""

import copy
import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.studies.thesis.made_up_study import CLAIMS, PUBLISHED, main_study
from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.run_model import write_models
from workflow_scripts.common.table import read_table, write_table
from workflow_scripts.studies.claims import judge
from workflow_scripts.studies.found import ROOT, find_study
from workflow_scripts.studies.targets import scores_json

THESIS = find_study("thesis")
SCORES = ["--scores", scores_json(THESIS)]
CLAIMS_FILE = ["--claims", ROOT / THESIS.claims]


def run(*arguments):
    command = [sys.executable, "-m", f"workflow_scripts.{arguments[0]}", *map(str, arguments[1:])]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A made-up study on disk: one table per model, CKA, and the maps of every main model, with a register token.

    Models are called by their methods, because a made-up id holds a slash, which no file name may.
    """
    folder = tmp_path_factory.mktemp("study")
    study = main_study()
    evidence = study.evidence()
    names = {model.id: model.method for model in evidence.models}
    for model in evidence.models:
        own = evidence.table[evidence.table["model"] == model.id].assign(model=model.method)
        write_table(folder / "tables" / f"{model.method}.parquet", own, {})
        if model.id in evidence.maps["attention"]:
            write_maps(folder / "maps" / f"{model.method}.safetensors", evidence.maps["attention"][model.id])
    cka = evidence.pairs["cka"]
    pairs = {column: cka[column].map(names) for column in ("model", "other_model")}
    write_table(folder / "cka.parquet", cka.assign(**pairs), {})
    entries = {entry["method"]: entry for entry in study.entries.values()}
    write_models(folder / "models.json", entries)
    return folder, entries, evidence


def write_maps(path, maps):
    path.parent.mkdir(exist_ok=True)
    arrays = {
        name: np.pad(value.reshape(*value.shape[:-2], -1), [(0, 0)] * (value.ndim - 2) + [(2, 0)], constant_values=9)
        for name, value in (("average_cls", maps.average_cls), ("single_cls", maps.single_cls))
    }
    header = {"n_prefix": "2", "rows": "14"}
    write_arrays(path, arrays, header | {"cols": "14", "n_images": "10", "image_ids": "[]"})


def every(folder, kind):
    return sorted((folder / kind).iterdir())


def test_claims_are_judged_from_files_as_from_memory(files):
    folder, entries, evidence = files
    names = [name for name in entries if name != "Random"]
    pairs = ["--pairs", f"cka={folder / 'cka.parquet'}", "--maps", *(f"attention={path}" for path in every(folder, "maps"))]
    models = ["--models", folder / "models.json", "--main-models"]
    out = ["--output", folder / "out/claims.json", "--latex", folder / "out/claims.tex"]
    tables = ["--tables", *every(folder, "tables")]
    done = run("judge_claims", "thesis", *CLAIMS_FILE, *SCORES, *models, *names, *tables, *pairs, *out)
    assert (done.returncode, done.stderr) == (0, "")
    content = json.loads((folder / "out/claims.json").read_text())
    assert content["demo"] is False
    assert [claim["id"] for claim in content["claims"]] == [claim["id"] for claim in PUBLISHED["claims"]]
    for claim in content["claims"]:
        expected = judge(CLAIMS[claim["id"]], evidence)
        assert (claim["outcome"], claim["reason"], claim["rule"]) == (expected.outcome, expected.reason, expected.rule)
        assert [number["value"] for number in claim["numbers"]] == pytest.approx([n.value for n in expected.numbers])
        ends = [None if math.isnan(number.ci_low) else pytest.approx(number.ci_low) for number in expected.numbers]
        assert [number["ci_low"] for number in claim["numbers"]] == ends  # most made-up intervals are absent
        assert not claim["numbers"] or claim["id"] in ("c.x_pattern", "c.mae_decoder") or None in ends
    assert (folder / "out/claims.tex").read_text().count(r"\begin{longtable}") == 1

    done = run("judge_claims", "thesis", *CLAIMS_FILE, *SCORES, *models, "FS", *out)
    assert done.returncode == 0
    assert {c["outcome"] for c in json.loads((folder / "out/claims.json").read_text())["claims"]} == {"cannot be tested"}


def test_demo_models_make_the_verdicts_the_demo_s(files):
    folder, entries, _ = files
    entries = copy.deepcopy(entries)
    entries["MAE"]["checkpoint"]["source"]["type"] = "demo"
    out = ["--output", folder / "demo/claims.json", "--latex", folder / "demo/claims.tex"]
    write_models(folder / "demo.json", entries)
    models = ["--models", folder / "demo.json", "--main-models", *entries]
    done = run("judge_claims", "thesis", *CLAIMS_FILE, *SCORES, *models, "--tables", *every(folder, "tables"), *out)
    assert done.returncode == 0
    assert json.loads((folder / "demo/claims.json").read_text())["demo"] is True
    assert "In the demo world" in (folder / "demo/claims.tex").read_text()


def test_a_claim_without_a_judge_is_named(files, tmp_path):
    models = ["--models", files[0] / "models.json", "--main-models", "FS"]
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump({"claims": [PUBLISHED["claims"][0] | {"id": "c.sparse_patern"}]}))
    out = ["--output", tmp_path / "c.json", "--latex", tmp_path / "c.tex"]
    done = run("judge_claims", "thesis", *SCORES, *models, "--claims", tmp_path / "claims.yaml", *out)
    assert done.returncode == 1
    assert "no function judges claim 'c.sparse_patern' (expected" in done.stderr
    assert "did you mean 'c.sparse_patterns'?" in done.stderr
    assert not (tmp_path / "c.json").exists()


def test_summary_tables_are_written_three_ways(files, tmp_path):
    folder = files[0]
    done = run(
        "summarise",
        "thesis",
        *SCORES,
        "--tables",
        *every(folder, "tables"),
        "--models",
        folder / "models.json",
        "--output-dir",
        tmp_path / "out",
    )
    assert (done.returncode, done.stderr) == (0, "")
    names = ("best_layers", "dense_against_normal", "models")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        f"{n}.{s}" for n in names for s in ("parquet", "html", "tex")
    }
    best = read_table(tmp_path / "out/best_layers.parquet")
    row = best[(best["model"] == "CLIP") & (best["metric"] == "pck_0.1")].iloc[0]
    assert (row["value"], row["layer"]) == (pytest.approx(0.307), 8)
    assert "0.307" in (tmp_path / "out/best_layers.html").read_text()
    models = pd.read_parquet(tmp_path / "out/models.parquet")
    assert list(models["model"]) == ["FS", "CLIP", "DINO", "MoCo-v3", "MAE", "BEiT"]
    assert list(models.columns) == [
        "model", "display_name", "supervision", "method", "architecture", "layers", "heads", "width", "patch", "patch_grid",
        "prefix_tokens",
    ]  # fmt: skip


def test_no_analysis_is_no_error(files, tmp_path):
    done = run("summarise", "thesis", *SCORES, "--models", files[0] / "models.json", "--output-dir", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert read_table(tmp_path / "best_layers.parquet").empty
    assert "\N{EM DASH}" in (tmp_path / "best_layers.html").read_text()


def test_these_commands_start_without_torch():
    modules = ", ".join(f"workflow_scripts.{name}" for name in ("judge_claims", "summarise", "tabulate"))
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
