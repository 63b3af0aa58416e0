"""Models that differ in their seed alone, shown as one: the mean over the seeds of an objective."""

import numpy as np
import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.objectives import OBJECTIVES

UNTRAINED = OBJECTIVES["untrained"].title


def names_of(results: pd.DataFrame) -> dict[str, str]:
    """For each model of ``results.csv``, the name that it is shown under."""
    pairs = zip(results["model"], results["objective"], strict=True)
    return {model: display.group(objective or model) for model, objective in pairs}


def over_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``results.csv`` with the models of one objective as one, which has its words for a name.

    Of k seeds, ``value`` is the mean, and the square of ``stderr`` is s2 / k, with s2 the variance over
    seeds, plus the mean of the squares of the seeds' own standard errors, since all see the same items. The
    noise of a single seed and item is in both terms, so that it errs on the wide side.

    Returns
    -------
    DataFrame
        In the order of the first row of each, with ``seeds``, the number k, as another column.
    """
    rows = rows.assign(model=rows["model"].map(names_of(rows)))
    keys = ["protocol", "model", "dataset", "metric", "parameter", "setting"]
    by_name = rows.groupby(keys, sort=False, dropna=False)
    spread = by_name["value"].var(ddof=1) / by_name.size()
    within = by_name["stderr"].apply(lambda errors: (errors**2).mean(skipna=False))
    merged = by_name.first().assign(
        value=by_name["value"].mean(),
        stderr=np.sqrt(spread.fillna(0) + within),
        n=by_name["n"].max(),
        trials=by_name["trials"].min(),
        seeds=by_name.size(),
    )
    return merged.reset_index()[[*rows.columns, "seeds"]]
