"""A finished run of the smallest demo in a copy of the repository, shared by the workflow tests."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The smallest demo: two trained steps, few images, three models. Its margin is not enforced: nothing is learned in two steps.
CONFIG = """
studies: [thesis]
models: [demo_fs, demo_untrained, random_baseline]
demo:
  {zoo: train, effort: 0.0002, zoo_images: 96, tuning_images: 24, train_images: 96, val_images: 48, clips: 2, frames: 4,
   minimum_margin: null}
thesis:
  attention: {cls_map_images: 10, whole_map_images: 1}
  clustering: {image_clusters: 6, object_clusters: 6, part_clusters: 8, restarts: 1}
"""


class Workflow:
    """A checkout and a way to run Snakemake in it."""

    def __init__(self, path):
        self.path = path

    def run(self, *arguments, check=True, config=("--configfile", "small.yaml"), **options):
        made = subprocess.run(
            self.command(*arguments, config=config), cwd=self.path, capture_output=True, text=True, check=False, **options
        )
        made.text = made.stdout + made.stderr
        assert not check or made.returncode == 0, made.text[-6000:]
        return made

    def start(self, *arguments):
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def command(self, *arguments, config=("--configfile", "small.yaml")):
        return [sys.executable, "-m", "snakemake", *arguments, "--cores", "2", *config]

    def planned(self, *arguments):
        """Rules that a dry run would run, with the number of jobs of each."""
        made = self.run("--dry-run", "--quiet", "reason", *arguments)
        if "Nothing to be done" in made.text:
            return {}
        lines = made.text.split("Job stats:")[1].splitlines()[3:]
        jobs = {}
        for line in lines:
            if not line.strip():
                break
            rule, count = line.split()
            jobs[rule] = int(count)
        jobs.pop("total", None)
        jobs.pop("all", None)
        return jobs

    def digests(self, *folders):
        """SHA-256 of every table, map, figure and checkpoint."""
        files = [f for folder in folders for f in sorted((self.path / folder).rglob("*")) if f.is_file()]
        return {f.relative_to(self.path).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def checkout(path):
    """Make a checkout at `path`: what git tracks here, or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            target = path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    (path / "small.yaml").write_text(CONFIG)
    return Workflow(path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A checkout in which the smallest demo has run to its end. Tests must leave it as it was."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    workflow = checkout(tmp_path_factory.mktemp("finished") / "atlas")
    workflow.first_run = workflow.run()
    return workflow


@pytest.fixture
def edited(finished):
    """Edit files of the finished checkout for one test: append a text, or put it in place of the first of another."""
    originals = {}

    def edit(name, text, instead_of=None):
        path = finished.path / name
        originals.setdefault(path, (path.read_bytes(), path.stat()))
        content = path.read_text()
        assert instead_of is None or instead_of in content
        path.write_text(content + text if instead_of is None else content.replace(instead_of, text, 1))

    yield edit
    for path, (content, stat) in originals.items():
        path.write_bytes(content)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
