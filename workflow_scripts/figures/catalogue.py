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
_CHANCE = "Grey: models without training. Dotted: chance, from random features."
_REFERENCE = "Grey and dotted lines, the same in every panel: models without training, and chance from random features."
_FAMILY = "One panel per kind of supervision; line style and marker tell models apart."
_UNDEFINED = "Grey cells, if any, are undefined: a representation does not tell the images apart."
_DEPTHS = (
    "Depths are the outputs of the two LayerNorms of each block, all tokens of an image together, in the order in "
    "which the network applies them; the first is at the bottom left. Bright: alike."
)


@dataclass(frozen=True)
class FigureEntry:
    """One figure of a study.

    Attributes:
        study: the study it belongs to; with `name` also the module that draws it, ``figures.<study>.<name>``.
        name: file name without suffix.
        number: the figure's number in the study, "" if the study has no such figure.
        section: the part of the study it belongs to; figures of one section stand together.
        title: a few words.
        caption: what is drawn and how to read it.
        expected: what the study found, for the reader to compare with what is drawn.
        analyses: the analyses whose tables of each model it reads.
        maps: whether it reads the models' attention maps.
        cka: whether it reads the table that compares all models.
        dense: whether it shows nothing but densely extracted features of its analyses, which a run may leave out.
        main: whether it shows only the main models of a run; the study's are its six ViT-B/16.
    """

    study: str
    name: str
    number: str
    section: Literal["Overview", "Attention", "Features", "Downstream tasks"]
    title: str
    caption: str
    expected: str
    analyses: tuple[str, ...] = ()
    maps: bool = False
    cka: bool = False
    dense: bool = False
    main: bool = False

    @property
    def key(self) -> str:
        """Return ``study/name``, as commands and file paths spell it."""
        return f"{self.study}/{self.name}"

    @property
    def module(self) -> str:
        """Return the dotted name of the module that draws the figure."""
        return f"workflow_scripts.figures.{self.study}.{self.name}"


