"""Effects with intervals, one row a dataset, one panel a protocol and setting, one column a contrast."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from wordsight import labels
from wordsight.cells import CELLS
from wordsight.figures.data import across_cells
from wordsight.figures.style import COLOURS, FONT, INK, LETTER, WIDTH, counted, panel_title

ROW, WIDE, NARROW = 18, 520, 260  # pixels: of a row, of the only column, of one of several
POOLED = "all datasets"  # no dataset can have a space in its name
LOOK = {  # of a row that is pooled, or of one dataset
    True: {"shape": "diamond", "colour": INK},
    False: {"shape": "circle", "colour": COLOURS[0]},
}
KEPT = [
    *(
        "label",
        "effect",
        "low",
        "high",
        "verdict",
        "holds_for",
        "treatment",
        "control",
        "images",
        "replicates",
    ),
    *("shape", "colour", "fill", "text"),
]


def forest(contrasts: pd.DataFrame, datasets: Sequence[str]) -> Any:
    """Panels from rows of ``contrasts.csv``, all on one scale of percentage points.

    Parameters
    ----------
    datasets : in the order of the rows of a panel
    """
    rows = _prepared(contrasts)
    order = [POOLED, *datasets, *map(labels.dataset, CELLS)]
    domain = _domain(rows)
    names = list(dict.fromkeys(rows["contrast"]))
    # Labels to the left of a panel, and numbers to its right.
    beside = max(map(len, rows["label"])) * LETTER + 110
    columns = 1 if len(names) == 1 or 2 * (beside + NARROW) > WIDTH else 2
    width = WIDE if columns == 1 else NARROW
    parts = [_column(rows[rows["contrast"] == name], name, domain, order, width) for name in names]
    return alt.concat(*parts, columns=columns, spacing=40)


def _prepared(contrasts: pd.DataFrame) -> pd.DataFrame:
    """Rows in points, without the means over one dataset, whose own row says it, and those over cells."""
    pooled = contrasts["scope"] == "pooled"
    rows = contrasts.assign(
        **{name: 100 * contrasts[name] for name in ("effect", "low", "high", "treatment", "control")},
        panel=[_heading(row) for row in contrasts.to_dict("records")],
        label=contrasts["dataset"].map(labels.dataset).where(~pooled, POOLED),
        shape=[LOOK[flag]["shape"] for flag in pooled],
        colour=[LOOK[flag]["colour"] for flag in pooled],
    )
    rows["text"] = [_words(row) for row in rows.to_dict("records")]
    rows["fill"] = rows["colour"].where(rows["verdict"] != "undecided", "white")
    rows["images"] = [counted(n, "image") for n in rows["n_items"]]
    return rows[~pooled | ((rows["n_datasets"] > 1) & ~across_cells(rows))]


def _heading(row: dict[Any, Any]) -> str:
    comparison = labels.comparison(row["protocol"], row["parameter"], row["setting"])
    return f"{comparison}: {labels.metric(row['metric'])}"


def _words(row: dict[Any, Any]) -> str:
    interval = "" if pd.isna(row["low"]) else f" [{row['low']:.1f}, {row['high']:.1f}]"
    return f"{row['effect']:+.1f}{interval}".replace("-", "−")


def _domain(rows: pd.DataFrame) -> list[float]:
    ends = [0.0, *rows["effect"], *rows["low"].dropna(), *rows["high"].dropna()]
    margin = 0.05 * (max(ends) - min(ends)) or 1.0
    return [float(min(ends) - margin), float(max(ends) + margin)]


def _column(rows: pd.DataFrame, name: str, domain: list[float], order: list[str], width: int) -> Any:
    titles = list(dict.fromkeys(rows["panel"]))
    panels = [_panel(rows[rows["panel"] == t], t, domain, order, width, last=t == titles[-1]) for t in titles]
    heading = alt.Title(f"Contrast: {name}", anchor="start", fontSize=13, offset=8)
    return alt.vconcat(*panels, spacing=6).properties(title=heading)


def _panel(
    rows: pd.DataFrame, title: str, domain: list[float], order: list[str], width: int, *, last: bool
) -> Any:
    shown = [name for name in order if name in set(rows["label"])]
    plain = alt.Axis(ticks=False, domain=False, labelPadding=8, grid=False)
    y = alt.Y("label:N", scale=alt.Scale(domain=shown), sort=None, title=None, axis=plain)
    base = alt.Chart(rows[KEPT]).encode(y=y, tooltip=_tooltip())
    x = _across(domain, labels_shown=last)
    zero = alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(color=INK).encode(x=alt.X("zero:Q", **x))
    bars = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", **x), x2="high:Q", color=alt.Color("colour:N", scale=None)
    )
    marks = base.mark_point(size=75, opacity=1, strokeWidth=1.8).encode(
        x=alt.X("effect:Q", **x),
        shape=alt.Shape("shape:N", scale=None),
        stroke=alt.Stroke("colour:N", scale=None),
        fill=alt.Fill("fill:N", scale=None),
    )
    numbers = base.mark_text(align="left", fontSize=11, font=FONT).encode(
        x=alt.value(width + 10), text="text:N", color=alt.value(INK)
    )
    return alt.layer(zero, bars, marks, numbers).properties(
        width=width, height=alt.Step(ROW), title=panel_title(title)
    )


def _across(domain: list[float], *, labels_shown: bool) -> dict[str, Any]:
    """Scale and axis of the effect; a column of panels labels only the last."""
    axis = alt.Axis(
        labels=labels_shown,
        ticks=labels_shown,
        tickCount=8,
        title="treatment − control, percentage points" if labels_shown else None,
        format="+.2~f",
        labelExpr="datum.value === 0 ? '0' : datum.label",
    )
    return {"scale": alt.Scale(domain=domain, nice=False), "axis": axis}


def _tooltip() -> list[alt.Tooltip]:
    number: dict[str, Any] = {"format": "+.1f"}
    return [
        alt.Tooltip("label:N", title="dataset"),
        alt.Tooltip("effect:Q", title="effect, points", **number),
        alt.Tooltip("low:Q", title="interval from", **number),
        alt.Tooltip("high:Q", title="to", **number),
        alt.Tooltip("treatment:Q", title="treatment, %", format=".1f"),
        alt.Tooltip("control:Q", title="control, %", format=".1f"),
        alt.Tooltip("verdict:N"),
        alt.Tooltip("holds_for:N", title="holds for"),
        alt.Tooltip("replicates:Q"),
        alt.Tooltip("images:N"),
    ]
