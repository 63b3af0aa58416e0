"""Robustness: accuracy against the largest change that an attack may make to a pixel."""

from functools import partial
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from wordsight.catalogue.prose import counted
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.figures import intervals
from wordsight.figures.panels import curves, dodge, row_height
from wordsight.figures.style import FONT, INK, finish, look, panel_title
from wordsight.tables.over_seeds import names_of
from wordsight.tables.reading import Tables, measured, modes

GAP = 4.0  # clean images are shown at the smallest radius over this: a logarithmic axis has no zero
AREA = 112  # pixels of the axis of areas


def draw(tables: Tables) -> Any:
    """Curves over the logarithm of the radius by dataset, with their areas and median breaking radii.

    Clean images are set apart at the left; a line marks the level of guessing.
    """
    rows = measured(tables, "robustness", "accuracy", "epsilon")
    areas = _areas(tables)
    radii = sorted(map(float, set(rows.loc[rows["setting"] > 0, "setting"])))
    clean = radii[0] / GAP if radii else 1.0
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
    return finish(
        curves(rows, tables, _across(radii, clean), "accuracy under attack", details, beside),
        PROTOCOLS["robustness"].heading,
        [
            f"{modes(rows)}; images still classified correctly; {intervals.bars(rows)}; dashed: guessing",
            "on the right: area under each curve over log radius, and the radius that breaks half the images",
        ],
        f"Accuracy of {counted(rows['model'].nunique(), 'model')} without attack and under attacks of "
        f"{counted(len(radii), 'radius', 'radii')} on {counted(rows['dataset'].nunique(), 'dataset')}, "
        "one panel each with intervals, with the area under each curve and the median radius beside it.",
    )


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


def _beside(areas: pd.DataFrame, tables: Tables, part: pd.DataFrame, opacity: Any) -> Any:
    """A row for each model: its area with its interval, and its median radius."""
    rows = areas[areas["dataset"] == part["dataset"].iloc[0]]
    rows = rows.assign(between=intervals.between(rows))
    names = [name for name in tables.names if name in set(rows["model"])]
    channels = look(tables.names, set(areas["model"]))
    shares = dict.fromkeys(["value", "low", "high"], 5)
    down = alt.Axis(ticks=False, domain=False, labelPadding=8)
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
