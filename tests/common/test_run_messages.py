"""The command that makes a run again, and the last words of one that failed."""

import shlex
import subprocess
import sys
from pathlib import Path

from workflow_scripts.common.run_messages import command_text, with_targets

ROOT = Path(__file__).resolve().parents[2]


def test_the_command_names_all_files_in_one_option_and_what_config_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = {"models": "a,b", "demo": {"effort": "0.5"}, "seed": 3}
    text = command_text([tmp_path / "my file.yaml", tmp_path / "sub/b.yaml"], config)
    assert shlex.split(text) == [
        *("uv", "run", "snakemake", "--configfile", "my file.yaml", "sub/b.yaml"),
        *("--config", "models=a,b", 'demo={"effort": "0.5"}', "seed=3"),
    ]
    assert command_text([], {}) == "uv run snakemake"
    assert command_text(["/elsewhere/c.yaml"], {}) == "uv run snakemake --configfile /elsewhere/c.yaml"


def test_targets_come_before_everything_that_takes_several_words():
    text = with_targets("uv run snakemake --configfile a.yaml --config b=1", "r/f g.pdf", "--force")
    assert text == "uv run snakemake 'r/f g.pdf' --force --configfile a.yaml --config b=1"


def last_words(*failed):
    code = f"from workflow_scripts.common.run_messages import say_at_exit; say_at_exit({list(failed)!r}); print('end')"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stderr.splitlines()


def test_the_last_words_are_the_job_s(tmp_path):
    (tmp_path / "a.log").write_text("error: first try\nprogress\nerror: x.jpg: cannot be decoded\nmore\n")
    (tmp_path / "b.log").write_text("1 of 3\n2 of 3\n\n")
    logs = [str(tmp_path / f"{name}.log") for name in "abc"]
    assert last_words(*zip(("crop_images", "run_pass", "fetch_model"), logs, strict=True)) == [
        "",
        "A job failed. Mend what it says and give the same command again: it resumes.",
        "error: x.jpg: cannot be decoded",
        f"log: {logs[0]}",
        "error: run_pass: ended without saying why (killed, or out of memory or time?); its last words: 2 of 3",
        f"log: {logs[1]}",
        "error: fetch_model: ended without saying why (killed, or out of memory or time?)",
        f"log: {logs[2]}",
    ]


def test_a_run_stopped_from_outside_blames_no_job():
    assert last_words() == ["", "Stopped before the end. Give the same command again: it resumes."]


def test_of_many_failed_jobs_some_speak(tmp_path):
    said = last_words(*(("run_pass", str(tmp_path / f"{i}.log")) for i in range(9)))
    assert said[2] == "4 more failed beside these:"
    assert len(said) == 3 + 2 * 5
