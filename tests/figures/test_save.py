"""Drawing and saving: what is missing is named, the same input gives the same bytes, and the command does both."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.figures.synthetic import SMALL, save_table, write_maps
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.draw_figure import by_analysis
from workflow_scripts.figures.data import Drawn
from workflow_scripts.figures.save import save_drawn
from workflow_scripts.studies.found import find_study

STUDY = find_study("thesis")  # whose figures are of every kind
SUFFIXES = ("pdf", "png", "csv")


@pytest.mark.parametrize("name", ["average_cls_attention_all", "overview", "knn_by_supervision", "cka_depth"])
def test_same_input_gives_the_same_bytes(name, small_files, tmp_path):
    def files(folder):
        paths = [folder / f"x.{suffix}" for suffix in SUFFIXES]
        save_drawn(small_files.draw(STUDY.figure(name)), *paths)
        return [path.read_bytes() for path in paths]

    first, second = files(tmp_path / "a"), files(tmp_path / "b")
    assert first == second
    assert b"CreationDate" not in first[0]
    assert b"Software" not in first[1]


def test_png_is_readable_and_not_wider_than_2500_pixels(small_files, tmp_path):
    paths = [tmp_path / f"x.{suffix}" for suffix in SUFFIXES]
    save_drawn(small_files.draw(STUDY.figure("head_kinds")), *paths)
    with Image.open(paths[1]) as image:
        assert 1500 < image.width <= 2500


def test_csv_round_trips_table_values(small_files, tmp_path):
    result = small_files.draw(STUDY.figure("attention_distance"))
    save_drawn(result, *(tmp_path / f"x.{suffix}" for suffix in SUFFIXES))
    np.testing.assert_allclose(pd.read_csv(tmp_path / "x.csv")["value"], result.data["value"].to_numpy(float), rtol=1e-7)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_a_name_is_no_formula_in_a_spreadsheet(text, small_files, tmp_path):
    result = small_files.draw(STUDY.figure("attention_distance"))
    named = result.data.assign(display_name=text, value=-result.data["value"], unit=None)
    save_drawn(Drawn(result.figure, named), *(tmp_path / f"x.{suffix}" for suffix in SUFFIXES))
    read = pd.read_csv(tmp_path / "x.csv", keep_default_na=False)
    assert set(read["display_name"]) == {f"'{text}"}
    assert set(read["model"]) == set(result.data["model"])  # other texts stay as they are
    assert set(read["unit"]) == {""}
    np.testing.assert_allclose(read["value"], named["value"].to_numpy(float), rtol=1e-7)  # negative numbers, too


def test_what_a_figure_lacks_is_named(small_files, tmp_path):
    tables, maps = small_files.tables["attention"], small_files.maps
    aligned, distance = STUDY.figure("aligned_attention"), STUDY.figure("attention_distance")
    with pytest.raises(AtlasError, match="'thesis/aligned_attention' is drawn from the maps of attention: give --maps"):
        small_files.draw(aligned, maps={})
    with pytest.raises(AtlasError, match="'thesis/overview' is drawn from the pairs of cka: give --pairs"):
        small_files.draw(STUDY.figure("overview"), pairs={})
    with pytest.raises(AtlasError, match=r"no table of analysis 'knn' of model 'fs_b16' is given \(only .*retrieval"):
        small_files.draw(STUDY.figure("global_tasks"), tables=small_files.tables["retrieval"])
    with pytest.raises(AtlasError, match="no table of model 'fs_b16' among the 0 given; add it to --tables"):
        small_files.draw(aligned, tables=[])
    with pytest.raises(AtlasError, match="'thesis/global_tasks': no model but the random baseline is given"):
        small_files.draw(STUDY.figure("global_tasks"), tables=[])
    with pytest.raises(AtlasError, match="no model but the random baseline"):
        small_files.draw(distance, ["random_baseline"], tables=tables[-1:])
    other = write_maps(tmp_path, SMALL[2], n_images=11)
    with pytest.raises(AtlasError, match="single images are not those of"):
        small_files.draw(STUDY.figure("last_layer_cls_attention"), ["fs_b16", "dino_b16"], maps={"attention": [maps[0], other]})


def run(figure, files, out, *more, **instead):
    """Run the command for `figure`, with the files that the workflow would give it."""
    given = files.given_to(figure) | instead
    command = [sys.executable, "-m", "workflow_scripts.draw_figure", "--drawing", STUDY.drawing(figure)]
    command += ["--run-models", files.models, "--tables", *given["tables"]]
    command += ["--maps", *(f"{analysis}={path}" for analysis, paths in given["maps"].items() for path in paths)]
    command += ["--pairs", *(f"{analysis}={path}" for analysis, path in given["pairs"].items())]
    command += [f"--{suffix}={out / f'x.{suffix}'}" for suffix in SUFFIXES]
    return subprocess.run([*map(str, command), *more], capture_output=True, text=True, check=False)


def test_command_draws_and_leaves_nothing_else(small_files, tmp_path):
    order = ["clip_b16", "fs_b16", "dino_b16", "untrained", "random_baseline"]
    done = run(STUDY.figure("overview"), small_files, tmp_path / "out", "--models", *order)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["x.csv", "x.pdf", "x.png"]
    shown = pd.read_csv(tmp_path / "out" / "x.csv")
    assert list(dict.fromkeys(shown.loc[shown["part"] == "score", "model"])) == order


def test_command_says_in_one_line_which_metric_is_missing(small_files, tmp_path):
    frame = pd.read_parquet(small_files.tables["attention"][0])
    path = save_table(tmp_path / "fs_b16.parquet", frame[frame["metric"] != "attention_distance"])
    figure = STUDY.figure("attention_distance")
    done = run(figure, small_files, tmp_path / "out", "--models", "fs_b16", tables=[path])
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert str(path) in done.stderr
    assert "no metric 'attention_distance'" in done.stderr
    assert not (tmp_path / "out" / "x.pdf").exists()


def test_options_name_the_analysis_of_their_files():
    words = ["cka=a/b.parquet", "other=c=d.parquet", "cka=e"]
    found = {name: [str(path) for path in paths] for name, paths in by_analysis("--pairs", words).items()}
    assert found == {"cka": ["a/b.parquet", "e"], "other": ["c=d.parquet"]}
    with pytest.raises(AtlasError, match=r"--maps a/b\.safetensors: expected ANALYSIS=FILE"):
        by_analysis("--maps", ["a/b.safetensors"])
