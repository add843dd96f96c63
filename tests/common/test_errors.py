"""Every failure of a command ends in one line."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workflow_scripts.common.atomic import write_text
from workflow_scripts.common.errors import AtlasError, made_here, run_command

ROOT = Path(__file__).parents[2]


def ending(error, capsys):
    """What a command prints whose main raises `error`."""

    def main():
        raise error

    with pytest.raises(SystemExit) as stopped:
        run_command(main)
    assert stopped.value.code == 1
    return capsys.readouterr().err


class OutOfMemoryError(RuntimeError):
    """Called as PyTorch's own."""


EXPECTED = {
    "the project's": (AtlasError("x.yaml: wrong\n  in two lines"), "x.yaml: wrong in two lines"),
    "full disk": (
        OSError(errno.ENOSPC, "No space left on device", "results/x.parquet"),
        "results/x.parquet: No space left on device; free space there, then run the same command again",
    ),
    "no permission": (
        PermissionError(errno.EACCES, "Permission denied", "r"),
        "r: Permission denied; change its permissions, or name another place, then run the same command again",
    ),
    "no file": (
        FileNotFoundError(errno.ENOENT, "No such file or directory", "x"),
        "x: No such file or directory; correct the path, or put the file there, then run the same command again",
    ),
    "nameless": (
        OSError(errno.EIO, "Input/output error"),
        "Input/output error (the system does not say where: ATLAS_TRACEBACK=1 shows it); see to it, then run the same command "
        "again",
    ),
    "without number": (
        OSError("12 requested and 3 written"),
        "OSError: 12 requested and 3 written (the system does not say where: ATLAS_TRACEBACK=1 shows it); see to it, then run "
        "the same command again",
    ),
    "memory": (
        MemoryError("Unable to allocate 37.3 GiB"),
        "out of memory: MemoryError: Unable to allocate 37.3 GiB; give the job more memory, or set a smaller batch_size or "
        "fewer images",
    ),
    "memory of a GPU": (
        OutOfMemoryError("CUDA out of memory."),
        "out of memory: OutOfMemoryError: CUDA out of memory.; give the job more memory, or set a smaller batch_size or fewer "
        "images",
    ),
}


@pytest.mark.parametrize("case", EXPECTED)
def test_an_expected_failure_is_one_line_and_no_more(case, capsys):
    error, text = EXPECTED[case]
    assert ending(error, capsys) == f"error: {text}\n"


@pytest.mark.parametrize("error", [ZeroDivisionError("division\nby zero"), RecursionError("too deep"), KeyError("x")])
def test_a_defect_keeps_its_traceback_and_ends_in_one_line(error, capsys):
    *before, last = ending(error, capsys).splitlines()
    assert before[0] == "Traceback (most recent call last):"
    said = " ".join(f"{type(error).__name__}: {error}".split())
    assert last == f"error: unexpected {said}; a fault of ViT Atlas: please report it with the lines above"


def test_the_traceback_of_an_expected_failure_is_shown_on_demand(capsys, monkeypatch):
    monkeypatch.setenv("ATLAS_TRACEBACK", "1")
    *before, last = ending(AtlasError("wrong"), capsys).splitlines()
    assert before[0] == "Traceback (most recent call last):"
    assert last == "error: wrong"


def test_an_unwritable_folder_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("a file where a folder should be")
    with pytest.raises(SystemExit):
        run_command(lambda: write_text(tmp_path / "file" / "a.txt", "x"))
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert str(tmp_path / "file") in message


def test_the_line_is_one_write(monkeypatch):
    """Lines of parallel jobs go to one screen: what is written in two pieces can be torn."""
    written = []

    class Screen:
        write = staticmethod(written.append)
        flush = staticmethod(lambda: None)

    monkeypatch.setattr(sys, "stderr", Screen)

    def main():
        raise AtlasError("wrong")

    with pytest.raises(SystemExit):
        run_command(main)
    assert written == ["error: wrong\n"]


def command(body, **options):
    script = f"import sys\nfrom workflow_scripts.common.errors import run_command\ndef main():\n    {body}\nrun_command(main)"
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.PIPE, text=True, **options)


@pytest.mark.parametrize("body", ["print('x')", "print('x' * 100_000)", "print('x', flush=True)"])
def test_a_reader_that_has_ended_is_one_line(body):
    reader, writer = os.pipe()
    os.close(reader)
    done = command(body, stdout=writer)
    os.close(writer)
    assert done.stderr == "error: Broken pipe; whatever reads this output has ended, then run the same command again\n"
    assert done.returncode == 1


def test_a_full_disk_behind_the_output_is_one_line():
    with open("/dev/full", "w") as full:
        done = command("print('x')", stdout=full)
    assert done.stderr == "error: No space left on device; free space there, then run the same command again\n"
    assert done.returncode == 1


def test_a_file_of_the_workflow_s_own_is_said_with_what_to_do():
    error = made_here("r/x.parquet", "a readable table", "r/x.parquet: two\nlines")
    assert str(error) == (
        "r/x.parquet: not a readable table (two lines); delete it and run the same command again, which makes it anew"
    )
    error = made_here("r/x.parquet", "a readable table", FileNotFoundError("r/x.parquet"))
    assert str(error) == "r/x.parquet: there is no such file; ask for it as a target, and the workflow makes it"
