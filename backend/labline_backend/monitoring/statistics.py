"""How far two samples are apart. Each statistic comes with the probability of one as large by chance.

Two numbers, because one misleads: a distance alone cries wolf on small samples, a probability alone on large ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from labline_runtime.dataclass import dataclass

BINS = 10

Array = Any  # a one-dimensional NumPy array without missing values


@dataclass(frozen=True)
class Distance:
    """A statistic and its p-value: how probable one as large is when both samples are of one population."""

    value: float
    p_value: float


def psi(reference: Array, current: Array, bins: int = BINS) -> Distance:
    """The population stability index of two samples of numbers, over the reference's quantiles.

    ``sum((c - r) * ln(c / r))`` over the bins, *r* and *c* being the shares of the reference and of the current sample
    in a bin (Siddiqi, Credit Risk Scorecards, 2006): Jeffreys' divergence of the two binned distributions (Jeffreys
    1946; Kullback and Leibler 1951). Bins are ``(q[k-1], q[k]]`` between the reference's distinct quantiles
    ``k / bins``, open at both ends. An empty bin counts as half a value, so that its logarithm is a number, and no
    larger than the sample can vouch for.

    The p-value: for two samples of one population with *n* and *m* values ``psi / (1/n + 1/m)`` follows approximately a
    chi-squared distribution with *bins* - 1 degrees of freedom (Yurdakul and Naranjo, Journal of Risk Model Validation,
    2020).
    """
    edges = np.unique(np.quantile(reference, np.arange(1, bins) / bins, method="inverted_cdf"))
    counted = [np.bincount(np.searchsorted(edges, sample), minlength=len(edges) + 1) for sample in (reference, current)]
    return _psi(counted[0], counted[1])


def psi_of_categories(reference: Sequence[Hashable], current: Sequence[Hashable]) -> Distance:
    """:func:`psi` with a bin for each category of either sample."""
    before, now = Counter(reference), Counter(current)
    names = list(before | now)
    return _psi(np.array([before[name] for name in names]), np.array([now[name] for name in names]))


def _psi(reference: Array, current: Array) -> Distance:
    from scipy.stats import chi2

    n, m = reference.sum(), current.sum()
    before, now = np.maximum(reference, 0.5) / n, np.maximum(current, 0.5) / m
    value = float(np.sum((now - before) * np.log(now / before)))
    if len(reference) < 2:
        return Distance(value, 1.0)
    return Distance(value, float(chi2.sf(value / (1 / n + 1 / m), len(reference) - 1)))


def kolmogorov_smirnov(reference: Array, current: Array) -> Distance:
    """The two-sample Kolmogorov-Smirnov statistic: the largest distance of the two empirical distribution functions.

    The p-value is that of Kolmogorov's limiting distribution at ``sqrt(n * m / (n + m))`` times the statistic (Smirnov,
    Annals of Mathematical Statistics 19, 1948), which errs on the side of chance for small samples.
    """
    from scipy.stats import kstwobign

    n, m = len(reference), len(current)
    one, other = np.sort(reference), np.sort(current)
    values = np.concatenate([one, other])
    gaps = np.searchsorted(one, values, side="right") / n - np.searchsorted(other, values, side="right") / m
    distance = float(np.abs(gaps).max())
    return Distance(distance, float(kstwobign.sf(distance * np.sqrt(n * m / (n + m)))))


def share_difference(reference: tuple[int, int], current: tuple[int, int]) -> Distance:
    """By how much a share has changed, from two pairs (hits, of how many); the p-value is Fisher's exact test's.

    Fisher, Journal of the Royal Statistical Society 85, 1922; SciPy's ``fisher_exact``, two-sided.
    """
    from scipy.stats import fisher_exact

    (hits, total), (hits_now, total_now) = reference, current
    table = [[hits, total - hits], [hits_now, total_now - hits_now]]
    return Distance(hits_now / total_now - hits / total, float(fisher_exact(table).pvalue))


def unseen_share(reference: Sequence[Hashable], current: Sequence[Hashable]) -> tuple[float, list[Hashable]]:
    """The share of *current* whose category the reference does not have, and these categories, most frequent first."""
    known = set(reference)
    unseen = Counter(value for value in current if value not in known)
    return sum(unseen.values()) / len(current), [value for value, _ in unseen.most_common()]
