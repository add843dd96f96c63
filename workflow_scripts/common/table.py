"""The table contract: tidy parquet, one number a row, with the facts of its making in the file's metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.common.atomic import atomic_path
from workflow_scripts.common.errors import AtlasError, made_here
from workflow_scripts.common.study import Score

COLUMNS = {
    "study": "string",
    "analysis": "string",
    "dataset": "string",
    "model": "string",
    "layer": "Int64",
    "facet": "string",
    "head": "string",
    "metric": "string",
    "setting": "string",
    "value": "float64",
    "n": "Int64",
    "ci_low": "float64",
    "ci_high": "float64",
    "unit": "string",
    "higher_is_better": "boolean",
    # Only where two representations are compared: the second one.
    "other_model": "string",
    "other_layer": "Int64",
    "other_facet": "string",
}
METADATA_KEY = b"vit_atlas"


def make_table(rows: list[dict[str, Any]], **constant: Any) -> pd.DataFrame:
    """Return a table of `rows`, with `constant` columns added to each; columns that a row leaves out are empty.

    Raises:
        AtlasError: a row has a column that the contract does not have.
    """
    frame = pd.DataFrame([{**constant, **row} for row in rows], columns=None if rows else list(COLUMNS))
    unknown = set(frame.columns) - set(COLUMNS)
    if unknown:
        raise AtlasError(f"table columns {sorted(unknown)} are not in the table contract ({', '.join(COLUMNS)})")
    for column in ("ci_low", "ci_high"):
        if column not in frame:
            frame[column] = np.nan
    for column in COLUMNS:
        if column not in frame:
            frame[column] = "" if COLUMNS[column] == "string" else pd.NA
    return frame[list(COLUMNS)].astype(COLUMNS)


def write_table(path: str | Path, table: pd.DataFrame, metadata: dict[str, Any]) -> None:
    """Write a table to parquet, whole or not at all; `metadata` goes into the file as JSON."""
    arrow = pa.Table.from_pandas(table[list(COLUMNS)], preserve_index=False)
    arrow = arrow.replace_schema_metadata({METADATA_KEY: json.dumps(metadata, sort_keys=True).encode()})
    with atomic_path(path) as temporary:
        pq.write_table(arrow, temporary)


def read_table(path: str | Path) -> pd.DataFrame:
    """Return the table at `path`.

    Raises:
        AtlasError: the file is not a table of this project.
    """
    return _read(path).to_pandas().astype(COLUMNS)


def read_table_metadata(path: str | Path) -> dict[str, Any]:
    """Return the metadata of the table at `path`."""
    return json.loads(_read(path).schema.metadata[METADATA_KEY])


def of_score(table: pd.DataFrame, score: Score) -> pd.DataFrame:
    """Return the rows of `score` in a table of scores or of best layers."""
    keys = {"facet": score.facet, "metric": score.metric, "setting": score.setting}
    return table[(table[list(keys)] == pd.Series(keys)).all(axis=1)]


def _read(path: str | Path) -> pa.Table:
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, FileNotFoundError) as error:
        raise made_here(path, "a readable table", error) from None
    if set(table.column_names) != set(COLUMNS) or METADATA_KEY not in (table.schema.metadata or {}):
        raise made_here(path, "a table of this project", f"its columns are {', '.join(table.column_names)}")
    return table
