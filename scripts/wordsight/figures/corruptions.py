"""Corruptions: accuracy over the severity."""

from functools import partial
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.prose import counted
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.figures.intervals import bars
from wordsight.figures.panels import CROWD, curves, dodge, dots, guessing, settings_shown
from wordsight.figures.style import finish
from wordsight.tables.reading import Tables, measured, modes

APART = 1.6  # factor between models on a logarithmic axis; on a linear one, its logarithm is between them


def draw(tables: Tables) -> Any:
    """Curves over the severity by dataset, with the level of guessing; dots if there are many models."""
    rows = measured(tables, "corruptions", "accuracy", "severity")
    severities = sorted(map(int, set(rows["setting"])))
    crowded = rows["model"].nunique() > CROWD
    shown = [settings_shown(rows, partial(display.setting, "severity"))] if crowded else []
    return finish(
        dots(rows, tables, "accuracy", levels=guessing(tables))
        if crowded
        else _curves(rows, tables, severities),
        PROTOCOLS["corruptions"].heading,
        [f"{modes(rows)}; mean over kinds of corruption; {bars(rows)}; dashed: guessing", *shown],
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
