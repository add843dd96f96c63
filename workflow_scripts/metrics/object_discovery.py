"""Where the one object of an image is, by patch features alone: LOST's seed, expansion and box.

Simeoni et al., "Localizing Objects with Self-Supervised Transformers and no Labels" (BMVC 2021, section 3) in its public code
(valeoai/LOST), as Darcet et al. use it (arXiv 2309.16588v2, section 3.3), who "manually add a bias to the gram matrix" and do
not say which: it is given here as a share of the mean size of the image's own matrix.

A = F F^T + b. The degree of a patch is the number of other patches p with A_qp > 0. The seed is the patch of smallest degree,
an object being smaller than what is around it; of equal degrees the patch of the lowest index, where the public code leaves it
to the sort. Similar to it are those of the k patches of smallest degree (in the same order) with A_seed,p > 0, the seed among
them. The mask is where the rows of A of these sum to more than 0, and the object its 4-connected component around the seed: the
seed alone where the seed is not in the mask, at which the public code stops.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

CANDIDATES = 100  # k


def discovered_boxes(
    features: Tensor, grid: tuple[int, int], shares: Sequence[float] = (0.0,), candidates: int = CANDIDATES
) -> np.ndarray:
    """Return the box of the object for each bias, [S, 4] int64 (x0, y0, x1, y1) in patches, ends exclusive.

    Args:
        features: [N, D], as they are: not normalised.
        grid: (rows, columns) of the patches, N in all, row-major.
        shares: biases b, as shares of the mean of |F F^T| over all N x N pairs.
        candidates: k.
    """
    values = features.float()
    gram = values @ values.T
    seeds, masks = expansions(gram, gram.abs().mean() * torch.tensor(shares, device=gram.device), candidates)
    pairs = zip(seeds.tolist(), masks.cpu().numpy().reshape(-1, *grid), strict=True)
    return np.array([component_box(mask, divmod(seed, grid[1])) for seed, mask in pairs])


def expansions(gram: Tensor, biases: Tensor, candidates: int = CANDIDATES) -> tuple[Tensor, Tensor]:
    """Return for each bias the seed [S] int64 and the mask of patches that it is expanded to, [S, N] bool.

    Args:
        gram: [N, N] F F^T.
        biases: [S] what is added to it.
        candidates: k.
    """
    least = -biases[:, None]  # A > 0 where F F^T is above it
    # Signs as numbers of the matrix's own kind: on a CPU their sums are ten times as fast as counts of booleans, and exact.
    signs = torch.empty_like(gram)
    degrees = torch.stack([torch.gt(gram, bar, out=signs).sum(1) for bar in least]) - (gram.diagonal() > least).to(gram.dtype)
    order = degrees.argsort(dim=1, stable=True)
    seeds = order[:, 0]
    first = torch.zeros_like(degrees, dtype=torch.bool).scatter_(1, order[:, :candidates], True)
    similar = (first & (gram[seeds] > least)).scatter_(1, seeds[:, None], True).to(gram.dtype)
    return seeds, similar @ gram + biases[:, None] * similar.sum(1, keepdim=True) > 0


def component_box(mask: np.ndarray, seed: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the box (x0, y0, x1, y1), ends exclusive, of the 4-connected component of a mask [R, C] around a cell.

    That of the cell alone if the mask does not have it.
    """
    labels, _ = ndimage.label(mask)  # by default neighbours share a side
    if not labels[seed]:
        y, x = seed
        return x, y, x + 1, y + 1
    rows, columns = np.nonzero(labels == labels[seed])
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1
