"""Variance of the mean of crossed observations: every trial sees every item, and both are draws.

With x_ij = mu + item_i + trial_j + rest_ij, the mean over n items and t trials has the variance

    s2_item / n + s2_trial / t + s2_rest / (n t)

whose unbiased estimate from the mean squares of the two-way table is (MS_item + MS_trial - MS_rest) / (n t).
It is held at the larger of the two one-way terms, below which it falls only by chance (Cameron, Gelbach &
Miller 2011, "Robust inference with multiway clustering", doi:10.1198/jbes.2010.07136). With one trial it is
the ordinary variance of a mean over items.
"""

from collections.abc import Sequence

import numpy as np


def crossed_variance(matrix: np.ndarray) -> tuple[float, float]:
    """Estimate the variance of the mean of crossed observations, with its degrees of freedom.

    Parameters
    ----------
    matrix : array of shape (t, n): trials by items, either of which may be 1

    Returns
    -------
    variance, df : float
        Both NaN for a single observation; ``df`` is NaN where the variance is zero.
    """
    trials, items = matrix.shape
    if matrix.size == 1:
        return float("nan"), float("nan")
    if min(trials, items) == 1:
        variance = float(matrix.var(ddof=1)) / matrix.size
        return variance, matrix.size - 1 if variance > 0 else float("nan")
    by_trial, by_item = matrix.mean(axis=1), matrix.mean(axis=0)
    rest = matrix - by_trial[:, None] - by_item[None, :] + matrix.mean()
    ms_rest = float((rest**2).sum()) / ((trials - 1) * (items - 1))
    ms_item, ms_trial = trials * float(by_item.var(ddof=1)), items * float(by_trial.var(ddof=1))
    both = [
        (ms_item / matrix.size, items - 1),
        (ms_trial / matrix.size, trials - 1),
        (-ms_rest / matrix.size, (trials - 1) * (items - 1)),
    ]
    candidates = (both, both[:1], both[1:2])
    largest = max(candidates, key=lambda terms: sum(variance for variance, _ in terms))
    return sum(variance for variance, _ in largest), satterthwaite(largest)


def satterthwaite(terms: Sequence[tuple[float, float]]) -> float:
    """Degrees of freedom of a sum of independent variances, each given with its own; NaN when it is zero.

    Satterthwaite (1946), "An approximate distribution of estimates of variance components", Biometrics
    Bulletin 2, 110-114, doi:10.2307/3002019.
    """
    spread = sum(variance**2 / df for variance, df in terms)
    return float(sum(variance for variance, _ in terms) ** 2 / spread) if spread > 0 else float("nan")
