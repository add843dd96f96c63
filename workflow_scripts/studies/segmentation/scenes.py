"""Clusters of the pixels of street scenes as classes, as rows and maps of `clustering` (Yu et al., section A.6, Cityscapes)."""

from workflow_scripts.studies.segmentation.clustering import maps, rows

__all__ = ["maps", "rows"]
