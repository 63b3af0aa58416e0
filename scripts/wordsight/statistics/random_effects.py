"""Mean effect of datasets like these: a meta-analysis with the datasets as random effects.

DerSimonian & Laird (1986, doi:10.1016/0197-2456(86)90046-2), with the interval of Hartung and Knapp (2001,
doi:10.1002/sim.791), never below that of the weights alone. I squared is the share of the variance that
datasets bring.
"""

from collections.abc import Sequence

import numpy as np

from wordsight.statistics.components import Estimate


def random_effects(effects: np.ndarray, variances: np.ndarray) -> tuple[float, float, float]:
    """Mean of effects that differ, its standard error, and I squared.

    Parameters
    ----------
    effects, variances : arrays of shape (datasets,), two or more
    """
    weights = 1 / variances
    fixed = weights @ effects / weights.sum()
    q, df = float(weights @ (effects - fixed) ** 2), len(effects) - 1
    between = max(0.0, (q - df) / float(weights.sum() - (weights**2).sum() / weights.sum()))
    weights = 1 / (variances + between)
    mean = float(weights @ effects / weights.sum())
    scale = max(1.0, float(weights @ (effects - mean) ** 2) / df)
    return mean, float(np.sqrt(scale / weights.sum())), max(0.0, (q - df) / q) if q > 0 else 0.0


def over_datasets(found: Sequence[Estimate]) -> tuple[Estimate, float] | None:
    """Mean effect of datasets like these, and I squared; None where a dataset has no standard error.

    Parameters
    ----------
    found : the estimate of each dataset, two or more
    """
    effects, variances = np.array([e.effect for e in found]), np.array([e.stderr**2 for e in found])
    if not (variances > 0).all():
        return None
    mean, stderr, heterogeneity = random_effects(effects, variances)
    return Estimate(mean, stderr, df=len(found) - 1, unit_variance=float("nan")), heterogeneity
