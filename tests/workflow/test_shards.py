"""A run whose passes are split: interrupted between shards and resumed, its tables are those of a run without shards."""

import shutil

import pandas as pd
import pytest

from workflow_scripts.common.table import read_table, read_table_metadata

SPLIT = ("--configfile", "small.yaml", "--config", "results=split", "shard_images=40")
TABLES = [f"tables/thesis/{name}/demo_fs.parquet" for name in ("knn", "attention")]


@pytest.fixture
def split(finished):
    """The finished checkout, with a second folder of results for one test."""
    yield finished
    shutil.rmtree(finished.path / "split", ignore_errors=True)


def test_shards_make_the_tables_of_a_whole_run(split):
    first = "split/shards/demo_val/demo_fs/1of2.safetensors"
    split.run(first, config=SPLIT)
    done = split.run(*(f"split/{table}" for table in TABLES), config=SPLIT)
    assert "demo_val through demo_fs, shard 1" not in done.text
    # 48 images in two shards, one of which is there; 96 in three.
    assert [done.text.count(text) for text in ("demo_fs, shard ", "Putting the shards of ")] == [4, 2]
    assert not list((split.path / "split/shards").rglob("*.safetensors"))
    for table in TABLES:
        ours, whole = (split.path / folder / table for folder in ("split", "results"))
        pd.testing.assert_frame_equal(read_table(ours), read_table(whole), rtol=1e-9)
        assert read_table_metadata(ours) == read_table_metadata(whole)
