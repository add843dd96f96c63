"""What sets the networks of the demo zoo apart, in the terms of the five studies: norms, variances, places in keys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.cluster import KMeans
from torch import Tensor

from workflow_scripts.demo.augment import normalise
from workflow_scripts.zoo.vit import Vit

CLUSTERS = 12
LARGEST = 0.05  # share of the features whose share of the variance is taken


@dataclass(frozen=True)
class Phenomena:
    """One network, over all images; L layers.

    Attributes:
        place_in_keys: [L] normalised mutual information of a patch's place and its cluster, of 12 clusters of keys: 0 if where
            a patch lies says nothing about its key, 1 if the key's cluster follows from it (Yu et al. 2026).
        largest_norm: [L] greatest L2 norm of a patch token over their median, of block outputs before the final norm
            (Darcet et al. 2024).
        register_norm: [L] mean norm of the registers over the median of the patch tokens; None without registers.
        variance_share: share of the variance of last-layer patch tokens after the final norm, summed over features, that the
            5 % of features with the largest variance hold (Vanyan et al. 2024); 0.05 if all vary alike.
    """

    place_in_keys: np.ndarray
    largest_norm: np.ndarray
    register_norm: np.ndarray | None
    variance_share: float


def measure(vit: Vit, images: Tensor, seed: int) -> Phenomena:
    """Return the phenomena of a network over images [N, 3, H, W] (uint8, of the size it takes), in one pass.

    Each layer's keys, [N x patches, width], are held at once.
    """
    keys: list[list[np.ndarray]] = [[] for _ in range(vit.n_layers)]
    norms: list[list[np.ndarray]] = [[] for _ in range(vit.n_layers)]
    registers: list[list[float]] = [[] for _ in range(vit.n_layers)]
    last = []
    for batch in images.split(40):
        seen = normalise(batch.float() / 255, tuple(vit.normalisation.mean), tuple(vit.normalisation.std))
        for layer in vit.layers(seen):
            patches = slice(layer.n_prefix, None)
            keys[layer.index - 1].append(layer.key[:, :, patches].transpose(1, 2).flatten(2).flatten(0, 1).cpu().numpy())
            norms[layer.index - 1].append(layer.token[:, patches].norm(dim=-1).flatten().cpu().numpy())
            registers[layer.index - 1].append(layer.token[:, 1 : layer.n_prefix].norm(dim=-1).mean().item())
            if layer.token_normed is not None:
                last.append(layer.token_normed[:, patches].flatten(0, 1).cpu().numpy())
            del layer
    lengths = [np.concatenate(layer) for layer in norms]
    medians = np.array([np.median(layer) for layer in lengths])
    return Phenomena(
        place_in_keys=np.array([place_information(np.concatenate(k), len(images), CLUSTERS, seed) for k in keys]),
        largest_norm=np.array([layer.max() for layer in lengths]) / medians,
        register_norm=np.array(registers).mean(1) / medians if vit.n_prefix > 1 else None,
        variance_share=variance_share(np.concatenate(last)),
    )


def place_information(features: np.ndarray, images: int, clusters: int, seed: int) -> float:
    """Return I(place; cluster) / H(cluster), 0 to 1, of features [images x places, D], image by image.

    Clusters are of L2-normalised features. Of clusters that have nothing to do with places it is about
    (clusters - 1) / (2 images H(cluster)) and not 0.
    """
    unit = features / np.linalg.norm(features, axis=1, keepdims=True).clip(1e-12)
    found = KMeans(clusters, n_init=1, random_state=seed).fit_predict(unit).reshape(images, -1)
    joint = np.stack([(found == cluster).mean(0) for cluster in range(clusters)]) / found.shape[1]  # [clusters, places]
    cluster = joint.sum(1, keepdims=True)
    held = joint > 0
    information = (joint[held] * np.log((joint / (cluster.clip(1e-12) / found.shape[1]))[held])).sum()
    entropy = -(cluster[cluster > 0] * np.log(cluster[cluster > 0])).sum()
    return float(information / entropy) if entropy > 0 else 0.0


def variance_share(tokens: np.ndarray) -> float:
    """Return the share of the variance of tokens [P, D] that the 5 % of features of largest variance hold, 0 to 1."""
    variance = np.sort(tokens.var(axis=0))[::-1]
    return float(variance[: max(1, round(LARGEST * len(variance)))].sum() / variance.sum())


def as_seen(images: np.ndarray, size: tuple[int, int]) -> Tensor:
    """Return the centre crops [N, 3, *size] of images [N, H, W, 3]."""
    top, left = ((have - want) // 2 for have, want in zip(images.shape[1:3], size, strict=True))
    cropped = images[:, top : top + size[0], left : left + size[1]]
    return torch.from_numpy(np.ascontiguousarray(cropped.transpose(0, 3, 1, 2)))
