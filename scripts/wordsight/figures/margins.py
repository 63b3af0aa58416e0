"""Margins: for each comparison with a verdict, the margins with which its sides would be equivalent."""

from typing import Any

import altair as alt
import pandas as pd

from wordsight.catalogue.numbers import percent
from wordsight.catalogue.prose import counted
from wordsight.figures import verdict_marks
from wordsight.figures.forest import contrast_panels, reach
from wordsight.figures.style import FAINT, FONT, INK, finish
from wordsight.tables.reading import Tables, modes

DRAWN = ["at", "end", "look", "known", "beyond", *verdict_marks.LINES]
EQUIVALENT, NOT = "equivalent within the chosen margin", "not shown to be equivalent"
LEGEND = {EQUIVALENT: verdict_marks.LOOK["equivalent"], NOT: verdict_marks.LOOK["undecided"]}


def draw(tables: Tables) -> Any:
    """A panel for each protocol, a row for each contrast: a line over all margins of equivalence."""
    rows = tables.contrasts[tables.contrasts["decides"]]
    subtitle, chart = ["no contrast is configured, so nothing is compared"], _nothing()
    if len(rows):
        level = 1 - rows["confidence"].iloc[0]
        subtitle = [
            f"{modes(rows)}; lines: margins with which two one-sided tests at {percent(level)} find the "
            "sides equivalent, uncorrected; each panel has its own scale",
            "dashed: the chosen margin; colours: verdicts with that margin, corrected for all comparisons",
        ]
        chart = contrast_panels(verdict_marks.marked(rows, tables.sensitivity), _layers)
    return finish(
        chart,
        "Margins: how small a difference can be ruled out",
        subtitle,
        f"Smallest margin of equivalence in {counted(len(rows), 'comparison')} of "
        f"{counted(rows['contrast'].nunique(), 'contrast')}, and the chosen margin.",
    )


def _nothing() -> Any:
    text = alt.Chart(pd.DataFrame({"text": ["no comparison, so no margin to show"]}))
    return text.mark_text(font=FONT, fontSize=12, color=FAINT).encode(text="text:N").properties(height=60)


def _placed(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with the position of their smallest margin, which is cut at the end of the axis."""
    smallest, end = rows["smallest_margin"], 1.1 * reach(rows)
    equivalent = rows["verdict"] == "equivalent"
    return rows.assign(
        end=end,
        at=smallest.clip(upper=end),
        known=smallest.notna(),
        beyond=smallest > end,
        look=equivalent.map({True: EQUIVALENT, False: NOT}),
    )


def _layers(part: pd.DataFrame, y: alt.Y, picked: Any, *, listening: bool) -> list[Any]:
    """Chosen margin, lines with a mark at the smallest margin, and a note if that is unknown."""
    part = _placed(part)
    x: dict[str, Any] = {
        "scale": alt.Scale(domain=[0, part["end"].iloc[0]], nice=False),
        "axis": alt.Axis(title="margin, points", tickCount=4),
    }
    base = alt.Chart(part[DRAWN]).encode(y=y)
    shown = base.transform_filter("datum.known")
    channels = verdict_marks.channels(LEGEND)
    faint, strong = (alt.when(picked).then(alt.value(o)).otherwise(alt.value(o / 8)) for o in (0.3, 1.0))
    lines = shown.mark_rule(strokeWidth=5).encode(
        x=alt.X("at:Q", **x),
        x2="end:Q",
        stroke=channels["stroke"],
        opacity=faint,
        tooltip=verdict_marks.tooltip(),
    )
    placed = shown.encode(x=alt.X("at:Q", **x), tooltip=verdict_marks.tooltip(), opacity=strong)
    marks = placed.transform_filter("!datum.beyond").mark_point(size=50, strokeWidth=1.6)
    arrows = placed.transform_filter("datum.beyond").mark_point(shape="triangle-right", size=45, filled=True)
    unknown = base.transform_filter("!datum.known").mark_text(
        align="left", dx=4, text="unknown", font=FONT, fontSize=10, color=FAINT
    )
    margin = pd.DataFrame({"margin": [float(part["margin"].iloc[0])], "meaning": ["the chosen margin"]})
    rule = alt.Chart(margin).mark_rule(color=INK, strokeDash=[4, 3], strokeWidth=1.2)
    return [
        rule.encode(x=alt.X("margin:Q", **x), tooltip=[alt.Tooltip("meaning:N"), alt.Tooltip("margin:Q")]),
        lines.add_params(picked) if listening else lines,
        arrows.encode(color=alt.value(FAINT)),
        marks.encode(**channels),
        unknown.encode(x=alt.value(0)),
    ]
