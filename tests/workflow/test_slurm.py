"""The workflow on a cluster: a real Slurm of one node without network and with two pretended GPUs, and what goes wrong on one.

Where tests run without the extra, ATLAS_CLUSTER_PLUGINS may name a folder that has the executors: so local runs start fast.
"""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.cluster.one_node import OneNode, why_not
from tests.workflow.conftest import Workflow

PLUGINS = os.environ.get("ATLAS_CLUSTER_PLUGINS", "")
if PLUGINS and PLUGINS not in sys.path:
    sys.path.append(PLUGINS)
EXECUTORS = ("snakemake_executor_plugin_slurm", "snakemake_executor_plugin_cluster_generic")
REASON = why_not() or (
    ""
    if all(importlib.util.find_spec(name) for name in EXECUTORS)
    else "executors of clusters are not installed (uv run --extra slurm --extra cluster pytest -m slurm)"
)
pytestmark = [pytest.mark.slurm, pytest.mark.skipif(bool(REASON), reason=REASON)]
PASSES = [f"results/passes/demo_val/{model}.safetensors" for model in ("demo_fs", "demo_untrained", "random_baseline")]
TABLES = [f"results/tables/thesis/attention/{model}.parquet" for model in ("demo_fs", "demo_untrained", "random_baseline")]
SHEET = "results/figures/demo/contact_sheet.png"


class OnCluster(Workflow):
    """A checkout of the finished run, and a way to run Snakemake in it by the profile, as a person on the login node would."""

    def __init__(self, path, slurm):
        super().__init__(path)
        self.slurm = slurm
        self.environment = slurm.environment | {"PYTHONPATH": os.pathsep.join(filter(None, [PLUGINS]))}

    def words(self, *arguments, config=("--configfile", "small.yaml")):
        # Looks at its jobs sooner, and asks for no more cores than the node has.
        looks = [] if "profiles/cluster" in arguments else ["--slurm-init-seconds-before-status-checks", "6"]
        profile = [] if "profiles/cluster" in arguments else ["--workflow-profile", "profiles/slurm"]
        return [sys.executable, "-m", "snakemake", *arguments, *profile, *looks, "--cores", "2", *config]

    def command(self, *arguments, config=("--configfile", "small.yaml")):
        return self.slurm.inside(*self.words(*arguments, config=config), folder=self.path)

    def run(self, *arguments, **options):
        return super().run(*arguments, env=self.environment, timeout=400, **options)

    def start(self, *arguments):
        with open(self.path / "screen", "a") as screen:
            options = {"stdout": screen, "stderr": screen, "start_new_session": True, "env": self.environment}
            return subprocess.Popen(self.command(*arguments), cwd=self.path, **options)

    def said(self):
        return (self.path / "screen").read_text()

    def jobs(self):
        """What Slurm knows of the jobs of this checkout."""
        return [job for job in self.slurm.jobs() if job["WorkDir"] == str(self.path)]

    def wait(self, reached, what, seconds=120):
        deadline = time.monotonic() + seconds
        while not (found := reached()):
            assert time.monotonic() < deadline, f"{what}\n{self.said()[-3000:]}"
            time.sleep(0.2)
        return found

    def running(self):
        return [job["JobId"] for job in self.jobs() if job["JobState"] == "RUNNING"]

    def remove(self, *files):
        for file in files:
            (self.path / file).unlink()


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    with OneNode(tmp_path_factory.mktemp("slurm")) as node:
        yield node


@pytest.fixture(scope="module")
def copies(finished, slurm, tmp_path_factory):
    """Make checkouts of their own with everything of the finished run."""

    def make(name):
        path = tmp_path_factory.mktemp(name) / "atlas"
        shutil.copytree(finished.path, path)
        return OnCluster(path, slurm)

    return make


@pytest.fixture
def atlas(copies):
    return copies("cluster")


@pytest.fixture(scope="module")
def runs(slurm, copies, tmp_path_factory):
    """Runs of one job each, that mostly wait; they start before all tests, and go on beside them."""
    started = {name: copies(name) for name in ("late", "generic", "report", "stuck")}
    stuck_at_first(started["stuck"])
    folder = started["late"].path / "results/figures/demo"
    shutil.rmtree(folder)
    folder.mkdir()
    started["late"].there = tmp_path_factory.mktemp("there")
    # What the node writes into this folder lies elsewhere, as in the cache of another machine, and is not seen from here.
    slurm.call("mount", "--bind", str(started["late"].there), str(folder))
    started["late"].command = lambda *words: [
        *("nsenter", f"--net=/proc/{slurm.network}/ns/net", "env", f"SLURM_CONF={slurm.folder}/slurm.conf"),
        *started["late"].words(*words),
    ]
    started["generic"].remove(SHEET)
    asked = {"generic": [SHEET, "--workflow-profile", "profiles/cluster"], "report": ["--forcerun", "write_report"]}
    for name, workflow in started.items():
        workflow.snakemake = workflow.start(*asked.get(name, [SHEET]))
    yield started
    for workflow in started.values():
        if workflow.snakemake.poll() is None:
            os.killpg(workflow.snakemake.pid, signal.SIGKILL)
    slurm.call("umount", str(folder), check=False)


