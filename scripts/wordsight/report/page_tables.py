"""The tables of the report: titles and cells as text."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.cells import CELLS, across_cells, crossed_protocols
from wordsight.catalogue.prose import counted
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.report.run import Run
from wordsight.tables.joined import training
from wordsight.tables.reading import guessing_in, primary

Row = Mapping[Any, Any]

ABSENT = "–"
MOST_EFFECTS = 300  # effects by dataset that all tables of contrasts have together


@dataclass(frozen=True)
class Table:
    """A table with a row header in its first column.

    Attributes
    ----------
    numeric : places of the columns of numbers
    links : for a cell, by row and column, the query of the rows of ``results.csv`` behind it
    """

    caption: str
    columns: list[str]
    rows: list[list[str]]
    numeric: set[int] = field(default_factory=set)
    links: dict[tuple[int, int], str] = field(default_factory=dict)


def query(**wanted: Any) -> str:
    """Query of rows of ``results.csv``: a column and the value, or one of the values, that it must have.

    >>> query(protocol="few_shot", setting=5.0, dataset=["digits", "faces"])
    'protocol=few_shot&setting=5&dataset=digits&dataset=faces'
    """
    values = {key: f"{value:g}" if isinstance(value, float) else value for key, value in wanted.items()}
    return urlencode(values, doseq=True, quote_via=quote)


def primary_tables(run: Run) -> list[Table]:
    """For each protocol, the metric on which it is judged: a row a model and setting, a column a dataset.

    Where the workflow trained models, a row is an objective over its seeds, with an interval; a protocol
    across styles is left to :func:`cell_tables` unless it has several settings.
    """
    crossed = crossed_protocols(run.results)
    if run.trained():
        kept = [name for name in run.modes() if name not in crossed or len(_settings(run, name)) > 1]
        return [_means(run, name, _settings(run, name)) for name in kept]
    names = [name for name in run.modes() if name not in crossed]
    return [_pivot(primary(run.tables(), protocol), run) for protocol in names]


def cell_tables(run: Run) -> list[Table]:
    """For each protocol across styles at its largest setting, a row a group, a column a cell."""
    protocols = crossed_protocols(run.results)
    return [
        _with_guessing(_means(run, name, _settings(run, name)[-1:]), run, name)
        for name in run.modes()
        if name in protocols
    ]


def _settings(run: Run, protocol: str) -> list[float]:
    return sorted(set(run.objectives.loc[run.objectives["protocol"] == protocol, "setting"]))


def _means(run: Run, protocol: str, settings: Sequence[float]) -> Table:
    """Means with intervals of one protocol, from ``objectives.csv``."""
    rows = run.objectives[(run.objectives["protocol"] == protocol) & run.objectives["setting"].isin(settings)]
    parameter = rows["parameter"].iloc[0] if len(settings) > 1 else ""
    present = set(rows["dataset"])
    datasets = [name for name in [*run.datasets, *CELLS] if name in present]

    def lead(first: Row) -> list[str]:
        same = rows[(rows["setting"] == first["setting"]) & (rows["group"] == first["group"])]
        varied = [f"{first['setting']:g}"] if parameter else []
        return [display.group(first["group"]), str(same["seeds"].max()), *varied]

    body, links = _by_dataset(rows, "group", datasets, lead, spanned, run)
    heading = display.comparison(protocol, "" if parameter else rows["parameter"].iloc[0], settings[-1])
    titles = [
        "encoder",
        "training runs",
        *([parameter] if parameter else []),
        *map(display.dataset, datasets),
    ]
    caption = f"{heading}: {display.metric(PROTOCOLS[protocol].primary)}, {run.modes()[protocol]} mode"
    return Table(caption, titles, body, set(range(1, len(titles))), links)


def _by_dataset(
    rows: pd.DataFrame,
    name: str,
    datasets: Sequence[str],
    lead: Callable[[Row], list[str]],
    write: Callable[[Row], str],
    run: Run,
) -> tuple[list[list[str]], dict[tuple[int, int], str]]:
    """Cells of a table, a row a setting and name and a column a dataset, and the links of its numbers.

    Parameters
    ----------
    name : column of models or of groups
    lead : cells that a row begins with, from one of its rows in the file
    write : a number
    """
    found: dict[tuple[float, str], dict[str, Row]] = {}
    for row in rows.to_dict("records"):
        found.setdefault((row["setting"], row[name]), {})[row["dataset"]] = row
    body: list[list[str]] = []
    links: dict[tuple[int, int], str] = {}
    for _, cells in sorted(found.items(), key=lambda item: item[0][0]):
        first = lead(next(iter(cells.values())))
        for place, dataset in enumerate(datasets, start=len(first)):
            if dataset in cells:
                links[len(body), place] = _behind(cells[dataset], name, run)
        body.append([*first, *(write(cells[d]) if d in cells else ABSENT for d in datasets)])
    return body, links


def _behind(row: Row, name: str, run: Run) -> str:
    """Query of the rows that one number of a protocol's table is made of."""
    key = "objective" if row[name] in run.trained() else "model"
    wanted = {key: row[name], **{key: row[key] for key in ("protocol", "metric", "dataset")}}
    return query(**wanted, **_setting(row))


