"""The numbers of each model, one row each: value, standard error and what was counted.

Observations of n items in t trials are crossed: every trial sees every item, and both are draws from
something larger. :mod:`wordsight.statistics.crossed` has the variance of their mean.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import bdtr, ndtri

from wordsight.errors import DataError
from wordsight.statistics.crossed import crossed_variance
from wordsight.statistics.measures import Measure, Measures
from wordsight.statistics.observations import Observations, Origin, drawn, read_observations, read_origin

KEYS = ["protocol", "model", "dataset", "mode", "metric", "parameter", "setting"]


def summarise(paths: Iterable[Path | str], measures: Measures) -> pd.DataFrame:
    """Summarise tables of rows, one file at a time.

    Parameters
    ----------
    paths : files of :data:`wordsight.protocols.rows.SCHEMA`, each of one protocol, model and dataset
    measures : by protocol; they say which metrics have a median, or neither mean nor median

    Returns
    -------
    DataFrame
        One row per protocol, model, dataset, mode, metric, parameter and setting, sorted by these, with
        ``value``, ``stderr`` (NaN for a single observation), ``n`` and ``unit`` (items or trials),
        ``trials``, ``seed`` (of the first trial) and ``statistic`` (mean or median). Metrics with neither
        mean nor median have no row.

    Raises
    ------
    DataError
        When there are no results, two files hold the same results, or a file is damaged, is empty, lacks an
        item in a trial, or holds an infinite value of a metric that is averaged.
    """
    rows = [
        _row(origin, observed, measures[origin.protocol])
        for origin in map(read_origin, paths)
        for observed in read_observations(origin.path)
        if observed.metric not in measures[origin.protocol].without_mean
    ]
    if not rows:
        raise DataError("statistics: there are no results to summarise")
    frame = pd.DataFrame(rows)
    twice = frame[frame.duplicated(KEYS)]
    if len(twice):
        raise DataError(f"statistics: two files have results of {' '.join(map(str, twice.iloc[0][KEYS]))}")
    return frame.sort_values(KEYS, ignore_index=True)


def standard_error(matrix: np.ndarray) -> float:
    """Estimate the standard error of the mean of crossed observations.

    Parameters
    ----------
    matrix : array of shape (t, n): trials by items, either of which may be 1

    Returns
    -------
    float
        NaN for a single observation.
    """
    variance, _ = crossed_variance(matrix)
    return float(np.sqrt(variance))


def median_error(values: np.ndarray) -> float:
    """Estimate the standard error of a median from two order statistics.

    The two lie about two standard errors below and above the median. The binomial probability that they
    enclose it, as a normal quantile, gives the number of standard errors between them (Price & Bonett 2001,
    "Estimating the variance of the sample median", J. Statist. Comput. Simul. 68, 295-305).

    Parameters
    ----------
    values : array of shape (n,)

    Returns
    -------
    float
        NaN for a single value, and where one of the two order statistics is infinite.
    """
    n = len(values)
    if n == 1:
        return float("nan")
    rank = max(round((n + 1) / 2 - np.sqrt(n)), 1)
    low, high = np.sort(values)[[rank - 1, n - rank]]
    if not np.isfinite([low, high]).all():
        return float("nan")
    return float((high - low) / (-2 * ndtri(bdtr(rank - 1, n, 0.5))))


def _row(origin: Origin, observed: Observations, measure: Measure) -> dict[str, object]:
    median = observed.metric in measure.medians
    if median:
        # First the median over the trials of each item, so that each item counts once.
        values = np.median(observed.matrix, axis=0)
        value, stderr = float(np.median(values)), median_error(values)
    else:
        if not np.isfinite(observed.matrix).all():
            raise DataError(f"{origin.path}: {observed.metric}: expected finite values, but one is infinite")
        value, stderr = float(observed.matrix.mean()), standard_error(drawn(observed, measure.fixed_trials))
    by_item = len(observed.items) > 0
    return {
        "protocol": origin.protocol,
        "model": origin.model,
        "dataset": origin.dataset,
        "mode": origin.mode,
        "metric": observed.metric,
        "parameter": observed.parameter,
        "setting": observed.setting,
        "value": value,
        "stderr": stderr,
        "n": len(observed.items) if by_item else len(observed.trials),
        "unit": "items" if by_item else "trials",
        "trials": len(observed.trials),
        "seed": int(observed.seeds[0]),
        "statistic": "median" if median else "mean",
    }
