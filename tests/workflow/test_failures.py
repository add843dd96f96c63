"""When things go wrong: each ends in a line that a user can act on, and nothing half-written passes for done."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.workflow.conftest import Workflow

PASS = "results/passes/demo_val/demo_fs.safetensors"
TABLE = "results/tables/thesis/attention/demo_fs.parquet"


@pytest.fixture
def copy(finished, tmp_path):
    """A checkout of its own with everything of the finished run, for tests that break things."""
    shutil.copytree(finished.path, tmp_path / "atlas")
    return Workflow(tmp_path / "atlas")


def wait_for_pass(workflow):
    """Wait until a pass is under way and return the ids of its processes."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
                if b"workflow_scripts.run_pass" in words and (process / "cwd").readlink() == workflow.path:
                    found.append(int(process.name))
            except OSError:
                continue
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("no pass started")


needs_proc = pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="finds jobs through /proc (Linux)")


@needs_proc
def test_a_killed_job_is_made_again_with_the_same_bytes(copy):
    before = copy.digests("results/passes", "results/tables")
    (copy.path / PASS).unlink()
    (copy.path / TABLE).unlink()
    snakemake = copy.start(TABLE)
    time.sleep(0.3)
    for process in wait_for_pass(copy):
        os.kill(process, signal.SIGKILL)
    assert snakemake.wait(60) == 1
    assert not (copy.path / PASS).exists()
    copy.run(TABLE)
    assert copy.digests("results/passes", "results/tables") == before


@needs_proc
def test_after_a_killed_snakemake_the_same_command_resumes(copy):
    before = copy.digests("results/passes", "results/tables")
    (copy.path / PASS).unlink()
    (copy.path / TABLE).unlink()
    stale = copy.path / "results/tables/thesis/.old.parquet.abcd1234.partial.parquet"  # of a job that will not run again
    stale.write_bytes(b"left by a killed job")
    snakemake = copy.start(TABLE)
    jobs = wait_for_pass(copy)
    assert not stale.exists()
    os.killpg(snakemake.pid, signal.SIGKILL)
    snakemake.wait()
    for process in jobs:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue
    assert not (copy.path / PASS).exists()
    copy.run(TABLE)
    assert copy.digests("results/passes", "results/tables") == before
    assert not list(copy.path.rglob("*.partial*"))


