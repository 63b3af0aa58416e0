"""The tables of the report: titles and cells as text."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.cells import CELLS, across_cells, crossed_protocols
from wordsight.catalogue.numbers import UNKNOWN, fixed, percent, points, probability, span
from wordsight.catalogue.prose import counted
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.config.models import PreprocessingSection
from wordsight.models.card import ModelCard
from wordsight.report import phrases
from wordsight.report.run import Run, Trained
from wordsight.statistics.records import ContrastRow, MeanRow, ResultRow, Row, SensitivityRow, records
from wordsight.tables.reading import guessing_in, primary

# Titles of columns of text.
NOT_NUMBERS = {"protocol", "dataset", "verdict", "remarks", "objective", "language", "own measure"}
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
    return [_values(primary(run.tables(), protocol), run) for protocol in names]


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


@dataclass(frozen=True)
class Measured:
    """A number of a protocol's table: a mean with its interval, or a value with its standard error.

    Attributes
    ----------
    name : of the group or the model
    lead : cells that its row begins with
    text : how it is written
    query : of the rows of ``results.csv`` behind it
    """

    name: str
    setting: float
    dataset: str
    lead: list[str]
    text: str
    query: str


def _means(run: Run, protocol: str, settings: Sequence[float]) -> Table:
    """Means with intervals of one protocol, from ``objectives.csv``."""
    rows = run.objectives[(run.objectives["protocol"] == protocol) & run.objectives["setting"].isin(settings)]
    parameter = rows["parameter"].iloc[0]
    varied = parameter if len(settings) > 1 else ""
    present = set(rows["dataset"])
    seeds = rows.groupby(["group", "setting"])["seeds"].max()
    found = [
        Measured(
            row.group,
            row.setting,
            row.dataset,
            [display.group(row.group), str(seeds[row.group, row.setting]), *_varied(varied, row.setting)],
            with_interval(row),
            _behind(row, row.dataset, **{"objective" if row.group in run.trained() else "model": row.group}),
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
    found = [
        Measured(
            row.model,
            row.setting,
            row.dataset,
            [row.model, *_varied(varied, row.setting)],
            with_error(row),
            _behind(row, row.dataset, model=row.model),
        )
        for row in records(rows, ResultRow)
    ]
    return _table(
        f"{display.protocol(protocol)}: {display.metric(PROTOCOLS[protocol].primary)}, "
        f"{run.modes()[protocol]} mode",
        ["model", *([varied] if varied else [])],
        list(dict.fromkeys(rows["dataset"])),
        found,
    )


def _varied(parameter: str, setting: float) -> list[str]:
    """Cell of the setting, where a table has several."""
    return [f"{setting:g}"] if parameter else []


def _table(caption: str, titles: list[str], datasets: Sequence[str], numbers: Iterable[Measured]) -> Table:
    """Table with a row a setting and name, and a column a dataset.

    Parameters
    ----------
    titles : of the columns before those of the datasets
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


def _behind(row: Row, dataset: str | list[str], **wanted: str) -> str:
    """Query of the rows of ``results.csv`` that one number is made of."""
    setting = {"setting": row.setting} if row.parameter else {}
    return query(**wanted, protocol=row.protocol, metric=row.metric, dataset=dataset, **setting)


def _with_guessing(table: Table, run: Run, protocol: str) -> Table:
    """Add a last row of what guessing reaches in each cell."""
    present = set(run.objectives.loc[run.objectives["protocol"] == protocol, "dataset"])
    levels = [guessing_in(run.results, protocol, cell) for cell in CELLS if cell in present]
    return replace(table, rows=[*table.rows, ["guessing", UNKNOWN, *map(points, levels)]])


def with_interval(row: MeanRow) -> str:
    """Write a share with its interval, in percent."""
    ends = f" [{', '.join(map(points, row.interval))}]" if row.interval else ""
    return f"{points(row.value)}{ends}"


def with_error(row: ResultRow) -> str:
    """Write a share with its standard error, in percent."""
    return points(row.value) + ("" if row.stderr is None else f" ± {points(row.stderr)}")


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
        _contrast_table(records(part.sort_values(["part", "place"], kind="stable"), ContrastRow), run)
        for _, part in rows.groupby("contrast", sort=False)
    ]


def _contrast_table(rows: Sequence[ContrastRow], run: Run) -> Table:
    links: dict[tuple[int, int], str] = {}
    for place, row in enumerate(rows):
        wanted, datasets = {"contrast": row.contrast}, row.dataset or _pooled(row, run)
        links |= {
            (place, 2): _behind(row, datasets, **wanted, side="treatment"),
            (place, 3): _behind(row, datasets, **wanted, side="control"),
            (place, 4): _behind(row, datasets, **wanted),
        }
    return Table(
        f"Contrast {rows[0].contrast}: treatment minus control, in percentage points",
        [*EFFECT],
        [[write(row) for write in EFFECT.values()] for row in rows],
        {place for place, title in enumerate(EFFECT) if title not in NOT_NUMBERS},
        links,
    )


