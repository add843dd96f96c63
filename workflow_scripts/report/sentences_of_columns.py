"""What figures show whose numbers are no rows of one metric: said by the kinds of columns that they have."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from workflow_scripts.report.compared import MODEL, Models
from workflow_scripts.report.sentences_of_histograms import of_histograms
from workflow_scripts.report.sentences_of_measures import of_bands, of_correlations, of_measures, of_values
from workflow_scripts.report.sentences_of_pictures import of_classes, of_matrices
from workflow_scripts.report.words import counted, listed

# In order: what is known to be a measure says more than areas of the same pictures.
_KINDS = (of_histograms, of_correlations, of_measures, of_bands, of_classes, of_matrices, of_values)


def of_columns(frame: pd.DataFrame, names: Mapping[str, str], controls: Collection[str] = ()) -> str:
    """Return a sentence of what a frame shows: by the first kind of columns that it has, else how much there is.

    Args:
        frame: a figure's numbers, as in its CSV.
        names: display name by id of the run's models.
        controls: models without training, which are no part of the comparison.
    """
    models = Models(names, controls)
    return next(filter(None, (said(frame, models) for said in _KINDS)), "") or _of_what_there_is(frame, models)


def _of_what_there_is(frame: pd.DataFrame, models: Models) -> str:
    there = [name for name in dict.fromkeys(frame[MODEL]) if name in models.names] if MODEL in frame else []
    whose = counted(len(there), "model") if len(there) > 3 else listed([models.names[model] for model in there])
    parts = [
        counted(int(frame[column].nunique()), column)
        for column in ("image", "concept", "layer")
        if column in frame and frame[column].nunique() > 1
    ]
    return f"Shown of {whose or 'the run'}: {listed(parts) or counted(len(frame), 'number')}."
