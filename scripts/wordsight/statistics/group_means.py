"""Mean of each objective over its seeds, with an interval that counts the seeds as draws too.

Models that differ only in their seed are repetitions of one training, so a table of objectives says more than
a table of models. With x_mti the observation of model m, trial t and item i, the value is the mean over all
three, and the interval counts each of them as a draw, as the interval of a contrast does
(:mod:`wordsight.statistics.components`, with the models as units).

Don't compare the intervals of two objectives to judge their difference: items that are hard for one are hard
for the other. Contrasts take this into account.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from wordsight.catalogue.cells import CELLS
from wordsight.config.statistics import StatisticsSection
from wordsight.errors import DataError
from wordsight.statistics.components import Part, Stratum, estimate
from wordsight.statistics.effect_row import holds_for
from wordsight.statistics.effects import INTERVAL
from wordsight.statistics.measures import Measure, Measures
from wordsight.statistics.observations import (
    Clusters,
    Observations,
    Origin,
    agreeing,
    clustered,
    drawn,
    read_observations,
    read_origin,
)
from wordsight.statistics.verdicts import interval

LEVELS = ["seeds", "trials", "items"]
COLUMNS = [
    *("protocol", "mode", "metric", "parameter", "setting", "scope", "dataset", "group"),
    *("value", "low", "high", "holds_for", "confidence", "interval", "resampled", "seed"),
    *("seeds", "n_datasets", "n_trials", "n_items"),
]
Key = tuple[str, str, str, float]  # mode, metric, parameter, setting
ByGroup = dict[str, dict[str, list[Origin]]]  # files by group, then by dataset


@dataclass(frozen=True)
class Measured:
    """Observations of a group on one dataset by one metric at one setting.

    Attributes
    ----------
    part : observations of what a repetition would draw anew: models, trials and items
    trials, items : how many there are, which may be more than those that are drawn, and than clusters
    """

    part: Part
    trials: int
    items: int


def describe(
    paths: Iterable[Path | str],
    groups: Mapping[str, str],
    section: StatisticsSection,
    seed: int,
    measures: Measures,
    clusters: Mapping[str, Clusters],
) -> pd.DataFrame:
    """Mean of every group of models by dataset, and over the datasets that all groups of a protocol share.

    At every setting of a protocol's primary metric, and of the metric of its curves where that is another.

    Parameters
    ----------
    paths : files of rows, each of one protocol, model and dataset
    groups : for each model, the name of its group: its objective, or its own name
    section : confidence of the intervals
    seed : the configured seed
    measures : by protocol, in the order of the protocols
    clusters : of each dataset whose items belong together, the cluster of each item; each counts once

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`, which ``docs/results.md`` describes; protocols in their order, then datasets
        with the mean over them last, then settings, then groups in the order of ``groups``.

    Raises
    ------
    DataError
        When the model of a file has no group, when two files hold the same results, or when the files of a
        group differ in items, draws or mode.
    """
    rows = [
        {"protocol": protocol, "confidence": section.confidence, "interval": INTERVAL, "seed": seed, **row}
        for protocol, by_group in _by_protocol(paths, groups).items()
        for row in _rows(by_group, section.confidence, measures[protocol], clusters)
    ]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    orders = {"protocol": list(measures), "group": list(dict.fromkeys(groups.values()))}
    return frame.sort_values(
        ["protocol", "scope", "dataset", "metric", "parameter", "setting", "group"],
        key=lambda column: column.map(orders[column.name].index) if column.name in orders else column,
        ignore_index=True,
    )


def _by_protocol(paths: Iterable[Path | str], groups: Mapping[str, str]) -> dict[str, ByGroup]:
    """Files by protocol, group and dataset; in each, the models in the order of their names."""
    found: dict[tuple[str, str, str], dict[str, Origin]] = defaultdict(dict)
    for origin in map(read_origin, paths):
        if origin.model not in groups:
            raise DataError(f"{origin.path}: its model {origin.model!r} is not in the configuration")
        files = found[origin.protocol, groups[origin.model], origin.dataset]
        if origin.model in files:
            raise DataError(
                f"{origin.path}: another file already holds the results of {origin.protocol}, {origin.model} "
                f"and {origin.dataset}"
            )
        files[origin.model] = origin
    nested: dict[str, ByGroup] = defaultdict(lambda: defaultdict(dict))
    for (protocol, group, dataset), files in found.items():
        nested[protocol][group][dataset] = [files[model] for model in sorted(files)]
    return nested


def _rows(
    by_group: ByGroup, confidence: float, measure: Measure, clusters: Mapping[str, Clusters]
) -> Iterator[dict[str, object]]:
    """Rows of one protocol; there is no mean over cells, which differ in what they ask."""
    shared = set.intersection(*(set(files) for files in by_group.values())) - set(CELLS)
    for group, files in by_group.items():
        by_key: dict[Key, dict[str, Measured]] = defaultdict(dict)
        for dataset, origins in sorted(files.items()):
            for key, found in _measured(origins, measure, clusters.get(dataset, {})):
                by_key[key][dataset] = found
        for (mode, metric, parameter, setting), by_dataset in by_key.items():
            of_key = {"mode": mode, "metric": metric, "parameter": parameter, "setting": setting}
            scopes = [("dataset", dataset, [found]) for dataset, found in by_dataset.items()]
            pooled = [found for dataset, found in by_dataset.items() if dataset in shared]
            for scope, dataset, kept in [*scopes, *([("pooled", "", pooled)] if pooled else [])]:
                place = {"group": group, "scope": scope, "dataset": dataset}
                yield {**of_key, **place, **_mean(kept, confidence)}


def _measured(origins: list[Origin], measure: Measure, clusters: Clusters) -> Iterator[tuple[Key, Measured]]:
    """Observations of a group on one dataset, by metric and setting."""
    curves = [measure.curves] if measure.curves else []
    models, first = tuple(origin.model for origin in origins), origins[0]
    for metric, parameter in [(measure.primary, None), *curves]:
        read = partial(_read, metric=metric, parameter=parameter)
        for observed in agreeing(origins, metric, read):
            one = observed[0]
            by_model = np.stack([drawn(each, measure.fixed_trials) for each in observed])
            values = clustered(by_model, one.items, clusters)
            yield (
                (first.mode, one.metric, one.parameter, one.setting),
                Measured(Part(first.dataset, (Stratum(1, models, values),)), len(one.trials), len(one.items)),
            )


def _read(origin: Origin, metric: str, parameter: str | None) -> list[Observations]:
    """Observations of a metric, all or those of one parameter."""
    found = read_observations(origin.path, {metric})
    return [observed for observed in found if parameter in (None, observed.parameter)]


def _mean(measured: Sequence[Measured], confidence: float) -> dict[str, object]:
    """Mean over models, trials and items, then over datasets, with its interval and counts."""
    found = estimate([one.part for one in measured])
    low, high = interval(found, confidence)
    shapes = [stratum.observations.shape for one in measured for stratum in one.part.strata]
    seeds, most = min(models for models, _, _ in shapes), np.max(shapes, axis=0)
    return {
        "value": found.effect,
        "low": low,
        "high": high,
        "holds_for": holds_for(seeds),
        "resampled": ", ".join(level for level, n in zip(LEVELS, most, strict=True) if n > 1),
        "seeds": seeds,
        "n_datasets": len(measured),
        "n_trials": min(one.trials for one in measured),
        "n_items": sum(one.items for one in measured),
    }
