"""Whole-or-nothing writes, arrays, tables, errors, progress, GPU slots."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open

from workflow_scripts.common import table as tables
from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.atomic import atomic_path, write_text
from workflow_scripts.common.device import compute_device, gpu_slot
from workflow_scripts.common.errors import AtlasError, nearest, run_command
from workflow_scripts.common.progress import Progress
from workflow_scripts.common.provenance import versions


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def write():
        with atomic_path(path) as temporary:
            temporary.write_text("new, but")
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        write()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_killed_writer_leaves_nothing_under_the_final_name(tmp_path):
    script = (
        "import sys, time\nfrom workflow_scripts.common.atomic import atomic_path\n"
        "with atomic_path(sys.argv[1]) as t:\n"
        "    t.write_text('half'); print('writing', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "a.txt")], stdout=subprocess.PIPE)
    assert process.stdout.readline().strip() == b"writing"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "a.txt").exists()


def test_the_suffix_survives_because_libraries_choose_formats_by_it(tmp_path):
    with atomic_path(tmp_path / "a.parquet") as temporary:
        assert temporary.suffix == ".parquet"
        temporary.write_text("x")
    assert (tmp_path / "a.parquet").stat().st_mode & 0o444 == 0o444


def test_an_unwritable_folder_is_one_line(tmp_path, capsys):
    def main():
        write_text(tmp_path / "file" / "a.txt", "x")

    (tmp_path / "file").write_text("a file where a folder should be")
    with pytest.raises(SystemExit) as stopped:
        run_command(main)
    assert stopped.value.code == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert str(tmp_path / "file") in message


def test_a_full_disk_is_one_line(capsys):
    def main():
        raise OSError(28, "No space left on device", "results/x.parquet")

    with pytest.raises(SystemExit):
        run_command(main)
    assert capsys.readouterr().err == (
        "error: results/x.parquet: No space left on device; free space or change permissions there, "
        "then run the same command again\n"
    )


def test_a_defect_keeps_its_traceback():
    def main():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_command(main)


def test_nearest():
    assert nearest("demo_dno", ["demo_dino", "demo_fs"]) == "; did you mean 'demo_dino'?"
    assert nearest("zzz", ["demo_dino"]) == ""


def test_arrays_come_back_through_the_safetensors_library(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "b": rng.random((3, 4)).astype(np.float32),
        "a": np.arange(5, dtype=np.int64),
        "c": rng.integers(0, 255, (2, 3, 1)).astype(np.uint8),
        "d": np.array([True, False, True]),
        "e": rng.random(3),
        "t": np.asfortranarray(rng.random((3, 2)).astype(np.float16)),
        "empty": np.zeros((0, 2), np.float32),
    }
    write_arrays(tmp_path / "x.safetensors", arrays, {"k": "v", "b": "ü"})
    with safe_open(tmp_path / "x.safetensors", framework="numpy") as file:
        assert file.metadata() == {"k": "v", "b": "ü"}
        for name, value in arrays.items():
            got = file.get_tensor(name)
            assert got.dtype == value.dtype
            assert np.array_equal(got, value), name


def test_a_table_keeps_the_contract(tmp_path):
    rows = [{"model": "m", "layer": 1, "metric": "x", "value": 0.5}, {"model": "m", "metric": "y", "value": 1, "n": 3}]
    table = tables.make_table(rows, study="thesis")
    tables.write_table(tmp_path / "t.parquet", table, {"seed": 1})
    back = tables.read_table(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(back, table)
    assert list(back.columns) == list(tables.COLUMNS)
    assert pd.isna(back.loc[1, "layer"])
    assert np.isnan(back.loc[0, "ci_low"])
    assert tables.read_table_metadata(tmp_path / "t.parquet") == {"seed": 1}
    tables.write_table(tmp_path / "u.parquet", table, {"seed": 1})
    assert (tmp_path / "t.parquet").read_bytes() == (tmp_path / "u.parquet").read_bytes()


def test_a_table_refuses_columns_outside_the_contract():
    with pytest.raises(AtlasError, match=r"\['colour'\] are not in the table contract"):
        tables.make_table([{"colour": 1}])


def test_a_file_that_is_no_table_is_named(tmp_path):
    (tmp_path / "t.parquet").write_text("no")
    with pytest.raises(AtlasError, match=r"t\.parquet: not a readable table"):
        tables.read_table(tmp_path / "t.parquet")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "u.parquet")
    with pytest.raises(AtlasError, match=r"u\.parquet: not a table of this project"):
        tables.read_table(tmp_path / "u.parquet")


def test_versions_leave_out_what_is_not_installed():
    found = versions("numpy", "a-package-that-nobody-installed")
    assert found == {"numpy": np.__version__}


def test_progress_writes_plain_lines_to_a_file(capsys):
    progress = Progress("demo", 3, "images", every=0)
    for done in (1, 2, 3):
        progress(done)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("demo: 1 of 3 images")
    assert "left" in lines[1]
    assert "\r" not in "".join(lines)


HOLD = (
    "import sys, time\nfrom workflow_scripts.common.device import gpu_slot\n"
    "with gpu_slot(2, sys.argv[1], 0.02) as i:\n    print(i, flush=True); time.sleep(60)"
)


def hold(folder):
    return subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)


def test_two_jobs_never_hold_the_same_gpu_and_a_killed_one_frees_it(tmp_path):
    first, second = hold(tmp_path), hold(tmp_path)
    held = {first.stdout.readline().strip(), second.stdout.readline().strip()}
    assert held == {"0", "1"}
    third = hold(tmp_path)
    os.set_blocking(third.stdout.fileno(), False)
    time.sleep(0.5)
    assert not third.stdout.readline(), "a third job got a GPU that is taken"
    first.kill()
    first.wait()
    os.set_blocking(third.stdout.fileno(), True)
    assert third.stdout.readline().strip() in {"0", "1"}
    for process in (second, third):
        process.kill()
        process.wait()


def test_a_slot_is_free_again_after_the_block(tmp_path):
    for _ in range(3):
        with gpu_slot(1, tmp_path) as index:
            assert index == 0


def test_requiring_a_gpu_without_one_is_said_plainly(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(AtlasError, match="gpu: require, but PyTorch sees no GPU"), compute_device("require"):
        pass
    with compute_device("auto") as device:
        assert device == "cpu"


def test_a_scheduler_s_choice_is_kept(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    with compute_device("auto") as device:
        assert device == "cuda:0"
    with compute_device("never") as device:
        assert device == "cpu"
