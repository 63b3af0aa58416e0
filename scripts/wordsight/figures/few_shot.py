"""Few-shot: accuracy over the number of labelled images of each class."""

from functools import partial
from typing import Any

import altair as alt
import pandas as pd

from wordsight.catalogue.prose import counted
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.figures.intervals import bars
from wordsight.figures.panels import curves, curves_or_dots, dodge
from wordsight.figures.style import finish
from wordsight.tables.reading import Tables, measured, modes


def draw(tables: Tables) -> Any:
    """Curves over the shots by dataset, with the level of guessing; dots instead if there are many models."""
    rows = measured(tables, "few_shot", "accuracy", "shots")
    shots = sorted(map(float, set(rows["setting"])))
    chart, marks = curves_or_dots(rows, tables, partial(_curves, rows, tables, shots))
    trials = int(rows["trials"].max())
    return finish(
        chart,
        PROTOCOLS["few_shot"].heading,
        [f"{modes(rows)}; mean of {counted(trials, 'draw')}; {bars(rows)}; dashed: guessing", *marks],
        f"Few-shot accuracy of {counted(rows['model'].nunique(), 'model')} with "
        f"{', '.join(f'{shot:g}' for shot in shots)} labelled images per class on "
        f"{counted(rows['dataset'].nunique(), 'dataset')}, one panel each, with intervals.",
    )


def _curves(rows: pd.DataFrame, tables: Tables, shots: list[float]) -> Any:
    rows = rows.assign(position=rows["setting"] * dodge(rows, tables.names, 1.14), piece=0)
    x = alt.X(
        "position:Q",
        scale=alt.Scale(type="log", domain=[shots[0] / 1.25, shots[-1] * 1.25], nice=False),
        axis=alt.Axis(values=shots, grid=False, format="d"),
        title="labelled images per class (shots)",
    )
    return curves(rows, tables, x, "accuracy", [alt.Tooltip("setting:Q", title="shots")])