def test_an_unknown_model_stops_before_any_job(finished):
    made = finished.run("--config", "models=[demo_fs,demo_untraned]", check=False)
    assert made.returncode == 1
    errors = [line for line in made.text.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert "'demo_untraned' is not in config/models.yaml" in errors[0]
    assert "did you mean 'demo_untrained'?" in errors[0]
    assert "Traceback" not in made.text


def test_an_unknown_figure_is_no_target(finished):
    made = finished.run("results/figures/thesis/attention_distanc.pdf", check=False)
    assert made.returncode == 1
    assert "attention_distanc" in made.text


def test_a_collapsed_training_fails_the_run_with_a_line(finished, tmp_path):
    target = f"{tmp_path}/r/tables/demo/knn.parquet"
    made = finished.run(target, "--config", f"results={tmp_path}/r", "demo={minimum_margin: 1.0}", check=False)
    assert made.returncode == 1
    line = next(line for line in made.text.splitlines() if "error: demo models that know too little: demo_fs" in line)
    assert "raise demo.effort" in line
    assert not (tmp_path / "r/tables/demo/knn.parquet").exists()


OWN = """
  mine:
    { display_name: Mine, reader: image_folder, path: images, source: { type: local }, ground_truth: [], licence: own }
"""


@pytest.fixture
def own_images(copy):
    """The checkout with a folder of images of the user, one of them truncated, as a dataset."""
    folder = copy.path / "images"
    folder.mkdir()
    for index in range(4):
        Image.new("RGB", (80, 70), (index * 60, 90, 30)).save(folder / f"{index}.jpg")
    content = (folder / "2.jpg").read_bytes()
    (folder / "2.jpg").write_bytes(content[: len(content) // 2])
    registry = copy.path / "config/datasets.yaml"
    registry.write_text(registry.read_text() + OWN)
    return copy


TARGET = "results/passes/mine/demo_fs.safetensors"
WITH = ("--config", "features={datasets: [mine]}")


def test_a_bad_image_stops_the_run_by_name(own_images):
    made = own_images.run(TARGET, *WITH, check=False)
    assert made.returncode == 1
    *_, line, log = made.stderr.splitlines()
    assert line.startswith("error: images/2.jpg: cannot be decoded")
    assert "on_bad_image: skip" in line
    assert log == "log: results/logs/crop_images/mine/resize64-crop60.log"
    assert (own_images.path / log.removeprefix("log: ")).read_text().count("error:") == 1
    assert not (own_images.path / TARGET).exists()


def test_a_second_run_in_the_same_folders_is_refused_and_the_first_goes_on(copy):
    before = copy.digests("results/passes", "results/tables")
    (copy.path / PASS).unlink()
    first = copy.start(PASS)
    wait_for_pass(copy)
    first.send_signal(signal.SIGSTOP)  # so that it is at work for as long as this takes
    try:
        made = copy.run(PASS, "--force", check=False)
        assert made.returncode == 1
        assert made.stderr.splitlines()[-1].startswith(f"error: results: another run (process {first.pid} on ")
        copy.run("plan")  # reads alone, and waits for nobody
    finally:
        first.send_signal(signal.SIGCONT)
    assert first.wait(60) == 0
    assert copy.digests("results/passes", "results/tables") == before


def test_a_bad_image_is_skipped_and_listed_if_the_config_says_so(own_images):
    own_images.run(TARGET, *WITH, "on_bad_image=skip")
    skipped = (own_images.path / "resources/crops/mine/resize64-crop60/skipped.json").read_text()
    assert "images/2.jpg" in skipped
    assert (own_images.path / TARGET).exists()


def test_a_checkpoint_that_is_not_one_is_one_line(copy):
    (copy.path / "resources/checkpoints/demo_fs.npz").write_bytes(b"not weights")
    made = copy.run(PASS, "--forcerun", "run_pass", "--allowed-rules", "run_pass", check=False)
    assert made.returncode == 1
    line = next(line for line in made.text.splitlines() if line.startswith("error:"))
    assert "demo_fs" in line
    assert "demo_fs.npz" in line
    assert "Traceback" not in line


def test_a_full_output_folder_is_one_line(copy):
    # A limit on the size of written files stands for the full disk: the same failed write, and it needs no root.
    command = " ".join(f"'{word}'" for word in copy.command(PASS, "--forcerun", "run_pass", "--allowed-rules", "run_pass"))
    before = (copy.path / PASS).read_bytes()
    made = subprocess.run(
        ["bash", "-c", f"trap '' XFSZ; ulimit -f 40; {command}"], cwd=copy.path, capture_output=True, text=True, check=False
    )
    assert made.returncode == 1
    assert "File too large" in made.stdout + made.stderr
    assert not (copy.path / PASS).exists() or (copy.path / PASS).read_bytes() == before


def test_a_read_only_output_folder_is_named(finished, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    if os.access(locked, os.W_OK):
        # Permissions do not stop root; /proc does.
        if not Path("/proc/self").is_dir():
            pytest.skip("runs as root, and there is no /proc to stand for a read-only folder")
        locked = Path("/proc/none")
    target = f"{locked}/r/tables/thesis/attention/demo_fs.parquet"
    made = finished.run(target, "--config", f"results={locked}/r", check=False)
    assert made.returncode == 1
    (line,) = [line for line in made.text.splitlines() if line.startswith("error:")]
    assert line.startswith(f"error: {locked}/r: cannot be written to (")
    assert "Traceback" not in made.text
