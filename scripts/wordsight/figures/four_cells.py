"""The four cells of seen and unseen concepts and styles, side by side, for each protocol across styles."""

from functools import partial
from typing import Any

import altair as alt
import pandas as pd

from wordsight import labels
from wordsight.cells import CELLS
from wordsight.errors import DataError
from wordsight.figures.data import Tables, modes
from wordsight.figures.groups import UNTRAINED, group_name
from wordsight.figures.panels import Level, dots, settings_shown
from wordsight.figures.style import INK, counted, finish, panel_title


def draw_cells(tables: Tables, protocol: str, title: str, value: str) -> Any:
    """Four panels with a row an objective or model: dots with intervals, guessing, the untrained encoder.

    Parameters
    ----------
    title : of the figure
    value : title of the value's axis
    """
    rows = cell_means(tables, protocol)
    levels = partial(_levels, {cell: guessing_in(tables.results, protocol, cell) for cell in CELLS})
    largest = min(1.0, 1.05 * float(rows[["value", "high"]].to_numpy().max()))
    encoders = counted(rows["model"].nunique(), "encoder")
    return finish(
        dots(rows, tables, value, levels=levels, heading=_heading, largest=largest),
        title,
        _below(rows),
        f"{labels.protocol(protocol)}: {value} of {encoders} in {counted(rows['dataset'].nunique(), 'cell')} "
        "of seen and unseen concepts and styles, one panel each.",
    )


def cell_means(tables: Tables, protocol: str) -> pd.DataFrame:
    """Rows of ``objectives.csv`` of one protocol across styles, by cell, group and setting, in their order.

    Returns
    -------
    DataFrame
        With ``model``, the name that a group is shown under.

    Raises
    ------
    DataError
        When there is no such row.
    """
    rows = pd.DataFrame({"protocol": []}) if tables.objectives is None else tables.objectives
    rows = rows[rows["protocol"] == protocol]
    if rows.empty:
        raise DataError(f"objectives: expected rows of {protocol}, but there are none")
    order = {"dataset": list(CELLS), "model": tables.names}
    rows = rows.assign(model=rows["group"].map(group_name))
    rows = rows.rename(columns={"n_items": "n", "n_trials": "trials"})
    return rows.sort_values(
        ["dataset", "model", "setting"],
        key=lambda column: column.map(order[column.name].index) if column.name in order else column,
        ignore_index=True,
    )


def guessing_in(results: pd.DataFrame, protocol: str, cell: str) -> float | None:
    """Level of guessing in a cell, as rows of ``results.csv`` tell it, the same for every model."""
    rows = results[(results["protocol"] == protocol) & (results["dataset"] == cell)]
    chance = rows.loc[rows["metric"] == "chance", "value"]
    return None if chance.empty else float(chance.iloc[0])


def _levels(guessing: dict[str, float | None], part: pd.DataFrame) -> list[Level]:
    """Guessing, and the untrained encoder's value, where they are known."""
    chance = guessing[part["dataset"].iloc[0]]
    main = part[(part["setting"] == part["setting"].max()) & (part["model"] == UNTRAINED)]
    found = [] if chance is None else [Level(chance, "guessing")]
    return found + [Level(float(value), UNTRAINED, INK, (1, 3)) for value in main["value"]]


def _heading(part: pd.DataFrame) -> alt.Title:
    """Name the cell of a panel: its concepts, and below its style and how many concepts were tested."""
    concepts, _, style = labels.dataset(part["dataset"].iloc[0]).partition(", ")
    return panel_title(concepts, f"{style}; {counted(int(part['n'].max()), 'concept')}")


def _below(rows: pd.DataFrame) -> list[str]:
    """Say what the marks mean."""
    shown = settings_shown(rows, partial(labels.setting, rows["parameter"].iloc[0]))
    levels = ["dashed: guessing", *(["dotted: untrained"] if UNTRAINED in set(rows["model"]) else [])]
    first = f"{modes(rows)}; bars: {rows['confidence'].iloc[0]:.0%} intervals over {_drawn(rows)}"
    return [first, "; ".join(part for part in (shown, *levels) if part)]


def _drawn(rows: pd.DataFrame) -> str:
    """Name what the intervals resample; the items are concepts here."""
    found = {level for row in rows["resampled"] for level in row.split(", ")}
    words = {"seeds": "training runs", "trials": "trials", "items": "concepts"}
    return ", ".join(word for level, word in words.items() if level in found) or "nothing"
