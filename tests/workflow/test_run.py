"""The workflow, by running it: the smallest demo from an empty folder, what reruns and what does not."""

import json
import re
import shutil
import zipfile

import pandas as pd
import pytest

from workflow_scripts.common.table import read_table, read_table_metadata
from workflow_scripts.studies.found import find_study

THESIS = find_study("thesis")
FIGURES = THESIS.figures
REPORTS = {"write_report": 1, "write_latex": 1}


def test_the_run_ends_by_saying_where_the_report_is(finished):
    assert "The report is ready: open results/report/index.html" in finished.first_run.text
    assert re.search(r"^published numbers: 0 match, 0 differ, \d+ not comparable, 0 not run$", finished.first_run.text, re.M)
    assert (finished.path / "results/report/index.html").stat().st_size > 5000


def test_every_figure_has_pdf_png_and_csv(finished):
    for figure in FIGURES:
        base = finished.path / "results/figures" / figure.study / figure.name
        assert base.with_suffix(".pdf").read_bytes()[:5] == b"%PDF-"
        assert base.with_suffix(".png").read_bytes()[:4] == b"\x89PNG"
        assert "model" in base.with_suffix(".csv").read_text().split("\n")[0].split(",")


def test_tables_tell_where_they_come_from(finished):
    path = finished.path / "results/tables/thesis/attention/demo_fs.parquet"
    table, facts = read_table(path), read_table_metadata(path)
    assert set(table["model"]) == {"demo_fs"}
    assert table["layer"].min() == 1
    assert table["layer"].max() == 8
    made = facts["passes"]["images"]
    assert re.fullmatch("[0-9a-f]{64}", made["weights_sha256"])
    assert {"torch", "timm"} <= set(made["versions"])
    assert (facts["settings"]["dataset"], facts["seed"]) == ("demo_val", 0)
    shares = table.query("metric == 'spatial_to_cls_attention'")["value"]
    assert shares.between(0, 1).all()


def test_the_glossary_says_what_every_metric_is(finished):
    page = (finished.path / "results/report/glossary.html").read_text()
    rows = re.findall(r'id="metric-[^"]*"><th[^>]*><code>(\w[^<]*)</code></th><td[^>]*>([^<]*)</td>', page)
    paths = (finished.path / "results/tables/thesis").rglob("*.parquet")
    tables = [pd.read_parquet(path) for path in paths]
    assert {name for name, _ in rows} == {name for table in tables if "metric" in table for name in table["metric"]}
    assert [name for name, meaning in rows if not meaning] == []


def test_run_json_lists_models_and_data(finished):
    run = json.loads((finished.path / "results/run.json").read_text())
    assert [model["id"] for model in run["models"]] == ["demo_fs", "demo_untrained", "random_baseline"]
    images = {d["id"]: d["images"] for d in run["datasets"]}
    assert 2 <= images.pop("demo_pairs") <= 48
    assert images == {"demo_val": 48, "demo_train": 96, "demo_clips": 8}
    assert run["demo"] is True


def test_a_second_run_has_nothing_to_do(finished):
    assert "Nothing to be done" in finished.run().text


def test_touching_files_changes_nothing(finished):
    for path in (*finished.path.glob("workflow_scripts/**/*.py"), finished.path / "config/models.yaml"):
        path.touch()
    assert finished.planned() == {}


def test_editing_one_figure_reruns_that_figure_and_the_report(finished, edited):
    edited("workflow_scripts/studies/thesis/figures/attention_distance.py", "\n# another colour\n")
    assert finished.planned() == {"thesis_figure": 1} | REPORTS


def test_editing_a_metric_reruns_exactly_its_users(finished, edited):
    edited("workflow_scripts/metrics/heads.py", "\n# another threshold\n")
    jobs = finished.planned()
    assert jobs.pop("thesis_attention") == 3
    assert set(jobs) <= {"thesis_figure", "thesis_claims", "write_scorecard", *REPORTS}
    assert jobs["thesis_figure"] == sum("attention" in figure.analyses for figure in FIGURES)


@pytest.mark.parametrize(
    ("metric", "table"),
    [
        ("clustering", "clustering"),
        ("similarity", "cka"),
        ("retrieval", "retrieval"),
        ("video_scores", "video"),
        ("keypoint_scores", "keypoints"),
    ],
)
def test_editing_a_score_reruns_its_tables_and_no_pass(finished, edited, metric, table):
    edited(f"workflow_scripts/metrics/{metric}.py", "\n# another score\n")
    jobs = finished.planned()
    assert jobs.pop(f"thesis_{table}") == (1 if table == "cka" else 3)
    after = {"thesis_figure", "thesis_summary", "thesis_claims", "write_scorecard", *REPORTS}
    assert set(jobs) <= after


@pytest.mark.parametrize(
    ("metric", "passes"),
    [("attention", 3), ("propagation", 3), ("correspondence", 3)],
)
def test_editing_what_a_pass_computes_reruns_its_passes_and_no_training(finished, edited, metric, passes):
    edited(f"workflow_scripts/metrics/{metric}.py", "\n# another definition\n")
    jobs = finished.planned()
    assert jobs["run_pass"] == passes
    assert not {"train_demo_model", "crop_images", "paint_world", "reduce_truth"} & set(jobs)


STUDY = "workflow_scripts/studies/thesis"


def test_editing_a_caption_writes_the_report_anew_and_draws_nothing(finished, edited):
    edited(f"{STUDY}/figures.yaml", "Grey: untrained models.", instead_of="Grey: models without training.")
    assert finished.planned() == REPORTS


def test_editing_what_a_figure_shows_draws_that_figure(finished, edited):
    edited(f"{STUDY}/figures.yaml", "by_supervision: purity_part_dense", instead_of="by_supervision: purity_part")
    assert finished.planned() == {"thesis_figure": 1} | REPORTS


