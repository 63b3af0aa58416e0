"""Ranks: the rank of every encoder, by protocol and over protocols."""

import json
import textwrap
from typing import Any

import altair as alt
import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.prose import counted
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.errors import DataError
from wordsight.figures.style import FONT, INK, LETTER, SHADES, WIDTH, finish, look
from wordsight.tables.reading import Tables, comparable, modes

OVERALL = "overall"
MANY = 40  # with more encoders, rows are lower
WIDEST, LINE = 92, 13  # pixels: of a column, of a line of its title


def draw(tables: Tables) -> Any:
    """A row for each encoder, a column for each protocol: mean ranks over datasets, best encoders on top."""
    rows = ranks(tables)
    count, protocols = (
        rows["model"].nunique(),
        [name for name in dict.fromkeys(rows["where"]) if name != OVERALL],
    )
    overall = "on top: the best overall rank, the mean over protocols that all encoders ran"
    if OVERALL not in set(rows["where"]):
        overall = "no protocol ran on all encoders, so there is no overall rank"
    return finish(
        _table(rows, tables),
        "Ranks: which encoders come first?",
        [
            f"{modes(tables.results)}; mean rank over datasets, 1 is the best; {overall}",
            "neighbouring ranks can differ by chance: the contrasts show which differences are significant",
        ],
        f"Mean rank of {counted(count, 'encoder')} over datasets in {counted(len(protocols), 'protocol')}, "
        "as a table of colours with a row for each encoder, the best on top.",
    )


def ranks(tables: Tables) -> pd.DataFrame:
    """Mean rank of each encoder in each protocol, and over the protocols that all encoders ran.

    Returns
    -------
    DataFrame
        ``model``, ``where`` (words for a protocol, or :data:`OVERALL`), ``rank``, the mean over ``over``
        datasets (or protocols), its range ``best`` to ``worst``, and ``among``, the number of encoders;
        sorted by the overall rank.

    Raises
    ------
    DataError
        When no protocol has a dataset that all its encoders ran on.
    """
    names = [name for name in PROTOCOLS if name in set(tables.results["protocol"])]
    parts = [_in_protocol(comparable(tables, name)) for name in names]
    frame = pd.concat(parts, ignore_index=True)
    if frame.empty:
        raise DataError("results: no protocol has a dataset that all its models ran on")
    everyone = frame["model"].nunique()
    whole = _summarised(frame[frame["among"] == everyone].assign(where=OVERALL))
    order = whole if len(whole) else _summarised(frame)
    place = order.groupby("model")["rank"].mean()
    names_in_order = sorted(place.index, key=lambda name: (place[name], tables.names.index(name)))
    frame = pd.concat([whole, frame], ignore_index=True)
    by_name = {name: index for index, name in enumerate(names_in_order)}
    return frame.sort_values(
        "model", key=lambda column: column.map(by_name), kind="stable", ignore_index=True
    )


def _in_protocol(rows: pd.DataFrame) -> pd.DataFrame:
    """Ranks in one protocol; encoders with equal values share the mean of their ranks."""
    where = [
        display.comparison(*key)
        for key in zip(rows["protocol"], rows["parameter"], rows["setting"], strict=True)
    ]
    ranked = rows.groupby("dataset")["value"].rank(ascending=False)
    return _summarised(rows.assign(where=where, rank=ranked, among=rows["model"].nunique()))


def _summarised(rows: pd.DataFrame) -> pd.DataFrame:
    by_model = rows.groupby(["where", "model"], sort=False)
    columns = {
        "best": ("rank", "min"),
        "worst": ("rank", "max"),
        "over": ("rank", "size"),
        "among": ("among", "first"),
    }
    return by_model.agg(rank=("rank", "mean"), **columns).reset_index()


def _table(rows: pd.DataFrame, tables: Tables) -> Any:
    models, columns = (list(dict.fromkeys(rows[name])) for name in ("model", "where"))
    columns.sort(key=lambda name: name != OVERALL)
    low = len(models) > MANY
    beside = max(map(len, models)) * LETTER + 32
    width = min(WIDEST, int((WIDTH - beside) / len(columns)))
    down = alt.Axis(ticks=False, domain=False, labelPadding=20, labelFontSize=9 if low else 11)
    shade = ((rows["rank"] - 1) / (rows["among"] - 1).clip(lower=1)).round(3)
    base = alt.Chart(rows.assign(shade=shade, rank=rows["rank"].round(2))).encode(
        x=alt.X(
            "where:N", sort=None, scale=alt.Scale(domain=columns), title=None, axis=_across(columns, width)
        ),
        y=alt.Y("model:N", sort=None, scale=alt.Scale(domain=models), title=None, axis=down),
        tooltip=[
            alt.Tooltip("model:N", title="encoder"),
            alt.Tooltip("where:N", title="where"),
            alt.Tooltip("rank:Q", title="mean rank", format=".2~f"),
            alt.Tooltip("best:Q", title="best rank", format=".2~f"),
            alt.Tooltip("worst:Q", title="worst rank", format=".2~f"),
            alt.Tooltip("over:Q", title="datasets or protocols"),
            alt.Tooltip("among:Q", title="encoders ranked"),
        ],
    )
    squares = base.mark_rect(stroke="white").encode(
        color=alt.Color("shade:Q", scale=alt.Scale(domain=[1, 0], range=SHADES), legend=None)
    )
    numbers = base.mark_text(fontSize=9 if low else 11, font=FONT, color=INK).encode(
        text=alt.Text("rank:Q", format=".1f")
    )
    first = base.transform_filter(alt.datum["where"] == columns[0]).encode(x=alt.value(-10))
    channels = look(tables.names, models, legend=False)
    symbols = first.mark_point(filled=True, opacity=1, size=20 if low else 45).encode(
        color=channels["color"], shape=channels["shape"]
    )
    layers = alt.layer(squares, numbers, symbols).resolve_scale(color="independent")
    return layers.properties(width=width * len(columns), height=alt.Step(12 if low else 22))


def _across(columns: list[str], width: float) -> alt.Axis:
    """Axis above the table, with room for the label of most lines."""
    lines = {name: textwrap.wrap(name, int(width / LETTER)) for name in columns}
    return alt.Axis(
        orient="top",
        labelAngle=0,
        labelExpr=f"({json.dumps(lines)})[datum.label]",
        ticks=False,
        domain=False,
        labelPadding=6 + LINE * (max(map(len, lines.values())) - 1),
    )