def _setting(row: Row) -> dict[str, float]:
    return {"setting": float(row["setting"])} if row["parameter"] else {}


def _with_guessing(table: Table, run: Run, protocol: str) -> Table:
    """Add a last row of what guessing reaches in each cell."""
    present = set(run.objectives.loc[run.objectives["protocol"] == protocol, "dataset"])
    levels = [guessing_in(run.results, protocol, cell) for cell in CELLS if cell in present]
    last = ["guessing", ABSENT, *(ABSENT if level is None else f"{100 * level:.1f}" for level in levels)]
    return replace(table, rows=[*table.rows, last])


def spanned(row: Row) -> str:
    """Write a share with its interval, in percent."""
    interval: str = "" if pd.isna(row["low"]) else f" [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
    return f"{100 * row['value']:.1f}{interval}"


def _pivot(rows: pd.DataFrame, run: Run) -> Table:
    protocol, parameter = rows["protocol"].iloc[0], rows["parameter"].iloc[0]
    datasets = list(dict.fromkeys(rows["dataset"]))

    def lead(first: Row) -> list[str]:
        return [first["model"], *([f"{first['setting']:g}"] if parameter else [])]

    body, links = _by_dataset(rows, "model", datasets, lead, measured, run)
    titles = ["model", *([parameter] if parameter else []), *datasets]
    metric = display.metric(PROTOCOLS[protocol].primary)
    caption = f"{display.protocol(protocol)}: {metric}, {run.modes()[protocol]} mode"
    return Table(caption, titles, body, set(range(1, len(titles))), links)


def measured(row: Row) -> str:
    """Write a share with its standard error, in percent."""
    return f"{100 * row['value']:.1f}" + ("" if pd.isna(row["stderr"]) else f" ± {100 * row['stderr']:.1f}")


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
    return [
        _contrast_table(part.sort_values(["part", "place"], kind="stable").to_dict("records"), run)
        for _, part in rows.groupby("contrast", sort=False)
    ]


def _contrast_table(rows: Sequence[Row], run: Run) -> Table:
    links: dict[tuple[int, int], str] = {}
    for place, row in enumerate(rows):
        wanted = {key: row[key] for key in ("contrast", "protocol", "metric")} | _setting(row)
        wanted |= {"dataset": row["dataset"] or _pooled(row, run)}
        links |= {(place, 2): query(**wanted, side="treatment"), (place, 3): query(**wanted, side="control")}
        links |= {(place, 4): query(**wanted)}
    return Table(
        f"Contrast {rows[0]['contrast']}: treatment minus control, in percentage points",
        [*EFFECT],
        [[write(row) for write in EFFECT.values()] for row in rows],
        {2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14},
        links,
    )


def _pooled(row: Row, run: Run) -> list[str]:
    """Datasets that a pooled effect is the mean over."""
    rows = run.contrasts
    same = rows["scope"] == "dataset"
    for key in ("contrast", "protocol", "metric", "setting"):
        same &= rows[key] == row[key]
    return list(rows.loc[same, "dataset"])


