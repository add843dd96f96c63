"""What every figure of the atlas is called, says and should show. Pure data: importing it draws nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workflow_scripts.common.errors import AtlasError, nearest

_SCALED = "Every map is scaled to its own range, so brightness compares places within a map, not maps with each other."
_ALIGNED = (
    "Each map is the average of the attention of all patch tokens over all images, shifted so that the attending "
    "token lies at the centre: what is right of the centre is attention to tokens on the right."
)


@dataclass(frozen=True)
class FigureEntry:
    """One figure of a study.

    Attributes:
        study: the study it belongs to; with `name` also the module that draws it, ``figures.<study>.<name>``.
        name: file name without suffix.
        title: a few words.
        caption: what is drawn and how to read it.
        expected: what the study found, for the reader to compare with what is drawn.
        inputs: what it is drawn from: the models' "tables", their attention "maps", or "both".
    """

    study: str
    name: str
    title: str
    caption: str
    expected: str
    inputs: Literal["tables", "maps", "both"]

    @property
    def key(self) -> str:
        """Return ``study/name``, as commands and file paths spell it."""
        return f"{self.study}/{self.name}"

    @property
    def module(self) -> str:
        """Return the dotted name of the module that draws the figure."""
        return f"workflow_scripts.figures.{self.study}.{self.name}"

    @property
    def needs_tables(self) -> bool:
        """Return whether the figure reads the models' tables."""
        return self.inputs in ("tables", "both")

    @property
    def needs_maps(self) -> bool:
        """Return whether the figure reads the models' attention maps."""
        return self.inputs in ("maps", "both")