def _pooled(row: ContrastRow, run: Run) -> list[str]:
    """Datasets that a pooled effect is the mean over."""
    rows = run.contrasts
    same = rows["scope"] == "dataset"
    for key in ("contrast", "protocol", "metric", "setting"):
        same &= rows[key] == getattr(row, key)
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


def _remarks(row: ContrastRow) -> str:
    """Whether the effect decides, why it is undecided where that is not plain, and what the audit found."""
    decides = "decides, corrected" if row.decides else ""
    reason = "" if row.reason == "overlap" else display.REASONS[row.reason]
    return "; ".join(filter(None, (decides, reason, *phrases.flags(row)))) or UNKNOWN


# Columns of a contrast's table.
EFFECT: dict[str, Callable[[ContrastRow], str]] = {
    "protocol": phrases.heading,
    "dataset": lambda row: display.dataset(row.dataset) or "all datasets",
    "treatment": lambda row: points(row.treatment),
    "control": lambda row: points(row.control),
    "effect": lambda row: points(row.effect, sign=True),
    "interval": lambda row: span(row.interval),
    "verdict": lambda row: row.verdict,
    "margin": lambda row: points(row.margin),
    "smallest margin": lambda row: points(row.smallest_margin),
    "detectable": lambda row: points(row.minimum_detectable),
    "p, difference": lambda row: probability(row.judged_p[0]),
    "p, equivalence": lambda row: probability(row.judged_p[1]),
    "% of gain over untrained": lambda row: percent(row.relative, sign=True).removesuffix("%"),
    "replicates": lambda row: counted(row.replicates, row.replicate.removesuffix("s")),
    "more needed": lambda row: display.more_needed(row.more_replicates) or UNKNOWN,
    "images": lambda row: f"{row.n_items:,}",
    "remarks": _remarks,
}


def sensitivity_tables(run: Run) -> list[Table]:
    """What becomes of the effects that decide, from ``sensitivity.csv``: a table an analysis."""
    rows = run.sensitivity
    if rows is None:
        return []
    found = []
    for analysis, part in rows.groupby("analysis", sort=False):
        kept = records(part, SensitivityRow)
        if any(row.left_out for row in kept):
            by_effect = _grouped(kept, lambda row: (row.contrast, row.protocol, row.setting))
            body = [_without(group) for group in by_effect]
            titles, numeric = ["contrast", "protocol", *WITHOUT], {2, 3, 4}
        else:
            body = [_otherwise(row) for row in kept if row.effect is not None]
            body += [
                _not_estimated(group)
                for group in _grouped([row for row in kept if row.effect is None], lambda row: row.note)
            ]
            titles, numeric = ["contrast", "protocol", *OTHERWISE], {2, 3, 4, 5, 6}
        caption = f"{str(analysis).capitalize()}: effects in percentage points"
        found.append(Table(caption, titles, body, numeric))
    return found


WITHOUT = ["times", "lowest (without)", "highest (without)", "verdicts"]
OTHERWISE = ["effect", "interval", "p, difference", "I², %", "n", "remarks"]


