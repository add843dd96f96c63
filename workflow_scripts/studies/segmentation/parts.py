"""Clusters of the pixels of animals as their parts, as rows and maps of `clustering` (Yu et al., section A.6, PascalPart)."""

from workflow_scripts.studies.segmentation.clustering import maps, rows

__all__ = ["maps", "rows"]
