"""A dataset: files in their official layout -> samples, and geometry applied to image and ground truth alike."""
