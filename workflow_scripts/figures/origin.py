"""Where a figure comes from, written into its files: one that is found in a slide deck can be traced and made again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Origin:
    """What a figure's files say of it; without dates, so that the same input gives the same bytes.

    Attributes:
        figure: study/name.
        commit: of the code.
        command: that makes it again.
        data: digest of the files that it is drawn from.
    """

    figure: str
    commit: str
    command: str
    data: str

    @property
    def study(self) -> str:
        """Return the study's name."""
        return self.figure.partition("/")[0]

    def pdf(self) -> dict[str, str]:
        """Return the entries of a PDF's document information."""
        said = {"commit": self.commit, "data": self.data}
        return {
            "Title": f"ViT Atlas figure {self.figure}",
            "Subject": f"study {self.study}; made by: {self.command}",
            "Keywords": "; ".join(f"{key} {value}" for key, value in said.items()),
        }

    def png(self) -> dict[str, str]:
        """Return the text chunks of a PNG."""
        own = {"Study": self.study, "Commit": self.commit, "Command": self.command, "Data": self.data}
        return {"Title": f"ViT Atlas figure {self.figure}", **own}


def digest(files: Iterable[Path]) -> str:
    """Return the SHA-256 of the contents of files, whatever their names and places; their order counts."""
    whole = hashlib.sha256()
    for path in files:
        with Path(path).open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return f"sha256:{whole.hexdigest()}"
