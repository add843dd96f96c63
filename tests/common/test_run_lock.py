"""A folder is held by one run, and free again when that run is gone, however it went."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.run_lock import LOCK, hold_folders

ROOT = Path(__file__).resolve().parents[2]
HOLD = (
    "import sys, time; from workflow_scripts.common.run_lock import hold_folders;"
    " hold_folders(sys.argv[1:]); print('held', flush=True); time.sleep(60)"
)


@pytest.fixture
def holder(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "r"), str(tmp_path / "s")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_run_is_told_of_the_first_and_a_killed_one_holds_nothing(holder, tmp_path):
    with pytest.raises(AtlasError, match=rf"s: another run \(process {holder.pid} on .*\) is using this folder; wait"):
        hold_folders([tmp_path / "other", tmp_path / "s"])
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    hold_folders([tmp_path / "r", tmp_path / "s"])
    assert (tmp_path / "s" / LOCK).read_text().startswith(f"process {os.getpid()} on ")


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path):
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / LOCK).symlink_to(tmp_path / "precious")
    with pytest.raises(AtlasError, match="cannot be written to"):
        hold_folders([tmp_path / "r"])
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "r").write_text("")
    with pytest.raises(AtlasError, match=r"/r: cannot be written to \(File exists\); choose another folder"):
        hold_folders([tmp_path / "r"])
