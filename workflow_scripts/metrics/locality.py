"""How much a patch's place in the image decides where it attends: mutual information of keys and queries.

Yu et al. (arXiv 2605.29691v1, section 3.3.1), after Park et al. (ICLR 2023, section 3.1).
"""

from __future__ import annotations

import torch
from torch import Tensor


def key_query_information(attention: Tensor, n_prefix: int) -> Tensor:
    """Return I(K, Q) of every image, [B] float64 nats: 0 if all queries attend alike, ln N if each has one key of its own.

    The heads' attention is averaged first (the mean over heads of each one's information would be larger), prefix tokens are
    dropped and rows renormalised, so that all N queries are equally likely: P(k, q) = M(q, k) / N,
    I = sum over k, q of P(k, q) ln(P(k, q) / (P(k) P(q))). Not normalised by entropies, as Park et al. do.

    Args:
        attention: [B, H, T, T] probabilities, queries in rows.
        n_prefix: prefix tokens, which come before the N patch tokens.
    """
    mean = attention.float().mean(1).double()[:, n_prefix:, n_prefix:]
    rows = mean / mean.sum(-1, keepdim=True).clamp_min(torch.finfo(torch.float64).tiny)
    average = rows.mean(1, keepdim=True)
    return torch.xlogy(rows, rows / average.clamp_min(torch.finfo(torch.float64).tiny)).sum(-1).mean(-1)
