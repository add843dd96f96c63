"""Outputs whole or not at all, what killed writers leave, and disks that are full."""

import errno
import fcntl
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.atomic import atomic_path, clear_stale, write_text
from workflow_scripts.common.errors import AtlasError

ROOT = Path(__file__).parents[2]
# It heeds SIGINT as in a terminal, though shells have it ignored in what they start in the background; and it sleeps in pieces,
# for a signal that comes just before a sleep is heard after it.
WRITER = """
import signal, sys, time
from workflow_scripts.common.atomic import atomic_path
from workflow_scripts.common.errors import run_command
signal.signal(signal.SIGINT, signal.default_int_handler)
def main():
    with atomic_path(sys.argv[1]) as temporary:
        temporary.write_text("half")
        print("writing", flush=True)
        for _ in range(600):
            time.sleep(0.1)
run_command(main)
"""


def writer(path):
    """A job that is in the middle of writing `path`."""
    command = [sys.executable, "-c", WRITER, str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout.readline().strip() == "writing"
    return process


def killed(path, number=signal.SIGKILL):
    process = writer(path)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == -number
    return said


def names(folder):
    return sorted(path.name for path in folder.iterdir())


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
    assert names(tmp_path) == ["a.txt"]


def test_the_suffix_survives_because_libraries_choose_formats_by_it(tmp_path):
    with atomic_path(tmp_path / "a.parquet") as temporary:
        assert temporary.suffix == ".parquet"
        temporary.write_text("x")
    assert (tmp_path / "a.parquet").stat().st_mode & 0o444 == 0o444


@pytest.mark.parametrize("name", ["x" * 250, "ü" * 120, "a." + "s" * 200, "\udce9.txt"])
def test_the_longest_names_that_a_file_can_have_can_be_written(name, tmp_path):
    write_text(tmp_path / name, "x")
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_job_that_is_told_to_stop_cleans_up_and_says_so_in_one_line(number, tmp_path):
    said = killed(tmp_path / "a.txt", number)
    assert said == f"error: stopped by {number.name}; run the same command again to go on\n"
    assert names(tmp_path) == []


def test_the_next_write_removes_what_killed_ones_left_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    users = (".a.txt", ".a.txt.partial", ".a.txt.abcdefgh.partial.b.c", "a.txt.abcdefgh.partial.txt", ".a.txt.ABCDEFGH.partial")
    for name in users:
        (tmp_path / name).write_text("the user's")
    killed(tmp_path / "b.txt")
    other = set(names(tmp_path)) - set(users)
    assert len(other) == 1
    alive = writer(path)
    held = set(names(tmp_path)) - set(users) - other
    killed(path)
    assert len(names(tmp_path)) == len(users) + 3
    write_text(path, "whole")
    assert set(names(tmp_path)) == {"a.txt", *users, *other, *held}
    alive.kill()
    alive.communicate()
    write_text(path, "whole")
    assert set(names(tmp_path)) == {"a.txt", *users, *other}


def test_what_killed_jobs_left_is_cleared_from_a_whole_tree(tmp_path):
    for name in ("a/one.txt", "a/b/two.parquet", "data/.complete.json"):
        killed(tmp_path / name)
    alive = writer(tmp_path / "a" / "three.txt")
    (held,) = (tmp_path / "a").glob(".three*")
    stale = {path for path in tmp_path.rglob(".*.partial*") if path != held}
    assert len(stale) == 3
    # An unpacked dataset is not walked through, whatever its files are called.
    write_text(tmp_path / "data" / ".complete.json", "{}")
    inside = tmp_path / "data" / "images" / ".x.abcdefgh.partial.jpg"
    inside.parent.mkdir()
    inside.write_text("an image")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    os.mkfifo(tmp_path / ".pipe.abcdefgh.partial")
    (tmp_path / ".link.abcdefgh.partial").symlink_to(held)
    assert clear_stale(tmp_path) == sorted(path for path in stale if path.parent.name != "data")
    assert held.exists() and inside.exists() and (tmp_path / ".link.abcdefgh.partial").is_symlink()
    assert clear_stale(tmp_path) == []
    assert clear_stale(tmp_path / "missing") == []
    alive.kill()
    alive.communicate()
    assert clear_stale(tmp_path) == [held]


def test_where_there_are_no_locks_nothing_is_removed_and_all_is_written(tmp_path, monkeypatch):
    killed(tmp_path / "a.txt")
    before = names(tmp_path)

    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert clear_stale(tmp_path) == []
    write_text(tmp_path / "a.txt", "whole")
    assert names(tmp_path) == sorted([*before, "a.txt"])


def test_a_temporary_file_taken_for_left_over_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    """Another job's clearing can come between the making of the file and its lock."""
    flock, cleared = fcntl.flock, []

    def late(handle, how):
        if not cleared:
            cleared.append(True)
            monkeypatch.setattr(fcntl, "flock", flock)
            assert len(clear_stale(tmp_path)) == 1
        flock(handle, how)

    monkeypatch.setattr(fcntl, "flock", late)
    write_text(tmp_path / "a.txt", "whole")
    assert cleared
    assert names(tmp_path) == ["a.txt"]


def test_a_full_disk_is_named_with_the_file_what_it_has_come_to_and_what_is_free(tmp_path):
    def write(count, **facts):
        with atomic_path(tmp_path / "a.bin", **facts) as temporary:
            temporary.write_bytes(bytes(count))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(AtlasError, match=r"/a\.bin: the disk is full \(at 1\.5 kB of 2\.0 MB, .* are free\); free space there"):
        write(1500, size=2_000_000)
    with pytest.raises(AtlasError, match=r"/a\.bin: the disk is full \(at 2\.5 kB, .* are free\)"):
        write(2500)
    assert names(tmp_path) == []


def test_the_full_disk_of_another_file_keeps_its_own_name(tmp_path):
    def write():
        with atomic_path(tmp_path / "r" / "a.bin"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/elsewhere/spill")

    with pytest.raises(OSError, match="'/elsewhere/spill'") as caught:
        write()
    assert not isinstance(caught.value, AtlasError)


def test_a_limit_of_file_sizes_is_named(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
        with pytest.raises(AtlasError, match=r"a\.bin: File too large .*'ulimit -f' shows \(at 10\.0 kB of 80\.\d kB\); raise"):
            write_arrays(tmp_path / "a.bin", {"x": np.zeros(10_000)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names(tmp_path) == []


SMALL_DISK = """
mount -t tmpfs -o size=64k none "$1" && "$2" -c '
import sys
import numpy as np
from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.errors import run_command
run_command(lambda: write_arrays(sys.argv[1] + "/a.bin", {"x": np.zeros(100_000)}, {}))
' "$1"; echo "status $?"; ls -A "$1"
"""


def test_a_disk_that_is_really_full(tmp_path):
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("no private mounts for this user")
    command = ["unshare", "-rm", "sh", "-c", SMALL_DISK, "sh", str(tmp_path), sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    said = r"error: .*/a\.bin: the disk is full \(at \d.* of 800\.1 kB, 0 bytes are free\); free space there, .* again\n"
    assert re.fullmatch(said, done.stderr)
    assert done.stdout.split() == ["status", "1"]
