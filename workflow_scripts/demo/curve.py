"""How much a network in training knows: k-NN accuracy on a split that no table of the demo reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.neighbors import KNeighborsClassifier

from workflow_scripts.demo.models import IMAGE

if TYPE_CHECKING:
    from workflow_scripts.demo.training import Objective, TrainingWorld

_NEIGHBOURS, _TEMPERATURE = 20, 0.07  # as the tables' k-NN, whose own code weighs a bank that does not fit in memory
_BANK = 2 / 3
_BATCH = 200


@torch.no_grad()
def knn_accuracy(objective: Objective, tuning: TrainingWorld) -> float:
    """Return the k-NN top-1 accuracy (k = 20, 0 to 1) of the best layer, of CLS or mean patch token.

    The first two thirds of `tuning` are the bank, the others the queries. Draws no random number.
    """
    encoder = objective.encoder
    training = encoder.training
    encoder.eval()
    margin = (tuning.images.shape[-1] - IMAGE) // 2
    whole = tuning.images[..., margin : margin + IMAGE, margin : margin + IMAGE]
    features: dict[str, list[np.ndarray]] = {"cls": [], "mean_patch": []}
    for images in whole.split(_BATCH):
        layers = encoder.forward_intermediates(
            objective.normalised(images.float() / 255),
            return_prefix_tokens=True,
            output_fmt="NLC",
            intermediates_only=True,
        )
        features["cls"].append(np.stack([prefix[:, 0].cpu().numpy() for _, prefix in layers], 1))
        features["mean_patch"].append(np.stack([patches.mean(1).cpu().numpy() for patches, _ in layers], 1))
    encoder.train(training)
    labels = tuning.labels.cpu().numpy()
    bank = round(_BANK * len(labels))
    best = 0.0
    for parts in features.values():
        for layer in np.concatenate(parts).swapaxes(0, 1):
            neighbours = KNeighborsClassifier(min(_NEIGHBOURS, bank), metric="cosine", weights=_weight)
            neighbours.fit(layer[:bank], labels[:bank])
            best = max(best, neighbours.score(layer[bank:], labels[bank:]))
    return best


def _weight(distance: np.ndarray) -> np.ndarray:
    return np.exp((1 - distance) / _TEMPERATURE)