def _grouped(
    rows: Iterable[SensitivityRow], key: Callable[[SensitivityRow], Hashable]
) -> list[list[SensitivityRow]]:
    """Rows of one key together, in the order of the first of each."""
    found: dict[Hashable, list[SensitivityRow]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return list(found.values())


def _without(rows: Sequence[SensitivityRow]) -> list[str]:
    """Lowest and highest effect without one unit, with the unit, and how often which verdict came out."""
    ordered = sorted(rows, key=lambda row: row.effect or 0.0)
    ends = [f"{points(row.effect, sign=True)} ({row.left_out})" for row in (ordered[0], ordered[-1])]
    verdicts = ", ".join(f"{n} {verdict}" for verdict, n in Counter(row.verdict for row in rows).items())
    return [rows[0].contrast, phrases.heading(rows[0]), str(len(rows)), *ends, verdicts]


def _otherwise(row: SensitivityRow, contrast: str = "", heading: str = "", n: str = "") -> list[str]:
    """Cells of one other estimate, or of several: then contrast, heading and number are given."""
    return [
        contrast or row.contrast,
        heading or phrases.heading(row),
        points(row.effect, sign=True),
        span(row.interval),
        probability(row.p_value),
        percent(row.heterogeneity).removesuffix("%"),
        n or str(row.n),
        row.note or UNKNOWN,
    ]


def _not_estimated(rows: Sequence[SensitivityRow]) -> list[str]:
    """One row for all effects that could not be estimated for one reason."""
    names = {row.contrast for row in rows}
    numbers = [row.n for row in rows]
    if len(rows) == 1:
        return _otherwise(rows[0])
    return _otherwise(
        rows[0],
        counted(len(names), "contrast") if len(names) > 1 else "",
        counted(len(rows), "comparison"),
        f"{min(numbers)} to {max(numbers)}" if len(set(numbers)) > 1 else "",
    )


def dataset_table(run: Run) -> Table:
    """Where the images come from, how many there are, and how many test images have a twin in training."""
    body = [
        [
            card.name,
            card.origin,
            card.licence,
            f"{len(card.classes):,}",
            f"{card.splits.train.items:,}",
            f"{card.splits.test.items:,}",
            f"{card.duplicates.exact:,}",
            f"{card.duplicates.near:,}",
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
    models = [model for group in run.trained().values() for model in group]
    images = max((model.training.images for model in models), default=0)
    shared = [*dict.fromkeys(model.card.architecture for model in models), f"{images:,} training images"]
    return Table(
        f"Encoders that this workflow trained: {', '.join(shared)}",
        [*TRAINING],
        [[write(group) for write in TRAINING.values()] for group in run.trained().values()],
        {place for place, title in enumerate(TRAINING) if title not in NOT_NUMBERS},
    )


def _learned(models: Sequence[Trained]) -> str:
    learned = [model.training.learned for model in models if model.training.learned is not None]
    return f"{sum(learned)} of {len(learned)}" if learned else UNKNOWN


def _mean(values: Iterable[float | None]) -> float | None:
    """Mean over the seeds of what their cards say, where they say it."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _short(value: float | None, digits: str) -> str:
    return UNKNOWN if value is None else f"{value:{digits}}"


# Columns of the table of trainings, of the models of one objective.
TRAINING: dict[str, Callable[[Sequence[Trained]], str]] = {
    "objective": lambda models: display.group(models[0].training.objective),
    "runs": lambda models: str(len(models)),
    "language": lambda models: models[0].card.language,
    "learned": _learned,
    "reached": lambda models: percent(_mean(model.training.measured for model in models), 1),
    "chance": lambda models: percent(_mean(model.training.chance for model in models), 1),
    "own measure": lambda models: models[0].training.measure or UNKNOWN,
    "final loss": lambda models: _short(_mean(model.training.final_loss for model in models), ".3g"),
    "images seen": lambda models: f"{models[0].training.images_seen:,}",
    "learning rate": lambda models: _short(_mean(model.training.learning_rate for model in models), "g"),
    "TFLOP a run": lambda models: f"{models[0].training.flops / 1e12:,.3g}",
}


def model_table(run: Run) -> Table:
    """What the encoders are that came from elsewhere, and what they learned from, as far as it is known."""
    cards = run.from_elsewhere()
    columns = {title: [write(card) for card in cards] for title, write in ELSEWHERE.items()}
    for optional in ("group", "images seen"):
        if set(columns[optional]) <= {UNKNOWN}:
            del columns[optional]
    numbers = {"training images", "images seen", "parameters, millions", "feature size"}
    return Table(
        "Encoders from elsewhere",
        list(columns),
        [list(row) for row in zip(*columns.values(), strict=True)],
        {place for place, title in enumerate(columns) if title in numbers},
    )


def _preprocessing(section: PreprocessingSection) -> str:
    mean, std = ("/".join(f"{value:.3g}" for value in values) for values in (section.mean, section.std))
    sides = f"{section.resize} x {section.resize}" if section.squash else section.resize
    size = f"{section.interpolation} to {sides}, centre {section.image_size} pixels"
    return f"{size}, mean {mean}, std {std}"


# Columns of the table of encoders from elsewhere.
ELSEWHERE: dict[str, Callable[[ModelCard], str]] = {
    "model": lambda card: card.name,
    "architecture": lambda card: card.architecture,
    "group": lambda card: card.group or UNKNOWN,
    "training": lambda card: display.training(card.language, card.pretraining_images, card.robust),
    "training images": lambda card: f"{card.pretraining_images:,}",
    "images seen": lambda card: f"{card.images_seen:,}" if card.images_seen else UNKNOWN,
    "training data": lambda card: card.pretraining_data,
    "parameters, millions": lambda card: fixed(card.parameters / 1e6),
    "feature size": lambda card: f"{card.feature_size:,}",
    "preprocessing": lambda card: _preprocessing(card.preprocessing),
    "origin": lambda card: f"{card.origin} ({card.source})",
    "licence": lambda card: card.licence,
    "SHA-256 of the source": lambda card: card.sha256[:12] or UNKNOWN,
    "SHA-256 of the weights": lambda card: card.weights_sha256[:12],
}
