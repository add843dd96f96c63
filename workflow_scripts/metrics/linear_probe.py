"""Linear probes of frozen patch features: a softmax layer, for all layers, removed features and learning rates in one fit.

Vanyan et al., "Analyzing Local Representations of Self-supervised Vision Transformers" (arXiv 2401.00463v2, section 4): one
linear softmax layer on single patches, for MAE with batch normalisation before it. The paper names neither optimiser nor
schedule: Adam at 1e-3, falling to 0 as a cosine over 50 epochs of batches of 4096, weights and biases from 0, no weight decay.
Batch normalisation is that of the public code of MAE's probe: without weights of its own, epsilon 1e-6.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, pi

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.feature_variance import EPSILON

RATE, EPOCHS, BATCH = 1e-3, 50, 4096
_BETAS, _ADAM_EPSILON = (0.9, 0.999), 1e-8
_ROWS = 4096  # features predicted at once


@dataclass(frozen=True)
class Head:
    """One probe of every layer.

    Attributes:
        removed: how many features it does without, the first of the layer's order.
        rate: learning rate of the first step.
    """

    removed: int = 0
    rate: float = RATE


@dataclass(frozen=True)
class LinearProbes:
    """Probes of L layers, H heads each: a patch x of layer l is of the class with the largest weight[l, h] . x' + bias[l, h].

    Attributes:
        weight: [L, H, C, D] float32, 0 for removed features.
        bias: [L, H, C] float32.
        mean: [L, D] float64 of batch normalisation, x' = (x - mean) / sqrt(variance + 1e-6); None if x' is x.
        variance: [L, D] float64 likewise.
    """

    weight: np.ndarray
    bias: np.ndarray
    mean: np.ndarray | None = None
    variance: np.ndarray | None = None


def fit_probes(
    features: np.ndarray,
    labels: np.ndarray,
    n_classes: int,
    order: np.ndarray,
    heads: Sequence[Head] = (Head(),),
    batch_norm: bool = False,
    epochs: int = EPOCHS,
    batch: int = BATCH,
    seed: int = 0,
    device: str = "cpu",
) -> LinearProbes:
    """Return the probes of all layers and heads, each as it would be if it were fitted alone, to rounding in float32.

    All see the same batches, shuffled anew each epoch and of equal size to within one, so that there is no small last one; one
    matrix product a layer and step is for all heads. With batch normalisation a step sees the features by mean and variance of
    its batch, and the probe keeps the averages of both over all steps (unbiased variances), which is PyTorch's BatchNorm1d with
    ``momentum=None``: a fit of few steps then does not remember where running averages start.

    Args:
        features: [n, L, D], half or single precision, read row by row, so it may be a memory map.
        labels: [n] int, class of each patch; with `n_classes` or above (void) it is left out.
        n_classes: C.
        order: [L, D] int, features of each layer in the order of their removal (`feature_variance.removal_order`).
        heads: what is fitted of each layer.
        batch_norm: whether batch normalisation comes before the softmax layer.
        epochs: times that every patch is seen.
        batch: patches of a step at most.
        seed: of the shuffling.
        device: of the arithmetic, as PyTorch names it.

    Raises:
        AtlasError: no patch has a class, a feature of one is not finite, or a head has no feature left.
    """
    width = features.shape[2]
    if over := [head.removed for head in heads if not 0 <= head.removed < width]:
        raise AtlasError(f"linear probe: {over[0]} of {width} features cannot be removed; give numbers from 0 to {width - 1}")
    rows = np.flatnonzero(labels < n_classes)
    if not len(rows):
        raise AtlasError("linear probe: no patch has a class; choose training images with labelled patches")
    learner = _Learner(features.shape[1:], n_classes, order, heads, batch_norm, torch.device(device))
    parts = -(-len(rows) // batch)
    steps = epochs * parts
    for step, chosen in enumerate(_batches(rows, parts, epochs, seed)):
        seen = torch.from_numpy(features[chosen]).to(device).float()
        if step < parts and not torch.isfinite(seen).all():  # the first epoch has them all
            patch = int(chosen[int(torch.isfinite(seen).flatten(1).all(1).int().argmin())])
            raise AtlasError(f"linear probe: the features of patch {patch} are not finite; run that pass again in float32")
        target = torch.from_numpy(labels[chosen].astype(np.int64)).to(device)
        learner.step(seen, target, 0.5 * (1 + cos(pi * step / steps)))
    return learner.probes()


def predict(probes: LinearProbes, features: np.ndarray, device: str = "cpu") -> np.ndarray:
    """Return the class of each patch by each probe, [n, L, H] int64; of equal scores the lower class.

    Args:
        probes: of the L layers.
        features: [n, L, D], half or single precision, read in slices.
        device: as PyTorch names it.
    """
    n_layers, n_heads, n_classes, width = probes.weight.shape
    weight = torch.from_numpy(probes.weight).to(device).reshape(n_layers, -1, width)
    bias = torch.from_numpy(probes.bias).to(device).reshape(n_layers, -1)
    found = np.empty((len(features), n_layers, n_heads), np.int64)
    for start in range(0, len(features), _ROWS):
        seen = torch.from_numpy(np.array(features[start : start + _ROWS])).to(device)
        for layer in range(n_layers):
            x = seen[:, layer].float()
            if probes.mean is not None and probes.variance is not None:
                mean, variance = (torch.from_numpy(part[layer]).to(device) for part in (probes.mean, probes.variance))
                x = ((x - mean) / (variance + EPSILON).sqrt()).float()
            scores = torch.addmm(bias[layer], x, weight[layer].T).unflatten(1, (n_heads, n_classes))
            found[start : start + _ROWS, layer] = scores.cpu().numpy().argmax(-1)  # NumPy's is the first of equals
    return found


class _Learner:
    """Weights [D, H x C] and biases of each layer, the optimiser's state, and the statistics of batch normalisation."""

    def __init__(
        self,
        shape: tuple[int, ...],
        n_classes: int,
        order: np.ndarray,
        heads: Sequence[Head],
        batch_norm: bool,
        device: torch.device,
    ) -> None:
        (n_layers, width), columns = shape, len(heads) * n_classes
        self.shape = (len(heads), n_classes)
        self.batch_norm, self.steps = batch_norm, 0
        self.rate = torch.tensor([head.rate for head in heads], device=device).repeat_interleave(n_classes)
        # The bias is one more row, which no head does without.
        self.parameters = torch.zeros(n_layers, width + 1, columns, device=device)
        self.first, self.second = torch.zeros_like(self.parameters), torch.zeros_like(self.parameters)
        place = np.argsort(order, axis=1)[..., None]  # of each feature in the order of removal
        removed = torch.from_numpy(place < [head.removed for head in heads]).to(device)
        self.left = None if not removed.any() else (~removed).float().repeat_interleave(n_classes, 2)
        self.moments = torch.zeros(2, n_layers, width, dtype=torch.float64, device=device)

    def step(self, seen: Tensor, target: Tensor, share: float) -> None:
        """Take one step at `share` of the first rate on features [B, L, D] of classes `target` [B]."""
        self.steps += 1
        for layer, parameters in enumerate(self.parameters):
            x = seen[:, layer]
            if self.batch_norm:
                x = self._normalised(x, layer)
            scores = torch.addmm(parameters[-1], x, parameters[:-1])
            slope = scores.unflatten(1, self.shape).softmax(-1)
            slope[torch.arange(len(target)), :, target] -= 1
            slope = slope.flatten(1).div_(len(target))
            gradient = torch.empty_like(parameters)
            torch.mm(x.T, slope, out=gradient[:-1])
            torch.sum(slope, 0, out=gradient[-1])
            if self.left is not None:
                gradient[:-1] *= self.left[layer]
            first = self.first[layer].lerp_(gradient, 1 - _BETAS[0])
            second = self.second[layer].mul_(_BETAS[1]).addcmul_(gradient, gradient, value=1 - _BETAS[1])
            root = (second / (1 - _BETAS[1] ** self.steps)).sqrt_().add_(_ADAM_EPSILON)
            parameters -= self.rate * (share / (1 - _BETAS[0] ** self.steps)) * first / root

    def probes(self) -> LinearProbes:
        """Return what has been learnt."""
        weight = self.parameters[:, :-1].unflatten(2, self.shape).permute(0, 2, 3, 1)
        bias = self.parameters[:, -1].unflatten(1, self.shape)
        mean, variance = (self.moments / self.steps).cpu().numpy() if self.batch_norm else (None, None)
        return LinearProbes(np.ascontiguousarray(weight.cpu().numpy()), bias.cpu().numpy(), mean, variance)

    def _normalised(self, x: Tensor, layer: int) -> Tensor:
        """Return x by mean and variance of the batch, and add both to what is averaged."""
        variance, mean = torch.var_mean(x, 0, correction=0)
        self.moments[0, layer] += mean
        self.moments[1, layer] += variance * (len(x) / max(len(x) - 1, 1))
        return (x - mean).mul_((variance + EPSILON).rsqrt_())


def _batches(rows: np.ndarray, parts: int, epochs: int, seed: int) -> Iterator[np.ndarray]:
    """Yield the rows of each step."""
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        yield from np.array_split(rng.permutation(rows), parts)
