"""The workflow, by running it: the smallest demo from an empty folder, what reruns and what does not."""

import json
import re
import shutil
import zipfile

from workflow_scripts.common.table import read_table, read_table_metadata
from workflow_scripts.figures.catalogue import FIGURES

N_FIGURES = len(FIGURES)


def test_the_run_ends_by_saying_where_the_report_is(finished):
    assert "The report is ready: open results/report/index.html" in finished.first_run.text
    assert (finished.path / "results/report/index.html").stat().st_size > 5000


def test_every_figure_has_pdf_png_and_csv(finished):
    for figure in FIGURES:
        base = finished.path / "results/figures" / figure.study / figure.name
        assert base.with_suffix(".pdf").read_bytes()[:5] == b"%PDF-"
        assert base.with_suffix(".png").read_bytes()[:4] == b"\x89PNG"
        assert base.with_suffix(".csv").read_text().startswith("model,")


def test_tables_tell_where_they_come_from(finished):
    path = finished.path / "results/tables/thesis/attention/demo_fs.parquet"
    table, facts = read_table(path), read_table_metadata(path)
    assert set(table["model"]) == {"demo_fs"}
    assert table["layer"].min() == 1
    assert table["layer"].max() == 6
    assert re.fullmatch("[0-9a-f]{64}", facts["weights_sha256"])
    assert {"torch", "timm"} <= set(facts["versions"])
    shares = table.query("metric == 'spatial_to_cls_attention'")["value"]
    assert shares.between(0, 1).all()


def test_run_json_lists_models_and_data(finished):
    run = json.loads((finished.path / "results/run.json").read_text())
    assert [model["id"] for model in run["models"]] == ["demo_fs", "demo_untrained", "random_baseline"]
    assert {d["id"]: d["images"] for d in run["datasets"]} == {"demo_val": 48, "demo_train": 96}
    assert run["demo"] is True


def test_a_second_run_has_nothing_to_do(finished):
    assert "Nothing to be done" in finished.run().text


def test_touching_files_changes_nothing(finished):
    for path in (*finished.path.glob("workflow_scripts/**/*.py"), finished.path / "config/models.yaml"):
        path.touch()
    assert finished.planned() == {}


def test_editing_one_figure_reruns_that_figure_and_the_report(finished, edited):
    edited("workflow_scripts/figures/thesis/attention_distance.py", "\n# another colour\n")
    assert finished.planned() == {"draw_thesis_figure": 1, "write_report": 1}


def test_editing_a_metric_reruns_exactly_its_users(finished, edited):
    edited("workflow_scripts/metrics/heads.py", "\n# another threshold\n")
    jobs = finished.planned()
    assert jobs.pop("tabulate_attention") == 3
    assert set(jobs) <= {"draw_thesis_figure", "describe_run", "write_report"}
    assert jobs["draw_thesis_figure"] == N_FIGURES


def test_editing_what_the_pass_computes_reruns_the_passes_and_no_training(finished, edited):
    edited("workflow_scripts/metrics/attention.py", "\n# another definition\n")
    jobs = finished.planned()
    assert jobs["run_pass"] == 5
    assert not {"train_demo_model", "crop_images", "paint_world", "grid_masks"} & set(jobs)


def test_editing_k_nn_reruns_the_check_and_the_report(finished, edited):
    edited("workflow_scripts/metrics/neighbours.py", "\n# another vote\n")
    assert finished.planned() == {"check_demo_zoo": 1, "write_report": 1}


def test_changing_one_training_setting_leaves_the_world_alone(finished):
    jobs = finished.planned("--config", "demo={effort: 0.03}")
    assert jobs["train_demo_model"] == 2
    assert "paint_world" not in jobs


def test_adding_a_model_runs_that_model_only(finished):
    jobs = finished.planned("--config", "models=[demo_fs,demo_untrained,random_baseline,demo_mae]")
    assert jobs["train_demo_model"] == 1
    assert jobs["run_pass"] == 2
    assert jobs["tabulate_attention"] == 1


def test_one_figure_by_naming_its_file(finished):
    jobs = finished.planned("--force", "results/figures/thesis/mask_iou.pdf")
    assert jobs == {"draw_thesis_figure": 1}


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
        assert "Study 1: thesis" in text
        assert "Average attention distance" in text
        assert sum(name.endswith(".png") for name in archive.namelist()) == N_FIGURES
