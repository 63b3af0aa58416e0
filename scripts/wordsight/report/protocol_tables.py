"""The tables of measurements by protocol: a row for each encoder and setting, a column for each dataset."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.cells import CELLS, crossed_protocols
from wordsight.catalogue.numbers import UNKNOWN, points
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.catalogue.protocols.corruptions import EXTRA_KINDS, KINDS
from wordsight.catalogue.protocols.robustness import ATTACKS
from wordsight.report.run import Run
from wordsight.report.table import Table, behind, query
from wordsight.statistics.records import MeanRow, ResultRow, records
from wordsight.tables.over_seeds import names_of
from wordsight.tables.reading import guessing_in, measured, objective_means, primary


def primary_tables(run: Run) -> list[Table]:
    """For each protocol, its primary metric: a row for each model and setting, a column for each dataset.

    If the workflow trained models, a row is the mean of an objective over its seeds, with an interval. A
    table of balanced accuracy follows for datasets whose classes have unequal sizes, and for each dataset one
    of each kind of corruption where its images were corrupted, and of each attack where they were attacked.
    Protocols across styles with a single setting are left to :func:`cell_tables`.
    """
    crossed = crossed_protocols(run.results)
    if run.trained():
        kept = [name for name in run.modes() if name not in crossed or len(_settings(run, name)) > 1]
        tables = {name: _means(run, name, _settings(run, name)) for name in kept}
    else:
        names = [name for name in run.modes() if name not in crossed]
        tables = {name: _values(primary(run.tables(), name), run) for name in names}
    return [
        found
        for name, table in tables.items()
        for found in (table, *_balanced(run, name), *_by_kind(run, name), *_by_attack(run, name))
    ]


def _balanced(run: Run, protocol: str) -> list[Table]:
    """Balanced accuracy on the datasets whose classes have unequal sizes, where a protocol records it."""
    unbalanced = [name for name, card in run.datasets.items() if card.unbalanced]
    rows = run.results
    rows = rows[(rows["protocol"] == protocol) & (rows["metric"] == "balanced_accuracy")]
    parameters = rows.loc[rows["dataset"].isin(unbalanced), "parameter"]
    if parameters.empty:
        return []
    found = measured(run.tables(), protocol, "balanced_accuracy", parameters.iloc[0])
    return [_values(found[found["dataset"].isin(unbalanced)], run)]


def _by_kind(run: Run, protocol: str) -> list[Table]:
    """Accuracy under each kind of corruption, the mean over its severities, in a table for each dataset."""
    rows = run.results
    rows = rows[(rows["protocol"] == protocol) & rows["parameter"].isin([*KINDS, *EXTRA_KINDS])]
    return [_kinds(run, part) for _, part in rows.groupby("dataset", sort=False)]


def _by_attack(run: Run, protocol: str) -> list[Table]:
    """Share of images that each attack breaks at the smallest radius of all, in a table for each dataset."""
    rows = run.results
    rows = rows[(rows["protocol"] == protocol) & (rows["metric"] == "strongest")]
    return [_attacks(run, part) for _, part in rows.groupby("dataset", sort=False)]


def _attacks(run: Run, rows: pd.DataFrame) -> Table:
    attacks = list(dict.fromkeys(rows["parameter"]))
    columns = {
        ATTACKS[attack]: {"metric": "strongest", "parameter": attack}
        for attack in sorted(attacks, key=[*ATTACKS].index)
    }
    return _in_columns(run, rows, columns, "the strongest attack", ", share of images")


def _kinds(run: Run, rows: pd.DataFrame) -> Table:
    """Table of one dataset: without corruption, under each kind, and the mean corruption error.

    Parameters
    ----------
    rows : of the kinds, from ``results.csv``
    """
    kinds = [kind for kind in (*KINDS, *EXTRA_KINDS) if kind in set(rows["parameter"])]
    columns: dict[str, dict[str, Any]] = {
        "clean": {"metric": "accuracy", "parameter": "severity", "setting": 0.0},
        **{kind.replace("_", " "): {"metric": "accuracy", "parameter": kind} for kind in kinds},
        "mCE": {"metric": "corruption_error"},
    }
    return _in_columns(run, rows, columns, "accuracy by kind", ", mean over severities")


def _in_columns(
    run: Run, rows: pd.DataFrame, columns: Mapping[str, Mapping[str, Any]], what: str, how: str
) -> Table:
    """Table of one protocol on one dataset: a row for each model or objective, and a column for each number.

    Parameters
    ----------
    rows : from ``results.csv``, of the models and of one protocol and dataset
    columns : by its heading, which rows a column is the mean of
    what, how : words of the title before and after the dataset
    """
    names, place = names_of(run.results), {key: rows[key].iloc[0] for key in ("protocol", "dataset")}
    of_name = {
        names[model]: {"objective": objective} if objective else {"model": model}
        for model, objective in zip(rows["model"], rows["objective"], strict=True)
    }
    body = [[name] for name in run.tables().names if name in of_name]
    links = {}
    for column, wanted in enumerate(columns.values(), start=1):
        found = run.results
        for key, value in {**place, **wanted}.items():
            found = found[found[key] == value]
        means = found.groupby(found["model"].map(names))["value"].mean()
        for line, (name, *_) in enumerate(body):
            body[line].append(points(means.get(name)))
            if name in means:
                links[line, column] = query(**of_name[name], **place, **wanted)
    return Table(
        f"{display.protocol(place['protocol'])}: {what} on {display.dataset(place['dataset'])}{how}",
        ["model", *columns],
        body,
        set(range(1, len(columns) + 1)),
        links,
    )


def cell_tables(run: Run) -> list[Table]:
    """For each protocol across styles, at its largest setting: a row for each group, a column for a cell."""
    protocols = crossed_protocols(run.results)
    return [
        _with_guessing(_means(run, name, _settings(run, name)[-1:]), run, name)
        for name in run.modes()
        if name in protocols
    ]


def _settings(run: Run, protocol: str) -> list[float]:
    return sorted(set(objective_means(run.objectives, protocol)["setting"]))


@dataclass(frozen=True)
class Measured:
    """A number of a protocol's table: a mean with its interval, or a value with its standard error.

    Attributes
    ----------
    name : of the group or the model
    lead : first cells of its row
    text : the number as text
    query : finds the rows of ``results.csv`` that it was computed from
    """

    name: str
    setting: float
    dataset: str
    lead: list[str]
    text: str
    query: str


def _means(run: Run, protocol: str, settings: Sequence[float]) -> Table:
    """Means with intervals of one protocol, from ``objectives.csv``."""
    rows = objective_means(run.objectives, protocol)
    rows = rows[rows["setting"].isin(settings)]
    parameter = rows["parameter"].iloc[0]
    varied = parameter if len(settings) > 1 else ""
    present, trained = set(rows["dataset"]), run.trained()
    seeds = rows.groupby(["group", "setting"])["seeds"].max()
    found = [
        Measured(
            row.group,
            row.setting,
            row.dataset,
            [display.group(row.group), str(seeds[row.group, row.setting]), *_varied(varied, row.setting)],
            with_interval(row),
            behind(row, row.dataset, **{"objective" if row.group in trained else "model": row.group}),
        )
        for row in records(rows, MeanRow)
    ]
    heading = display.comparison(protocol, "" if varied else parameter, settings[-1])
    return _table(
        f"{heading}: {display.metric(PROTOCOLS[protocol].primary)}, {run.modes()[protocol]} mode",
        ["encoder", "training runs", *([varied] if varied else [])],
        [name for name in [*run.datasets, *CELLS] if name in present],
        found,
    )


def _values(rows: pd.DataFrame, run: Run) -> Table:
    """Values with standard errors of one protocol, from ``results.csv``."""
    protocol, varied = rows["protocol"].iloc[0], rows["parameter"].iloc[0]
    named = zip(rows["model"], rows["objective"], strict=True)
    of_objective = {name: {"objective": objective} for name, objective in named if objective}
    found = [
        Measured(
            row.model,
            row.setting,
            row.dataset,
            [row.model, *_varied(varied, row.setting)],
            with_error(row),
            behind(row, row.dataset, **(of_objective.get(row.model) or {"model": row.model})),
        )
        for row in records(rows, ResultRow)
    ]
    metric = display.metric(rows["metric"].iloc[0])
    return _table(
        f"{display.protocol(protocol)}: {metric}, {run.modes()[protocol]} mode",
        ["model", *([varied] if varied else [])],
        list(dict.fromkeys(rows["dataset"])),
        found,
    )


def _varied(parameter: str, setting: float) -> list[str]:
    """Cell for the setting, if a table has several settings."""
    return [f"{setting:g}"] if parameter else []


def with_interval(row: MeanRow) -> str:
    """Write a share with its interval, in percent."""
    ends = f" [{', '.join(map(points, row.interval))}]" if row.interval else ""
    return f"{points(row.value)}{ends}"


def with_error(row: ResultRow) -> str:
    """Write a share with its standard error, in percent."""
    return points(row.value) + ("" if row.stderr is None else f" ± {points(row.stderr)}")


def _table(caption: str, titles: list[str], datasets: Sequence[str], numbers: Iterable[Measured]) -> Table:
    """Table with a row for each setting and name, and a column for each dataset.

    Parameters
    ----------
    titles : of the columns to the left of the datasets
    """
    found: dict[tuple[float, str], dict[str, Measured]] = {}
    for number in numbers:
        found.setdefault((number.setting, number.name), {})[number.dataset] = number
    body: list[list[str]] = []
    links: dict[tuple[int, int], str] = {}
    for _, cells in sorted(found.items(), key=lambda item: item[0][0]):
        for place, dataset in enumerate(datasets, start=len(titles)):
            if dataset in cells:
                links[len(body), place] = cells[dataset].query
        lead = next(iter(cells.values())).lead
        body.append([*lead, *(cells[name].text if name in cells else UNKNOWN for name in datasets)])
    columns = [*titles, *map(display.dataset, datasets)]
    return Table(caption, columns, body, set(range(1, len(columns))), links)


def _with_guessing(table: Table, run: Run, protocol: str) -> Table:
    """Add a last row with the level of guessing in each cell."""
    present = set(objective_means(run.objectives, protocol)["dataset"])
    levels = [guessing_in(run.results, protocol, cell) for cell in CELLS if cell in present]
    return replace(table, rows=[*table.rows, ["guessing", UNKNOWN, *map(points, levels)]])
