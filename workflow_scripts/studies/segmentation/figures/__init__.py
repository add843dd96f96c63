"""Figures of the segmentation study, one module per figure that the kit does not draw."""
