"""The tables of docs/ and the README say what registries and studies say.

To correct the tables of models and datasets, replace their rows by those that the failure prints. docs/figures.md is written
by the command list_figures.
"""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from workflow_scripts.list_figures import page
from workflow_scripts.studies.found import find_study, study_names

ROOT = Path(__file__).resolve().parents[1]
STUDIES = ("thesis", "local", "tokens", "segmentation", "registers")
ACCESS = {"open": "open", "login": "login", "request": "form"}
TRUTH = {
    "label": "labels",
    "object_masks": "objects",
    "part_masks": "parts",
    "video_masks": "objects in videos",
    "keypoint_pairs": "keypoints",
    "tracks": "tracks of boxes",
    "dense_groups": "groups of their classes",
}


def registry(name):
    return yaml.safe_load((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8"))[name]


def line(*cells):
    return f"| {' | '.join(cells)} |"


def size(n_bytes):
    unit, scale = ("GB", 1e9) if n_bytes >= 1e9 else ("MB", 1e6)
    return f"{n_bytes / scale:.3g} {unit}" if n_bytes < 999.5 * scale else f"{n_bytes / scale:.0f} {unit}"


def host(url):
    return f"[{urlsplit(url).hostname}](<{url}>)"


def model_rows():
    """One row per checkpoint of a study."""
    for name, entry in registry("models").items():
        if not entry.get("studies"):
            continue
        source = entry["checkpoint"]["source"]
        url = f"https://huggingface.co/{source['repository']}" if source["type"] == "hub" else source["url"]
        access = "open, with terms" if "terms" in source else "open"
        if source["type"] == "incoming":
            access = f"by hand, as `{source['name']}`"
        yield line(
            f"`{name}`{' †' * bool(entry.get('unverified'))}",
            entry["display_name"],
            *("●" if study in entry["studies"] else "" for study in STUDIES),
            host(url),
            f"{entry['checkpoint']['download_mb']} MB",
            access,
            entry["licence"],
        )


def dataset_rows():
    """One row per folder that is filled from archives: splits and subsets of the same files share it."""
    folders = {}
    for name, entry in registry("datasets").items():
        if entry["source"]["type"] == "archives":
            folders.setdefault(entry["path"], {})[name] = entry
    for entries in folders.values():
        files = next(iter(entries.values()))["source"]["files"]
        known = [file.get("bytes") or file.get("about_bytes") for file in files]
        known = [number for number in known if number]
        more = "" if len(known) == len(files) else " and more" if known else "not published"
        incoming = [f"[{file['name']}](<{file['url']}>)" for file in files if file["access"] != "open"]
        truth = [kind for entry in entries.values() for kind in entry["ground_truth"]]
        dagger = " †" * any("unverified" in entry for entry in entries.values())
        yield line(
            ", ".join(f"`{name}` ({entry['images']:,})" for name, entry in entries.items()) + dagger,
            ", ".join(dict.fromkeys(TRUTH.get(kind, kind.replace("_", " ")) for kind in truth)),
            (size(sum(known)) if known else "") + more,
            ", ".join(dict.fromkeys(ACCESS[file["access"]] for file in files)),
            "; ".join(dict.fromkeys(entry["licence"] for entry in entries.values())),
            ", ".join(incoming) or "none",
        )


def check(name, expected):
    """Compare the rows that begin with an id."""
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    rows = [row for row in text.splitlines() if row.startswith("| `")]
    wanted = "\n".join(expected)
    assert sorted(rows) == sorted(expected), f"docs/{name} differs from the registry; its rows should be:\n{wanted}"


def test_every_checkpoint_of_the_studies_is_in_the_table():
    check("models.md", list(model_rows()))


def test_every_dataset_that_is_fetched_is_in_the_table():
    check("datasets.md", list(dataset_rows()))


def figure_rows(study):
    """One row per figure of a study, in the order of its report."""
    for figure in study.figures:
        yield line(figure.number, f"`results/figures/{study.name}/{figure.name}.pdf`", figure.title)


def test_every_figure_is_in_the_list():
    text = (ROOT / "docs/figures.md").read_text(encoding="utf-8")
    tables = {part.split("\n", 1)[0]: part for part in text.split("\n## ")[1:]}
    studies = [find_study(name) for name in study_names()]
    assert list(tables) == [study.name for study in studies if study.figures]
    for study in studies:
        rows = [row for row in tables.get(study.name, "").splitlines() if row.startswith("| ")][2:]
        assert rows == list(figure_rows(study)), "run `uv run python -m workflow_scripts.list_figures`"


def test_readme_counts_the_figures_of_every_study():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("## Remake one figure")[1].split("\n## ")[0]
    shown = [row for row in section.splitlines() if row.startswith("- ")]
    studies = [find_study(name) for name in study_names()]
    assert shown == [
        f"- {study.title}: [{count} figure{'s' * (count > 1)}](docs/figures.md#{study.name})"
        for study in studies
        if (count := len(study.figures))
    ]


def test_the_command_writes_the_list(tmp_path):
    command = [sys.executable, "-m", "workflow_scripts.list_figures", "--output", str(tmp_path / "figures.md")]
    subprocess.run(command, cwd=ROOT, check=True)
    assert (tmp_path / "figures.md").read_bytes() == (ROOT / "docs/figures.md").read_bytes()


def test_a_title_does_not_break_the_list_s_table():
    study = find_study("thesis")
    figure = replace(study.figures[0], title="P(a | b)", number="")
    none = replace(study, name="none", figures=())
    rows = page([none, replace(study, figures=(figure,), reference={"short": "A. Author 2020"})]).split("## ")[1:]
    assert rows == [
        "thesis\n\nHow supervision shapes Vision Transformers (A. Author 2020)\n\n| study's number | figure | what it shows |\n"
        "| --- | --- | --- |\n|  | `results/figures/thesis/overview.pdf` | P(a &#124; b) |\n"
    ]
