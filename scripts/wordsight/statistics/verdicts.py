"""What an estimate shows: a difference, equivalence within a margin, or neither, and what would decide it.

With effect e, standard error s, df degrees of freedom and T their Student distribution:

- no difference: p = 2 T(-|e| / s);
- equivalence within the margin m, by two one-sided tests (Schuirmann 1987, doi:10.1007/BF01068419): the
  larger p of e <= -m and of e >= m;
- minimum detectable effect (Bloom 1995, "Minimum detectable effects", doi:10.1177/0193841X9501900504):
  (t(1 - alpha / 2) + t(power)) s.

The p-values of each kind of test are corrected within a family of comparisons by Holm's method. So the
probability that any difference claimed in a family is false is at most alpha, and likewise for equivalences.
"""

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from scipy import stats

from wordsight.statistics.components import Estimate

MOST_REPLICATES = 100_000  # nobody could follow advice to have more


class Verdict(StrEnum):
    """What is claimed about a treatment, compared with its control."""

    HELPS = "helps"
    HURTS = "hurts"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"


def interval(found: Estimate, confidence: float) -> tuple[float, float]:
    """Interval of Student's t; NaN at both ends where the standard error is unknown or zero."""
    reach = (
        float(stats.t.ppf((1 + confidence) / 2, found.df)) * found.stderr if found.df > 0 else float("nan")
    )
    return found.effect - reach, found.effect + reach


def p_difference(found: Estimate) -> float:
    """Two-sided p-value of no difference; NaN where it is not known."""
    if not found.df > 0:
        return float("nan")
    return float(2 * stats.t.sf(abs(found.effect) / found.stderr, found.df))


def p_equivalence(found: Estimate, margin: float) -> float:
    """P-value of a difference as large as the margin, at its nearer end; NaN where it is not known."""
    if not found.df > 0:
        return float("nan")
    return float(stats.t.sf((margin - abs(found.effect)) / found.stderr, found.df))


def smallest_margin(found: Estimate, alpha: float) -> float:
    """Smallest margin within which the two sides are equivalent at ``alpha``, without any correction."""
    return abs(found.effect) + float(stats.t.ppf(1 - alpha, found.df)) * found.stderr


def minimum_detectable(stderr: float, df: float, alpha: float, power: float) -> float:
    """Effect that a two-sided test at ``alpha`` finds with the given power."""
    return float(stats.t.ppf(1 - alpha / 2, df) + stats.t.ppf(power, df)) * stderr


def more_replicates(found: Estimate, replicates: int, margin: float, alpha: float, power: float) -> float:
    """Replicates to add until an effect as large as the margin is found with the given power.

    Returns
    -------
    float
        0 when there are enough, infinite when no number up to ``MOST_REPLICATES`` is enough, because items
        and trials alone are too uncertain, NaN when not known.
    """
    if not found.df > 0:
        return float("nan")
    fixed = found.stderr**2 - found.unit_variance

    def reached(count: int) -> bool:
        variance = fixed + found.unit_variance * replicates / count
        df = max(found.df * (count - 1) / max(replicates - 1, 1), 1.0)
        return minimum_detectable(np.sqrt(variance), df, alpha, power) <= margin

    if reached(replicates):
        return 0.0
    if not reached(MOST_REPLICATES):
        return float("inf")
    low, high = replicates, MOST_REPLICATES
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return float(high - replicates)


def holm(values: Sequence[float]) -> np.ndarray:
    """Adjust p by Holm's method (1979, "A simple sequentially rejective multiple test procedure").

    ``multipletests`` of statsmodels gives the same bits, but collects garbage in every call, which takes from
    0.04 s up to a second in a large process, and made simulations take minutes.

    Parameters
    ----------
    values : p-values of one family; NaN where there was no test, which stays NaN

    Returns
    -------
    float64 array of the same length
    """
    p = np.asarray(values, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * (len(order) - np.arange(len(order)))
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def judge(effect: float, p_difference: float, p_equivalence: float, alpha: float) -> Verdict:
    """Judge an effect by its two p-values; a significant effect within the margin counts as equivalent."""
    if p_equivalence <= alpha:
        return Verdict.EQUIVALENT
    if p_difference <= alpha:
        return Verdict.HELPS if effect > 0 else Verdict.HURTS
    return Verdict.UNDECIDED
