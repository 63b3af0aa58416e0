"""Few-shot: accuracy over the number of labelled images of each class."""

from typing import Any

import altair as alt

from wordsight.figures.data import Tables, measured, modes
from wordsight.figures.panels import curves, dodge
from wordsight.figures.style import counted, finish


def draw(tables: Tables) -> Any:
    """Curves over the shots by dataset, with the level of guessing."""
    rows = measured(tables, "few_shot", "accuracy", "shots")
    shots = sorted(map(float, set(rows["setting"])))
    rows = rows.assign(position=rows["setting"] * dodge(rows, tables.models, 1.14), piece=0)
    x = alt.X(
        "position:Q",
        scale=alt.Scale(type="log", domain=[shots[0] / 1.25, shots[-1] * 1.25], nice=False),
        axis=alt.Axis(values=shots, grid=False, format="d"),
        title="labelled images a class (shots)",
    )
    trials = int(rows["trials"].max())
    return finish(
        curves(rows, tables, x, "accuracy", alt.Tooltip("setting:Q", title="shots")),
        "Few-shot: how well do a few labelled images tell the classes apart?",
        [f"{modes(rows)}; mean of {counted(trials, 'draw')}; bars: ± 1 standard error; dashed: guessing"],
        f"Few-shot accuracy of {counted(rows['model'].nunique(), 'model')} with "
        f"{', '.join(f'{shot:g}' for shot in shots)} labelled images a class on "
        f"{counted(rows['dataset'].nunique(), 'dataset')}, one panel each; bars are one standard error.",
    )
