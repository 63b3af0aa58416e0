"""The tables of the report: titles and cells as text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from wordsight import labels
from wordsight.cells import CELLS
from wordsight.figures.data import across_cells, primary
from wordsight.figures.four_cells import guessing_in
from wordsight.figures.groups import group_name
from wordsight.report.run import Run
from wordsight.statistics.observations import PRIMARY
from wordsight.tables import training

ABSENT = "–"
MOST_ROWS = 800  # a longer table is left to the CSV file
MOST_EFFECTS = 300  # effects by dataset that all tables of contrasts have together


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
    """For each protocol, the metric on which it is judged: a row a model and setting, a column a dataset.

    Where the workflow trained models, a row is an objective over its seeds, with an interval; a protocol
    across styles is left to :func:`cell_tables` unless it has several settings.
    """
    crossed = set(run.results.loc[run.results["dataset"].isin(list(CELLS)), "protocol"])
    if run.trained():
        kept = [name for name in run.modes() if name not in crossed or len(_settings(run, name)) > 1]
        return [_means(run, name, _settings(run, name)) for name in kept]
    names = [name for name in run.modes() if name not in crossed]
    return [_pivot(primary(run.tables(), protocol), run.modes()[protocol]) for protocol in names]


def cell_tables(run: Run) -> list[Table]:
    """For each protocol across styles at its largest setting, a row a group, a column a cell."""
    protocols = run.results.loc[run.results["dataset"].isin(list(CELLS)), "protocol"].unique()
    return [
        _with_guessing(_means(run, name, _settings(run, name)[-1:]), run, name)
        for name in run.modes()
        if name in set(protocols)
    ]


def _settings(run: Run, protocol: str) -> list[float]:
    return sorted(set(run.objectives.loc[run.objectives["protocol"] == protocol, "setting"]))


def _means(run: Run, protocol: str, settings: Sequence[float]) -> Table:
    """Means with intervals of one protocol, from ``objectives.csv``."""
    rows = run.objectives[(run.objectives["protocol"] == protocol) & run.objectives["setting"].isin(settings)]
    parameter = rows["parameter"].iloc[0] if len(settings) > 1 else ""
    present = set(rows["dataset"])
    datasets = [name for name in [*run.datasets, *CELLS] if name in present]
    cells = {(row["setting"], row["group"], row["dataset"]): row for row in rows.to_dict("records")}
    keys = sorted({key[:2]: None for key in cells}, key=lambda key: key[0])
    body = []
    for setting, group in keys:
        found = [cells.get((setting, group, dataset)) for dataset in datasets]
        runs = max(row["seeds"] for row in found if row)
        varied = [f"{setting:g}"] if parameter else []
        body.append(
            [group_name(group), str(runs), *varied, *(spanned(row) if row else ABSENT for row in found)]
        )
    heading = labels.comparison(protocol, "" if parameter else rows["parameter"].iloc[0], settings[-1])
    titles = ["encoder", "training runs", *([parameter] if parameter else []), *map(labels.dataset, datasets)]
    return Table(
        f"{heading}: {labels.metric(PRIMARY[protocol])}, {run.modes()[protocol]} mode",
        titles,
        body,
        set(range(1, len(titles))),
    )


def _with_guessing(table: Table, run: Run, protocol: str) -> Table:
    """Add a last row of what guessing reaches in each cell."""
    present = set(run.objectives.loc[run.objectives["protocol"] == protocol, "dataset"])
    levels = [guessing_in(run.results, protocol, cell) for cell in CELLS if cell in present]
    last = ["guessing", ABSENT, *(ABSENT if level is None else f"{100 * level:.1f}" for level in levels)]
    return replace(table, rows=[*table.rows, last])


def spanned(row: Mapping[Any, Any]) -> str:
    """Write a share with its interval, in percent."""
    interval = "" if pd.isna(row["low"]) else f" [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
    return f"{100 * row['value']:.1f}{interval}"


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
    """Rows of ``results.csv``: all, or of many those of the metrics on which protocols are judged."""
    rows = run.results
    if len(rows) > MOST_ROWS:
        rows = rows[rows["metric"] == rows["protocol"].map(PRIMARY)]
    body = [
        [
            row["model"],
            labels.dataset(row["dataset"]),
            labels.protocol(row["protocol"]),
            labels.metric(row["metric"]),
            labels.setting(row["parameter"], row["setting"]),
            f"{row['value']:.4g}",
            ABSENT if pd.isna(row["stderr"]) else f"{row['stderr']:.2g}",
            f"{row['n']:,} {row['unit']}",
            str(row["trials"]),
            row["mode"],
        ]
        for row in rows.head(MOST_ROWS).to_dict("records")
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
    caption = "Every measurement" if len(body) == len(run.results) else "Measurements"
    return Table(caption, titles, body, {5, 6, 7, 8})


def contrast_tables(run: Run) -> list[Table]:
    """For each contrast its effects in percentage points: over all datasets, then by dataset.

    Where effects are many, those by dataset are left to the CSV file; cells stay, as they are not pooled.
    """
    rows = run.contrasts
    crossed = across_cells(rows)
    by_dataset = (rows["scope"] == "dataset") | (~crossed & (rows["n_datasets"] > 1))
    if by_dataset.sum() > MOST_EFFECTS:
        by_dataset = crossed == (rows["scope"] == "dataset")
    order = {name: place for place, name in enumerate(["", *run.datasets, *CELLS])}
    rows = rows[by_dataset]
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
        labels.dataset(row["dataset"]) or "all datasets",
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


def training_table(run: Run) -> Table:
    """What the workflow trained: a row an objective, over its seeds, with what all share in the caption."""
    titles = ["objective", "runs", "language", "learned", "reached", "chance", "own measure", "final loss"]
    titles += ["images seen", "learning rate", "TFLOP a run"]
    cards = [card for cards in run.trained().values() for card in cards]
    images = max((card["training"]["images"] for card in cards), default=0)
    shared = [*dict.fromkeys(card["architecture"] for card in cards), f"{images:,} training images"]
    body = [_trained(objective, cards) for objective, cards in run.trained().items()]
    caption = f"Encoders that this workflow trained: {', '.join(shared)}"
    return Table(caption, titles, body, {1, 3, 4, 5, 7, 8, 9, 10})


def _trained(objective: str, cards: Sequence[Mapping[str, Any]]) -> list[str]:
    own = [card["training"] for card in cards]
    learned = [card["learned"] for card in own if card["learned"] is not None]
    rate, loss, *shares = (
        _average(own, key) for key in ("learning_rate", "final_loss", "measured", "chance")
    )
    return [
        group_name(objective),
        str(len(cards)),
        cards[0]["language"],
        f"{sum(learned)} of {len(learned)}" if learned else ABSENT,
        *(ABSENT if share is None else f"{100 * share:.1f}%" for share in shares),
        own[0]["measure"] or ABSENT,
        ABSENT if loss is None else f"{loss:.3g}",
        f"{own[0]['images_seen']:,}",
        ABSENT if rate is None else f"{rate:g}",
        f"{own[0]['flops'] / 1e12:,.3g}",
    ]


def _average(trainings: Sequence[Mapping[str, Any]], key: str) -> float | None:
    """Mean over the seeds of what their cards say, where they say it."""
    values = [card[key] for card in trainings if card.get(key) is not None]
    return sum(values) / len(values) if values else None


def model_table(run: Run) -> Table:
    """What the encoders are that came from elsewhere, and what they learned from."""
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
        if not training(card)
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
    return Table("Encoders from elsewhere", titles, body, {3, 5, 6})


def _preprocessing(card: Mapping[str, Any]) -> str:
    mean, std = ("/".join(f"{value:.3g}" for value in card[key]) for key in ("mean", "std"))
    size = f"{card['interpolation']} to {card['resize']}, centre {card['image_size']} pixels"
    return f"{size}, mean {mean}, std {std}"
