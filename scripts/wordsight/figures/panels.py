"""The two kinds of panel that the protocols share: dots by model, and curves over a setting."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import altair as alt
import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.cells import CELLS
from wordsight.catalogue.prose import counted
from wordsight.figures import intervals
from wordsight.figures.style import (
    BOLD,
    FAINT,
    LETTER,
    WIDTH,
    columns_that_fit,
    fitting,
    isolated,
    look,
    panel_title,
    zoom,
)
from wordsight.tables.reading import Tables

GAP, NARROWEST = 16, 100  # pixels: between panels, of the narrowest panel of dots
CROWD = 10  # with more models, curves in a small panel can't be told apart
MANY = 16  # with more models, their rows are lower
DIGITS = 5  # decimals of a share: more can't be seen and make the page large
SIDE = 250  # pixels of the chart to the right of a panel of curves, and of the axis of that panel
# From 0 to 1, with room for marks at both ends, which would be clipped without it.
CLIPPED = alt.Scale(domain=[-0.03, 1.03], nice=False)


@dataclass(frozen=True)
class Level:
    """A line across a panel, with its meaning and look."""

    value: float
    meaning: str
    colour: str = FAINT
    dash: tuple[int, int] = (4, 3)


Levels = Callable[[pd.DataFrame], list[Level]]
Heading = Callable[[pd.DataFrame], alt.Title]
Beside = Callable[[pd.DataFrame, Any], Any]  # from rows and the opacity that fades all but the selected model


def dots(
    rows: pd.DataFrame,
    tables: Tables,
    title: str,
    *,
    levels: Levels | None = None,
    heading: Heading | None = None,
    largest: float = 1.0,
) -> Any:
    """One panel for each dataset: models from top to bottom, each as a dot with its interval.

    If there are several settings, the largest has the bar and the others are small marks.

    Parameters
    ----------
    rows : as :func:`wordsight.tables.reading.measured` gives them
    title : title of the axis of values
    levels : makes the lines of a panel from its rows, such as the level of guessing
    heading : makes the title of a panel from its rows; by default the name of the dataset
    largest : end of the axis of values, the same in all panels
    """
    names = models_of(rows, tables)
    beside = names_beside(tables, rows)
    datasets = list(dict.fromkeys(rows["dataset"]))
    columns = columns_that_fit(len(datasets), NARROWEST + GAP, beside)
    width, height = min(300, (WIDTH - beside) // columns - GAP), alt.Step(row_height(len(names)))
    x = {"scale": alt.Scale(domain=[0, largest], nice=False), "title": title}
    panels = []
    for place, dataset in enumerate(datasets):
        axis = alt.Axis(grid=True, ticks=False, domain=False, labels=place % columns == 0, labelPadding=8)
        y = alt.Y("model:N", sort=None, scale=alt.Scale(domain=names), title=None, axis=axis)
        part = rows[rows["dataset"] == dataset]
        layers = [*_lines(levels(part) if levels else [], "x", x), *_dots(part, y, x, tables, names)]
        named = heading(part) if heading else dataset_heading(part, tables, width)
        panels.append(alt.layer(*layers).properties(title=named, width=width, height=height))
    return alt.concat(*panels, columns=columns)


def _dots(part: pd.DataFrame, y: alt.Y, x: dict[str, Any], tables: Tables, names: Sequence[str]) -> list[Any]:
    channels = look(tables.names, names, legend=False)
    varies = [alt.Tooltip("setting:Q", title=part["parameter"].iloc[0])] if part["parameter"].iloc[0] else []
    common = {"y": y, "color": channels["color"], "tooltip": _tooltip(part, x["title"], *varies)}
    largest = part["setting"] == part["setting"].max()
    main, others = (alt.Chart(_shown(part[chosen])).encode(**common) for chosen in (largest, ~largest))
    value = alt.X("value:Q", axis=alt.Axis(format="%", tickCount=3), **x)
    small = others.mark_point(filled=True, size=16, opacity=0.7).encode(x=value)
    bars = main.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", **x), x2="high:Q")
    marks = main.mark_point(filled=True, size=55, opacity=1).encode(x=value, shape=channels["shape"])
    return [bars, marks] if largest.all() else [small, bars, marks]


def guessing(tables: Tables) -> Levels:
    """Level of guessing in the panel of a dataset; none if its classes are unknown."""

    def levels(part: pd.DataFrame) -> list[Level]:
        dataset = part["dataset"].iloc[0]
        level, classes = tables.guessing.get(dataset), tables.classes.get(dataset)
        return [Level(level, f"guessing the most frequent of {classes:,} classes")] if level else []

    return levels


def curves_or_dots(rows: pd.DataFrame, tables: Tables, curves: Callable[[], Any]) -> tuple[Any, list[str]]:
    """Curves of accuracy, or dots if there are too many models to tell curves apart.

    Returns
    -------
    Any
        The chart.
    list[str]
        The line about the marks, if it needs one.
    """
    if rows["model"].nunique() <= CROWD:
        return curves(), []
    return dots(rows, tables, "accuracy", levels=guessing(tables)), [settings_shown(rows)]


def settings_shown(rows: pd.DataFrame) -> str:
    """Say which setting has the large marks; if there is only one setting, name it."""
    words = partial(display.setting, rows["parameter"].iloc[0])
    *others, largest = sorted(set(rows["setting"]))
    if not others:
        return words(largest)
    return f"large marks: {words(largest)}; small: {', '.join(f'{value:g}' for value in others)}"


def curves(
    rows: pd.DataFrame,
    tables: Tables,
    x: alt.X,
    title: str,
    details: Sequence[alt.Tooltip],
    beside: Beside | None = None,
) -> Any:
    """One panel for each dataset, with a curve over the setting for each model, and intervals.

    Parameters
    ----------
    rows : as :func:`wordsight.tables.reading.measured` gives them, with ``position`` on the horizontal axis
        and ``piece``; a line joins only points of the same piece
    x : channel of ``position``
    title : title of the axis of values
    details : more lines of the tooltip, about the setting and the curve
    beside : makes the chart to the right of a panel from its rows; without it, panels are side by side
    """
    datasets = list(dict.fromkeys(rows["dataset"]))
    columns, size = _layout(rows, tables, beside)
    picked, opacity = isolated("model")
    channels = look(tables.names, set(rows["model"])) | {"x": x, "tooltip": _tooltip(rows, title, *details)}
    panels: list[Any] = []
    for place, dataset in enumerate(datasets):
        part = rows[rows["dataset"] == dataset]
        lines, bars, marks = _curves(part, channels | {"opacity": opacity}, title)
        lines = lines if panels else lines.add_params(picked)
        layers = [
            *_lines(guessing(tables)(part), "y", {"scale": CLIPPED}),
            lines.add_params(zoom(place)),
            bars,
        ]
        heading = dataset_heading(part, tables, size["width"])
        panel = alt.layer(*layers, marks).properties(title=heading, **size)
        panels.append(alt.hconcat(panel, beside(part, opacity), spacing=GAP) if beside else panel)
    return alt.concat(*panels, columns=columns)


def row_height(models: int) -> int:
    """Pixels of the row of a model where each has one."""
    return 20 if models <= MANY else 14


def _layout(rows: pd.DataFrame, tables: Tables, beside: Beside | None) -> tuple[int, dict[str, int]]:
    """Panels in a row and their size; a panel is as high as the rows beside it."""
    if beside:
        left, models = WIDTH - int(names_beside(tables, rows)) - SIDE, rows["model"].nunique()
        return 1, {"width": max(240, min(460, left)), "height": max(220, models * row_height(models))}
    columns = columns_that_fit(rows["dataset"].nunique(), 390)
    return columns, {"width": 320 if columns > 1 else 480, "height": 220}


def names_beside(tables: Tables, rows: pd.DataFrame) -> float:
    """Pixels that the names of models take to the left of a panel."""
    return max(map(len, models_of(rows, tables))) * LETTER + 20


def models_of(rows: pd.DataFrame, tables: Tables) -> list[str]:
    """Models that some rows are about, in the order that all figures have."""
    shown = set(rows["model"])
    return [name for name in tables.names if name in shown]


def _curves(part: pd.DataFrame, channels: dict[str, Any], title: str) -> list[Any]:
    common = {key: value for key, value in channels.items() if key not in ("shape", "strokeDash")}
    base = alt.Chart(_shown(part)).encode(**common)
    y = alt.Y("value:Q", scale=CLIPPED, title=title, axis=alt.Axis(format="%", tickCount=5))
    lines = base.mark_line(strokeWidth=1.8, clip=True).encode(
        y=y, strokeDash=channels["strokeDash"], detail="piece:N"
    )
    ends = {"y": alt.Y("low:Q", scale=CLIPPED, title=title), "y2": "high:Q"}
    bars = base.mark_rule(strokeWidth=1.2, clip=True).encode(**ends)
    marks = base.mark_point(filled=True, size=50, clip=True).encode(y=y, shape=channels["shape"])
    return [lines, bars, marks]


def dodge(rows: pd.DataFrame, names: Sequence[str], ratio: float, field: str = "model") -> pd.Series:
    """Factors that move models apart on a logarithmic axis, by up to ``ratio``, so that bars stay apart.

    ``names`` are those of all models, or of another ``field``.
    """
    place = rows[field].map({name: (index + 0.5) / len(names) - 0.5 for index, name in enumerate(names)})
    return ratio**place


def _lines(levels: Sequence[Level], channel: str, common: dict[str, Any]) -> list[Any]:
    """A line across the panel at each level, on channel ``x`` or ``y``."""
    return [
        alt.Chart(pd.DataFrame({"level": [level.value], "meaning": [level.meaning]}))
        .mark_rule(color=level.colour, strokeDash=level.dash, strokeWidth=1.2)
        .encode(
            **{channel: {"x": alt.X, "y": alt.Y}[channel]("level:Q", **common)},
            tooltip=[alt.Tooltip("meaning:N"), alt.Tooltip("level:Q", format=".3~%")],
        )
        for level in levels
    ]


def dataset_heading(part: pd.DataFrame, tables: Tables, width: float) -> alt.Title:
    """Name the dataset of a panel of some width with its numbers of images and classes."""
    dataset = part["dataset"].iloc[0]
    images = part.loc[part["unit"] == "items", "n"]
    classes = tables.classes.get(dataset)
    sizes = [counted(int(images.max()), "image")] if len(images) else []
    sizes += [counted(classes, "class", "classes")] if classes else []
    return panel_title(fitting(dataset, width, BOLD), fitting(", ".join(sizes), width))


def _shown(rows: pd.DataFrame) -> pd.DataFrame:
    """The columns used by a panel and its tooltips."""
    places = ["model", "dataset", "setting", "position", "piece", "area", "median"]
    shares = dict.fromkeys(["value", "low", "high"], DIGITS)
    kept = [*places, *shares, "between", "n", "trials", "seeds"]
    rows = rows.assign(between=intervals.between(rows))
    return rows[[name for name in kept if name in rows]].round(shares)


def _tooltip(rows: pd.DataFrame, title: str, *more: alt.Tooltip) -> list[alt.Tooltip]:
    """Tooltip of a mark."""
    return [
        alt.Tooltip("model:N"),
        alt.Tooltip("dataset:N"),
        *more,
        alt.Tooltip("value:Q", title=title, format=".1%"),
        intervals.tooltip(),
        alt.Tooltip("n:Q", title="concepts" if rows["dataset"].iloc[0] in CELLS else "images", format=","),
        alt.Tooltip("trials:Q", title="trials"),
        alt.Tooltip("seeds:Q", title="training runs"),
    ]
