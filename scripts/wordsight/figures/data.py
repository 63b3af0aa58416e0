"""The tables as figures and report read them."""

from dataclasses import dataclass

import pandas as pd

from wordsight import labels
from wordsight.errors import DataError
from wordsight.statistics.observations import PRIMARY


@dataclass(frozen=True)
class Tables:
    """What a figure is drawn from.

    Attributes
    ----------
    results : rows of ``results.csv``
    contrasts : rows of ``contrasts.csv``; none where no contrast is configured
    classes : number of classes of each dataset, in the order of the configuration
    models : names, in the order of the configuration, which decides their colours
    """

    results: pd.DataFrame
    contrasts: pd.DataFrame
    classes: dict[str, int]
    models: list[str]


def measured(tables: Tables, protocol: str, metric: str, parameter: str = "") -> pd.DataFrame:
    """Rows of one protocol and metric, by dataset, model and setting, in the order of the configuration.

    Returns
    -------
    DataFrame
        As ``results.csv``, with ``low`` and ``high`` one standard error below and above ``value``, NaN where
        it is unknown, and held in [0, 1], where every metric that is drawn lies.

    Raises
    ------
    DataError
        When there is no such row.
    """
    rows = tables.results
    rows = rows[
        (rows["protocol"] == protocol) & (rows["metric"] == metric) & (rows["parameter"] == parameter)
    ]
    if rows.empty:
        raise DataError(f"results: expected rows of {protocol} with the metric {metric}, but there are none")
    places = {
        "dataset": {name: place for place, name in enumerate(tables.classes)},
        "model": {name: place for place, name in enumerate(tables.models)},
    }
    rows = rows.sort_values(
        ["dataset", "model", "setting"],
        key=lambda column: column.map(places[column.name]) if column.name in places else column,
        ignore_index=True,
    )
    low, high = rows["value"] - rows["stderr"], rows["value"] + rows["stderr"]
    return rows.assign(low=low.clip(lower=0), high=high.clip(upper=1))


def primary(tables: Tables, protocol: str) -> pd.DataFrame:
    """Rows of the metric on which a protocol is judged, as :func:`measured` gives them."""
    metric = PRIMARY[protocol]
    rows = tables.results
    parameters = rows.loc[(rows["protocol"] == protocol) & (rows["metric"] == metric), "parameter"]
    return measured(tables, protocol, metric, parameters.iloc[0] if len(parameters) else "")


def modes(rows: pd.DataFrame) -> str:
    """Name the mode of the rows, or of each protocol where they differ."""
    found = dict(zip(rows["protocol"], rows["mode"], strict=True))
    if len(set(found.values())) == 1:
        return f"{rows['mode'].iloc[0]} mode"
    return ", ".join(f"{labels.protocol(name)}: {mode} mode" for name, mode in found.items())