def test_editing_a_score_s_label_draws_the_figures_that_show_it(finished, edited):
    edited(f"{STUDY}/study.yaml", "label: k-NN accuracy", instead_of="label: k-NN top-1 accuracy")
    shown = sum("knn" in figure.scores for figure in FIGURES)
    assert shown == 3
    assert finished.planned() == {"thesis_figure": shown} | REPORTS


@pytest.mark.parametrize(
    ("file", "text", "instead_of", "numbers"),
    [
        ("published.yaml", "Smaller is better at", "Smaller patches are better at", {"write_scorecard": 1}),
        ("claims/tasks.py", "MOST = 0.6", "MOST = 0.5", {}),
    ],
)
def test_editing_a_claim_judges_the_claims_anew(finished, edited, file, text, instead_of, numbers):
    edited(f"{STUDY}/{file}", text, instead_of=instead_of)
    assert finished.planned() == {"thesis_claims": 1} | REPORTS | numbers


def test_mending_a_display_name_draws_and_runs_no_model(finished, edited):
    edited("config/models.yaml", "display_name: Fully supervised", instead_of="display_name: FS")
    jobs = finished.planned()
    assert jobs["describe_models"] == 1
    assert set(jobs) == {
        *("describe_models", "describe_run", "check_demo_zoo"),
        *("thesis_figure", "thesis_summary", "thesis_claims", "write_scorecard", *REPORTS),
    }


def test_changing_a_setting_reruns_what_it_is_of(finished):
    jobs = finished.planned("--config", "thesis={keypoints: {alphas: [0.1]}}")
    assert jobs["thesis_keypoints"] == 3
    assert not {"run_pass", "thesis_knn", "thesis_video"} & set(jobs)
    jobs = finished.planned("--config", "thesis={video: {top_k: 3}}")
    assert (jobs["run_pass"], jobs["thesis_video"]) == (3, 3)
    assert not {"thesis_knn", "thesis_keypoints"} & set(jobs)


def test_an_analysis_left_out_takes_its_figures_along(finished):
    made = finished.run("--dry-run", "--config", "thesis={attention: null, knn: null}")
    assert "Nothing to be done" not in made.text
    made = finished.run("plan", "--config", "thesis={attention: null}")
    assert "thesis.attention: null in the configuration: left out (Attention analysis)" in made.text


def test_every_job_says_what_runs(finished):
    listed = finished.run("--list").text
    assert {"thesis_knn", "thesis_cka", "thesis_figure", "thesis_claims", "thesis_summary"} <= set(listed.split())
    log = finished.first_run.text
    for line in ("k-NN classification of demo_fs", "CKA of all models", "Drawing mask_iou", "Passing demo_val through demo_fs"):
        assert line in log
    for name in ("thesis/knn/demo_fs", "thesis/cka", "thesis/figures/overview", "run_pass/demo_clips/demo_fs"):
        assert (finished.path / "results/logs" / f"{name}.log").is_file()
        assert (finished.path / "results/benchmarks" / f"{name}.tsv").is_file()


def test_editing_k_nn_reruns_the_check_and_the_report(finished, edited):
    edited("workflow_scripts/metrics/neighbours.py", "\n# another vote\n")
    jobs = finished.planned()
    assert (jobs["check_demo_zoo"], jobs["thesis_knn"]) == (1, 3)
    assert "run_pass" not in jobs


def test_changing_one_training_setting_leaves_the_world_alone(finished):
    jobs = finished.planned("--config", "demo={effort: 0.03}")
    assert jobs["train_demo_model"] == 2
    assert not {"paint_world", "paint_zoo_world"} & set(jobs)


def test_adding_a_model_runs_that_model_only(finished):
    jobs = finished.planned("--config", "models=[demo_fs,demo_untrained,random_baseline,demo_mae]")
    assert jobs["train_demo_model"] == 1
    assert jobs["run_pass"] == 4  # one per dataset
    per_model = dict.fromkeys(("attention", "clustering", "residual", "knn", "retrieval", "video", "keypoints"), 1)
    tables = {f"thesis_{name}": count for name, count in {**per_model, "cka": 1, "summary": 1}.items()}
    assert {rule: count for rule, count in jobs.items() if rule in tables} == tables


def test_one_figure_by_naming_its_file(finished):
    jobs = finished.planned("--force", "results/figures/thesis/mask_iou.pdf")
    assert jobs == {"thesis_figure": 1}


def test_the_same_seed_gives_the_same_bytes_after_everything_is_made_again(finished, tmp_path):
    folders = ["resources/checkpoints", "resources/demo", "results/tables", "results/passes", "results/maps", "results/figures"]
    before = finished.digests(*folders)
    for name in ("results", "resources"):
        shutil.move(finished.path / name, tmp_path / name)
    try:
        finished.run()
        after = finished.digests(*folders)
    finally:
        for name in ("results", "resources"):
            shutil.rmtree(finished.path / name, ignore_errors=True)
            shutil.move(tmp_path / name, finished.path / name)
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == []


def test_snakemake_s_own_report_works_offline(finished, tmp_path):
    finished.run("--report", str(tmp_path / "report.zip"))
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        page = next(name for name in archive.namelist() if name.endswith("report.html"))
        text = archive.read(page).decode()
        assert THESIS.title in text
        assert "Average attention distance" in text
        assert '"number": "2.4", "title": "Average attention distance", "models": "all"' in text
        assert "Claims with their verdicts" in text
        assert "by the protocols of published studies" in text  # the description of the workflow
        assert sum(name.endswith(".png") for name in archive.namelist()) == len(FIGURES)
