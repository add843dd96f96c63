"""How much a network in training knows: k-NN accuracy on a split that no table of the demo reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from workflow_scripts.demo.models import IMAGE
from workflow_scripts.metrics.neighbours import nearest_neighbours, vote

if TYPE_CHECKING:
    from workflow_scripts.demo.training import Objective, TrainingWorld

_NEIGHBOURS = 20
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
        joined = np.concatenate(parts)
        k = min(_NEIGHBOURS, bank)
        similarity, index = nearest_neighbours(joined[:bank], joined[bank:], k)
        for layer in range(len(index)):
            near = labels[:bank][index[layer]]
            correct = vote(similarity[layer], near, labels[bank:], [k], len(tuning.classes))[k][0]
            best = max(best, float(correct.mean()))
    return best
