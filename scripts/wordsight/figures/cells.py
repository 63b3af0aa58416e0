"""The four cells of seen and unseen concepts and styles, side by side, for each protocol across styles."""

from functools import partial
from typing import Any

import altair as alt
import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.cells import CELLS
from wordsight.catalogue.prose import counted
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.errors import DataError
from wordsight.figures.intervals import DRAWN, bars
from wordsight.figures.panels import Level, dots, settings_shown
from wordsight.figures.style import INK, finish, panel_title
from wordsight.tables.over_seeds import UNTRAINED
from wordsight.tables.reading import Tables, guessing_in, modes, objective_means


def draw(tables: Tables, protocol: str) -> Any:
    """Four panels with a row for each objective or model: dots, intervals, guessing, untrained encoder."""
    record, rows = PROTOCOLS[protocol], cell_means(tables, protocol)
    value = record.drawing.value
    levels = partial(_levels, {cell: guessing_in(tables.results, protocol, cell) for cell in CELLS})
    largest = min(1.0, 1.05 * float(rows[["value", "high"]].to_numpy().max()))
    encoders = counted(rows["model"].nunique(), "encoder")
    return finish(
        dots(rows, tables, value, levels=levels, heading=_heading, largest=largest),
        record.heading,
        _below(rows),
        f"{record.title}: {value} of {encoders} in {counted(rows['dataset'].nunique(), 'cell')} "
        "of seen and unseen concepts and styles, one panel each.",
    )


def cell_means(tables: Tables, protocol: str) -> pd.DataFrame:
    """Rows of ``objectives.csv`` for one protocol across styles, sorted by cell, group and setting.

    Returns
    -------
    DataFrame
        With the column ``model``, the name shown for a group.

    Raises
    ------
    DataError
        When the protocol has no rows.
    """
    rows = pd.DataFrame() if tables.objectives is None else objective_means(tables.objectives, protocol)
    if rows.empty:
        raise DataError(f"objectives.csv: has no rows for {protocol}")
    order = {"dataset": list(CELLS), "model": tables.names}
    rows = rows.assign(model=rows["group"].map(display.group))
    rows = rows.rename(columns={"n_items": "n", "n_trials": "trials"})
    return rows.sort_values(
        ["dataset", "model", "setting"],
        key=lambda column: column.map(order[column.name].index) if column.name in order else column,
        ignore_index=True,
    )


def _levels(guessing: dict[str, float | None], part: pd.DataFrame) -> list[Level]:
    """Levels of guessing and of the untrained encoder, if known."""
    chance = guessing[part["dataset"].iloc[0]]
    main = part[(part["setting"] == part["setting"].max()) & (part["model"] == UNTRAINED)]
    found = [] if chance is None else [Level(chance, "guessing")]
    return found + [Level(float(value), UNTRAINED, INK, (1, 3)) for value in main["value"]]


def _heading(part: pd.DataFrame) -> alt.Title:
    """Name the cell of a panel: its concepts; below them, its style and the number of concepts tested."""
    concepts, _, style = display.dataset(part["dataset"].iloc[0]).partition(", ")
    return panel_title(concepts, f"{style}; {counted(int(part['n'].max()), 'concept')}")


def _below(rows: pd.DataFrame) -> list[str]:
    """Subtitle: the meaning of the marks."""
    shown = settings_shown(rows)
    levels = ["dashed: guessing", *(["dotted: untrained"] if UNTRAINED in set(rows["model"]) else [])]
    first = f"{modes(rows)}; {bars(rows, DRAWN | {'items': 'concepts'})}"
    return [first, "; ".join(part for part in (shown, *levels) if part)]
