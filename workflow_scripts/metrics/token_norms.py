"""Norms of tokens: histograms of log10 norm that add up over images, and the cutoff above which a norm is high.

Darcet et al., "Vision Transformers Need Registers" (arXiv 2309.16588v2, section 2.1): the L2 norms of a large DINOv2's patch
tokens are bimodal, and "high-norm" are those above a cutoff in the valley, 150 for ViT-g, which "can vary across models". The
paper has no rule for other models, `cutoff` is ours.

Histograms have 200 bins of one fixed range, so that those of batches, layers and models add up and compare: log10 norm from -1
to 4, a bin a factor of 1.06. A norm on an edge counts below it, so that "strictly above an edge" is a sum of whole bins; norms
beyond the range count in the first or the last bin.
"""

from __future__ import annotations

import numpy as np

BINS = 200
LOG_RANGE = (-1.0, 4.0)
SMOOTHING = 3.0  # standard deviation in bins
_REACH = 12  # of the Gaussian in bins
# High tokens are at least so many, and such a share of all: fewer are the tail of the others, whose histogram has gaps.
LEAST_TOKENS, LEAST_SHARE = 30, 1e-3


def norm_edges() -> np.ndarray:
    """Return the edges of the bins as norms, [201] float64."""
    return 10 ** np.linspace(*LOG_RANGE, BINS + 1)


def norm_counts(norms: np.ndarray) -> np.ndarray:
    """Return how many of norms [...] are in each bin, [200] int64."""
    return np.bincount(np.searchsorted(norm_edges()[1:-1], norms.ravel(), side="left"), minlength=BINS)


def smoothed(counts: np.ndarray) -> np.ndarray:
    """Return a histogram [200] smoothed by a Gaussian of 3 bins, which ends after 4 of these, [200] float64."""
    offsets = np.arange(-_REACH, _REACH + 1)
    kernel = np.exp(-0.5 * (offsets / SMOOTHING) ** 2)
    return np.convolve(counts, kernel / kernel.sum(), "same")


def cutoff(counts: np.ndarray) -> float | None:
    """Return the norm above which tokens are high, an edge of the bins, or None if there are no high ones.

    Of the smoothed histogram the first maximum is the highest one, the norm that most tokens have; the second is the highest of
    those above it in norm with a valley before them: the minimum between the two is below half of the second (which is the
    smaller one), and above that minimum lie at least 30 tokens and 0.1 % of all. So a shoulder of the first does not hide the
    second, nor do a few tokens of its tail pass for one, and a group of small norms makes no cutoff. The cutoff is the upper
    edge of the bin of the minimum, of several equal bins of the middle one.

    Args:
        counts: [200] by bin (`norm_edges`).
    """
    values = smoothed(counts)
    maxima = _maxima(values)
    if not len(maxima):
        return None
    first = maxima[values[maxima].argmax()]
    above = counts.sum() - np.cumsum(counts)  # tokens above the bin
    least, found = max(LEAST_TOKENS, LEAST_SHARE * counts.sum()), []
    for second in maxima[maxima > first]:
        between = values[first : second + 1]
        lowest = np.flatnonzero(between == between.min()) + first
        valley = lowest[len(lowest) // 2]
        if values[valley] < values[second] / 2 and above[valley] >= least:
            found.append((values[second], -valley))
    return float(norm_edges()[1 - max(found)[1]]) if found else None


def _maxima(values: np.ndarray) -> np.ndarray:
    """Return the places of the local maxima of values [b] of at least 0, ascending; of a plateau its middle."""
    steps = np.diff(np.pad(values, 1))  # a maximum at the border is one too
    changes = np.flatnonzero(steps)
    tops = np.flatnonzero((steps[changes[:-1]] > 0) & (steps[changes[1:]] < 0))
    return (changes[tops] + changes[tops + 1] - 1) // 2


def bins_above(limit: float) -> int:
    """Return the first bin above a norm: the bins from it on hold the norms above `limit`.

    Exactly so for an edge (as `cutoff` gives); for another norm, as a cutoff chosen by hand, those above the nearest edge, at
    most 3 % away.
    """
    return int(np.abs(np.log10(norm_edges()) - np.log10(limit)).argmin())


def share_above(counts: np.ndarray, limit: float) -> np.ndarray:
    """Return the share of tokens above a norm (`bins_above`) in histograms [..., 200], [...] float64; NaN without tokens."""
    total = counts.sum(-1)
    high = counts[..., bins_above(limit) :].sum(-1)
    return np.divide(high, total, out=np.full(np.shape(total), np.nan), where=total > 0)


def share_by_position(norms: np.ndarray, limit: float) -> np.ndarray:
    """Return the share of images whose token at each grid position is strictly above a norm, [N] float64 (appendix A).

    Args:
        norms: [I, N] of the patch tokens of I images.
        limit: the cutoff.
    """
    return (norms > limit).mean(0)
