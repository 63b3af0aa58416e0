"""Pretraining size: the scores of encoders over the number of images they were trained on."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.prose import counted
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.errors import DataError
from wordsight.figures import intervals
from wordsight.figures.style import COLOURS, FAINT, columns_that_fit, finish, isolated, panel_title, zoom
from wordsight.tables.over_seeds import names_of
from wordsight.tables.reading import Tables, modes, over_datasets

# By what an encoder learned from; "no language" covers encoders trained on images only.
LOOK = {
    "captions": (COLOURS[0], "circle"),
    "labels": (COLOURS[1], "triangle-up"),
    "no language": (COLOURS[2], "square"),
    "untrained": (FAINT, "diamond"),
}
GAP = 6.0  # untrained encoders are shown at the smallest size over this: a logarithmic axis has no zero
SPREAD = 3.0  # encoders of equal size are spread by at most this factor, so that none hides another
SHOWN = ["model", "learned", "images", "position", "value", "low", "high", "between", "over"]


def draw(tables: Tables) -> Any:
    """One panel for each protocol, one mark for each encoder: mean over datasets by size of training data."""
    rows = sized(tables)
    titles = list(dict.fromkeys(rows["where"]))
    columns = columns_that_fit(len(titles), 280)
    x = _across(rows)
    picked, opacity = isolated("learned", 0.85)
    panels: list[Any] = []
    for place, title in enumerate(titles):
        part = rows[rows["where"] == title]
        bars, marks = _layers(part, x, opacity)
        bars = bars if panels else bars.add_params(picked)
        layers = alt.layer(bars.add_params(zoom(place)), marks)
        panels.append(layers.properties(title=panel_title(title, _below(part)), width=235, height=190))
    sizes = sorted(set(rows.loc[rows["images"] > 0, "images"]))
    return finish(
        alt.concat(*panels, columns=columns, bounds="flush", spacing={"row": 96, "column": 56}),
        "Pretraining size: do encoders that saw more images do better?",
        [f"{modes(tables.results)}; mean over datasets; {intervals.bars(rows)}", _sizes(sizes)],
        f"Means of {counted(rows['model'].nunique(), 'encoder')} in {counted(len(titles), 'protocol')} over "
        "the number of training images on a logarithmic scale, one panel each; untrained encoders are apart.",
    )


def _sizes(sizes: list[int]) -> str:
    """Say how many sizes there are, since a single one shows nothing about size."""
    if not sizes:
        return "no encoder was trained"
    if len(sizes) == 1:
        return f"all trained encoders saw {counted(sizes[0], 'image')}, so this shows nothing about size"
    return f"{counted(len(sizes), 'size')}; encoders can also differ in other ways"


def sized(tables: Tables) -> pd.DataFrame:
    """One row for each encoder and protocol: its mean over shared datasets and its training data.

    Returns
    -------
    DataFrame
        As :func:`wordsight.tables.reading.over_datasets` gives them, with ``where``, ``images``,
        ``learned`` (a key of :data:`LOOK`) and ``position``, a place on a logarithmic axis.

    Raises
    ------
    DataError
        When no protocol has a dataset that all its encoders ran on.
    """
    names = [name for name in PROTOCOLS if name in set(tables.results["protocol"])]
    rows = pd.concat([_means(over_datasets(tables, name)) for name in names], ignore_index=True)
    if rows.empty:
        raise DataError("results: no protocol has a dataset that all its models ran on")
    traits = tables.results.assign(model=tables.results["model"].map(names_of(tables.results)))
    traits = traits.drop_duplicates("model").set_index("model")
    images = rows["model"].map(traits["pretraining_images"]).astype(int)
    learned = rows["model"].map(traits["language"]).replace("none", "no language")
    learned = learned.where((images > 0) | (learned != "no language"), "untrained")
    rows = rows.assign(images=images, learned=learned)
    return rows.assign(position=_positions(rows))


def _means(rows: pd.DataFrame) -> pd.DataFrame:
    """Name the panel of the rows of one protocol."""
    keys = zip(rows["protocol"], rows["parameter"], rows["setting"], strict=True)
    return rows.assign(where=[display.comparison(*key) for key in keys], between=intervals.between(rows))


def _positions(rows: pd.DataFrame) -> pd.Series:
    """Positions on the axis of sizes: untrained encoders at the left, encoders of equal size spread out."""
    trained = rows.loc[rows["images"] > 0, "images"]
    apart = trained.min() / GAP if len(trained) else 1.0
    place = rows["images"].where(rows["images"] > 0, apart)
    by_size = rows.groupby(["where", "images"], sort=False)["model"]
    share = (by_size.cumcount() + 0.5) / by_size.transform("size") - 0.5
    sizes = np.unique(place)
    return place * min([SPREAD, *(sizes[1:] / sizes[:-1])]) ** share


def _across(rows: pd.DataFrame) -> alt.X:
    """Logarithmic axis of sizes, with a place for untrained encoders."""
    trained = rows.loc[rows["images"] > 0, "images"]
    first = float(trained.min()) if len(trained) else GAP
    last = float(trained.max()) if len(trained) else GAP
    ends = [first / GAP if (rows["images"] == 0).any() else first, last]
    powers = [10.0**power for power in range(1, 13) if first / 2 <= 10.0**power <= 2 * last]
    ticks = powers if len(powers) > 1 else sorted({first, last}) if len(trained) else []
    ticks = [first / GAP, *ticks] if (rows["images"] == 0).any() else ticks
    # Of 10 billion images, one says 10B, and not 10G.
    label = f"datum.value < {first / 2!r} ? 'none' : replace(format(datum.value, '.2~s'), 'G', 'B')"
    return alt.X(
        "position:Q",
        scale=alt.Scale(type="log", domain=[ends[0] / 2, ends[1] * 2], nice=False),
        axis=alt.Axis(values=ticks, grid=False, labelExpr=label),
        title="images trained on",
    )


def _layers(part: pd.DataFrame, x: alt.X, opacity: Any) -> tuple[Any, Any]:
    names = list(LOOK)
    guide = alt.Legend(
        title="learned from", titleOrient="left", orient="bottom", symbolSize=80, symbolStrokeWidth=0
    )
    shares = dict.fromkeys(["value", "low", "high"], 5)
    scale = alt.Scale(zero=False, padding=8)
    base = alt.Chart(part[SHOWN].round(shares)).encode(
        x=x,
        color=alt.Color(
            "learned:N", scale=alt.Scale(domain=names, range=[LOOK[n][0] for n in names]), legend=guide
        ),
        opacity=opacity,
        tooltip=[
            alt.Tooltip("model:N", title="encoder"),
            alt.Tooltip("learned:N", title="learned from"),
            alt.Tooltip("images:Q", title="images trained on", format=","),
            alt.Tooltip("value:Q", title="mean over datasets", format=".1%"),
            intervals.tooltip(),
            alt.Tooltip("over:Q", title="datasets"),
        ],
    )
    bars = base.mark_rule(strokeWidth=1.2, clip=True).encode(
        y=alt.Y("low:Q", scale=scale, title=None), y2="high:Q"
    )
    marks = base.mark_point(filled=True, size=50, clip=True).encode(
        y=alt.Y("value:Q", scale=scale, title=None, axis=alt.Axis(format="%", tickCount=4, labelFlush=True)),
        shape=alt.Shape(
            "learned:N", scale=alt.Scale(domain=names, range=[LOOK[n][1] for n in names]), legend=guide
        ),
    )
    return bars, marks


def _below(part: pd.DataFrame) -> str:
    """Name the metric of a panel and the number of datasets."""
    return f"{display.metric(part['metric'].iloc[0])}, {counted(int(part['over'].iloc[0]), 'dataset')}"
