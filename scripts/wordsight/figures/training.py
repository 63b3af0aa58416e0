"""Training: the loss of every objective by epoch."""

import textwrap
from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.prose import counted
from wordsight.errors import DataError
from wordsight.figures.style import COLOURS, finish, panel_title
from wordsight.tables.reading import Tables

COLUMNS, LETTERS = 4, 25  # panels in a row; letters of a title that fit above one
MOST = 30  # points of a curve: enough to keep its shape
KINDS = {"loss": "training images", "held_out_loss": "held-out concepts"}


def draw(tables: Tables) -> Any:
    """One panel with its own scale for each objective; for both kinds of images, a line for each seed."""
    if tables.training is None:
        raise DataError("training: there are no learning curves to show")
    curves = _thinned(tables.training)
    groups = list(dict.fromkeys(curves["group"]))
    panels = [_panel(curves[curves["group"] == group], group, place) for place, group in enumerate(groups)]
    panels = panels or [alt.Chart(pd.DataFrame([{}])).mark_text(text="no encoder was trained")]
    runs = counted(curves["model"].nunique(), "training run")
    return finish(
        alt.concat(*panels, columns=COLUMNS, bounds="flush", spacing={"row": 82, "column": 56}),
        "Training: does the loss of every objective fall?",
        [f"loss by epoch, one line for each seed; {runs}; losses of different objectives can't be compared"],
        f"Loss by epoch of {runs} with {counted(len(groups), 'objective')}, one panel each.",
    )


def _thinned(curves: pd.DataFrame) -> pd.DataFrame:
    """Keep at most :data:`MOST` epochs, including the first and the last, and four digits of each loss."""
    if curves.empty:
        return curves
    epochs = np.unique(curves["epoch"])
    chosen = epochs[np.unique(np.linspace(0, len(epochs) - 1, MOST).round().astype(int))]
    losses = curves[list(KINDS)].map(lambda loss: float(f"{loss:.4g}"))
    return curves.assign(**losses)[curves["epoch"].isin(chosen)]


def _panel(curves: pd.DataFrame, group: str, place: int) -> Any:
    # Some objectives have no held-out loss; a line without points would have no scale.
    losses = [loss for loss in KINDS if curves[loss].notna().any()] or ["loss"]
    data = curves[["model", "epoch", *losses]]
    lines = [_line(data, loss, losses, title="loss" if place % COLUMNS == 0 else None) for loss in losses]
    title = panel_title(textwrap.wrap(display.group(group), LETTERS))
    return alt.layer(*lines).properties(width=150, height=110, title=title)


def _line(data: pd.DataFrame, loss: str, listed: Sequence[str], title: str | None) -> Any:
    """One line for each seed, for one kind of images; the tooltip has the losses named in ``listed``."""
    colours = alt.Scale(domain=list(KINDS.values()), range=COLOURS[: len(KINDS)])
    legend = alt.Legend(
        title=None, orient="bottom", columns=len(KINDS), symbolType="stroke", symbolStrokeWidth=2.5
    )
    upright = alt.Axis(tickCount=4, format=".3~r", minExtent=32, labelFlush=True)
    return (
        alt.Chart(data)
        .transform_calculate(kind=repr(KINDS[loss]))
        .mark_line(strokeWidth=1.4, opacity=0.8)
        .encode(
            x=alt.X("epoch:Q", axis=alt.Axis(grid=False, tickCount=4, tickMinStep=1, format="d")),
            y=alt.Y(f"{loss}:Q", scale=alt.Scale(zero=False), axis=upright, title=title),
            color=alt.Color("kind:N", scale=colours, legend=legend),
            detail="model:N",
            tooltip=[
                alt.Tooltip("model:N"),
                alt.Tooltip("epoch:Q"),
                *(alt.Tooltip(f"{name}:Q", title=f"loss, {KINDS[name]}", format=".4g") for name in listed),
            ],
        )
    )
