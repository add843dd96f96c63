"""A dataset: files in their official layout -> samples, and views applied to image and ground truth alike."""
