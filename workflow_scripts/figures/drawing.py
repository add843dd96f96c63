"""What decides a drawing: what it reads, the scores it shows, and the kit's drawing or the study's module that makes it.

Words about the figure (title, caption) are no part of it: a comma redraws nothing.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflow_scripts.common.study import Figure, Score, Study
from workflow_scripts.figures.by_supervision import draw_by_supervision
from workflow_scripts.figures.curves import Curve, first_measured
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.panels import Panel, draw_panels


@dataclass(frozen=True)
class Drawing:
    """How one figure is drawn.

    Attributes:
        key: study/name.
        tables, maps, pairs: the analyses that it reads.
        module: of the study, below the package; "" if the kit draws it.
        kit: the kit's drawing and what it is given.
        scores: by name.
    """

    key: str
    tables: tuple[str, ...]
    maps: tuple[str, ...]
    pairs: tuple[str, ...]
    module: str
    kit: Mapping[str, Any]
    scores: Mapping[str, Score]

    @classmethod
    def of(cls, study: Study, figure: Figure) -> Drawing:
        """Return how `figure` of `study` is drawn."""
        return cls.from_json(json.loads(study.drawing(figure)))

    @classmethod
    def from_json(cls, described: Mapping[str, Any]) -> Drawing:
        """Return what `Study.drawing` describes."""
        return cls(
            key=described["key"],
            **{kind: tuple(described[kind]) for kind in ("tables", "maps", "pairs")},
            module=described["module"],
            kit=described["draw"],
            scores={name: Score(**score) for name, score in described["scores"].items()},
        )

    def draw(self, data: FigureData) -> Drawn:
        """Draw `data`."""
        if self.module:
            return importlib.import_module(f"workflow_scripts.{self.module}").draw(data)
        if "by_supervision" in self.kit:
            score = self._chosen(data, self.kit["by_supervision"])
            return draw_by_supervision(data, Curve.of(score), score.label)
        shown = data if self.kit.get("random", True) else data.without_random()
        rows = [[self._panel(shown, cell) for cell in row] for row in self.kit["panels"]]
        return draw_panels(shown, rows, self.kit.get("share_y", True), self.kit.get("ratio", False))

    def _panel(self, data: FigureData, cell: str | Sequence[str]) -> Panel:
        score = self._chosen(data, cell)
        return Panel(score.title, Curve.of(score), score.axis or score.label)

    def _chosen(self, data: FigureData, cell: str | Sequence[str]) -> Score:
        """Return the score of a place; of several names the first that was measured."""
        return first_measured(data, [self.scores[name] for name in ([cell] if isinstance(cell, str) else cell)])
