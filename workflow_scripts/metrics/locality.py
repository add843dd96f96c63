"""How much the attention of a patch token depends on where the token is: mutual information of keys and queries.

Yu et al. 2026 (arXiv 2605.29691v1), figure 8 of its HTML version: the mutual information of Park et al., "What Do
Self-Supervised Vision Transformers Learn?" (ICLR 2023, arXiv 2305.00729), without the 1e-8 that its public code adds and
without the division by the root of the entropies' product. The paper does not say in which order heads are averaged, prefix
tokens dropped and rows renormalised: `head_average` is ours, after the head averages that the figure shows; the code of Park
et al. takes each head's information and the mean of those.

Shapes: B images, H heads, T tokens (prefix tokens first), N patch tokens in row-major order on a patch grid of R rows and C
columns (T = n_prefix + N). Attention is [B, H, T, T], query token on the second last axis, key token on the last; rows sum to
1. Information is in nats.
"""

from __future__ import annotations

import torch
from torch import Tensor

from workflow_scripts.metrics.attention import patch_attention


def head_average(attention: Tensor, n_prefix: int) -> Tensor:
    """Return the attention of all heads together among patch tokens, [B, N, N], rows sum to 1.

    The probabilities are averaged over heads first, prefix tokens are dropped after that, and the rows renormalised: a head
    whose query attends to prefix tokens alone says nothing of that query's row. A row without mass on patch tokens is zero.
    """
    return patch_attention(attention.mean(1), n_prefix)


def information(patches: Tensor) -> Tensor:
    """Return the mutual information I(K, Q) of keys and queries, [...], in nats, between 0 and ln N.

    I = sum over k, q of P(k, q) ln[P(k, q) / (P(k) P(q))], every query equally likely: P(k, q) is the attention of query q to
    key k divided by the number of queries. 0 where all queries attend alike (vertical stripes), ln N where each attends to a
    key of its own.

    Args:
        patches: [..., N, N] attention among patch tokens, rows sum to 1. A row of zeros (a query that attends to prefix
            tokens alone) is no distribution: its query is left out, and the others share P(q). If all are such there is
            nothing to know, and I is 0.
    """
    patches = patches.to(torch.promote_types(patches.dtype, torch.float32))
    queries = (patches.sum(-1) > 0).sum(-1).clamp(min=1).double()
    # H(K) - H(K|Q). What is summed over more than a row, or subtracted, is in float64, which the matrix is not copied to.
    # p ln p by parts: torch.special.entr and xlogy take four times as long on a CPU. 0 ln 0 is 0 times a finite number.
    logarithms = patches.clamp(min=torch.finfo(patches.dtype).tiny).log_()
    within = -logarithms.mul_(patches).sum(-1).double().sum(-1) / queries
    overall = torch.special.entr(patches.sum(-2).double() / queries[..., None]).sum(-1)
    return (overall - within).clamp(min=0)
