"""The two kinds of panel that the protocols share: dots by model, and curves over a setting."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from wordsight.figures.data import Tables
from wordsight.figures.style import FAINT, LETTER, WIDTH, columns_that_fit, counted, look, panel_title

GAP = 16  # pixels between panels
SHARE = alt.Scale(domain=[0, 1], nice=False)


def dots(rows: pd.DataFrame, tables: Tables, title: str, chance: bool) -> Any:
    """One panel a dataset: models from top to bottom, each a dot with its standard error.

    Parameters
    ----------
    rows : as :func:`wordsight.figures.data.measured` gives them
    title : of the value's axis
    chance : whether guessing, 1 / classes, is marked
    """
    names = [name for name in tables.models if name in set(rows["model"])]
    beside = max(map(len, names)) * LETTER + 20
    datasets = list(dict.fromkeys(rows["dataset"]))
    columns = columns_that_fit(len(datasets), 148 + GAP, beside)
    width = min(300, (WIDTH - beside) // columns - GAP)
    panels = []
    for place, dataset in enumerate(datasets):
        axis = alt.Axis(grid=True, ticks=False, domain=False, labels=place % columns == 0, labelPadding=8)
        y = alt.Y("model:N", sort=None, scale=alt.Scale(domain=names), title=None, axis=axis)
        part = rows[rows["dataset"] == dataset]
        layers = [*_chance(part, tables, "x" if chance else ""), *_dots(part, y, tables, names, title)]
        size = {"width": width, "height": alt.Step(20)}
        panels.append(alt.layer(*layers).properties(title=_heading(part, tables), **size))
    return alt.concat(*panels, columns=columns)


def _dots(part: pd.DataFrame, y: alt.Y, tables: Tables, names: Sequence[str], title: str) -> list[Any]:
    channels = look(tables.models, names, legend=False)
    base = alt.Chart(_shown(part)).encode(y=y, color=channels["color"], tooltip=_tooltip(title))
    x = alt.X("value:Q", scale=SHARE, title=title, axis=alt.Axis(format="%", values=[0, 0.5, 1]))
    bars = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", scale=SHARE, title=title), x2="high:Q")
    marks = base.mark_point(filled=True, size=55, opacity=1).encode(x=x, shape=channels["shape"])
    return [bars, marks]


def curves(rows: pd.DataFrame, tables: Tables, x: alt.X, title: str, setting: alt.Tooltip) -> Any:
    """One panel a dataset: a curve a model over a setting, with standard errors.

    Parameters
    ----------
    rows : as :func:`wordsight.figures.data.measured` gives them, with ``position`` on the horizontal axis and
        ``piece``, which a line does not leave
    x : channel of ``position``
    title : of the value's axis
    setting : what a dot says of its setting
    """
    datasets = list(dict.fromkeys(rows["dataset"]))
    columns = columns_that_fit(len(datasets), 390)
    size = {"width": 480 if columns == 1 else 320, "height": 220}
    channels = look(tables.models, set(rows["model"])) | {"x": x, "tooltip": _tooltip(title, setting)}
    picked = alt.selection_point(name="picked", fields=["model"], bind="legend")
    channels["opacity"] = alt.when(picked).then(alt.value(1)).otherwise(alt.value(0.12))
    panels: list[Any] = []
    for dataset in datasets:
        part = rows[rows["dataset"] == dataset]
        lines, bars, marks = _curves(part, channels, title)
        # One legend serves all panels, and listens to the layer that it is made from first.
        lines = lines if panels else lines.add_params(picked)
        layers = [*_chance(part, tables, "y"), lines, bars, marks]
        panels.append(alt.layer(*layers).properties(title=_heading(part, tables), **size))
    return alt.concat(*panels, columns=columns)


def _curves(part: pd.DataFrame, channels: dict[str, Any], title: str) -> list[Any]:
    common = {key: value for key, value in channels.items() if key not in ("shape", "strokeDash")}
    base = alt.Chart(_shown(part)).encode(**common)
    y = alt.Y("value:Q", scale=SHARE, title=title, axis=alt.Axis(format="%", tickCount=5))
    lines = base.mark_line(strokeWidth=1.8).encode(y=y, strokeDash=channels["strokeDash"], detail="piece:N")
    bars = base.mark_rule(strokeWidth=1.2).encode(y=alt.Y("low:Q", scale=SHARE, title=title), y2="high:Q")
    marks = base.mark_point(filled=True, size=50).encode(y=y, shape=channels["shape"])
    return [lines, bars, marks]


def dodge(rows: pd.DataFrame, models: Sequence[str], ratio: float) -> pd.Series:
    """Factors that spread the models of a logarithmic axis over ``ratio``, so that no bar hides another."""
    place = rows["model"].map({name: (index + 0.5) / len(models) - 0.5 for index, name in enumerate(models)})
    return ratio**place


def _chance(part: pd.DataFrame, tables: Tables, channel: str) -> list[Any]:
    """Line at 1 / classes across ``x`` or ``y``; none without a channel, or where classes are unknown."""
    classes = tables.classes.get(part["dataset"].iloc[0])
    if not (channel and classes):
        return []
    data = pd.DataFrame({"chance": [1 / classes], "meaning": [f"guessing among {classes:,} classes"]})
    position = {"x": alt.X, "y": alt.Y}[channel]("chance:Q", scale=SHARE)
    tooltip = [alt.Tooltip("meaning:N", title="chance"), alt.Tooltip("chance:Q", format=".3~%")]
    rule = alt.Chart(data).mark_rule(color=FAINT, strokeDash=[4, 3], strokeWidth=1.2)
    return [rule.encode(**{channel: position, "tooltip": tooltip})]


def _heading(part: pd.DataFrame, tables: Tables) -> alt.Title:
    """Name the dataset of a panel, and say how many images and classes it shows."""
    dataset = part["dataset"].iloc[0]
    images = part.loc[part["unit"] == "items", "n"]
    classes = tables.classes.get(dataset)
    sizes = [counted(int(images.max()), "image")] if len(images) else []
    sizes += [counted(classes, "class", "classes")] if classes else []
    return panel_title(dataset, ", ".join(sizes))


def _shown(rows: pd.DataFrame) -> pd.DataFrame:
    """Columns that a panel or its tooltips use."""
    kept = [
        "model",
        "dataset",
        "setting",
        "position",
        "piece",
        "value",
        "stderr",
        "low",
        "high",
        "n",
        "trials",
    ]
    return rows[[name for name in kept if name in rows]]


def _tooltip(title: str, *more: alt.Tooltip) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("model:N"),
        alt.Tooltip("dataset:N"),
        *more,
        alt.Tooltip("value:Q", title=title, format=".1%"),
        alt.Tooltip("stderr:Q", title="standard error", format=".1%"),
        alt.Tooltip("n:Q", title="images", format=","),
        alt.Tooltip("trials:Q", title="trials"),
    ]
