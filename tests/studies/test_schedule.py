"""What a plan says a run takes: sums by hand, and against jobs and passes that were measured."""

import copy
import csv
import statistics
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.passes import ENTRY, TOGETHER
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.print_plan import plan_text
from workflow_scripts.studies.collector_work import collector_work
from workflow_scripts.studies.cost import crops_bytes, forward_flops
from workflow_scripts.studies.durations import crops_seconds, shown_image
from workflow_scripts.studies.schedule import DECODING_THREADS, DRAWING, REPORT, Schedule
from workflow_scripts.studies.settings import load_settings
from workflow_scripts.studies.targets import Targets

ROOT = Path(__file__).resolve().parents[2]
# The machine that benchmarks/demo_jobs.csv was measured on: one thread of it, and two that decode.
TFLOPS, THREADS = 0.04, 2


@pytest.fixture
def made(monkeypatch):
    monkeypatch.chdir(ROOT)
    return lambda **keys: Targets(load_settings(copy.deepcopy(read_yaml(ROOT / "config/config.yaml")) | keys, []))


def rows(name):
    with open(ROOT / "benchmarks" / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def predicted(targets, row):
    """Return the predicted time of a measured job."""
    if row["rule"] == "run_pass":
        return targets.pass_seconds(row["of"], row["job"])
    if row["rule"] == "run_fit":
        return targets.fit_seconds(*row["job"].split("/"), row["of"])
    return crops_seconds(targets.settings.datasets[row["job"]], row["of"], THREADS)


def test_measured_jobs_take_what_is_predicted(made):
    """Every pass, fit and decoding of the demo within a factor of 1.5 of its prediction, relative to all of its kind."""
    targets, jobs = made(plan_tflops=TFLOPS), rows("demo_jobs.csv")
    planned = {("run_pass", job, model) for model, passes in targets.settings.passes.items() for job in passes}
    assert planned == {(row["rule"], row["job"], row["of"]) for row in jobs if row["rule"] == "run_pass"}
    for rule in ("run_pass", "run_fit", "crop_images"):
        ratios = {
            (row["job"], row["of"]): predicted(targets, row) / float(row["seconds"]) for row in jobs if row["rule"] == rule
        }
        middle = statistics.median(ratios.values())
        off = {job: round(ratio / middle, 2) for job, ratio in ratios.items() if not 1 / 1.5 < ratio / middle < 1.5}
        assert not off, rule
        assert 1 / 1.25 < middle < 1.25, rule


def test_measured_passes_of_a_real_size_take_what_is_predicted():
    """Of ViT-B/16, which no constant was fitted to: passes with all collectors and without attention, to the forward pass."""
    shown = shown_image(ENTRY, {"image_size": [224, 224]}, "resize224-crop224")
    options = {
        "gram_blocks": {"block": 8},
        "pooled_features": {"facets": ["cls", "mean_patch"]},
        "discovered_boxes": {"layers": [12], "facets": ["key"], "biases": [0.0]},
    }
    forward = forward_flops(ENTRY)
    work = {name: collector_work(name, options.get(name, {}), shown)[0] for name in TOGETHER}
    measured = {row["what"]: float(row["value"]) for row in rows("results.csv")}
    together = next(value for what, value in measured.items() if what.startswith("pass with all"))
    assert 1 / 1.5 < forward / (forward + sum(work.values())) / together < 1.5
    alone = measured["pass without attention / bare timm forward (images/s)"]
    assert 1 / 1.1 < forward / (forward + work["pooled_features"]) / alone < 1.1


def test_jobs_are_counted_by_kind(made):
    targets = made(shard_images=400)
    kinds = {kind.name: kind for kind in Schedule(targets).kinds}
    passes = sum(len(planned) for planned in targets.settings.passes.values())
    split = sum("demo_train" in planned for planned in targets.settings.passes.values())
    assert kinds["shard of a pass"].jobs == 3 * split
    assert kinds["merge shards"].jobs == split
    assert kinds["pass"].jobs == passes - split
    assert kinds["decode images"].jobs == len(targets.views)
    assert kinds["fit"].jobs == sum(len(targets.fits(model)) for model in targets.models)
    longest = max(targets.pass_seconds("demo_mae", job) for job in targets.settings.passes["demo_mae"] if job != "demo_train")
    assert kinds["pass"].longest >= longest
    assert kinds["pass"].seconds <= kinds["pass"].jobs * kinds["pass"].longest


def test_an_image_that_studies_share_is_passed_once(made):
    both = made(studies=["thesis", "segmentation"])
    schedule = Schedule(both)
    alone, together = [schedule.gpu_time(studies=[study]) for study in both.settings.studies], schedule.gpu_time()
    assert max(one.passes for one in alone) < together.passes < sum(one.passes for one in alone)
    assert together.fits == pytest.approx(sum(one.fits for one in alone))
    # What a study takes alone is what a run of it alone takes.
    assert alone[0].passes == pytest.approx(Schedule(made(studies=["thesis"])).gpu_time().passes)
    by_model = [schedule.gpu_time(models=[model]) for model in both.models]
    assert sum(one.models for one in by_model) == pytest.approx(together.models)


def test_the_longest_chain_goes_through_the_slowest_jobs(made):
    targets = made(studies=["thesis"], shard_images=400)
    knn = targets.analyses["thesis/knn"]
    targets.analyses["thesis/knn"] = knn = replace(knn, needs={**knn.needs, "minutes": 10**7})
    chain = Schedule(targets).longest
    assert chain.jobs[0] == "decode demo_train"
    assert chain.jobs[1].startswith("pass demo_train through demo_")
    assert chain.jobs[1].endswith(" in 3 shards")
    model = chain.jobs[1].split()[3]
    assert chain.jobs[2:] == ("merge", f"thesis/knn of {model}", "figures", "report")
    view = next(iter(targets.planned(model, "demo_train").views))
    expected = crops_seconds(targets.settings.datasets["demo_train"], view, DECODING_THREADS)
    expected += targets.pass_seconds(model, "demo_train", 3) + Schedule(targets)._merge_seconds(model, "demo_train")
    expected += targets.analysis_seconds(knn, [model]) + DRAWING + REPORT + len(targets.figures)
    assert chain.seconds == pytest.approx(expected)


def test_the_disk_at_its_fullest(made):
    disk = Schedule(made()).disk
    assert disk.archives == disk.weights == 0  # nothing is fetched for the demo
    assert disk.fullest(keep_crops=True) == disk.crops + disk.passes + disk.working
    assert disk.fullest(keep_crops=False) == disk.least_crops + disk.passes + disk.working
    assert disk.least_crops < disk.crops
    thesis = made(studies=["thesis"], models=["demo_fs", "demo_untrained"])
    disk, datasets = Schedule(thesis).disk, thesis.settings.datasets
    assert disk.crops == sum(crops_bytes(datasets[name], view) for name, view in thesis.views)
    # CLS and mean patch of 8 layers, 64 numbers of 2 bytes, of both splits and both models.
    assert disk.passes == 2 * (1200 + 320) * 8 * 2 * 64 * 2
    assert disk.working == 1200 * 8 * 2 * 64 * 2


def test_the_plan_says_it(made):
    text = plan_text(made(shard_images=400).settings)
    assert "Longest chain, whatever the number of machines: " in text
    assert [line.split()[0] for line in text.split("GPU-hours on a card")[1].split("\n\n")[0].splitlines()[2:8]] == [
        *("thesis", "local", "tokens", "segmentation", "registers", "together"),
    ]
    assert "At its fullest " in text
    assert "unknown size" not in text
