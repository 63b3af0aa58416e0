"""What an estimate shows: a difference, equivalence within a margin, or neither, and what would decide it.

With effect e, standard error s, df degrees of freedom and T their Student distribution:

- no difference: p = 2 T(-|e| / s);
- equivalence within the margin m, by two one-sided tests (Schuirmann 1987, doi:10.1007/BF01068419): the
  larger p of e <= -m and of e >= m;
- minimum detectable effect (Bloom 1995, "Minimum detectable effects", doi:10.1177/0193841X9501900504):
  (t(1 - alpha / 2) + t(power)) s.

In each comparison at most one of the two null hypotheses is true: there is no difference, or there is one as
large as the margin. So with m comparisons in a family, and both tests of each at alpha / m, all verdicts of
the family, differences and equivalences together, are right with a probability of at least 1 - alpha
(Bonferroni). Stepwise methods such as Holm's gain nothing here. They relax the level once a null hypothesis
is rejected, but the other null hypothesis of the same comparison may then still be true.
"""

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from scipy import stats

from wordsight.statistics.components import Estimate


class Verdict(StrEnum):
    """What is claimed about a treatment, compared with its control."""

    HELPS = "helps"
    HURTS = "hurts"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"
    IDENTICAL = "identical"


class Encoders(StrEnum):
    """What is claimed of the encoders that were measured, held fixed, on new images like these."""

    HIGHER = "higher"
    LOWER = "lower"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"
    IDENTICAL = "identical"


OF_ENCODERS = {
    Verdict.HELPS: Encoders.HIGHER,
    Verdict.HURTS: Encoders.LOWER,
    Verdict.EQUIVALENT: Encoders.EQUIVALENT,
    Verdict.UNDECIDED: Encoders.UNDECIDED,
}


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


def bonferroni(p: float, comparisons: int) -> float:
    """Adjust a p for the number of comparisons in its family; NaN is no test and stays."""
    return min(1.0, comparisons * p) if p == p else p


def probabilities(found: Estimate, margin: float) -> tuple[float, float, float]:
    """Probabilities that the effect is below, within and above the margin on either side of none.

    They are those of the Student distribution that gives the interval, which is what a flat prior leads to.
    All are NaN where the standard error is not known or zero.
    """
    if not found.df > 0:
        return float("nan"), float("nan"), float("nan")
    worse, up_to = (
        float(stats.t.cdf((end - found.effect) / found.stderr, found.df)) for end in (-margin, margin)
    )
    return worse, up_to - worse, 1 - up_to


def superiority(treatments: np.ndarray, controls: np.ndarray) -> float:
    """Probability that a random treatment is above a random control, with ties as halves."""
    if not (len(treatments) and len(controls)):
        return float("nan")
    differences = np.sign(np.subtract.outer(treatments, controls))
    return float((1 + differences.mean()) / 2)


def found_in(p_values: Sequence[float], alpha: float) -> int:
    """Number of datasets in which there is an effect; with probability 1 - alpha it is not too large.

    The test of an effect in u or more of n datasets multiplies the u-th smallest p by n - u + 1 (partial
    conjunction with Bonferroni, whatever the datasets share: Dror et al. 2017, "Replicability analysis for
    natural language processing", doi:10.1162/tacl_a_00074).
    """
    ordered = sorted(p if p == p else 1.0 for p in p_values)
    count = 0
    for place, p in enumerate(ordered):
        if (len(ordered) - place) * p > alpha:
            break
        count += 1
    return count


def judge(effect: float, p_difference: float, p_equivalence: float, alpha: float) -> Verdict:
    """Judge an effect by its two p-values; a significant effect within the margin counts as equivalent."""
    if p_equivalence <= alpha:
        return Verdict.EQUIVALENT
    if p_difference <= alpha:
        return Verdict.HELPS if effect > 0 else Verdict.HURTS
    return Verdict.UNDECIDED
