"""The concepts that each rule of a model finds best, each in the test images where it fits best."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd

from workflow_scripts.figures.absent import draw_absent
from workflow_scripts.figures.data import Drawn, FigureData, ModelMaps
from workflow_scripts.figures.maps import outline
from workflow_scripts.figures.style import model_styles
from workflow_scripts.studies.tokens.decisions import TOKENS
from workflow_scripts.studies.tokens.overlays import over_image
from workflow_scripts.studies.tokens.picture_blocks import Block, PictureLine, picture_blocks
from workflow_scripts.studies.tokens.shown_concepts import KINDS

FEW = 3  # models up to which a model has the page's width to itself


def draw(data: FigureData) -> Drawn:
    """Draw a block per model and rule: the mask decided on in red, the outline of the true one."""
    styles, blocks, truths, rows = model_styles(data.models), [], [], []
    for maps in data.maps["segmentation"]:
        for kind in KINDS:
            best = list(_best(maps, kind))
            if not best:
                continue
            lines, token = [], json.loads(maps.facts[f"best_{kind}"])["facet"]
            for rank, (category, concept, pictures, true, found) in enumerate(best, 1):
                lines.append(PictureLine(f"{concept} ({category})", tuple(pictures)))
                facts = {"model": maps.model.id, "rule": kind, "facet": token, "rank": rank}
                rows += [{**facts, "category": category, "concept": concept, **one} for one in found]
                truths.append(true)
            title = f"{maps.model.display_name}, {kind} of {TOKENS[token]}"
            blocks.append(Block(title, tuple(lines), colour=styles[maps.model.id].text))
    if not blocks:
        return draw_absent("no concept was decided on")
    figure, axes = picture_blocks(blocks, 2 if len(data.maps["segmentation"]) <= FEW else 4)
    for line, true in zip((line for block in axes for line in block), truths, strict=True):
        for column, mask in enumerate(true):
            outline(line, 0, column, mask)
    return Drawn(figure, pd.DataFrame(rows))


def _best(maps: ModelMaps, kind: str) -> Iterator[tuple[str, str, list[np.ndarray], np.ndarray, list[dict]]]:
    """Yield category, concept, pictures, true masks, and image and IoU of each picture, of the concepts kept of a rule."""
    if f"best_{kind}" not in maps.facts:
        return
    described = json.loads(maps.facts[f"best_{kind}"])
    image, truth, mask, iou = (maps.array(f"best_{kind}_{name}") for name in ("image", "truth", "mask", "iou"))
    for place, ((category, concept), ids) in enumerate(zip(described["concepts"], described["image_ids"], strict=True)):
        there = range(len(ids))
        pictures = [over_image(image[place, turn], mask[place, turn]) for turn in there]
        found = [{"image": ids[turn], "iou": float(iou[place, turn])} for turn in there]
        yield category, concept, pictures, truth[place, : len(ids)], found
