"""Robustness: accuracy against the largest change that an attack may make to a pixel."""

from functools import partial
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from wordsight.catalogue.prose import counted
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.figures import intervals
from wordsight.figures.panels import (
    CROWD,
    GAP,
    curves,
    dataset_heading,
    dodge,
    models_of,
    names_beside,
    row_height,
)
from wordsight.figures.style import FONT, INK, SHADES, WIDTH, finish, look, panel_title
from wordsight.tables.over_seeds import names_of
from wordsight.tables.reading import Tables, measured, modes

CLEAN = 4.0  # clean images are shown at the smallest radius over this: a logarithmic axis has no zero
AREA = 112  # pixels of the axis of areas
MEDIAN = 76  # pixels of the median radii to the right of it, under their title
CELL = 46  # pixels of the widest column of a table of accuracies


def draw(tables: Tables) -> Any:
    """Curves over the logarithm of the radius by dataset, with their areas and median breaking radii.

    If there are too many models to tell curves apart, tables of their accuracies take the place of curves.
    """
    rows = measured(tables, "robustness", "accuracy", "epsilon")
    areas = _areas(tables)
    radii = sorted(map(float, set(rows.loc[rows["setting"] > 0, "setting"])))
    crowded = rows["model"].nunique() > CROWD
    marks = (
        f"images still classified correctly, in percent; {intervals.bars(areas)}"
        if crowded
        else f"images still classified correctly; {intervals.bars(rows)}; dashed: guessing"
    )
    return finish(
        _grids(rows, areas, tables) if crowded else _curves(rows, areas, tables, radii),
        PROTOCOLS["robustness"].heading,
        [
            f"{modes(rows)}; {marks}",
            "on the right: area under each curve over log radius, and the radius that breaks half the images",
        ],
        f"Accuracy of {counted(rows['model'].nunique(), 'model')} without attack and under attacks of "
        f"{counted(len(radii), 'radius', 'radii')} on {counted(rows['dataset'].nunique(), 'dataset')}, "
        "one panel each, with the area under each curve with its interval and the median radius beside it.",
    )


def _curves(rows: pd.DataFrame, areas: pd.DataFrame, tables: Tables, radii: list[float]) -> Any:
    """Curves with intervals, with clean images set apart at the left and a line at the level of guessing."""
    clean = radii[0] / CLEAN if radii else 1.0
    place = rows["setting"].where(rows["setting"] > 0, clean)
    rows = rows.assign(
        position=place * dodge(rows, tables.names, 1.25), piece=(rows["setting"] > 0).astype(int)
    ).merge(areas[["dataset", "model", "area", "median"]], on=["dataset", "model"], how="left")
    details = [
        alt.Tooltip("setting:Q", title="radius"),
        alt.Tooltip("area:Q", title="area under the curve", format=".1%"),
        alt.Tooltip("median:N", title="median radius"),
    ]
    beside = partial(_beside, areas, tables)
    return curves(rows, tables, _across(radii, clean), "accuracy under attack", details, beside)


def _grids(rows: pd.DataFrame, areas: pd.DataFrame, tables: Tables) -> Any:
    """A table of accuracies for each dataset: models from top to bottom, radii from left to right."""
    settings = sorted(map(float, set(rows["setting"])))
    columns = {value: f"{value:g}" if value else "clean" for value in settings}
    left = WIDTH - names_beside(tables, rows) - AREA - MEDIAN - GAP
    width = min(CELL, int(left / len(columns))) * len(columns)
    shown = rows.assign(
        radius=rows["setting"].map(columns), percent=100 * rows["value"], between=intervals.between(rows)
    ).round({"percent": 1})
    panels = []
    for dataset in dict.fromkeys(rows["dataset"]):
        part = shown[shown["dataset"] == dataset]
        names = models_of(part, tables)
        grid = _grid(part, names, list(columns.values())).properties(
            title=dataset_heading(part, tables, width), width=width, height=alt.Step(row_height(len(names)))
        )
        beside = _beside(areas, tables, part, alt.value(1), listed=True)
        panels.append(alt.hconcat(grid, beside, spacing=GAP).resolve_scale(color="independent"))
    return alt.vconcat(*panels)


