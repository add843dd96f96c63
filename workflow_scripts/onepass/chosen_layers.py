"""What those collectors share that keep features of some layers alone."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.collector import Collector, PassFacts
from workflow_scripts.onepass.stores import stored_layers


class ChosenLayers(Collector):
    """A collector of some layers; option `layers`: "all" or a list; -1 is the last."""

    def __init__(self, n_layers: int, folder: Path | None = None, **options: Any) -> None:
        super().__init__(len(options["layers"]), folder, **options)

    @classmethod
    def options_for(cls, asked: Mapping[str, Any], facts: PassFacts) -> dict[str, Any]:
        """Resolve the layers."""
        return {**asked, "layers": stored_layers(asked["layers"], facts.n_layers)}

    def update(self, view: LayerView, batch: Batch) -> None:
        """Take in the batch, if the layer is one of the chosen."""
        if view.index in self.options["layers"]:
            self._keep(view, batch, self.options["layers"].index(view.index) + 1)

    @abstractmethod
    def _keep(self, view: LayerView, batch: Batch, place: int) -> None:
        """Take in a chosen layer, the `place`-th of them, from 1."""
