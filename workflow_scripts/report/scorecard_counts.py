"""How many published numbers a run matches, by study: what the first page says of the scorecard."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workflow_scripts.common.errors import made_here
from workflow_scripts.studies.scorecard import VERDICTS


@dataclass(frozen=True)
class Counts:
    """Published numbers of a study by verdict, in the order of `VERDICTS`, without those that none has."""

    by_verdict: dict[str, int]

    @property
    def total(self) -> int:
        """Return how many numbers the study published."""
        return sum(self.by_verdict.values())


def read_counts(path: Path) -> dict[str, Counts]:
    """Return the counts of each study in a scorecard.

    Raises:
        AtlasError: the file is no scorecard.
    """
    try:
        card = pd.read_parquet(path, columns=["study", "verdict"])
    except (OSError, ValueError, KeyError) as error:  # pyarrow's errors are of these
        raise made_here(path, "a scorecard", error) from None
    if unknown := set(card["verdict"]) - set(VERDICTS):
        raise made_here(path, "a scorecard", f"it has the verdict '{min(map(str, unknown))}'")
    counts = card.groupby("study", sort=False)["verdict"].value_counts()
    return {
        str(study): Counts({verdict: int(counts[study][verdict]) for verdict in VERDICTS if verdict in counts[study]})
        for study in dict.fromkeys(card["study"])
    }
