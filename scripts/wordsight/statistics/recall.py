"""Recall of each class: the share of its test images that are right.

Trials and images are both draws, as in :mod:`wordsight.statistics.model_means`, but the images of one class
only.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from wordsight.errors import DataError
from wordsight.statistics.measures import Measures
from wordsight.statistics.model_means import KEYS, standard_error
from wordsight.statistics.observations import Observations, Origin, read_observations, read_origin

PLACE = [key for key in KEYS if key != "metric"]
COLUMNS = [*PLACE, "label", "value", "stderr", "n", "trials"]


def recalls(paths: Iterable[Path | str], measures: Measures) -> pd.DataFrame:
    """Recall of each class by each model, from the protocols that record the classes of their images.

    Parameters
    ----------
    paths : files of rows, each of one protocol, model and dataset
    measures : by protocol

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`, one row for each class that has test images: its index ``label``, the mean of
        the protocol's primary metric over its ``n`` images, and the standard error (NaN for a single
        observation), sorted by all columns before these.

    Raises
    ------
    DataError
        When a file is damaged, or has other images than classes.
    """
    rows = [
        row
        for origin in map(read_origin, paths)
        if measures[origin.protocol].labelled
        for row in _rows(origin, measures[origin.protocol].primary)
    ]
    return pd.DataFrame(rows, columns=COLUMNS).sort_values([*PLACE, "label"], ignore_index=True)


def _rows(origin: Origin, metric: str) -> Iterator[dict[str, object]]:
    observed = read_observations(origin.path, {metric, "label"})
    of_image = next((one for one in observed if one.metric == "label"), None)
    if of_image is None:
        raise DataError(f"{origin.path}: has no rows of label")
    for one in observed:
        if one.metric == metric:
            yield from _by_class(origin, one, of_image)


def _by_class(origin: Origin, observed: Observations, of_image: Observations) -> Iterator[dict[str, object]]:
    if not np.array_equal(observed.items, of_image.items):
        raise DataError(f"{origin.path}: {observed.metric} and label: expected the same items in both")
    labels = of_image.matrix[0].astype(int)
    for label in np.unique(labels):
        right = observed.matrix[:, labels == label]
        yield {
            "protocol": origin.protocol,
            "model": origin.model,
            "dataset": origin.dataset,
            "mode": origin.mode,
            "parameter": observed.parameter,
            "setting": observed.setting,
            "label": int(label),
            "value": float(right.mean()),
            "stderr": standard_error(right),
            "n": right.shape[1],
            "trials": right.shape[0],
        }
