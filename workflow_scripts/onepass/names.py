"""Which module holds which collector. Pure data: the workflow reads it without importing torch."""

from __future__ import annotations

_ATTENTION, _FEATURES = "onepass.attention_collectors", "onepass.feature_collectors"

# Name -> (module within the package, class).
COLLECTORS = {
    "average_attention": (_ATTENTION, "AverageAttention"),
    "aligned_attention": (_ATTENTION, "AlignedAttention"),
    "attention_distance": (_ATTENTION, "AttentionDistance"),
    "mask_iou": (_ATTENTION, "MaskIoU"),
    "spatial_to_cls": (_ATTENTION, "SpatialToCls"),
    "attention_deviation": (_ATTENTION, "AttentionDeviation"),
    "top_token_share": (_ATTENTION, "TopTokenShare"),
    "chosen_attention": (_ATTENTION, "ChosenAttention"),
    "pooled_features": (_FEATURES, "PooledFeatures"),
    "residual_ratio": (_FEATURES, "ResidualRatio"),
    "region_features": (_FEATURES, "RegionFeatures"),
    "gram_blocks": ("onepass.gram_blocks", "GramBlocks"),
    "propagated_labels": ("onepass.propagated_labels", "PropagatedLabels"),
    "matched_keypoints": ("onepass.matched_keypoints", "MatchedKeypoints"),
}
