"""The tables as figures and report read them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.cells import ALL_NEW, CELLS, across_cells
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.errors import DataError
from wordsight.tables.over_seeds import names_of, over_seeds

CURVES = ["epoch", "loss", "held_out_loss"]
INTERVAL = ["low", "high", "confidence", "resampled"]  # columns of objectives.csv about the interval


@dataclass(frozen=True)
class Tables:
    """What a figure is drawn from.

    Attributes
    ----------
    results : rows of ``results.csv``
    contrasts : rows of ``contrasts.csv``; no rows where no contrast is configured, and no columns for a
        figure that shows none, as :data:`wordsight.catalogue.figures.FIGURES` says
    classes : number of classes of each dataset, in the order of the configuration
    guessing : of each dataset with classes, the accuracy of always naming the most frequent one
    models : names, in the order of the configuration, which decides their colours
    objectives : rows of ``objectives.csv``, where intervals come from; without them, none is known
    training : learning curves, as :func:`read_training` gives them
    sensitivity : rows of ``sensitivity.csv``, for a figure that shows contrasts
    questions : what each contrast asks, in words; only the overview has them
    examples : what :mod:`wordsight.figures.images` gathered for the figure; only figures of single images
        have it
    """

    results: pd.DataFrame
    contrasts: pd.DataFrame
    classes: dict[str, int]
    models: list[str]
    objectives: pd.DataFrame | None = None
    training: pd.DataFrame | None = None
    sensitivity: pd.DataFrame | None = None
    questions: dict[str, str] = field(default_factory=dict)
    examples: dict[str, Any] | None = None
    guessing: dict[str, float] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Names to show, in order: those of the models, with one name for all models of an objective."""
        known = names_of(self.results)
        return list(dict.fromkeys(known[model] for model in self.models if model in known))


def read_training(paths: Mapping[str, Path | str], groups: Mapping[str, str]) -> pd.DataFrame:
    """Learning curves of the models that the workflow trained.

    Parameters
    ----------
    paths : file of each model, with at least the columns :data:`CURVES`
    groups : objective of each model

    Returns
    -------
    DataFrame
        :data:`CURVES` with ``model`` and ``group``, one row for each model and epoch.

    Raises
    ------
    DataError
        When a file can't be read, or lacks one of the columns.
    """
    parts = [pd.DataFrame(columns=["group", "model", *CURVES])]
    for model, path in paths.items():
        try:
            curve = pd.read_csv(path, usecols=CURVES)
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: cannot be read as a learning curve ({error})") from None
        parts.append(curve.assign(group=groups[model], model=model))
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def measured(tables: Tables, protocol: str, metric: str, parameter: str = "") -> pd.DataFrame:
    """Rows of one protocol and metric, by dataset, model and setting, in the order of the configuration.

    Returns
    -------
    DataFrame
        As ``results.csv``, but the seeds of an objective are one model
        (:func:`wordsight.tables.over_seeds.over_seeds`), with the columns :data:`INTERVAL` of
        ``objectives.csv``. ``low`` and ``high`` are NaN where no interval is known, and clipped to [0, 1],
        the range of every metric that is drawn.

    Raises
    ------
    DataError
        When there are no rows of this protocol, metric and parameter.
    """
    rows = tables.results
    rows = rows[
        (rows["protocol"] == protocol) & (rows["metric"] == metric) & (rows["parameter"] == parameter)
    ]
    if rows.empty:
        raise DataError(f"results: no rows of {protocol} with the metric {metric}")
    places = {
        "dataset": {name: place for place, name in enumerate([*tables.classes, *CELLS])},
        "model": {name: place for place, name in enumerate(tables.models)},
    }
    rows = rows.sort_values(
        ["dataset", "model", "setting"],
        key=lambda column: column.map(places[column.name]) if column.name in places else column,
        ignore_index=True,
    )
    return _with_intervals(over_seeds(rows), tables, "dataset")


def _with_intervals(rows: pd.DataFrame, tables: Tables, scope: str) -> pd.DataFrame:
    """Add the columns :data:`INTERVAL` to rows by model: on a dataset, or of the mean over datasets."""
    keys = ["protocol", "model", "metric", "parameter", "setting"]
    keys += ["dataset"] if scope == "dataset" else []
    if tables.objectives is None:
        return rows.assign(**dict.fromkeys(INTERVAL, float("nan")))
    known = tables.objectives[tables.objectives["scope"] == scope]
    known = known.assign(
        model=known["group"].map(display.group), low=known["low"].clip(0, 1), high=known["high"].clip(0, 1)
    )
    return rows.merge(known[[*keys, *INTERVAL]], on=keys, how="left", validate="many_to_one")


def objective_means(objectives: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """Rows of ``objectives.csv`` by a protocol's primary metric, of each dataset or cell."""
    of_protocol = objectives["protocol"] == protocol
    primary_metric = objectives["metric"] == PROTOCOLS[protocol].primary
    return objectives[of_protocol & primary_metric & (objectives["scope"] == "dataset")]


def primary(tables: Tables, protocol: str) -> pd.DataFrame:
    """Rows of a protocol's primary metric, as :func:`measured` gives them."""
    metric = PROTOCOLS[protocol].primary
    rows = tables.results
    parameters = rows.loc[(rows["protocol"] == protocol) & (rows["metric"] == metric), "parameter"]
    return measured(tables, protocol, metric, parameters.iloc[0] if len(parameters) else "")


def comparable(tables: Tables, protocol: str) -> pd.DataFrame:
    """Rows of :func:`primary` on which the encoders of a protocol can be compared.

    These are at the largest setting, on the datasets that all its encoders share; across styles, in the cell
    where concepts and style are new. Empty where no dataset is shared.
    """
    rows = primary(tables, protocol)
    rows = rows[rows["setting"] == rows["setting"].max()]
    if across_cells(rows).any():
        rows = rows[rows["dataset"] == ALL_NEW]
    shared = rows.groupby("dataset")["model"].nunique() == rows["model"].nunique()
    return rows[rows["dataset"].map(shared).astype(bool)]


def over_datasets(tables: Tables, protocol: str) -> pd.DataFrame:
    """Mean of each encoder over the rows of :func:`comparable`, with its interval.

    Returns
    -------
    DataFrame
        One row for each encoder, with ``over``, the number of datasets, and ``n``, that of their images.
    """
    rows = comparable(tables, protocol)
    if len(set(rows["dataset"])) == 1:
        return rows.assign(over=1)
    keys = ["protocol", "mode", "model", "metric", "parameter", "setting"]
    means = rows.groupby(keys, sort=False, as_index=False).agg(
        value=("value", "mean"),
        n=("n", "sum"),
        trials=("trials", "min"),
        seeds=("seeds", "min"),
        over=("value", "size"),
    )
    return _with_intervals(means, tables, "pooled")


def guessing_in(results: pd.DataFrame, protocol: str, cell: str) -> float | None:
    """Level of guessing in a cell, the same for every model; None where ``results.csv`` has none."""
    rows = results[(results["protocol"] == protocol) & (results["dataset"] == cell)]
    chance = rows.loc[rows["metric"] == "chance", "value"]
    return None if chance.empty else float(chance.iloc[0])


def modes(rows: pd.DataFrame) -> str:
    """Name the mode of the rows, or of each protocol where they differ."""
    found = dict(zip(rows["protocol"], rows["mode"], strict=True))
    if len(set(found.values())) == 1:
        return f"{rows['mode'].iloc[0]} mode"
    return ", ".join(f"{display.protocol(name)}: {mode} mode" for name, mode in found.items())
