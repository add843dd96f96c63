"""Concepts from the best to the worst found, each in the test image with most of it, as both rules of two models see it."""

from __future__ import annotations

import json

import pandas as pd

from workflow_scripts.figures.absent import draw_absent
from workflow_scripts.figures.data import Drawn, FigureData, ModelMaps
from workflow_scripts.figures.maps import check_same_images
from workflow_scripts.studies.tokens.decisions import HYPERPLANE, TOKENS
from workflow_scripts.studies.tokens.measured import Measured
from workflow_scripts.studies.tokens.methods import pair, reference
from workflow_scripts.studies.tokens.overlays import over_image, overlap
from workflow_scripts.studies.tokens.picture_blocks import Block, PictureLine, picture_blocks
from workflow_scripts.studies.tokens.shown_concepts import KINDS, METRIC, rule_of, shared_token, spanning
from workflow_scripts.studies.tokens.token_bars import measured_of

ACROSS = 3  # categories side by side

Concept = tuple[str, str]


def draw(data: FigureData) -> Drawn:
    """Draw a block per category: the image, the true mask, and that of each rule of each of two models."""
    models = pair([maps.model for maps in data.maps["segmentation"]])
    every = {maps.model.id: maps for maps in data.maps["segmentation"]}
    shown = [every[model.id] for model in models]
    measured = {model.id: measured_of(data, model, "segmentation") for model in models}
    tokens = {kind: token for kind in KINDS if (token := shared_token(list(measured.values()), kind))}
    if HYPERPLANE not in tokens:
        return draw_absent("no concept was decided on")
    ids, first = check_same_images(shown), shown[0]
    places = {tuple(concept): place for place, concept in enumerate(json.loads(first.facts["concepts"]))}
    ranked = _scores(measured[reference(models).id], HYPERPLANE, tokens[HYPERPLANE])
    chosen = spanning({concept: score for concept, score in ranked.items() if concept in places})
    seen = [(maps, kind, token) for kind, token in tokens.items() for maps in shown]
    stored = [maps.array(f"largest_{kind}_{token}") for maps, kind, token in seen]
    images, truths = first.array("largest_image"), {maps.model.id: maps.array("largest_truth") for maps in shown}
    blocks, rows = [], []
    for category, concepts in chosen.items():
        lines = []
        for concept in concepts:
            place = places[concept]
            image, pictures = images[place], []
            for (maps, kind, token), masks in zip(seen, stored, strict=True):
                pictures.append(over_image(image, masks[place]))
                own = measured[maps.model.id]
                rows.append(
                    {
                        "model": maps.model.id, "rule": rule_of(own, kind), "facet": token, "category": category,
                        "concept": concept[1], "image": ids[place],
                        "f1": _scores(own, rule_of(own, kind), token).get(concept),
                        "iou_in_image": overlap(truths[maps.model.id][place], masks[place]),
                    }
                )  # fmt: skip
            truth = over_image(image, truths[first.model.id][place])
            lines.append(PictureLine(f"{concept[1]}, {ranked[concept]:.2f}", (image, truth, *pictures)))
        signs = tuple(chr(ord("A") + turn) for turn in range(len(seen)))
        blocks.append(Block(category.capitalize(), tuple(lines), ("image", "truth", *signs)))
    figure, _ = picture_blocks(blocks, min(ACROSS, len(blocks)), _keys(seen))
    return Drawn(figure, pd.DataFrame(rows))


def _scores(measured: Measured, rule: str, token: str) -> dict[Concept, float]:
    rows = measured.concepts(METRIC, token, rule).dropna(subset=["value"])
    return {(row.category, row.concept): row.value for row in rows.itertuples()}


def _keys(seen: list[tuple[ModelMaps, str, str]]) -> list[str]:
    """Return what the signs over the columns stand for, a line for each rule."""
    said: dict[str, list[str]] = {}
    for turn, (maps, kind, token) in enumerate(seen):
        said.setdefault(f"{kind} of {TOKENS[token]}", []).append(f"{chr(ord('A') + turn)} {maps.model.display_name}")
    return [f"{', '.join(models)}: {rule}" for rule, models in said.items()]
