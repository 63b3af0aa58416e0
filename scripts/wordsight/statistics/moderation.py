"""Variance between seeds, with strength borrowed from all objectives of a protocol.

Three to ten seeds say little of the variance between seeds, but several objectives, each trained from a few,
say more together. Each objective's variance s2 with d degrees of freedom is shrunk towards a common one
(Smyth 2004, "Linear models and empirical Bayes methods for assessing differential expression in microarray
experiments", doi:10.2202/1544-6115.1027), as limma does for genes:

    moderated = (d0 s0^2 + d s2) / (d0 + d),    with d0 + d degrees of freedom,
    which are at most those of all objectives together

Two rules make it more careful than limma, which tests thousands of genes where there are a dozen objectives.
d0 is at most :data:`MOST` times d, and a variance is never shrunk below what its own seeds show. Without
them, an objective that varies twice as much as the others makes 9 to 14 % of differences at a level of 5 %
false; with them 5 to 7 %, for a few points of power (``benchmarks/calibration.py``).

The true variances are taken to scatter around s0^2 as s0^2 d0 / chi2(d0) does. d0 and s0^2 come from the mean
and the variance of log s2 over the objectives: the more alike the variances, the larger d0; it is infinite
where they differ no more than chance explains, and then s0^2 is the pooled variance.

An objective whose variance is far too large for the others, as where one of its seeds collapsed, neither
shapes the common variance nor is shrunk to it, since that would hide the collapse (as in the robust version
of Phipson et al. 2016, "Robust hyperparameter estimation protects against hypervariable genes",
doi:10.1214/16-AOAS920).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import TypeVar

import numpy as np
from scipy import special

# Fewer say nothing of how much objectives differ in their variance.
FEWEST = 3
# P of so large a variance, or so low a seed, by chance: rarer ones are taken for another kind.
OUTLYING = 0.01
COLLAPSED = 0.001
MOST = 1.0  # prior degrees of freedom for each of an objective's own
SMALLEST = 1e-5  # of the median variance, to which smaller ones are raised, as a logarithm of zero is none

Means = Mapping[str, Mapping[str, float]]
Variance = TypeVar("Variance", float, np.ndarray)


@dataclass(frozen=True)
class Prior:
    """What all objectives of a protocol say of the variance between seeds.

    Attributes
    ----------
    variance : s0^2
    df : d0; infinite where the variances are alike
    total : degrees of freedom of all objectives together
    members : objectives that it comes from, and that are shrunk towards it
    """

    variance: float
    df: float
    total: int
    members: frozenset[str]

    def moderated(self, variance: Variance, df: int) -> tuple[Variance, float]:
        """Shrink a variance, but not below itself, with the degrees of freedom that it then has."""
        weight = min(self.df, MOST * df)
        shrunk = (weight * self.variance + df * variance) / (weight + df)
        return np.maximum(shrunk, variance), min(weight + df, float(self.total))

    def expected(self, variance: float, df: int) -> tuple[float, float]:
        """Best guess of a true variance, as Smyth has it, with its degrees of freedom.

        It is for plans. Tests use :meth:`moderated`, which is more careful and on average larger.
        """
        if np.isinf(self.df):
            return self.variance, float(self.total)
        weighted = (self.df * self.variance + df * variance) / (self.df + df)
        return weighted, min(self.df + df, float(self.total))


def fit(variances: Sequence[float], dfs: Sequence[int]) -> tuple[float, float]:
    """Estimate s0^2 and d0 from variances by the moments of their logarithms (Smyth 2004, section 6.2).

    Parameters
    ----------
    variances, dfs : of each objective; two or more, of which one variance or more is above zero
    """
    s2, d = np.asarray(variances, dtype=np.float64), np.asarray(dfs, dtype=np.float64)
    s2 = np.maximum(s2, SMALLEST * np.median(s2[s2 > 0]))
    e = np.log(s2) - special.digamma(d / 2) + np.log(d / 2)
    between = float(e.var(ddof=1) - special.polygamma(1, d / 2).mean())
    if between <= 0:
        return float(d @ s2 / d.sum()), float("inf")
    df = 2 * trigamma_inverse(between)
    return float(np.exp(e.mean() + special.digamma(df / 2) - np.log(df / 2))), df


def trigamma_inverse(value: float) -> float:
    """Solve trigamma(x) = value, by Newton's method on 1 / trigamma, which is convex (Smyth 2004)."""
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(special.polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(special.polygamma(2, x))
        x += step
        if -step / x < 1e-8:
            break
    return x


def prior(means: Means) -> Prior | None:
    """Common variance of the seeds' means of several objectives.

    Parameters
    ----------
    means : of each objective the mean of each seed

    Returns
    -------
    Prior or None
        None where fewer than :data:`FEWEST` objectives have two seeds, or no seeds differ.
    """
    return _prior(tuple((name, tuple(by_seed.values())) for name, by_seed in means.items()))


@lru_cache(maxsize=4096)  # leaving one model or dataset out asks again and again
def _prior(means: tuple[tuple[str, tuple[float, ...]], ...]) -> Prior | None:
    spread = {
        name: (float(np.var(values, ddof=1)), len(values) - 1) for name, values in means if len(values) > 1
    }
    kept = [name for name in spread if not _outlying(name, spread)]
    if len(kept) < FEWEST or not any(spread[name][0] > 0 for name in kept):
        return None
    variances, dfs = zip(*(spread[name] for name in kept), strict=True)
    return Prior(*fit(variances, dfs), total=sum(dfs), members=frozenset(kept))


def _outlying(name: str, spread: Mapping[str, tuple[float, int]]) -> bool:
    """Whether the variance of an objective is too large to be of the kind of all others."""
    others = [values for other, values in spread.items() if other != name]
    variance, own = spread[name]
    if len(others) < FEWEST - 1 or variance <= np.median([other for other, _ in others]):
        return False
    if not any(other > 0 for other, _ in others):
        return False
    variances, dfs = zip(*others, strict=True)
    common, df = fit(variances, dfs)
    return bool(special.fdtrc(own, min(df, sum(dfs)), variance / common) < OUTLYING)


def collapsed(means: Means, objective: str) -> list[str]:
    """Seeds of an objective that score far below its others, by the spread that the other objectives show.

    Parameters
    ----------
    means : as for :func:`prior`
    """
    by_seed, known = means.get(objective, {}), prior(means)
    if len(by_seed) < FEWEST or known is None or objective in known.members:
        return []
    df = min(known.df, float(known.total))
    # A median of few normal draws is at most half as variable again as their mean.
    error = np.sqrt(known.variance * (1 + 1.5 / (len(by_seed) - 1)))
    found = []
    for seed, value in by_seed.items():
        middle = float(np.median([other for name, other in by_seed.items() if name != seed]))
        if len(by_seed) * special.stdtr(df, (value - middle) / error) < COLLAPSED:
            found.append(seed)
    return found


def correlation(means: Means, without: Sequence[str] = ()) -> float:
    """Correlation of the seeds that two objectives share, pooled over all pairs of objectives.

    Parameters
    ----------
    means : as for :func:`prior`; equal names of seeds are matched
    without : the pair that is left out, so that a comparison doesn't choose by its own effect

    Returns
    -------
    float
        NaN where no other pair shares two seeds.
    """
    shared, alone = 0.0, 0.0
    for one, other in combinations(sorted(means), 2):
        seeds = sorted(set(means[one]) & set(means[other]))
        if len(seeds) < 2 or {one, other} == set(without):
            continue
        table = np.array([[means[name][seed] for seed in seeds] for name in (one, other)])
        table -= table.mean(axis=1, keepdims=True)
        shared += float(table[0] @ table[1])
        alone += float((table**2).sum()) / 2
    return shared / alone if alone > 0 else float("nan")
