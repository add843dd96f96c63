"""Unsupervised segmentation as a probe of what features hold (Yu et al., arXiv 2605.29691v1)."""
