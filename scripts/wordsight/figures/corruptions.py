"""Corruptions: accuracy over the severity."""

from functools import partial
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from wordsight.catalogue.prose import counted
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.figures.intervals import bars
from wordsight.figures.panels import curves, curves_or_dots, dodge
from wordsight.figures.style import finish
from wordsight.tables.reading import Tables, measured, modes

APART = 1.6  # factor between models on a logarithmic axis; on a linear one, its logarithm is between them


def draw(tables: Tables) -> Any:
    """Curves over the severity by dataset, with the level of guessing; dots if there are many models."""
    rows = measured(tables, "corruptions", "accuracy", "severity")
    severities = sorted(map(int, set(rows["setting"])))
    chart, marks = curves_or_dots(rows, tables, partial(_curves, rows, tables, severities))
    return finish(
        chart,
        PROTOCOLS["corruptions"].heading,
        [f"{modes(rows)}; mean over kinds of corruption; {bars(rows)}; dashed: guessing", *marks],
        f"Accuracy of {counted(rows['model'].nunique(), 'model')} on images without corruption and at "
        f"{counted(len(severities) - 1, 'severity', 'severities')} on "
        f"{counted(rows['dataset'].nunique(), 'dataset')}, one panel each, with intervals.",
    )


def _curves(rows: pd.DataFrame, tables: Tables, severities: list[int]) -> Any:
    rows = rows.assign(position=rows["setting"] + np.log(dodge(rows, tables.names, APART)), piece=0)
    x = alt.X(
        "position:Q",
        scale=alt.Scale(domain=[severities[0] - 0.4, severities[-1] + 0.4], nice=False),
        axis=alt.Axis(values=severities, grid=False, format="d"),
        title="severity (0: not corrupted)",
    )
    return curves(rows, tables, x, "accuracy", [alt.Tooltip("setting:Q", title="severity")])
