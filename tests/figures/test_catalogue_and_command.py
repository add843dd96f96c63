"""The catalogue, what the command accepts, and that the same input gives the same bytes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from tests.figures.synthetic import SMALL, save_table, write_maps, write_model_table
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.figures import catalogue, read
from workflow_scripts.figures.save import draw, save_drawn

FIGURES_FOLDER = Path(catalogue.__file__).parent


def test_every_entry_has_a_module_and_every_module_an_entry():
    modules = {f"thesis/{path.stem}" for path in (FIGURES_FOLDER / "thesis").glob("*.py")} - {"thesis/__init__"}
    assert modules == {entry.key for entry in catalogue.FIGURES}
    assert len({entry.key for entry in catalogue.FIGURES}) == len(catalogue.FIGURES)


ANALYSES = {"attention", "clustering", "knn", "retrieval", "video", "keypoints", "residual"}


def test_every_figure_of_the_study_is_there_once():
    """2.1 to 2.31, a range such as 2.11-2.12 standing for all of it."""
    found = []
    for entry in catalogue.FIGURES:
        ends = [int(number.removeprefix("2.")) for number in entry.number.split("-")] if entry.number else []
        found += range(ends[0], ends[-1] + 1) if ends else []
    assert sorted(found) == list(range(1, 32))


def test_sections_stand_together_in_the_order_of_the_study():
    sections = [entry.section for entry in catalogue.FIGURES]
    assert list(dict.fromkeys(sections)) == ["Overview", "Attention", "Features", "Downstream tasks"]
    assert sections == sorted(sections, key=["Overview", "Attention", "Features", "Downstream tasks"].index)


def test_every_figure_reads_something_that_exists():
    for entry in catalogue.FIGURES:
        assert entry.analyses or entry.maps or entry.cka
        assert set(entry.analyses) <= ANALYSES
    assert set().union(*(entry.analyses for entry in catalogue.FIGURES)) == ANALYSES


def test_readme_lists_every_figure():
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    table = text.split("## Remake one figure")[1].split("##")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert rows == [f"| `results/figures/{entry.key}.pdf` | {entry.number} | {entry.title} |" for entry in catalogue.FIGURES]


def test_texts_are_whole_sentences():
    for entry in catalogue.FIGURES:
        assert not entry.title.endswith(".")
        for text in (entry.caption, entry.expected):
            assert text.endswith((".", '"'))
            assert "  " not in text
            assert "{" not in text


def test_wrong_name_suggests_the_nearest():
    with pytest.raises(AtlasError, match="no figure 'thesis/atention_distance'; did you mean 'thesis/attention_distance'"):
        catalogue.figure("thesis", "atention_distance")


def test_catalogue_is_data_and_no_figure_imports_torch():
    script = (
        "import sys, importlib; from workflow_scripts.figures import catalogue;"
        "assert 'matplotlib' not in sys.modules and 'pandas' not in sys.modules;"
        "[importlib.import_module(entry.module) for entry in catalogue.FIGURES];"
        "import workflow_scripts.write_report, workflow_scripts.draw_contact_sheet, workflow_scripts.draw_figure;"
        "assert 'torch' not in sys.modules"
    )
    made = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr


@pytest.mark.parametrize("name", ["average_cls_attention_all", "overview", "knn_by_supervision", "cka_depth"])
def test_same_input_gives_the_same_bytes(name, small_files, tmp_path):
    entry = catalogue.figure("thesis", name)

    def files(folder):
        paths = [folder / f"x.{suffix}" for suffix in ("pdf", "png", "csv")]
        save_drawn(draw(entry, **small_files.given_to(entry)), *paths)
        return [path.read_bytes() for path in paths]

    first, second = files(tmp_path / "a"), files(tmp_path / "b")
    assert first == second
    assert b"CreationDate" not in first[0]
    assert b"Software" not in first[1]


def test_png_is_readable_and_not_wider_than_2500_pixels(small_files, tmp_path):
    from PIL import Image

    paths = [tmp_path / f"x.{suffix}" for suffix in ("pdf", "png", "csv")]
    save_drawn(draw(catalogue.figure("thesis", "head_kinds"), small_files.tables["attention"]), *paths)
    with Image.open(paths[1]) as image:
        assert 1500 < image.width <= 2500


def run(*arguments):
    command = [sys.executable, "-m", "workflow_scripts.draw_figure", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_command_draws_and_leaves_nothing_else(small_files, tmp_path):
    out = [f"--{suffix}={tmp_path / 'out' / f'x.{suffix}'}" for suffix in ("pdf", "png", "csv")]
    entry = catalogue.figure("thesis", "overview")
    given = small_files.given_to(entry)
    order = ["clip_b16", "fs_b16", "dino_b16", "untrained", "random_baseline"]
    done = run(
        "thesis/overview",
        "--tables",
        *given["tables"],
        "--maps",
        *given["maps"],
        "--cka",
        given["cka"],
        "--models",
        *order,
        *out,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["x.csv", "x.pdf", "x.png"]


def test_command_says_in_one_line_which_metric_is_missing(tmp_path):
    path = write_model_table(tmp_path, SMALL[0], "attention")
    frame = pd.read_parquet(path)
    save_table(path, frame[frame["metric"] != "attention_distance"], SMALL[0])
    done = run("thesis/attention_distance", "--tables", path, *(f"--{s}={tmp_path / s}" for s in ("pdf", "png", "csv")))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert str(path) in done.stderr
    assert "no metric 'attention_distance'" in done.stderr
    assert not (tmp_path / "pdf").exists()


def test_refusals_name_the_file(small_files, tmp_path):
    tables, maps = small_files.tables["attention"], small_files.maps
    entry = catalogue.figure("thesis", "aligned_attention")
    distance = catalogue.figure("thesis", "attention_distance")
    with pytest.raises(AtlasError, match="is drawn from attention maps: give --maps"):
        draw(entry, tables, [])
    with pytest.raises(AtlasError, match="is drawn from the tables of knn and retrieval: give --tables"):
        draw(catalogue.figure("thesis", "global_tasks"))
    with pytest.raises(AtlasError, match="no table of model 'clip_b16'"):
        draw(entry, tables[:1], maps[:2])
    with pytest.raises(AtlasError, match=r"analysis 'attention' of model 'fs_b16' is also in .*; give it once"):
        draw(distance, [tables[0], small_files.tables["knn"][0], tables[0]], [])
    with pytest.raises(AtlasError, match="the maps of model 'fs_b16' are also in"):
        draw(entry, tables[:1], [maps[0], maps[0]])
    with pytest.raises(AtlasError, match="no model but the random baseline"):
        draw(distance, tables[-1:], [])
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(maps[0].read_bytes()[:100])
    with pytest.raises(AtlasError, match=r"broken\.safetensors"):
        draw(catalogue.figure("thesis", "average_cls_attention"), [], [broken])
    other = write_maps(tmp_path, SMALL[2], n_images=11)
    with pytest.raises(AtlasError, match="single images are not those of"):
        draw(catalogue.figure("thesis", "last_layer_cls_attention"), [], [maps[0], other])


def test_files_and_the_models_asked_for_must_agree(small_files):
    distance = catalogue.figure("thesis", "attention_distance")
    tables = small_files.tables["attention"]
    with pytest.raises(AtlasError, match=r"clip_b16\.parquet: model 'clip_b16' is not in --models"):
        draw(distance, tables[:2], models=["fs_b16"])
    with pytest.raises(AtlasError, match="no table of model 'dino_b16' among the files given, but it is in --models"):
        draw(distance, tables[:2], models=["fs_b16", "clip_b16", "dino_b16"])
    with pytest.raises(AtlasError, match="no maps of model 'clip_b16' among the files given"):
        draw(catalogue.figure("thesis", "offset_heads"), tables[:2], small_files.maps[:1], models=["fs_b16", "clip_b16"])


def test_analyses_of_a_model_are_merged(small_files, tmp_path):
    knn, retrieval = small_files.tables["knn"][0], small_files.tables["retrieval"][0]
    table = read.load([knn, small_files.tables["knn"][1], retrieval]).tables[0]
    assert dict(table.files) == {"knn": knn, "retrieval": retrieval}
    assert len(table.frame) == len(pd.read_parquet(knn)) + len(pd.read_parquet(retrieval))
    renamed = save_table(tmp_path / "fs_b16.parquet", pd.read_parquet(retrieval), replace(SMALL[0], display_name="Other"))
    with pytest.raises(AtlasError, match="names model 'fs_b16' otherwise than"):
        read.load([knn, renamed])
