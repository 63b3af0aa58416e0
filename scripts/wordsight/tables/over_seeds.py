"""Models that differ only in their seed, shown as one: the mean over the seeds of an objective."""

import numpy as np
import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.objectives import OBJECTIVES

UNTRAINED = OBJECTIVES["untrained"].title


def names_of(results: pd.DataFrame) -> dict[str, str]:
    """The name under which each model of ``results.csv`` is shown."""
    pairs = zip(results["model"], results["objective"], strict=True)
    return {model: display.group(objective or model) for model, objective in pairs}


def over_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    """Merge the models of one objective in rows of ``results.csv`` into one, named after the objective.

    For k seeds, ``value`` is the mean, and the square of ``stderr`` is s2 / k, with s2 the variance over
    seeds, plus the mean of the squares of the seeds' own standard errors, since all see the same items. Noise
    that belongs to one seed and one item counts in both terms, so ``stderr`` is rather too large.

    Returns
    -------
    DataFrame
        Each merged row at the place of its first row, with k in a further column ``seeds``.
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
