"""Reading what a figure is drawn from: files are merged, put in order, and refused by name."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.figures.synthetic import RANDOM, SMALL, save_table
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.table import read_table
from workflow_scripts.figures import read

ORDER = [shape.id for shape in SMALL]


def test_analyses_of_a_model_are_merged(small_files):
    knn, retrieval = small_files.tables["knn"][0], small_files.tables["retrieval"][0]
    models = small_files.run_models(["fs_b16", "clip_b16"])
    table = read.load(models, [knn, small_files.tables["knn"][1], retrieval, small_files.tables["retrieval"][1]]).tables[0]
    assert dict(table.files) == {"knn": knn, "retrieval": retrieval}
    assert len(table.frame) == len(pd.read_parquet(knn)) + len(pd.read_parquet(retrieval))


def test_names_and_families_come_from_the_description_of_the_run(small_files):
    """Tables, maps and comparisons carry ids alone: a name that is mended draws figures again and measures nothing."""
    text = small_files.models.read_text()
    for path in (*(path for paths in small_files.tables.values() for path in paths), *small_files.maps, small_files.cka):
        assert b"DINO B/16" not in path.read_bytes()
    assert "DINO B/16" in text
    dino = small_files.run_models()[2]
    assert (dino.display_name, dino.supervision, dino.layers, dino.random) == ("DINO B/16", "contrastive", 6, False)
    assert small_files.run_models()[4].random


def test_everything_is_in_the_order_of_the_models(small_files):
    order = [RANDOM.id, *ORDER[::-1]]
    tables, maps = small_files.tables["knn"], {"attention": small_files.maps}
    data = read.load(small_files.run_models(order), tables, maps, {"cka": small_files.cka})
    assert [model.id for model in data.models] == order
    assert [table.model.id for table in data.tables] == order
    assert [item.model.id for item in data.maps["attention"]] == order[1:]  # the baseline has none of its own
    assert [model.id for model in data.pairs["cka"].models] == order


def test_maps_and_comparisons_are_by_analysis(small_files):
    models = small_files.run_models()
    data = read.load(models, maps={"one": small_files.maps, "other": small_files.maps[:4]}, pairs={"cka": small_files.cka})
    assert {analysis: len(items) for analysis, items in data.maps.items()} == {"one": 4, "other": 4}
    assert list(data.pairs) == ["cka"]
    assert data.tables == ()
    without = data.without_random()
    assert [model.id for model in without.models] == [model.id for model in without.pairs["cka"].models] == ORDER


def test_the_baseline_may_be_left_out_of_the_comparison(small_files, tmp_path):
    frame = read_table(small_files.cka)
    path = save_table(tmp_path / "cka.parquet", frame[frame["other_model"] != RANDOM.id])
    assert [model.id for model in read.read_pairs(path, small_files.run_models()).models] == ORDER


def test_a_model_that_is_not_compared_is_named(small_files, tmp_path):
    frame = read_table(small_files.cka)
    frame = frame[(frame["model"] != "dino_b16") & (frame["other_model"] != "dino_b16")]
    path = save_table(tmp_path / "cka.parquet", frame.replace({"clip_b16": "dino_b8"}))
    with pytest.raises(AtlasError, match=r"cka\.parquet: model 'dino_b16' is not compared; did you mean 'dino_b8'"):
        read.read_pairs(path, small_files.run_models(["fs_b16", "dino_b16"]))


def test_files_and_the_models_asked_for_must_agree(small_files):
    tables, maps = small_files.tables["attention"], small_files.maps
    with pytest.raises(AtlasError, match=r"clip_b16\.parquet: model 'clip_b16' is not in --models"):
        read.load(small_files.run_models(["fs_b16"]), tables[:2])
    with pytest.raises(AtlasError, match=r"clip_b16\.safetensors: model 'clip_b16' is not in --models"):
        read.load(small_files.run_models(["fs_b16"]), maps={"attention": maps[:2]})
    with pytest.raises(AtlasError, match="no table of model 'dino_b16' among the files given, but it is in --models"):
        read.load(small_files.run_models(ORDER[:3]), tables[:2])
    with pytest.raises(AtlasError, match="no maps of model 'clip_b16' among the files given"):
        read.load(small_files.run_models(ORDER[:2]), tables[:2], {"attention": maps[:1]})


def test_refusals_name_the_file(small_files, tmp_path):
    tables, maps = small_files.tables["attention"], small_files.maps
    models, first = small_files.run_models(), small_files.run_models(["fs_b16"])
    with pytest.raises(AtlasError, match=r"analysis 'attention' of model 'fs_b16' is also in .*; give it once"):
        read.load(first, [tables[0], small_files.tables["knn"][0], tables[0]])
    with pytest.raises(AtlasError, match="the maps of 'fs_b16' are also in"):
        read.load(first, maps={"attention": [maps[0], maps[0]]})
    both = save_table(tmp_path / "both.parquet", pd.concat(map(read_table, tables[:2])))
    with pytest.raises(AtlasError, match=r"both\.parquet: not the table of one model \(it has 2\)"):
        read.load(models, [both])
    broken = tmp_path / "fs_b16.safetensors"
    broken.write_bytes(maps[0].read_bytes()[:100])
    with pytest.raises(AtlasError, match=r"fs_b16\.safetensors: not the maps of a model"):
        read.load(first, maps={"attention": [broken]})
    with pytest.raises(AtlasError, match=r"gone/fs_b16\.safetensors: not the maps of a model"):
        read.load(first, maps={"attention": [tmp_path / "gone" / "fs_b16.safetensors"]})


def test_maps_say_what_they_lack(small_files, tmp_path):
    from safetensors.numpy import load_file

    from workflow_scripts.common.arrays import write_arrays

    arrays = load_file(small_files.maps[0])
    write_arrays(tmp_path / "fs_b16.safetensors", arrays, {"rows": "8", "cols": "9", "n_prefix": "1"})
    models = {model.id: model for model in small_files.run_models()}
    maps = read.read_maps_header(tmp_path / "fs_b16.safetensors", models)
    with pytest.raises(AtlasError, match=r"fs_b16\.safetensors: its metadata do not say n_images"):
        _ = maps.n_images
    with pytest.raises(AtlasError, match="no array 'average_clss'; did you mean 'average_cls'"):
        maps.array("average_clss")
    with pytest.raises(AtlasError, match="'average_cls' has 65 tokens, but 1 prefix tokens and 8 x 9 patch tokens make 73"):
        maps.on_grid("average_cls")
