"""The catalogue, what the command accepts, and that the same input gives the same bytes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.figures.synthetic import SMALL, write_maps, write_model_table
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.figures import catalogue
from workflow_scripts.figures.save import draw, save_drawn

FIGURES_FOLDER = Path(catalogue.__file__).parent


def test_every_entry_has_a_module_and_every_module_an_entry():
    modules = {f"thesis/{path.stem}" for path in (FIGURES_FOLDER / "thesis").glob("*.py")} - {"thesis/__init__"}
    assert modules == {entry.key for entry in catalogue.FIGURES}
    assert len({entry.key for entry in catalogue.FIGURES}) == len(catalogue.FIGURES)


def test_texts_are_whole_sentences():
    for entry in catalogue.FIGURES:
        assert not entry.title.endswith(".")
        for text in (entry.caption, entry.expected):
            assert text.endswith((".", '"'))
            assert "  " not in text


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


@pytest.mark.parametrize("name", ["attention_distance", "aligned_attention", "average_cls_attention_all", "mask_iou"])
def test_same_input_gives_the_same_bytes(name, small_files, tmp_path):
    def files(folder):
        paths = [folder / f"x.{suffix}" for suffix in ("pdf", "png", "csv")]
        save_drawn(draw(catalogue.figure("thesis", name), *small_files), *paths)
        return [path.read_bytes() for path in paths]

    first, second = files(tmp_path / "a"), files(tmp_path / "b")
    assert first == second
    assert b"CreationDate" not in first[0]
    assert b"Software" not in first[1]


def test_png_is_readable_and_not_wider_than_2500_pixels(small_files, tmp_path):
    from PIL import Image

    paths = [tmp_path / f"x.{suffix}" for suffix in ("pdf", "png", "csv")]
    save_drawn(draw(catalogue.figure("thesis", "head_kinds"), *small_files), *paths)
    with Image.open(paths[1]) as image:
        assert 1500 < image.width <= 2500


def run(*arguments):
    command = [sys.executable, "-m", "workflow_scripts.draw_figure", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_command_draws_and_leaves_nothing_else(small_files, tmp_path):
    out = [f"--{suffix}={tmp_path / 'out' / f'x.{suffix}'}" for suffix in ("pdf", "png", "csv")]
    done = run("thesis/attention_distance", "--tables", *small_files[0], *out)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["x.csv", "x.pdf", "x.png"]


def test_command_says_in_one_line_which_metric_is_missing(tmp_path):
    import pandas as pd

    from tests.figures.synthetic import save_table

    path = write_model_table(tmp_path, SMALL[0])
    frame = pd.read_parquet(path)
    save_table(path, frame[frame["metric"] != "attention_distance"], SMALL[0])
    done = run("thesis/attention_distance", "--tables", path, *(f"--{s}={tmp_path / s}" for s in ("pdf", "png", "csv")))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert str(path) in done.stderr
    assert "no metric 'attention_distance'" in done.stderr
    assert not (tmp_path / "pdf").exists()


def test_refusals_name_the_file(small_files, tmp_path):
    tables, maps = small_files
    entry = catalogue.figure("thesis", "aligned_attention")
    with pytest.raises(AtlasError, match="give --maps"):
        draw(entry, tables, [])
    with pytest.raises(AtlasError, match="no table of model 'clip_b16'"):
        draw(entry, tables[:1], maps[:2])
    with pytest.raises(AtlasError, match="give it once"):
        draw(catalogue.figure("thesis", "attention_distance"), [tables[0], tables[0]], [])
    with pytest.raises(AtlasError, match="no model but the random baseline"):
        draw(catalogue.figure("thesis", "attention_distance"), tables[-1:], [])
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(maps[0].read_bytes()[:100])
    with pytest.raises(AtlasError, match=r"broken\.safetensors"):
        draw(catalogue.figure("thesis", "average_cls_attention"), [], [broken])
    other = write_maps(tmp_path, SMALL[2], n_images=11)
    with pytest.raises(AtlasError, match="single images are not those of"):
        draw(catalogue.figure("thesis", "last_layer_cls_attention"), [], [maps[0], other])
