"""Mean of each objective over its seeds, with an interval that counts the seeds as draws too.

Models that differ only in their seed are repetitions of one training, so a table of objectives says more than
a table of models. With x_mti the observation of model m, trial t and item i, the value is the mean over all
three, and the interval counts each of them as a draw, as the interval of a contrast does
(:mod:`wordsight.statistics.components`, with the models as units).

Don't compare the intervals of two objectives to judge their difference: items that are hard for one are hard
for the other. Contrasts take this into account.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from wordsight.config.statistics import StatisticsSection
from wordsight.errors import DataError
from wordsight.statistics.components import Part, Stratum, estimate
from wordsight.statistics.effect_row import holds_for
from wordsight.statistics.effects import INTERVAL
from wordsight.statistics.measures import Measures
from wordsight.statistics.observations import Observations, Origin, drawn, paired_observations, read_origin
from wordsight.statistics.verdicts import interval

LEVELS = ["seeds", "trials", "items"]
COLUMNS = [
    *("protocol", "mode", "metric", "parameter", "setting", "dataset", "group"),
    *("value", "low", "high", "holds_for", "confidence", "interval", "resampled", "seed"),
    *("seeds", "n_trials", "n_items"),
]


def describe(
    paths: Iterable[Path | str],
    groups: Mapping[str, str],
    section: StatisticsSection,
    seed: int,
    measures: Measures,
) -> pd.DataFrame:
    """Mean of every group of models on every dataset, at every setting of a protocol's primary metric.

    Parameters
    ----------
    paths : files of rows, each of one protocol, model and dataset
    groups : for each model, the name of its group: its objective, or its own name
    section : confidence of the intervals
    seed : the configured seed
    measures : by protocol, in the order of the protocols

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`, which ``docs/results.md`` describes; protocols in their order, then datasets
        and settings, then groups in the order of ``groups``.

    Raises
    ------
    DataError
        When the model of a file has no group, when two files hold the same results, or when the files of a
        group differ in items, draws or mode.
    """
    rows = [
        row
        for (_, _, group), origins in _by_group(paths, groups).items()
        for row in _rows(group, origins, section, seed, measures)
    ]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    orders = {"protocol": list(measures), "group": list(dict.fromkeys(groups.values()))}
    return frame.sort_values(
        ["protocol", "dataset", "parameter", "setting", "group"],
        key=lambda column: column.map(orders[column.name].index) if column.name in orders else column,
        ignore_index=True,
    )


def _by_group(
    paths: Iterable[Path | str], groups: Mapping[str, str]
) -> dict[tuple[str, str, str], list[Origin]]:
    """Files by protocol, dataset and group; in each, the models in the order of their names."""
    found: dict[tuple[str, str, str], dict[str, Origin]] = defaultdict(dict)
    for origin in map(read_origin, paths):
        if origin.model not in groups:
            raise DataError(f"{origin.path}: its model {origin.model!r} is not in the configuration")
        files = found[origin.protocol, origin.dataset, groups[origin.model]]
        if origin.model in files:
            raise DataError(
                f"{origin.path}: another file already holds the results of {origin.protocol}, {origin.model} "
                f"and {origin.dataset}"
            )
        files[origin.model] = origin
    return {key: [files[model] for model in sorted(files)] for key, files in found.items()}


def _rows(
    group: str, origins: list[Origin], section: StatisticsSection, seed: int, measures: Measures
) -> Iterator[dict[str, object]]:
    first = origins[0]
    measure = measures[first.protocol]
    for observed in paired_observations(origins, measure.primary):
        yield {
            "protocol": first.protocol,
            "mode": first.mode,
            "dataset": first.dataset,
            "group": group,
            "confidence": section.confidence,
            "interval": INTERVAL,
            "seed": seed,
            **_mean(observed, first, section.confidence, measure.fixed_trials),
        }


def _mean(
    observed: list[Observations], origin: Origin, confidence: float, fixed_trials: bool
) -> dict[str, object]:
    """Mean over models, trials and items, with its interval and counts."""
    first = observed[0]
    values = np.stack([drawn(one, fixed_trials) for one in observed])
    models = tuple(str(place) for place in range(len(observed)))
    low, high = interval(estimate([Part(origin.dataset, (Stratum(1, models, values),))]), confidence)
    return {
        "metric": first.metric,
        "parameter": first.parameter,
        "setting": first.setting,
        "value": float(values.mean()),
        "low": low,
        "high": high,
        "holds_for": holds_for(len(observed)),
        "resampled": ", ".join(level for level, n in zip(LEVELS, values.shape, strict=True) if n > 1),
        "seeds": len(observed),
        "n_trials": len(first.trials),
        "n_items": len(first.items),
    }
