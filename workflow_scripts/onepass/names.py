"""Which module holds which collector or fit, and what it needs beside the images. Data: planning imports no torch for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

_ATTENTION, _FEATURES = "onepass.attention_collectors", "onepass.feature_collectors"
_LOCALITY, _NORMS = "onepass.locality_collectors", "onepass.token_norms"


class Gathered(NamedTuple):
    """A collector or fit: where it is, what it needs, and what planning must know of its class.

    Attributes:
        module: its module below the package.
        kind: its class there.
        truth: the kind of ground-truth file that it needs.
        attention: whether it reads attention probabilities, as the class says.
        ordered: whether it takes images in their order alone, as the class says.
    """

    module: str
    kind: str
    truth: str = ""
    attention: bool = False
    ordered: bool = False


_OWNER = "@"


def owned(collector: str, owner: str) -> str:
    """Return what a pass calls a collector that is one ask's own; a pass may have several of a kind."""
    return f"{collector}{_OWNER}{owner}"


def kind_of(name: str) -> str:
    """Return the collector that a name in a pass stands for."""
    return name.partition(_OWNER)[0]


COLLECTORS = {
    "average_attention": Gathered(_ATTENTION, "AverageAttention", attention=True),
    "aligned_attention": Gathered(_ATTENTION, "AlignedAttention", attention=True),
    "attention_distance": Gathered(_ATTENTION, "AttentionDistance", attention=True),
    "mask_iou": Gathered(_ATTENTION, "MaskIoU", truth="masks", attention=True),
    "spatial_to_cls": Gathered(_ATTENTION, "SpatialToCls", attention=True),
    "attention_deviation": Gathered(_ATTENTION, "AttentionDeviation", attention=True),
    "top_token_share": Gathered(_ATTENTION, "TopTokenShare", attention=True),
    "chosen_attention": Gathered(_ATTENTION, "ChosenAttention", attention=True),
    "attention_information": Gathered(_LOCALITY, "AttentionInformation", attention=True),
    "mean_head_average": Gathered(_LOCALITY, "MeanHeadAverage", attention=True),
    "chosen_head_average": Gathered(_LOCALITY, "ChosenHeadAverage", attention=True),
    "pooled_features": Gathered(_FEATURES, "PooledFeatures"),
    "pooled_normed": Gathered(_FEATURES, "PooledNormed"),
    "residual_ratio": Gathered(_FEATURES, "ResidualRatio"),
    "region_features": Gathered(_FEATURES, "RegionFeatures", truth="masks"),
    "object_features": Gathered("onepass.object_features", "ObjectFeatures", truth="boxes"),
    "feature_moments": Gathered("onepass.object_features", "FeatureMoments"),
    "token_norms": Gathered(_NORMS, "TokenNorms"),
    "patch_norms": Gathered(_NORMS, "PatchNorms"),
    "neighbour_cosines": Gathered("onepass.neighbour_cosines", "NeighbourCosines"),
    "drawn_tokens": Gathered("onepass.drawn_tokens", "DrawnTokens"),
    "discovered_boxes": Gathered("onepass.discovered_boxes", "DiscoveredBoxes"),
    "gram_blocks": Gathered("onepass.gram_blocks", "GramBlocks"),
    "patch_store": Gathered("onepass.patch_store", "PatchStore"),
    "cluster_maps": Gathered("onepass.cluster_maps", "ClusterMaps", truth="classes"),
    "cls_facets": Gathered("onepass.concept_patches", "ClsFacets"),
    "concept_patches": Gathered("onepass.concept_patches", "ConceptPatches", truth="concepts"),
    "propagated_labels": Gathered("onepass.propagated_labels", "PropagatedLabels", truth="labels", ordered=True),
    "matched_keypoints": Gathered("onepass.matched_keypoints", "MatchedKeypoints", truth="pairs", ordered=True),
    "matched_pixels": Gathered("onepass.matched_pixels", "MatchedPixels", truth="pairs", ordered=True),
}
FITS = {
    "principal_components": Gathered("onepass.principal_components", "PrincipalComponents"),
    "norm_cutoff": Gathered("onepass.norm_cutoff", "NormCutoff"),
    "codebooks": Gathered("onepass.codebooks", "Codebooks"),
}


def cannot_be_cut(collectors: Iterable[str]) -> bool:
    """Return whether a view with these collectors goes wholly into one shard: one of them takes images in order alone."""
    return any(COLLECTORS[kind_of(name)].ordered for name in collectors)
