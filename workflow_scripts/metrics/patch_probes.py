"""What a linear model reads of a patch token about its own place: which grid position it has, and which pixels.

Darcet et al., "Vision Transformers Need Registers" (arXiv 2309.16588v2, section 2.2 and figure 5b): two linear models on output
patch tokens, their scores apart for high-norm tokens and others. The paper does not say how they are learnt: features are
standardised by mean and spread over the training tokens; weights and biases from 0; Adam at 1e-3, constant, 10 epochs of
shuffled batches of 4096, without weight decay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from workflow_scripts.common.errors import AtlasError

RATE, EPOCHS, BATCH = 1e-3, 10, 4096


@dataclass(frozen=True)
class LinearMap:
    """The outputs of a token x are weight . (x - mean) / spread + bias.

    Attributes:
        weight: [D, C] float32.
        bias: [C] float32.
        mean: [D] float64, over the training tokens.
        spread: [D] float64, their standard deviation; 1 of a feature that is constant.
    """

    weight: np.ndarray
    bias: np.ndarray
    mean: np.ndarray
    spread: np.ndarray


def fit_position_probe(
    features: np.ndarray, cells: np.ndarray, n_cells: int, epochs: int = EPOCHS, seed: int = 0, device: str = "cpu"
) -> LinearMap:
    """Return a softmax layer over grid positions, by the mean cross-entropy.

    Args:
        features: [n, D] of the training tokens, half or single precision; read in slices, so it may be a memory map.
        cells: [n] int, the position of each in the row-major grid.
        n_cells: positions of the grid, C.
        epochs: times that every token is seen.
        seed: of the shuffling.
        device: of the arithmetic, as PyTorch names it.

    Raises:
        AtlasError: there is no token, or a feature is not finite.
    """
    return _fitted(features, cells.astype(np.int64), n_cells, cross_entropy, epochs, seed, device)


def fit_pixel_probe(
    features: np.ndarray, pixels: np.ndarray, epochs: int = EPOCHS, seed: int = 0, device: str = "cpu"
) -> LinearMap:
    """Return a linear regression to the pixels of each patch, by the mean squared Euclidean distance.

    Args:
        features: [n, D], as of `fit_position_probe`.
        pixels: [n, V] the normalised pixels of each token's patch (`metrics.patch_pixels.patches_of`), float32.
        epochs: times that every token is seen.
        seed: of the shuffling.
        device: of the arithmetic, as PyTorch names it.

    Raises:
        AtlasError: there is no token, or a feature is not finite.
    """

    def loss(found: Tensor, target: Tensor) -> Tensor:
        return ((found - target) ** 2).sum(1).mean()

    return _fitted(features, pixels, pixels.shape[1], loss, epochs, seed, device)


def position_distances(
    probe: LinearMap, features: np.ndarray, cells: np.ndarray, columns: int, device: str = "cpu"
) -> np.ndarray:
    """Return how far each token's likeliest position is from its own, [n] float64, in patches; 0 is right.

    Of positions that are equally likely the first. The share of zeros is the top-1 accuracy, the mean the average distance.

    Args:
        probe: of `fit_position_probe`.
        features: [n, D].
        cells: [n] int, the position of each.
        columns: of the grid.
        device: as PyTorch names it.
    """
    # NumPy's argmax is the first of equals.
    found = np.concatenate([outputs.cpu().numpy().argmax(1) for outputs in _outputs(probe, features, device)])
    (y, x), (row, column) = np.divmod(found, columns), np.divmod(cells, columns)
    return np.hypot(y - row, x - column)


def pixel_errors(probe: LinearMap, features: np.ndarray, pixels: np.ndarray, device: str = "cpu") -> np.ndarray:
    """Return the Euclidean norm of the difference of each token's predicted pixels and its own [n, V], [n] float64."""
    errors, start = [], 0
    for outputs in _outputs(probe, features, device):
        target = torch.from_numpy(pixels[start : start + len(outputs)]).to(device)
        errors.append(torch.linalg.vector_norm((outputs - target).double(), dim=1).cpu().numpy())
        start += len(outputs)
    return np.concatenate(errors)


def apart(values: np.ndarray, high: np.ndarray) -> tuple[float, float]:
    """Return the mean of values [n] of normal and of high-norm tokens `high` [n] bool; NaN of a kind that is not there."""
    normal, outlier = (float(values[kind].mean()) if kind.any() else float("nan") for kind in (~high, high))
    return normal, outlier


def _fitted(
    features: np.ndarray,
    targets: np.ndarray,
    width: int,
    loss: Callable[[Tensor, Tensor], Tensor],
    epochs: int,
    seed: int,
    device: str,
) -> LinearMap:
    mean, spread = _moments(features)
    shift, scale = (torch.from_numpy(part).to(device, torch.float32) for part in (mean, 1 / spread))
    weight = torch.zeros(features.shape[1], width, device=device, requires_grad=True)
    bias = torch.zeros(width, device=device, requires_grad=True)
    adam = torch.optim.Adam([weight, bias], RATE)
    rng, parts = np.random.default_rng(seed), -(-len(features) // BATCH)
    for _ in range(epochs):
        for rows in np.array_split(rng.permutation(len(features)), parts):  # of equal size to within one
            seen = (torch.from_numpy(features[rows]).to(device).float() - shift) * scale
            adam.zero_grad()
            loss(torch.addmm(bias, seen, weight), torch.from_numpy(targets[rows]).to(device)).backward()
            adam.step()
    return LinearMap(weight.detach().cpu().numpy(), bias.detach().cpu().numpy(), mean, spread)


def _moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of every feature, [D] float64, 1 for a deviation of 0."""
    if not len(features):
        raise AtlasError("patch probes: no token to learn from; choose more images")
    slices = [slice(start, start + BATCH) for start in range(0, len(features), BATCH)]
    mean = sum(features[part].astype(np.float64).sum(0) for part in slices) / len(features)
    if not np.isfinite(mean).all():
        raise AtlasError("patch probes: features are not finite; run that pass again in float32")
    variance = sum(((features[part] - mean) ** 2).sum(0) for part in slices) / len(features)
    return mean, np.where(variance > 0, np.sqrt(variance), 1.0)


def _outputs(probe: LinearMap, features: np.ndarray, device: str) -> Iterator[Tensor]:
    """Yield the outputs [4096 or fewer, C] of features [n, D], in order."""
    parts = (probe.mean, 1 / probe.spread, probe.weight, probe.bias)
    shift, scale, weight, bias = (torch.from_numpy(part).to(device, torch.float32) for part in parts)
    for start in range(0, len(features), BATCH):
        seen = torch.from_numpy(np.array(features[start : start + BATCH])).to(device).float()
        yield torch.addmm(bias, (seen - shift) * scale, weight)
