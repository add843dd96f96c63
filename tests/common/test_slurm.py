"""A cluster on which a run would wait for ever is refused, in one line that says what to do."""

import pytest

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.slurm import check_slurm

ANSWER = "Configuration data as of now\nAccountingStorageType   = accounting_storage/{}\nMinJobAge               = {} sec\n"


@pytest.fixture
def scontrol(tmp_path, monkeypatch):
    def answer(text, status=0):
        (tmp_path / "answer").write_text(text)
        (tmp_path / "scontrol").write_text(f"#!/bin/sh\n/bin/cat {tmp_path}/answer {'>&2' if status else ''}\nexit {status}\n")
        (tmp_path / "scontrol").chmod(0o755)

    monkeypatch.setenv("PATH", str(tmp_path))
    return answer


@pytest.mark.parametrize(
    ("kept", "age", "command"), [("slurmdbd", 300, "sacct"), ("slurmdbd", 2, "sacct"), ("none", 300, "squeue")]
)
def test_a_cluster_that_tells_is_taken(scontrol, kept, age, command):
    scontrol(ANSWER.format(kept, age))
    check_slurm(command)


@pytest.mark.parametrize(
    ("kept", "age", "command", "said"),
    [("none", 300, "sacct", "set slurm-status-command: squeue"), ("none", 20, "squeue", "forgets jobs 20 s after their end")],
)
def test_a_cluster_that_would_not_tell_is_refused(scontrol, kept, age, command, said):
    scontrol(ANSWER.format(kept, age))
    with pytest.raises(AtlasError, match=said):
        check_slurm(command)


def test_a_controller_that_is_down_is_one_line(scontrol):
    scontrol("slurm_load_ctl_conf error: Unable to contact slurm controller (connect failure)\n", status=1)
    with pytest.raises(AtlasError, match=r"does not answer \(.*connect failure\)\); .* wait until `scontrol ping` says UP$"):
        check_slurm("squeue")


def test_a_machine_without_slurm_is_one_line(scontrol):
    with pytest.raises(AtlasError, match="does not answer"):
        check_slurm("squeue")