FIGURES = (
    FigureEntry(
        study="thesis",
        name="overview",
        number="2.1",
        section="Overview",
        title="Attention, features and downstream tasks at a glance",
        caption=(
            "Top: CLS attention averaged over all images, of the layer at three quarters of the depth and in it the "
            "head of median concentration ([layer, head]); each map is scaled to its own range. Below, one row per "
            "model. Left: CKA between the CLS tokens of the last layers. Right: each model's best score over layers, "
            "with that layer in brackets, and its 95 % interval as a thin line (over images, queries, videos or "
            "keypoint categories); bars start at 0 and compare within a task. The layer was chosen for its score, so "
            "the interval does not cover that choice. Dotted: chance, from random features."
        ),
        expected=(
            "Average attention differs most in the middle and last layers. CLS tokens of contrastive models resemble "
            "those of models trained with labels or captions, and to some extent those of reconstruction models. No "
            "model and no layer is best at every task."
        ),
        analyses=("knn", "retrieval", "video", "keypoints"),
        maps=True,
        cka=True,
        main=True,
    ),
    FigureEntry(
        study="thesis",
        name="average_cls_attention",
        number="2.2",
        section="Attention",
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
        maps=True,
        main=True,
    ),
    FigureEntry(
        study="thesis",
        name="aligned_attention",
        number="2.3",
        section="Attention",
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
        analyses=("attention",),
        maps=True,
        main=True,
    ),
    FigureEntry(
        study="thesis",
        name="attention_distance",
        number="2.4",
        section="Attention",
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
        analyses=("attention",),
        main=True,
    ),
    FigureEntry(
        study="thesis",
        name="mask_iou",
        number="2.5",
        section="Attention",
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
        analyses=("attention",),
        main=True,
    ),
    FigureEntry(
        study="thesis",
        name="single_image_cls_attention",
        number="2.11-2.12",
        section="Attention",
        title="Attention of the CLS token on single images",
        caption=(
            "CLS attention of every layer (rows) and head (columns) for two images, each shown at the start of its "
            f"block. {_SCALED}"
        ),
        expected=(
            "Models trained with labels or captions attend to a few arbitrary positions, the same across heads and "
            "layers but different for the two images; the self-supervised models follow what is in the image."
        ),
        maps=True,
        main=True,
    ),
    FigureEntry(
        study="thesis",
        name="last_layer_cls_attention",
        number="2.13",
        section="Attention",
        title="Attention of the CLS token in the last layer",
        caption=(
            "First head of the last layer: CLS attention for ten images (left column), and in the last row the "
            f"average over all images. {_SCALED}"
        ),
        expected=(
            "Contrastive and masked-autoencoder models outline the object. BEiT-like models do not: their last layers "
            "act as the decoder. Label and caption supervision gives isolated bright positions."
        ),
        maps=True,
    ),
    FigureEntry(
        study="thesis",
        name="offset_heads",
        number="2.14",
        section="Attention",
        title="The strongest offset local head of every model",
        caption=(
            f"{_ALIGNED} Of each model the offset local head whose centre of attention lies farthest from the "
            "attending token, with its [layer, head] and offset (share of the longer grid side; right and down are "
            "positive). Red lines mark the attending token's row and column."
        ),
        expected="Every trained model has at least one offset local head; some are offset along a diagonal.",
        analyses=("attention",),
        maps=True,
    ),
    FigureEntry(
        study="thesis",
        name="attention_distance_by_supervision",
        number="2.15",
        section="Attention",
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
        analyses=("attention",),
    ),
    FigureEntry(
        study="thesis",
        name="mask_iou_by_supervision",
        number="2.16",
        section="Attention",
        title="Overlap of CLS attention with object masks by kind of supervision",
        caption=(
            "Intersection over union between the ground-truth masks and the patches that hold 60 % of a head's CLS "
            "attention, one panel per kind of supervision. The best head is chosen per image and layer, then images "
            "are averaged: this favours models with many heads. Bands: 95 % interval over images. Grey and dotted "
            "lines, the same in every panel: models without training and random attention."
        ),
        expected=(
            "Whatever their size and patch, all models tell salient foreground apart by the early to middle layers. "
            "Of the models trained with labels or captions, those with patches of 32 pixels show less of the sparse "
            "repeating patterns that lower the overlap."
        ),
        analyses=("attention",),
    ),
    FigureEntry(
        study="thesis",
        name="average_cls_attention_all",
        number="2.17",
        section="Attention",
        title="Average attention of the CLS token, every head of every layer",
        caption=(
            "CLS attention over the patch grid, averaged over all images, for every layer (rows) and head (columns) "
            f"of every model. {_SCALED}"
        ),
        expected=(
            "Sparse repeating patterns fill the middle and last layers of models trained with labels or captions, "
            "less so where the patch grid is small; contrastive models keep centred blobs."
        ),
        maps=True,
    ),
    FigureEntry(
        study="thesis",
        name="aligned_attention_all",
        number="2.18",
        section="Attention",
        title="Aligned attention of every head of every layer",
        caption=f"{_ALIGNED} Rows are layers, columns heads. {_SCALED}",
        expected=(
            "A great variety of local heads. Offset heads sit in the first layers of models trained with labels, "
            "captions or contrast, and also deeper in reconstruction models."
        ),
        maps=True,
    ),
    FigureEntry(
        study="thesis",
        name="head_kinds",
        number="",
        section="Attention",
        title="Share of head kinds by layer",
        caption=(
            "Share of each layer's heads that is of each kind, by the written rules of the atlas (the study named the "
            "kinds by eye). The four local kinds are at the bottom."
        ),
        expected=(
            "Local kinds in the first layers and, for reconstruction models, in later ones too; sparse repeating "
            "heads from the middle on in models trained with labels or captions."
        ),
        analyses=("attention",),
    ),
    FigureEntry(
        study="thesis",
        name="cka_last_layer",
        number="2.6",
        section="Features",
        title="Similarity of the last layers of different models",
        caption=(
            "Centred kernel alignment (CKA) between the outputs of the models' last blocks on the same images: 1 for "
            "the same representation up to rotation and scale, about 0 for unrelated ones. It is computed as the study "
            "did, in minibatches whose Gram matrices are first scaled to [0, 1]. Left: CLS tokens; right: all patch "
            "tokens of an image together. The matrices are symmetric; white lines part kinds of supervision. The CSV "
            f"holds a 95 % interval of each value, over blocks of images. {_UNDEFINED}"
        ),
        expected=(
            "CLS tokens are alike within a kind of supervision, DINO and MoCo most of all; MAE's is as close to DINO "
            "and MoCo as to BEiT's. The patch tokens of the model trained with labels and of that trained with "
            "captions differ; DINO, MoCo and MAE are alike, BEiT less so."
        ),
        cka=True,
        main=True,
    ),
    FigureEntry(
        study="thesis",
        name="clustering_image",
        number="2.7",
        section="Features",
        title="Clusters of images: purity against image labels",
        caption=(
            "k-means clusters of images, from the CLS token (left) and the mean patch token (right) of each layer. "
            "Purity is the share of images whose class is the most frequent one of their cluster. How many clusters "
            f"there are is a setting (the study: one per class). Bands: 95 % interval over images. {_CHANCE}"
        ),
        expected=(
            "Purity grows with depth, except in the last layers of BEiT. Labels give the purest clusters, then "
            "captions, closely followed by contrastive models, whose purity rises earlier; reconstruction models come "
            "last, yet above chance. Mean patch tokens do much the same until the last layers, where most fall behind "
            "the CLS token; with labels they rise earlier than it."
        ),
        analyses=("clustering",),
        main=True,
    ),
    FigureEntry(
        study="thesis",
        name="clustering_local",
        number="2.8",
        section="Features",
        title="Clusters of objects and of parts",
        caption=(
            "k-means clusters of objects (left) and of parts of objects (right). Each is described by the mean of the "
            "patch tokens, weighted by how much of them its mask covers, at each layer, and labelled by its category. "
            "Purity is the share whose category is the most frequent one of their cluster. Bands: 95 % interval over "
            f"images, with all their objects or parts. {_CHANCE} Chance is high where a few categories are frequent."
        ),
        expected=(
            "Objects: models trained with captions or labels are far ahead, then contrastive, then reconstruction "
            "models. Parts: labels lead, contrastive models come close and pass captions, reconstruction models lag "
            "less. Purity is highest some layers before the last, about layers 9 to 11 of 12, and earlier for BEiT."
        ),
        analyses=("clustering",),
        main=True,
    ),
    FigureEntry(
        study="thesis",
        name="clustering_local_dense",
        number="",
        section="Features",
        title="Clusters of objects and of parts, from densely extracted features",
        caption=(
            "As the figure before, but the patch tokens come from images enlarged twice and cut into tiles, which gives "
            "a grid twice as fine. The tiles cover the whole image, not only its central square, and smaller objects "
            "and parts count, so the two figures do not compare the same set. Bands: 95 % interval over images. "
            f"{_CHANCE}"
        ),
        expected=(
            "Not a figure of the study, whose curves use the ordinary grid. It introduces the finer grid for video "
            "segmentation, where it helps every model."
        ),
        analyses=("clustering",),
        dense=True,
        main=True,
    ),
    FigureEntry(
        study="thesis",
        name="cka_last_layer_spatial_variants",
        number="2.19",
        section="Features",
        title="Similarity of the last layers of all models: patch tokens",
        caption=(
            "CKA between the outputs of the last blocks of all models, from all patch tokens of an image together, "
            "grouped by kind of supervision (white lines). Models differ in size, patch and width; CKA compares them on "
            "the same images. Values are printed where the cells are large enough; the CSV holds all of them with 95 % "
            f"intervals over blocks of images. {_UNDEFINED}"
        ),
        expected=(
            "Self-supervised models stay alike when size and patch size change. Models trained with labels or "
            "captions do not do so consistently."
        ),
        cka=True,
    ),
    FigureEntry(
        study="thesis",
        name="cka_last_layer_cls_variants",
        number="2.20",
        section="Features",
        title="Similarity of the last layers of all models: CLS token",
        caption=(
            "CKA between the outputs of the last blocks of all models, from the CLS token, grouped by kind of "
            "supervision (white lines). Models differ in size, patch and width; CKA compares them on the same images. "
            "Values are printed where the cells are large enough; the CSV holds all of them with 95 % intervals over "
            f"blocks of images. {_UNDEFINED}"
        ),
        expected=(
            "The text of the study, as far as it was at hand, says nothing of this figure. If the models of one size are "
            "a guide, CLS tokens are alike within a kind of supervision, the contrastive ones most of all."
        ),
        cka=True,
    ),
    FigureEntry(
        study="thesis",
        name="cka_depth",
        number="2.21",
        section="Features",
        title="Similarity of the depths of each model to each other",
        caption=(
            f"CKA between every two depths of one model. {_DEPTHS} A bright square on the diagonal is a stage in which "
            "little changes; a bright second diagonal, which makes an X, means that late layers return to what early "
            f"layers hold. {_UNDEFINED}"
        ),
        expected=(
            "MAE and BEiT show an X, which suggests an encoder followed by a decoder inside the network. In larger "
            "MAE models the late layers act more like a decoder, although MAE has a separate one."
        ),
        cka=True,
    ),
    FigureEntry(
        study="thesis",
        name="cka_depth_pairs",
        number="2.22",
        section="Features",
        title="Similarity of the depths of different models",
        caption=(
            f"CKA between every depth of one model and every depth of another. {_DEPTHS} In each panel the vertical axis "
            "is the model named at the left, the horizontal axis the model named below; the panels on the diagonal "
            f"compare a model with itself. {_UNDEFINED}"
        ),
        expected=(
            "The X patterns of MAE and BEiT show here too; the text of the study, as far as it was at hand, says no more."
        ),
        cka=True,
        main=True,
    ),
    FigureEntry(
        study="thesis",
        name="residual_ratio",
        number="2.23",
        section="Features",
        title="Skip connections against branches",
        caption=(
            "Norm of what a skip connection carries over the norm of what its branch (attention, first row; MLP, "
            "second row) adds to it, per layer: mean over images of the ratio. High: the layer changes its tokens "
            "little. Columns: for the CLS token, for all patch tokens together, for all tokens. The line marks 1. The "
            "axis is logarithmic where ratios spread widely. Bands: 95 % interval over images."
        ),
        expected="In models trained with labels or captions the way of processing changes in the middle to last layers.",
        analyses=("residual",),
        main=True,
    ),
    FigureEntry(
        study="thesis",
        name="residual_cka",
        number="",
        section="Features",
        title="Similarity of skip connections to branches",
        caption=(
            "CKA between what a skip connection carries (rows, by layer, the first at the bottom) and what a branch "
            "adds (columns, by layer), all tokens of an image together; for attention and for the MLP of each model. "
            "Bright on the diagonal: what the branch adds is like what is there already. Bright right of it: what a "
            f"later branch adds is like what the skip carried earlier. {_UNDEFINED}"
        ),
        expected=(
            "The study's residual connection analysis finds a change in the middle to last layers of models trained "
            "with labels or captions; whether it printed these matrices is not known."
        ),
        cka=True,
        main=True,
    ),
    FigureEntry(
        study="thesis",
        name="clustering_cls_by_supervision",
        number="2.24",
        section="Features",
        title="Clusters of images by kind of supervision: CLS token",
        caption=(
            f"Purity, against image labels, of k-means clusters of the CLS token at each layer. {_FAMILY} Bands: 95 % "
            f"interval over images. {_REFERENCE}"
        ),
        expected="Larger models mostly give purer clusters.",
        analyses=("clustering",),
    ),
    FigureEntry(
        study="thesis",
        name="clustering_spatial_by_supervision",
        number="2.25",
        section="Features",
        title="Clusters of images by kind of supervision: mean patch token",
        caption=(
            f"Purity, against image labels, of k-means clusters of the mean patch token at each layer. {_FAMILY} "
            f"Bands: 95 % interval over images. {_REFERENCE}"
        ),
        expected="Larger models mostly give purer clusters.",
        analyses=("clustering",),
    ),
    FigureEntry(
        study="thesis",
        name="clustering_object_by_supervision",
        number="2.26",
        section="Features",
        title="Clusters of objects by kind of supervision",
        caption=(
            "Purity, against object categories, of k-means clusters of objects, each the mean of the patch tokens "
            f"under its mask, at each layer. {_FAMILY} Bands: 95 % interval over images. {_REFERENCE}"
        ),
        expected="Larger models mostly give purer clusters.",
        analyses=("clustering",),
    ),
    FigureEntry(
        study="thesis",
        name="clustering_part_by_supervision",
        number="2.27",
        section="Features",
        title="Clusters of parts by kind of supervision",
        caption=(
            "Purity, against part categories, of k-means clusters of parts of objects, each the mean of the patch "
            f"tokens under its mask, at each layer. {_FAMILY} Bands: 95 % interval over images. {_REFERENCE}"
        ),
        expected="Larger models mostly give purer clusters; BEiT L/16 is far ahead of BEiT B/16.",
        analyses=("clustering",),
    ),
    FigureEntry(
        study="thesis",
        name="global_tasks",
        number="2.9",
        section="Downstream tasks",
        title="Tasks on whole images: k-NN classification and image retrieval",
        caption=(
            "Scores of the CLS token of each layer, without any training. Left: share of images that the 20 nearest "
            "training images, weighted by similarity, classify correctly; bands: 95 % interval over images. Right: "
            "mean average precision of ranking a database by similarity to a query, medium setting (easy and hard "
            f"positives); bands: 95 % interval over queries. {_CHANCE}"
        ),
        expected=(
            "The last layer is mostly best. Labels lead, captions and DINO follow, then MoCo; MAE and BEiT trail but "
            "beat chance, MAE clearly so in classification. Contrastive models rise earlier; those trained with "
            "labels or captions jump in the last few layers."
        ),
        analyses=("knn", "retrieval"),
        main=True,
    ),
    FigureEntry(
        study="thesis",
        name="local_tasks",
        number="2.10",
        section="Downstream tasks",
        title="Tasks on places in images: video segmentation and keypoint correspondence",
        caption=(
            "Scores of the patch tokens of each layer, without any training. Left: objects given in the first frame of "
            "a video are carried through it by the similarity of tokens, extracted densely where the title says so; "
            "mean of region overlap J and boundary accuracy F; bands: 95 % interval over videos. Right: share of "
            "keypoints whose most similar place in a second image lies within a tenth of the object box's longer side "
            f"of the true point, averaged over categories; bands: 95 % interval over categories. {_CHANCE}"
        ),
        expected=(
            "The best layer often lies some layers before the last. Video: contrastive models are best, models "
            "trained with labels or captions fall off in late layers, reconstruction models compete. Keypoints: "
            "captions lead, closely followed by labels and DINO; the best layers range from 8 to 11 of 12."
        ),
        analyses=("video", "keypoints"),
        main=True,
    ),
    FigureEntry(
        study="thesis",
        name="knn_by_supervision",
        number="2.28",
        section="Downstream tasks",
        title="k-NN classification by kind of supervision",
        caption=(
            "Share of images that the 20 nearest training images, weighted by the similarity of their CLS tokens, "
            f"classify correctly, at each layer. {_FAMILY} Bands: 95 % interval over images. {_REFERENCE}"
        ),
        expected="Larger models mostly score higher; reconstruction models vary most.",
        analyses=("knn",),
    ),
    FigureEntry(
        study="thesis",
        name="knn_neighbours",
        number="",
        section="Downstream tasks",
        title="k-NN classification against the number of neighbours",
        caption=(
            "Share of images that the k nearest training images, weighted by the similarity of their CLS tokens, "
            f"classify correctly, for each model at the layer that is best with k = 20. {_FAMILY} Bands: 95 % interval "
            f"over images, not covering the choice of the layer. {_REFERENCE}"
        ),
        expected="Not a figure of the study, which reports k = 20. A flat line says that the result does not hang on k.",
        analyses=("knn",),
    ),
    FigureEntry(
        study="thesis",
        name="retrieval_by_supervision",
        number="2.29",
        section="Downstream tasks",
        title="Image retrieval by kind of supervision",
        caption=(
            "Mean average precision of ranking a database by the similarity of CLS tokens to a query's, medium "
            f"setting, at each layer. {_FAMILY} Bands: 95 % interval over queries. {_REFERENCE}"
        ),
        expected="Larger models mostly score higher; reconstruction models vary most.",
        analyses=("retrieval",),
    ),
    FigureEntry(
        study="thesis",
        name="video_by_supervision",
        number="2.30",
        section="Downstream tasks",
        title="Video object segmentation by kind of supervision",
        caption=(
            "Mean of region overlap J and boundary accuracy F of objects carried through a video by the similarity of "
            f"patch tokens, extracted densely where the axis says so, at each layer. {_FAMILY} Bands: 95 % interval over "
            f"videos. {_REFERENCE}"
        ),
        expected=(
            "Smaller patches score higher. DINO with patches of 8 pixels is best; the best layer often lies before the last."
        ),
        analyses=("video",),
    ),
    FigureEntry(
        study="thesis",
        name="keypoints_by_supervision",
        number="2.31",
        section="Downstream tasks",
        title="Keypoint correspondence by kind of supervision",
        caption=(
            "Share of keypoints whose most similar place in a second image lies within a tenth of the object box's "
            f"longer side of the true point (PCK@0.1), averaged over categories, at each layer. {_FAMILY} Bands: 95 % "
            f"interval over categories. {_REFERENCE}"
        ),
        expected="Smaller patches score higher; reconstruction models vary most.",
        analyses=("keypoints",),
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
