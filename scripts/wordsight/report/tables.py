"""The tables of the report: titles and cells as text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from wordsight import labels
from wordsight.figures.data import Tables, primary
from wordsight.report.run import Run
from wordsight.statistics.observations import PRIMARY

ABSENT = "–"
MOST_ROWS = 3000  # a longer table is left to the CSV file


@dataclass(frozen=True)
class Table:
    """A table with a row header in its first column.

    Attributes
    ----------
    numeric : places of the columns of numbers
    """

    caption: str
    columns: list[str]
    rows: list[list[str]]
    numeric: set[int] = field(default_factory=set)


def primary_tables(run: Run) -> list[Table]:
    """For each protocol, the metric on which it is judged: a row a model and setting, a column a dataset."""
    tables = Tables(run.results, run.contrasts, dict.fromkeys(run.datasets, 0), list(run.models))
    return [_pivot(primary(tables, protocol), run.modes()[protocol]) for protocol in run.modes()]


def _pivot(rows: pd.DataFrame, mode: str) -> Table:
    protocol, parameter = rows["protocol"].iloc[0], rows["parameter"].iloc[0]
    datasets = list(dict.fromkeys(rows["dataset"]))
    cells = {
        (row["model"], row["setting"], row["dataset"]): measured(row["value"], row["stderr"])
        for row in rows.to_dict("records")
    }
    keys = sorted({key[:2]: None for key in cells}, key=lambda key: key[1])
    setting = [parameter] if parameter else []
    body = [
        [
            model,
            *([f"{value:g}"] if parameter else []),
            *(cells.get((model, value, d), ABSENT) for d in datasets),
        ]
        for model, value in keys
    ]
    return Table(
        f"{labels.protocol(protocol)}: {labels.metric(PRIMARY[protocol])}, {mode} mode",
        ["model", *setting, *datasets],
        body,
        set(range(1, len(datasets) + len(setting) + 1)),
    )


def measured(value: float, stderr: float) -> str:
    """Write a share with its standard error, in percent."""
    return f"{100 * value:.1f}" + ("" if pd.isna(stderr) else f" ± {100 * stderr:.1f}")


def full_table(run: Run) -> Table:
    """Every row of ``results.csv``."""
    body = [
        [
            row["model"],
            row["dataset"],
            labels.protocol(row["protocol"]),
            labels.metric(row["metric"]),
            labels.setting(row["parameter"], row["setting"]),
            f"{row['value']:.4g}",
            ABSENT if pd.isna(row["stderr"]) else f"{row['stderr']:.2g}",
            f"{row['n']:,} {row['unit']}",
            str(row["trials"]),
            row["mode"],
        ]
        for row in run.results.head(MOST_ROWS).to_dict("records")
    ]
    titles = [
        "model",
        "dataset",
        "protocol",
        "metric",
        "setting",
        "value",
        "standard error",
        "n",
        "trials",
        "mode",
    ]
    return Table("Every measurement", titles, body, {5, 6, 7, 8})


def contrast_tables(run: Run) -> list[Table]:
    """For each contrast its effects in percentage points: over all datasets, then by dataset."""
    order = {name: place for place, name in enumerate(["", *run.datasets])}
    rows = run.contrasts[(run.contrasts["scope"] == "dataset") | (run.contrasts["n_datasets"] > 1)]
    rows = rows.assign(place=rows["dataset"].map(order), part=_parts(rows))
    titles = ["protocol", "dataset", "treatment", "control", "effect", "interval", "verdict", "replicates"]
    titles += ["images", "resampled"]
    return [
        Table(
            f"Contrast {contrast}: treatment minus control, in percentage points",
            titles,
            [_effect(row) for row in part.sort_values(["part", "place"], kind="stable").to_dict("records")],
            {2, 3, 4, 5, 7, 8},
        )
        for contrast, part in rows.groupby("contrast", sort=False)
    ]


def _parts(rows: pd.DataFrame) -> pd.Series:
    """Number of each row's contrast, protocol and setting, in the order of the rows."""
    return rows.groupby(["contrast", "protocol", "parameter", "setting"], sort=False).ngroup()


def _effect(row: Mapping[Any, Any]) -> list[str]:
    return [
        labels.comparison(row["protocol"], row["parameter"], row["setting"]),
        row["dataset"] or "all datasets",
        *(f"{100 * row[side]:.1f}" for side in ("treatment", "control")),
        _signed(row["effect"]),
        ABSENT if pd.isna(row["low"]) else f"{_signed(row['low'])} to {_signed(row['high'])}",
        row["verdict"],
        str(row["replicates"]),
        f"{row['n_items']:,}",
        row["resampled"],
    ]


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")


def dataset_table(run: Run) -> Table:
    """Where the images come from, how many there are, and how many test images have a twin in training."""
    body = [
        [
            card["name"],
            card["origin"],
            card["licence"],
            f"{len(card['classes']):,}",
            *(f"{card['splits'][split]['items']:,}" for split in ("train", "test")),
            *(f"{card['duplicates'][kind]:,}" for kind in ("exact", "near")),
        ]
        for card in run.datasets.values()
    ]
    titles = [
        "dataset",
        "origin",
        "licence",
        "classes",
        "training images",
        "test images",
        "exact twins",
        "near twins",
    ]
    return Table("Datasets", titles, body, {3, 4, 5, 6, 7})


def model_table(run: Run) -> Table:
    """What the encoders are and what they learned from."""
    body = [
        [
            card["name"],
            card["architecture"],
            labels.training(card["language"], card["pretraining_images"], card["robust"]),
            f"{card['pretraining_images']:,}",
            card["pretraining_data"],
            f"{card['parameters'] / 1e6:.1f}",
            f"{card['feature_size']:,}",
            _preprocessing(card["preprocessing"]),
            f"{card['origin']} ({card['source']})",
            card["licence"],
            card["sha256"][:12] or ABSENT,
            card["weights_sha256"][:12],
        ]
        for card in run.models.values()
    ]
    titles = [
        "model",
        "architecture",
        "training",
        "training images",
        "training data",
        "parameters, millions",
        "feature size",
    ]
    titles += ["preprocessing", "origin", "licence", "SHA-256 of the source", "SHA-256 of the weights"]
    return Table("Models", titles, body, {3, 5, 6})


def _preprocessing(card: Mapping[str, Any]) -> str:
    mean, std = ("/".join(f"{value:.3g}" for value in card[key]) for key in ("mean", "std"))
    size = f"{card['interpolation']} to {card['resize']}, centre {card['image_size']} pixels"
    return f"{size}, mean {mean}, std {std}"