def sides(run: Run) -> dict[str, dict[str, list[str]]]:
    """Models on either side of each contrast, which the links of its table name by ``side``."""
    return {
        comparison.name: dict(zip(("treatment", "control"), comparison.sides, strict=True))
        for comparison in run.comparisons
        if comparison.pairs
    }


def _parts(rows: pd.DataFrame) -> pd.Series:
    """Number of each row's contrast, protocol and setting, in the order of the rows."""
    return rows.groupby(["contrast", "protocol", "parameter", "setting"], sort=False).ngroup()


def _signed(share: float) -> str:
    return ABSENT if pd.isna(share) else f"{100 * share:+.1f}".replace("-", "−")


def _points(share: float) -> str:
    """Write a share in percentage points, without a sign."""
    return ABSENT if pd.isna(share) else f"{100 * share:.1f}"


def _spanning(row: Row) -> str:
    return ABSENT if pd.isna(row["low"]) else f"{_signed(row['low'])} to {_signed(row['high'])}"


def _p_value(row: Row, test: str) -> str:
    """Write a p-value: the corrected one where there is one."""
    corrected = "p_adjusted" if test == "p_value" else "p_equivalence_adjusted"
    return _probability(row[corrected if row["family"] else test])


def _probability(value: float) -> str:
    return ABSENT if pd.isna(value) else "<0.001" if value < 0.001 else f"{value:.3f}"


def _replicates(row: Row) -> str:
    noun = {"matched groups": "matched group", "models": "model"}[row["replicate"]]
    return counted(int(row["replicates"]), noun)


def _missing(row: Row) -> str:
    more = row["more_replicates"]
    return ABSENT if pd.isna(more) else "no number" if math.isinf(more) else f"{math.ceil(more):,}"


def _remarks(row: Row) -> str:
    """Whether the effect decides, why it is undecided where that is not plain, and what the audit found."""
    decides = "decides, corrected" if row["family"] else ""
    reason = "" if row["reason"] == "overlap" else display.REASONS.get(row["reason"], row["reason"])
    found = [display.flag(name) for name in display.flags(row["flags"])]
    return "; ".join(part for part in (decides, reason, *found) if part) or ABSENT


# Columns of a contrast's table.
EFFECT: dict[str, Callable[[Row], str]] = {
    "protocol": lambda row: display.comparison(row["protocol"], row["parameter"], row["setting"]),
    "dataset": lambda row: display.dataset(row["dataset"]) or "all datasets",
    "treatment": lambda row: _points(row["treatment"]),
    "control": lambda row: _points(row["control"]),
    "effect": lambda row: _signed(row["effect"]),
    "interval": _spanning,
    "verdict": lambda row: row["verdict"],
    "margin": lambda row: _points(row["margin"]),
    "smallest margin": lambda row: _points(row["smallest_margin"]),
    "detectable": lambda row: _points(row["minimum_detectable"]),
    "p, difference": lambda row: _p_value(row, "p_value"),
    "p, equivalence": lambda row: _p_value(row, "p_equivalence"),
    "% of gain over untrained": lambda row: (
        ABSENT if pd.isna(row["relative"]) else f"{100 * row['relative']:+.0f}".replace("-", "−")
    ),
    "replicates": _replicates,
    "more needed": _missing,
    "images": lambda row: f"{row['n_items']:,}",
    "remarks": _remarks,
}


def sensitivity_tables(run: Run) -> list[Table]:
    """What becomes of the effects that decide, from ``sensitivity.csv``: a table an analysis."""
    rows = run.sensitivity
    if rows is None:
        return []
    keys = ["contrast", "protocol", "parameter", "setting"]
    found = []
    for analysis, part in rows.groupby("analysis", sort=False):
        shown = list(part.groupby(keys, sort=False))
        if (part["left_out"] != "").any():
            body = [_without(group) for _, group in shown]
            titles, numeric = ["contrast", "protocol", *WITHOUT], {2, 3, 4}
        else:
            known = part["effect"].notna()
            body = [_otherwise(row) for row in part[known].to_dict("records")]
            body += [_not_estimated(rows) for _, rows in part[~known].groupby("note", sort=False)]
            titles, numeric = ["contrast", "protocol", *OTHERWISE], {2, 3, 4, 5, 6}
        caption = f"{str(analysis).capitalize()}: effects in percentage points"
        found.append(Table(caption, titles, body, numeric))
    return found


