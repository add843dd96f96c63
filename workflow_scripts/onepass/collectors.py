"""The collectors and fits by name: what the studies gather during a pass.

Each stands in a module that is imported only if it is asked for, so that a pass depends on the code of its own statistics
and not on that of all.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass.collector import Collector, PassFacts
from workflow_scripts.onepass.fit import Fit
from workflow_scripts.onepass.names import COLLECTORS, FITS, kind_of


def make_collectors(requests: Mapping[str, Mapping[str, Any]], facts: PassFacts, folder: Path | None = None) -> list[Collector]:
    """Return the collectors that a pass plan asks for.

    Args:
        requests: name of a collector, or of an ask's own (`names.owned`) -> options of the plan (`studies.plan`), as the
            collectors' `options_for` take them.
        facts: of the pass.
        folder: where rows wait that do not fit in memory.

    Raises:
        AtlasError: no collector has that name.
    """
    kinds = {name: collector_class(kind_of(name)) for name in requests}
    return [kind(facts.n_layers, folder, **kind.options_for(requests[name], facts)) for name, kind in kinds.items()]


def collector_class(name: str) -> type[Collector]:
    """Return the collector called `name`.

    Raises:
        AtlasError: no collector has that name.
    """
    if name not in COLLECTORS:
        raise AtlasError(f"collector '{name}' is not known (known: {', '.join(COLLECTORS)})")
    gathered = COLLECTORS[name]
    return getattr(importlib.import_module(f"workflow_scripts.{gathered.module}"), gathered.kind)


def fit_class(name: str) -> type[Fit]:
    """Return the fit called `name`.

    Raises:
        AtlasError: no fit has that name.
    """
    if name not in FITS:
        raise AtlasError(f"fit '{name}' is not known (known: {', '.join(FITS)})")
    return getattr(importlib.import_module(f"workflow_scripts.{FITS[name].module}"), FITS[name].kind)
