"""Jobs of a killed run: the next one waits for them, or says why it cannot know."""

import os

import pytest

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.left_jobs import RECORD, note_jobs, wait_for_left_jobs


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """A queue whose answers are the lines of a file, one for each time it is asked, by a name it writes down."""
    program = tmp_path / "bin/squeue"
    program.parent.mkdir()
    answer = "head -1 answers; sed -i 1d answers; [ ! -e down ] || (cat down >&2; exit 1)"
    program.write_text(f'#!/bin/sh\ncd {tmp_path}; echo "$2" >> asked; {answer}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    def answers(*lines):
        (tmp_path / "answers").write_text("".join(f"{line}\n" for line in lines))
        return lambda: (tmp_path / "asked").read_text().split()

    return answers


def test_a_folder_without_a_record_asks_nobody(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert wait_for_left_jobs([tmp_path, tmp_path / "missing"]) is False


def test_left_jobs_are_waited_for_by_name(tmp_path, squeue, capsys):
    asked = squeue("7 8", "8", "", "")
    note_jobs([tmp_path / "r", tmp_path / "s"], "run-1")
    assert wait_for_left_jobs([tmp_path / "r", tmp_path / "s"], poll=0.01) is True
    assert asked() == ["--name=run-1"] * 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("note: 2 jobs of an earlier run are still at work here")
    assert "scancel --name=run-1" in line


def test_finished_jobs_keep_nobody_waiting(tmp_path, squeue):
    squeue("")
    note_jobs([tmp_path], "run-1")
    assert wait_for_left_jobs([tmp_path]) is False


def test_a_run_without_a_queue_takes_the_name_away(tmp_path):
    note_jobs([tmp_path], "run-1")
    assert (tmp_path / RECORD).read_text() == "run-1\n"
    note_jobs([tmp_path], "")
    assert not (tmp_path / RECORD).exists()


def test_a_controller_that_is_down_is_one_line(tmp_path, squeue):
    squeue("")
    note_jobs([tmp_path], "run-1")
    (tmp_path / "down").write_text("slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n")
    with pytest.raises(
        AtlasError, match=r"\.run\.jobs: .*Unable to contact slurm controller.*; try again where squeue answers"
    ) as one:
        wait_for_left_jobs([tmp_path])
    assert "\n" not in str(one.value)


def test_a_machine_without_slurm_is_one_line(tmp_path, monkeypatch):
    note_jobs([tmp_path], "run-1")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AtlasError, match="squeue does not say"):
        wait_for_left_jobs([tmp_path])