WITHOUT = ["times", "lowest (without)", "highest (without)", "verdicts"]
OTHERWISE = ["effect", "interval", "p, difference", "I², %", "n", "remarks"]


def _named(row: Row) -> list[str]:
    return [row["contrast"], display.comparison(row["protocol"], row["parameter"], row["setting"])]


def _without(rows: pd.DataFrame) -> list[str]:
    """Lowest and highest effect without one unit, with the unit, and how often which verdict came out."""
    ordered = rows.sort_values("effect", kind="stable").to_dict("records")
    ends = [f"{_signed(row['effect'])} ({row['left_out']})" for row in (ordered[0], ordered[-1])]
    verdicts = Counter(rows["verdict"])
    return [*_named(ordered[0]), str(len(rows)), *ends, ", ".join(f"{n} {v}" for v, n in verdicts.items())]


def _otherwise(row: Row) -> list[str]:
    return [
        *_named(row),
        _signed(row["effect"]),
        _spanning(row),
        _probability(row["p_value"]),
        ABSENT if pd.isna(row["heterogeneity"]) else f"{100 * row['heterogeneity']:.0f}",
        str(row["n"]),
        row["note"] or ABSENT,
    ]


def _not_estimated(rows: pd.DataFrame) -> list[str]:
    """One row for all effects that could not be estimated for one reason."""
    first = rows.iloc[0].to_dict()
    if len(rows) == 1:
        return _otherwise(first)
    names = set(rows["contrast"])
    contrasts = counted(len(names), "contrast") if len(names) > 1 else first["contrast"]
    low, high = rows["n"].min(), rows["n"].max()
    cells = _otherwise({**first, "n": f"{low} to {high}" if high > low else low})
    return [contrasts, counted(len(rows), "comparison"), *cells[2:]]


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
        display.group(objective),
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
    """What the encoders are that came from elsewhere, and what they learned from, as far as it is known."""
    cards = [card for card in run.models.values() if not training(card)]
    columns: dict[str, list[str]] = {
        "model": [card["name"] for card in cards],
        "architecture": [card["architecture"] for card in cards],
        "group": [card.get("group") or ABSENT for card in cards],
        "training": [
            display.training(card["language"], card["pretraining_images"], card["robust"]) for card in cards
        ],
        "training images": [f"{card['pretraining_images']:,}" for card in cards],
        "images seen": [f"{card['images_seen']:,}" if card.get("images_seen") else ABSENT for card in cards],
        "training data": [card["pretraining_data"] for card in cards],
        "parameters, millions": [f"{card['parameters'] / 1e6:.1f}" for card in cards],
        "feature size": [f"{card['feature_size']:,}" for card in cards],
        "preprocessing": [_preprocessing(card["preprocessing"]) for card in cards],
        "origin": [f"{card['origin']} ({card['source']})" for card in cards],
        "licence": [card["licence"] for card in cards],
        "SHA-256 of the source": [card["sha256"][:12] or ABSENT for card in cards],
        "SHA-256 of the weights": [card["weights_sha256"][:12] for card in cards],
    }
    for optional in ("group", "images seen"):
        if set(columns[optional]) <= {ABSENT}:
            del columns[optional]
    numbers = {"training images", "images seen", "parameters, millions", "feature size"}
    return Table(
        "Encoders from elsewhere",
        list(columns),
        [list(row) for row in zip(*columns.values(), strict=True)],
        {place for place, title in enumerate(columns) if title in numbers},
    )


def _preprocessing(card: Mapping[str, Any]) -> str:
    mean, std = ("/".join(f"{value:.3g}" for value in card[key]) for key in ("mean", "std"))
    sides = f"{card['resize']} x {card['resize']}" if card["squash"] else card["resize"]
    size = f"{card['interpolation']} to {sides}, centre {card['image_size']} pixels"
    return f"{size}, mean {mean}, std {std}"
