"""Levels of verdicts at declared looks, so that adding seeds until something is decided keeps its error rate.

Testing after every few seeds, and stopping at the first verdict, is wrong more often than the level says.
Here the numbers of seeds at which verdicts are given are declared before the first run, and the error rate is
spent over them. When n of the last look's N seeds are there, a one-sided test at level a has spent

    2 - 2 Phi(z(1 - a / 2) / sqrt(n / N)),

the function of Lan & DeMets (1983), "Discrete sequential boundaries for clinical trials", Biometrika 70,
659-663, doi:10.1093/biomet/70.3.659. Its bounds resemble those of O'Brien and Fleming: strict at first, and
at the last look almost as if there were no others. The level of each look follows from the joint normal
distribution of the statistics at all looks, by the recursion of Armitage, McPherson & Rowe (1969), "Repeated
significance tests on accumulating data", doi:10.2307/2343787. The correlation of two looks is taken to be the
square root of n / N. Images that all looks share make it larger, and wrong verdicts rarer.

The levels are those of p-values, so they serve Student's t as well (Jennison & Turnbull 1999, "Group
Sequential Methods with Applications to Clinical Trials", section 3.8).
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import optimize
from scipy.stats import norm

NODES = 400  # of the integral over the statistic at the look before
FARTHEST = 10.0  # standard deviations at which that integral begins, and bounds are looked for


def spent(share: float, alpha: float) -> float:
    """Part of a one-sided level ``alpha`` that is spent when a share of all information is there."""
    return float(2 * norm.sf(norm.isf(alpha / 2) / np.sqrt(share)))


@lru_cache(maxsize=256)
def one_sided(looks: tuple[int, ...], alpha: float) -> tuple[float, ...]:
    """Level of the p-value of a one-sided test at each look.

    Parameters
    ----------
    looks : numbers of replicates, in ascending order
    alpha : probability that a true hypothesis is rejected at any of the looks
    """
    shares = [look / looks[-1] for look in looks]
    parts = np.diff([spent(share, alpha) for share in shares], prepend=0.0)
    levels = [float(parts[0])]
    # The sum of all seeds has the variance `share`, and what each look adds to it is independent.
    sums, weights = _below(float(norm.isf(levels[0])), shares[0])
    weights = weights * norm.pdf(sums, scale=np.sqrt(shares[0]))
    for before, share, part in zip(shares, shares[1:], parts[1:], strict=False):
        added = np.sqrt(share - before)
        bound = optimize.brentq(_excess, 0.0, 4 * FARTHEST, (sums, weights, share, added, part), xtol=1e-10)
        levels.append(float(norm.sf(bound)))
        next_sums, next_weights = _below(bound, share)
        reached = norm.pdf(next_sums[:, None], sums, added) @ weights
        sums, weights = next_sums, next_weights * reached
    return tuple(levels)


def _excess(
    bound: float, sums: np.ndarray, weights: np.ndarray, share: float, added: float, part: float
) -> float:
    """By how much a bound spends more than its part, as a share of that."""
    return float(weights @ norm.sf((bound * np.sqrt(share) - sums) / added)) / part - 1


def _below(bound: float, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of the integral over sums with which the test goes on."""
    low, high = -FARTHEST * np.sqrt(share), bound * np.sqrt(share)
    nodes, weights = _legendre()
    return low + (nodes + 1) * (high - low) / 2, weights * (high - low) / 2


@lru_cache
def _legendre() -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(NODES)


def number(replicates: int, looks: Sequence[int]) -> int:
    """Number of the look that was reached last; 0 before the first one.

    >>> number(4, [5, 10]), number(5, [5, 10]), number(12, [5, 10])
    (0, 1, 2)
    """
    return sum(look <= replicates for look in looks)


def level(replicates: int, looks: Sequence[int], alpha: float) -> float:
    """Level at which a comparison is tested: that of the look that was reached last, and 0 before the first.

    The same level is for both tests of a comparison, the two-sided one of no difference, and the one-sided
    one of a difference as large as the margin: the smaller of the two that they would have.

    Parameters
    ----------
    replicates : of the comparison
    looks : declared numbers of replicates, in ascending order; none for a comparison that is tested once
    alpha : probability of a wrong verdict at any of the looks
    """
    if not looks:
        return alpha
    reached = number(replicates, looks)
    if not reached:
        return 0.0
    declared = tuple(looks)
    return min(2 * one_sided(declared, alpha / 2)[reached - 1], one_sided(declared, alpha)[reached - 1])