def stuck_at_first(workflow):
    """Let the job that draws the sheet not end at its first attempt, and give it one minute, which is Slurm's least."""
    rule = workflow.path / "rules/report.smk"
    start, end = rule.read_text().split("rule draw_contact_sheet", 1)
    rule.write_text(start + "rule draw_contact_sheet" + end.replace("minutes=15", "minutes=1", 1))
    command = workflow.path / "workflow_scripts/draw_contact_sheet.py"
    late = """import pathlib, time
if not pathlib.Path("tried").exists():
    pathlib.Path("tried").touch()
    time.sleep(600)
"""
    command.write_text(command.read_text().replace("import argparse", f"{late}import argparse", 1))


def test_a_file_that_is_seen_late_is_waited_for(runs):
    late = runs["late"]
    late.wait(lambda: [job for job in late.jobs() if job["JobState"] == "COMPLETED"], "the job did not end")
    time.sleep(3)
    assert late.snakemake.poll() is None
    assert not (late.path / SHEET).exists()
    for file in late.there.iterdir():
        shutil.copy(file, (late.path / SHEET).parent)
    assert late.snakemake.wait(120) == 0, late.said()[-3000:]


def test_other_schedulers_take_three_commands(runs):
    assert runs["generic"].snakemake.wait(200) == 0, runs["generic"].said()[-3000:]
    assert (runs["generic"].path / SHEET).is_file()
    assert [job["JobState"] for job in runs["generic"].jobs()] == ["COMPLETED"]


def test_a_report_is_made_by_nodes_alone(runs):
    assert runs["report"].snakemake.wait(400) == 0, runs["report"].said()[-3000:]
    assert "The report is ready" in runs["report"].said()
    assert "write_latex" in runs["report"].said()
    assert [job["JobState"] for job in runs["report"].jobs()] == ["COMPLETED"] * 2


def test_the_node_has_no_network(slurm):
    reach = "import socket; socket.create_connection(('192.0.2.77', 80), 5)"
    assert "Network is unreachable" in slurm.call("sh", "-c", f'srun "{sys.executable}" -c "{reach}" 2>&1', check=False)


def test_a_controller_that_is_down_is_one_line(atlas, tmp_path):
    (tmp_path / "slurm.conf").write_text(
        "ClusterName=none\nSlurmctldHost=localhost(127.0.0.1)\nSlurmctldPort=1\nMessageTimeout=2\n"
    )
    environment, atlas.environment = atlas.environment, atlas.environment | {"SLURM_CONF": f"{tmp_path}/slurm.conf"}
    made = atlas.run(PASSES[0], "--force", check=False)
    atlas.environment = environment
    assert made.returncode == 1
    (line,) = [line for line in made.text.splitlines() if line.startswith("error:")]
    assert line.startswith("error: Slurm's controller does not answer (")
    assert "scontrol ping" in line


def test_a_cancelled_job_and_a_killed_snakemake_cost_no_work_twice(atlas):
    before = atlas.digests("results/passes")
    atlas.remove(PASSES[2])
    snakemake = atlas.start(PASSES[2], "--retries", "0")
    (cancelled,) = atlas.wait(atlas.running, "no pass started")
    atlas.slurm.call("scancel", cancelled)
    assert snakemake.wait(120) == 1
    assert "the same command again: it resumes." in atlas.said()
    assert not (atlas.path / PASSES[2]).exists()

    snakemake = atlas.start(PASSES[2], "--retries", "0")
    (job,) = atlas.wait(atlas.running, "no pass started")
    atlas.slurm.call("scontrol", "suspend", job)
    os.killpg(snakemake.pid, signal.SIGKILL)
    snakemake.wait()

    snakemake = atlas.start(PASSES[2], "--retries", "0")
    atlas.wait(lambda: "1 job of an earlier run is still at work here" in atlas.said(), "nothing said of the job")
    atlas.slurm.call("scontrol", "resume", job)
    assert snakemake.wait(120) == 0
    assert "Nothing to be done" in atlas.said()
    assert [one["JobId"] for one in atlas.jobs()] == [cancelled, job]
    assert atlas.digests("results/passes") == before


def test_passes_have_a_gpu_each_and_tables_are_those_of_the_local_run(atlas, slurm):
    before = atlas.digests("results/passes", "results/tables")
    atlas.remove(*PASSES, *TABLES)
    made = atlas.run(*TABLES)
    assert atlas.digests("results/passes", "results/tables") == before
    jobs = atlas.jobs()
    assert made.text.count("has been submitted with SLURM jobid") == len(jobs) == 4  # a pass each, and the tables together
    (tables,) = (job for job in jobs if job["Comment"].startswith("rule_tables"))
    assert (tables["NumCPUs"], tables["TimeLimit"]) == ("1", "00:45:00")  # three in turn: the time of all, the cores of one
    held = [held for held in slurm.cards() if held.job in {job["JobId"] for job in jobs}]
    assert len(held) == 3
    assert {one.card for one in held} == {"0", "1"}
    together = [(a, b) for a in held for b in held if a.job < b.job and a.start < b.end and b.start < a.end]
    assert together, "no two passes ran at once"
    assert all(a.card != b.card for a, b in together)


def test_a_job_out_of_time_is_given_more(runs):
    stuck = runs["stuck"]
    assert stuck.snakemake.wait(300) == 0, stuck.said()[-3000:]
    first, second = stuck.jobs()
    assert (first["JobState"], second["JobState"]) == ("TIMEOUT", "COMPLETED")
    assert (first["TimeLimit"], second["TimeLimit"]) == ("00:01:00", "00:02:00")
    asked = [int(re.search(r"mem=(\d+)M", job["TRES"])[1]) for job in (first, second)]
    assert asked[1] == 2 * asked[0]
    assert (stuck.path / SHEET).is_file()
