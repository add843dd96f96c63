"""Making a PDF of the LaTeX report, with whichever engine is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from workflow_scripts.common.atomic import atomic_path
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.report.latex.page import SHARED

SOURCE = "report.tex"
HOW_TO_GET = (
    "install tectonic (conda install -c conda-forge tectonic), or latexmk (Debian: apt-get install --no-install-recommends"
    " latexmk lmodern texlive-latex-extra texlive-science), and give the same command again"
)
_ENGINES = {
    "latexmk": ["-pdf", "-interaction=nonstopmode", "-halt-on-error", SOURCE],
    "tectonic": ["--keep-logs", SOURCE],
}
_SAID = re.compile(r"^(?:! |error: )(.+)$", re.MULTILINE)


def make_pdf(folder: Path, output: Path, log: Path | None = None) -> None:
    """Compile the report in `folder` and put its PDF at `output`; what LaTeX leaves beside it is left nowhere.

    Args:
        folder: of the sources.
        output: the PDF.
        log: where LaTeX's own log goes.

    Raises:
        AtlasError: there are no sources, no LaTeX is installed, or it stopped; the message says at what.
    """
    if not (folder / SOURCE).is_file():
        raise AtlasError(f"{folder / SOURCE}: there is no LaTeX report; write it with the rule write_latex")
    engine = next(filter(shutil.which, _ENGINES), None)
    if engine is None:
        raise AtlasError(f"{output}: no LaTeX is installed that could make it; {HOW_TO_GET}; or take {folder} elsewhere")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name) / "latex"
        shutil.copytree(folder, work)
        if (shared := folder.parent / SHARED).is_dir():
            (work.parent / SHARED).symlink_to(shared.resolve())
        done = subprocess.run(
            [engine, *_ENGINES[engine]], cwd=work, capture_output=True, text=True, errors="replace", check=False
        )
        made, said = work / "report.pdf", work / "report.log"
        text = said.read_text(encoding="utf-8", errors="replace") if said.is_file() else ""
        if log:
            log.write_text(text, encoding="utf-8")
        if done.returncode or not made.is_file():
            reason = next(iter(_SAID.findall(text + "\n" + done.stdout + done.stderr)), "it did not say why")
            raise AtlasError(f"{folder / SOURCE}: {engine} stopped: {reason}")
        with atomic_path(output) as path:
            shutil.copyfile(made, path)