FIGURES = (
    FigureEntry(
        study="thesis",
        name="average_cls_attention",
        title="Average attention of the CLS token, three heads per layer",
        caption=(
            "CLS attention over the patch grid, averaged over all images. Rows are layers. Of each layer three heads "
            "are shown, chosen by how concentrated their average map is (its entropy): from left to right the least "
            f"concentrated, the median and the most concentrated head. {_SCALED}"
        ),
        expected=(
            "In the middle and last layers contrastive models show centred blobs (photographs are object-centred), "
            "reconstruction models a variety of patterns, and models trained with labels or captions a few isolated "
            "positions repeated over heads and layers."
        ),
        inputs="maps",
    ),
    FigureEntry(
        study="thesis",
        name="average_cls_attention_all",
        title="Average attention of the CLS token, every head of every layer",
        caption=(
            "CLS attention over the patch grid, averaged over all images, for every layer (rows) and head (columns) "
            f"of every model. {_SCALED}"
        ),
        expected=(
            "Sparse repeating patterns fill the middle and last layers of models trained with labels or captions, "
            "less so where the patch grid is small; contrastive models keep centred blobs."
        ),
        inputs="maps",
    ),
    FigureEntry(
        study="thesis",
        name="single_image_cls_attention",
        title="Attention of the CLS token on single images",
        caption=(
            "CLS attention of every layer (rows) and head (columns) for two images, each shown at the start of its "
            f"block. {_SCALED}"
        ),
        expected=(
            "Models trained with labels or captions attend to a few arbitrary positions, the same across heads and "
            "layers but different for the two images; the self-supervised models follow what is in the image."
        ),
        inputs="maps",
    ),
    FigureEntry(
        study="thesis",
        name="last_layer_cls_attention",
        title="Attention of the CLS token in the last layer",
        caption=(
            "First head of the last layer: CLS attention for ten images (left column), and in the last row the "
            f"average over all images. {_SCALED}"
        ),
        expected=(
            "Contrastive and masked-autoencoder models outline the object. BEiT-like models do not: their last layers "
            "act as the decoder. Label and caption supervision gives isolated bright positions."
        ),
        inputs="maps",
    ),
    FigureEntry(
        study="thesis",
        name="aligned_attention",
        title="Kinds of attention heads, one example each",
        caption=(
            f"{_ALIGNED} Rows are kinds of heads, columns models; [layer, head] names the example, which is the head "
            "with the median attention distance of its kind, or the largest offset among the offset heads. Red lines "
            'mark the attending token\'s row and column. "none": the model has no such head.'
        ),
        expected=(
            "Local attention takes several forms: strict (own position), soft (neighbourhood), axial (along a row or "
            "column) and offset (a neighbour in one direction). Offset heads exist in every trained model."
        ),
        inputs="both",
    ),
    FigureEntry(
        study="thesis",
        name="aligned_attention_all",
        title="Aligned attention of every head of every layer",
        caption=f"{_ALIGNED} Rows are layers, columns heads. {_SCALED}",
        expected=(
            "A great variety of local heads. Offset heads sit in the first layers of models trained with labels, "
            "captions or contrast, and also deeper in reconstruction models."
        ),
        inputs="maps",
    ),
    FigureEntry(
        study="thesis",
        name="offset_heads",
        title="The strongest offset local head of every model",
        caption=(
            f"{_ALIGNED} Of each model the offset local head whose centre of attention lies farthest from the "
            "attending token, with its [layer, head] and offset (share of the longer grid side; right and down are "
            "positive). Red lines mark the attending token's row and column."
        ),
        expected="Every trained model has at least one offset local head; some are offset along a diagonal.",
        inputs="both",
    ),
    FigureEntry(
        study="thesis",
        name="attention_distance",
        title="Average attention distance",
        caption=(
            "Mean distance from a patch token to the tokens it attends to, weighted by attention; the longer side of "
            "the patch grid has length 1. Left: every head, by layer. Right: mean over heads, with a 95 % interval "
            "over images. Grey: models without training; dotted: attention drawn at random."
        ),
        expected=(
            "Most layers mix local and global heads. Distances fall towards layers 3 to 6 of 12 and then rise again "
            "for label, caption and contrastive supervision, but stay low and diverse for reconstruction."
        ),
        inputs="tables",
    ),
    FigureEntry(
        study="thesis",
        name="attention_distance_by_supervision",
        title="Average attention distance by kind of supervision",
        caption=(
            "Mean attention distance per layer, one panel per kind of supervision, with a 95 % interval over images. "
            "The longer side of the patch grid has length 1, so different grids compare. Grey and dotted lines, the "
            "same in every panel: models without training and random attention."
        ),
        expected=(
            "Models of one kind of supervision follow one course, whatever their size and patch: high, low, high "
            "again with labels, captions or contrast; low in the last layers with reconstruction."
        ),
        inputs="tables",
    ),
    FigureEntry(
        study="thesis",
        name="mask_iou",
        title="Overlap of attention with object masks",
        caption=(
            "Intersection over union between the ground-truth masks and the patches that hold 60 % of a head's "
            "attention, for the CLS token (left) and the sum over patch tokens (right). The best head is chosen per "
            "image and layer, then images are averaged: this favours models with many heads, chance included. Bands: "
            "95 % interval over images."
        ),
        expected=(
            "All models level off early (layers 3 to 6 of 12). The overlap then falls in the middle of models trained "
            "with labels or captions, while self-supervised models keep it."
        ),
        inputs="tables",
    ),
    FigureEntry(
        study="thesis",
        name="head_kinds",
        title="Share of head kinds by layer",
        caption=(
            "Share of each layer's heads that is of each kind, by the written rules of the atlas (the study named the "
            "kinds by eye). The four local kinds are at the bottom."
        ),
        expected=(
            "Local kinds in the first layers and, for reconstruction models, in later ones too; sparse repeating "
            "heads from the middle on in models trained with labels or captions."
        ),
        inputs="tables",
    ),
)


def figure(study: str, name: str) -> FigureEntry:
    """Return the figure called `name` of `study`.

    Raises:
        AtlasError: there is no such figure; the message suggests the nearest.
    """
    for entry in FIGURES:
        if (entry.study, entry.name) == (study, name):
            return entry
    known = [entry.key for entry in FIGURES]
    raise AtlasError(f"no figure '{study}/{name}'{nearest(f'{study}/{name}', known)}")