def _grid(part: pd.DataFrame, names: list[str], columns: list[str]) -> Any:
    across = alt.Axis(ticks=False, domain=False, labelAngle=0, labelPadding=6)
    down = alt.Axis(ticks=False, domain=False, labelPadding=8)
    base = alt.Chart(part[["model", "dataset", "radius", "percent", "between", "n"]]).encode(
        x=alt.X("radius:N", sort=None, scale=alt.Scale(domain=columns), title="radius", axis=across),
        y=alt.Y("model:N", sort=None, scale=alt.Scale(domain=names), title=None, axis=down),
        tooltip=[
            alt.Tooltip("model:N"),
            alt.Tooltip("dataset:N"),
            alt.Tooltip("radius:N"),
            alt.Tooltip("percent:Q", title="accuracy under attack, %", format=".1f"),
            intervals.tooltip(),
            alt.Tooltip("n:Q", title="images", format=","),
        ],
    )
    colour = alt.Color("percent:Q", scale=alt.Scale(domain=[0, 100], range=SHADES), legend=None)
    squares = base.mark_rect(stroke="white").encode(color=colour)
    numbers = base.mark_text(fontSize=10, font=FONT, color=INK).encode(
        text=alt.Text("percent:Q", format=".0f")
    )
    return alt.layer(squares, numbers)


def _across(radii: list[float], clean: float) -> alt.X:
    """Logarithmic axis of the radius, with a place for the clean images."""
    powers = (10.0**power for power in range(-9, 1))
    ticks = [clean, *(power for power in powers if power >= 0.99 * (radii or [1])[0])]
    return alt.X(
        "position:Q",
        scale=alt.Scale(type="log", domain=[clean / 1.6, (radii or [clean])[-1] * 1.6], nice=False),
        axis=alt.Axis(
            values=ticks,
            grid=False,
            labelExpr=f"datum.value < {clean * 1.01!r} ? 'clean' : format(datum.value, '~g')",
        ),
        title="radius: largest change of a pixel, as a share of its range",
    )


def _areas(tables: Tables) -> pd.DataFrame:
    """Area under the curve of each model and dataset, and the median radius as text."""
    rows = measured(tables, "robustness", "robust_area")
    medians = _medians(tables)
    keys = zip(rows["dataset"], rows["model"], strict=True)
    return rows.assign(area=rows["value"], median=[medians.get(key, "") for key in keys])


def _medians(tables: Tables) -> dict[tuple[str, str], str]:
    """Median over seeds of the median over images of the smallest breaking radius, which can be infinite."""
    rows = tables.results
    rows = rows[(rows["protocol"] == "robustness") & (rows["metric"] == "min_epsilon")]
    named = rows.assign(model=rows["model"].map(names_of(tables.results)))
    found = named.groupby(["dataset", "model"], sort=False)["value"].median()
    words = [f"{value:.2g}" if np.isfinite(value) else "none" for value in found]
    return dict(zip(found.index, words, strict=True))


def _beside(
    areas: pd.DataFrame, tables: Tables, part: pd.DataFrame, opacity: Any, *, listed: bool = False
) -> Any:
    """A row for each model: its area with its interval, and its median radius.

    Its name stands before them, if names aren't ``listed`` to the left already.
    """
    rows = areas[areas["dataset"] == part["dataset"].iloc[0]]
    rows = rows.assign(between=intervals.between(rows))
    names = models_of(rows, tables)
    channels = look(tables.names, set(areas["model"]), legend=not listed)
    shares = dict.fromkeys(["value", "low", "high"], 5)
    down = alt.Axis(labels=not listed, ticks=False, domain=False, labelPadding=8)
    x: dict[str, Any] = {"scale": alt.Scale(domain=[0, 1], nice=False), "title": "area under the curve"}
    base = alt.Chart(rows[["model", *shares, "between", "median"]].round(shares)).encode(
        y=alt.Y("model:N", sort=None, scale=alt.Scale(domain=names), title=None, axis=down),
        opacity=opacity,
        tooltip=[
            alt.Tooltip("model:N"),
            alt.Tooltip("value:Q", title="area under the curve", format=".1%"),
            intervals.tooltip(),
            alt.Tooltip("median:N", title="median radius"),
        ],
    )
    bars = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", **x), x2="high:Q", color=channels["color"])
    marks = base.mark_point(filled=True, size=50).encode(
        x=alt.X("value:Q", axis=alt.Axis(format="%", tickCount=3), **x),
        color=channels["color"],
        shape=channels["shape"],
    )
    medians = base.mark_text(align="left", fontSize=11, font=FONT, color=INK).encode(
        x=alt.value(AREA + 12), text="median:N"
    )
    return alt.layer(bars, marks, medians).properties(
        width=AREA,
        height=alt.Step(row_height(len(names))),
        title=panel_title("Area, median radius"),
    )
