"""Jobs run the Python that runs Snakemake."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def jobs_use_this_python() -> None:
    """Put this interpreter's folder first on the PATH that jobs inherit.

    So ``python`` in a rule is the environment that Snakemake was installed in, also where nobody activated it. A conda
    environment of a rule still goes first, because it is activated later.
    """
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
