"""The cluster of every pixel, from patch features and centroids (Yu et al., arXiv 2605.29691v1, section 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate, normalize

_AT_ONCE = 1 << 24  # values of upsampled maps alive at once: 64 MiB in float32


def pixel_clusters(features: Tensor, centroids: Tensor, grid: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Return the cluster of every pixel, [B, H, W] int64: the centroid whose cosine with the pixel's feature is largest.

    The protocol upsamples features bilinearly (align_corners false) and compares every pixel's with the centroids. That is
    linear but for the length of the pixel's feature, which all centroids share: so the dot products of patch features with
    unit centroids are upsampled instead, K maps in place of D, and the same centroid is largest. (Upsampled *cosines* are
    something else.) Of equal centroids the first wins.

    Args:
        features: [B, N, D] of the patches in row-major order, of any length.
        centroids: [K, D], of any length.
        grid: (rows, columns) of the N patches.
        size: (H, W) in pixels.
    """
    maps = (features @ normalize(centroids, dim=-1).T).transpose(1, 2).unflatten(2, grid)
    images = max(1, _AT_ONCE // (maps.shape[1] * size[0] * size[1]))
    parts = [interpolate(part, size, mode="bilinear", align_corners=False).argmax(1) for part in maps.split(images)]
    return torch.cat(parts)


def cluster_counts(clusters: Tensor, n_clusters: int, classes: Tensor, n_classes: int) -> Tensor:
    """Return how many pixels of each class lie in each cluster, image by image, [B, K, C] int64.

    Args:
        clusters: [B, H, W] int64.
        n_clusters: K.
        classes: [B, H, W] uint8; pixels of class C and above are void and not counted.
        n_classes: C.
    """
    images, kinds = len(clusters), n_classes + 1  # void is counted beside the classes, and dropped
    image = torch.arange(images, device=clusters.device)[:, None, None]
    cell = (image * n_clusters + clusters) * kinds + classes.clamp(max=n_classes)
    counts = torch.bincount(cell.flatten(), minlength=images * n_clusters * kinds)
    return counts.reshape(images, n_clusters, kinds)[..., :n_classes]


def place_counts(clusters: Tensor, n_clusters: int) -> Tensor:
    """Return how often each cluster is at each place, [K, P] int64, of clusters [B, P] int64."""
    places = clusters.shape[1]
    cell = clusters * places + torch.arange(places, device=clusters.device)
    return torch.bincount(cell.flatten(), minlength=n_clusters * places).reshape(n_clusters, places)
