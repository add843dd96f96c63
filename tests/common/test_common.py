"""Arrays, tables, names, progress, GPU slots."""

import os
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open

from workflow_scripts.common import table as tables
from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.device import gpu_slot
from workflow_scripts.common.errors import AtlasError, nearest
from workflow_scripts.common.progress import Progress
from workflow_scripts.common.provenance import versions


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
    "with gpu_slot('01', sys.argv[1], 0.02) as i:\n    print(i, flush=True); time.sleep(60)"
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


def test_gpu_locks_are_never_where_another_user_could_put_them(tmp_path, monkeypatch):
    victim = tmp_path / "thesis.txt"
    victim.write_text("three years")
    folder = tmp_path / "locks"
    folder.mkdir(mode=0o700)
    (folder / "gpu0.lock").symlink_to(victim)
    with pytest.raises(AtlasError, match=r"gpu0\.lock: cannot be the lock of a GPU"), gpu_slot("0", folder):
        pass
    assert victim.read_text() == "three years"
    (folder / "gpu0.lock").unlink()
    (folder / "gpu0.lock").write_text("kept")
    with gpu_slot("0", folder):
        assert (folder / "gpu0.lock").read_text() == "kept"
    folder.chmod(0o777)
    (tmp_path / "link").symlink_to(folder)
    for shared in (folder, tmp_path / "link"):
        with pytest.raises(AtlasError, match="must be a folder of yours that nobody else can write to"), gpu_slot("0", shared):
            pass
    folder.chmod(0o700)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(AtlasError, match="must be a folder of yours"), gpu_slot("0", folder):
        pass


def test_gpu_locks_lie_in_the_runtime_folder_of_the_user_where_there_is_one(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with gpu_slot("0"):
        assert (tmp_path / "vit-atlas-gpu" / "gpu0.lock").exists()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "gone"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    with gpu_slot("0"):
        assert (tmp_path / "tmp" / f"vit-atlas-gpu-{os.getuid()}" / "gpu0.lock").exists()


def test_a_slot_is_free_again_after_the_block(tmp_path):
    for _ in range(3):
        with gpu_slot("0", tmp_path) as index:
            assert index == 0
