"""Which module holds which collector or fit, and what it needs beside the images. Data: planning imports no torch for it."""

from __future__ import annotations

from typing import NamedTuple

_ATTENTION, _FEATURES = "onepass.attention_collectors", "onepass.feature_collectors"
_LOCALITY, _NORMS = "onepass.locality_collectors", "onepass.token_norms"


class Gathered(NamedTuple):
    """A collector or fit: its module below the package, its class, and the kind of ground-truth file that it needs."""

    module: str
    kind: str
    truth: str = ""


_OWNER = "@"


def owned(collector: str, owner: str) -> str:
    """Return what a pass calls a collector that is one ask's own; a pass may have several of a kind."""
    return f"{collector}{_OWNER}{owner}"


def kind_of(name: str) -> str:
    """Return the collector that a name in a pass stands for."""
    return name.partition(_OWNER)[0]


COLLECTORS = {
    "average_attention": Gathered(_ATTENTION, "AverageAttention"),
    "aligned_attention": Gathered(_ATTENTION, "AlignedAttention"),
    "attention_distance": Gathered(_ATTENTION, "AttentionDistance"),
    "mask_iou": Gathered(_ATTENTION, "MaskIoU", truth="masks"),
    "spatial_to_cls": Gathered(_ATTENTION, "SpatialToCls"),
    "attention_deviation": Gathered(_ATTENTION, "AttentionDeviation"),
    "top_token_share": Gathered(_ATTENTION, "TopTokenShare"),
    "chosen_attention": Gathered(_ATTENTION, "ChosenAttention"),
    "attention_information": Gathered(_LOCALITY, "AttentionInformation"),
    "mean_head_average": Gathered(_LOCALITY, "MeanHeadAverage"),
    "chosen_head_average": Gathered(_LOCALITY, "ChosenHeadAverage"),
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
    "propagated_labels": Gathered("onepass.propagated_labels", "PropagatedLabels", truth="labels"),
    "matched_keypoints": Gathered("onepass.matched_keypoints", "MatchedKeypoints", truth="pairs"),
    "matched_pixels": Gathered("onepass.matched_pixels", "MatchedPixels", truth="pairs"),
}
FITS = {
    "principal_components": Gathered("onepass.principal_components", "PrincipalComponents"),
    "norm_cutoff": Gathered("onepass.norm_cutoff", "NormCutoff"),
    "codebooks": Gathered("onepass.codebooks", "Codebooks"),
}
