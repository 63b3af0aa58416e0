"""Summary: the effect of every contrast by protocol and dataset; without contrasts, the means of models."""

from typing import Any

import altair as alt
import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.numbers import percent
from wordsight.catalogue.prose import counted
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.errors import DataError
from wordsight.figures import forest
from wordsight.figures.intervals import bars
from wordsight.figures.matrix import matrix
from wordsight.figures.panels import dots
from wordsight.figures.style import finish
from wordsight.tables.reading import Tables, modes, over_datasets

MANY = 5  # with this many contrasts, a forest by dataset would be longer than a page


def draw(tables: Tables) -> Any:
    """Effects of the contrasts with intervals and margins; without contrasts, the means of models."""
    rows = tables.contrasts
    if rows.empty:
        return _means(tables)
    return _by_dataset(tables) if rows["contrast"].nunique() < MANY else _by_protocol(tables)


def _by_protocol(tables: Tables) -> Any:
    """Effects with a verdict and their intervals; below them, all effects as numbers."""
    rows = tables.contrasts
    above = [forest.by_protocol(rows, tables.sensitivity)] if rows["decides"].any() else []
    return finish(
        alt.vconcat(*above, matrix(rows, tables.sensitivity), spacing=32).resolve_scale(
            color="independent", shape="independent", stroke="independent", fill="independent"
        ),
        "Summary: the effect of each contrast",
        [
            f"{modes(rows)}; treatment minus control, in percentage points; {_bars(rows)}",
            "coloured: verdicts after correction; framed: undecided; other numbers have no verdict",
            "black numbers: the interval excludes zero; each panel has its own scale",
        ],
        f"Verdicts, effects and intervals of {counted(rows['contrast'].nunique(), 'contrast')} on "
        f"{counted(rows['protocol'].nunique(), 'protocol')}: a panel for each protocol with a row for "
        "each contrast; below, the same as a table of numbers.",
    )


def _by_dataset(tables: Tables) -> Any:
    rows = tables.contrasts
    return finish(
        forest.by_dataset(rows, list(tables.classes), tables.sensitivity),
        "Summary: the effect of each contrast",
        [
            f"{modes(rows)}; treatment minus control, in percentage points; {_bars(rows)}",
            "verdicts are after correction; small marks (one dataset, or another setting) have no verdict",
        ],
        f"Verdicts, effects and intervals of {counted(rows['contrast'].nunique(), 'contrast')} on "
        f"{counted(rows['protocol'].nunique(), 'protocol')}, by dataset and pooled over datasets.",
    )


def _bars(rows: pd.DataFrame) -> str:
    return f"bars: {percent(rows['confidence'].iloc[0])} intervals, with arrows where cut; band: the margin"


def _means(tables: Tables) -> Any:
    """Means over the datasets that all models of a protocol share, one panel for each protocol."""
    protocols = [name for name in PROTOCOLS if name in set(tables.results["protocol"])]
    rows = pd.concat([_mean(over_datasets(tables, name)) for name in protocols], ignore_index=True)
    if rows.empty:
        raise DataError("results: no protocol has a dataset that all its models ran on")
    return finish(
        dots(rows, tables, "mean over datasets"),
        "Summary: the mean of each model",
        [
            f"{modes(tables.results)}; no contrast is configured, so nothing is compared",
            bars(rows),
        ],
        f"Mean of {counted(rows['model'].nunique(), 'model')} over the datasets of each protocol.",
    )


def _mean(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of one protocol for its panel, whose heading takes the place of the dataset's."""
    if rows.empty:
        return rows
    first = rows.iloc[0]
    title = display.comparison(first["protocol"], first["parameter"], first["setting"])
    return rows.assign(dataset=title, unit="items", parameter="", setting=0.0)
