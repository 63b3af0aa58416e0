"""Effects as a table of numbers with a row for each contrast, for more contrasts than a forest can show."""

from typing import Any

import altair as alt
import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.cells import CELLS, across_cells
from wordsight.catalogue.numbers import fixed
from wordsight.figures import verdict_marks
from wordsight.figures.style import FAINT, FONT, INK, LETTER, WIDTH, panel_title

ROW, COLUMN, GAP = 19, 52, 20  # pixels: of a row, of the widest column, between blocks


def matrix(contrasts: pd.DataFrame, sensitivity: pd.DataFrame | None = None) -> Any:
    """Blocks of squares with effects in points; those with a verdict have its colour and mark.

    The first block has the mean over datasets for every protocol and setting. Each protocol across styles has
    its own block, with its four cells at its largest setting.
    """
    rows = _prepared(contrasts, sensitivity)
    names = list(dict.fromkeys(rows["contrast"]))
    beside = max(map(len, names)) * LETTER + 20
    blocks = {name: rows[rows["block"] == name] for name in dict.fromkeys(rows["block"])}
    ordinary = [_block(blocks[""], "", names, COLUMN, left=True)] if "" in blocks else []
    crossed = [name for name in blocks if name]
    width = min(COLUMN, int((WIDTH - beside) / max(len(crossed), 1) - GAP) // len(CELLS))
    parts = [_block(blocks[name], name, names, width, left=name == crossed[0]) for name in crossed]
    return alt.vconcat(*ordinary, *([alt.hconcat(*parts, spacing=GAP)] if parts else []), spacing=24)


def _prepared(contrasts: pd.DataFrame, sensitivity: pd.DataFrame | None) -> pd.DataFrame:
    """Rows to show, each with its block and column, and the text and colour of its number."""
    crossed, pooled = across_cells(contrasts), contrasts["scope"] == "pooled"
    largest = contrasts.groupby("protocol")["setting"].transform("max") == contrasts["setting"]
    rows = verdict_marks.marked(contrasts[(crossed & ~pooled & largest) | (~crossed & pooled)], sensitivity)
    where = pd.Series(
        [
            display.comparison(r["protocol"], r["parameter"], r["setting"], r["metric"])
            for r in rows.to_dict("records")
        ],
        rows.index,
        dtype=str,
    )
    cell = rows["dataset"] != ""
    known = (rows["low"] > 0) | (rows["high"] < 0)
    marks = rows["look"].map(display.VERDICTS).where(rows["look"] != "undecided").fillna("")
    return rows.assign(
        block=where.where(cell, ""),
        column=rows["dataset"].map(display.dataset).where(cell, where),
        text=[
            f"{mark} {fixed(effect, sign=True)}".strip()
            for mark, effect in zip(marks, rows["effect"], strict=True)
        ],
        ink=known.map({True: INK, False: FAINT}),
    )


def _block(rows: pd.DataFrame, title: str, names: list[str], width: int, *, left: bool) -> Any:
    columns = list(dict.fromkeys(rows["column"]))
    # Vertical, with a line for each part of a name, so that labels stay within their columns.
    across = alt.Axis(
        orient="top",
        labelAngle=-90,
        labelExpr="split(datum.label, ', ')",
        ticks=False,
        domain=False,
        labelPadding=6,
    )
    down = alt.Axis(labels=left, ticks=False, domain=False, labelPadding=8)
    base = alt.Chart(rows[["column", "look", "text", "ink", "effect", *verdict_marks.IN_BRIEF]]).encode(
        x=alt.X("column:N", sort=None, scale=alt.Scale(domain=columns), title=None, axis=across),
        y=alt.Y("contrast:N", sort=None, scale=alt.Scale(domain=names), title=None, axis=down),
        tooltip=verdict_marks.tooltip(verdict_marks.IN_BRIEF),
    )
    shown = [name for name in ("helps", "hurts", "equivalent") if name in set(rows["look"])]
    colours = alt.Scale(domain=shown, range=[verdict_marks.LOOK[name][0] for name in shown])
    decided = alt.FieldOneOfPredicate(field="look", oneOf=shown)
    squares = base.transform_filter(decided).mark_rect(stroke="white", opacity=0.4)
    bold = base.transform_filter(decided).mark_text(fontSize=11, font=FONT, fontWeight="bold", color=INK)
    undecided = base.transform_filter("datum.look === 'undecided'").mark_rect(
        stroke=FAINT, fill="white", strokeWidth=0.7
    )
    plain = (
        base.transform_filter(alt.LogicalNotPredicate(**{"not": decided}))
        .mark_text(fontSize=11, font=FONT)
        .encode(color=alt.Color("ink:N", scale=None))
    )
    size = {"width": width * len(columns), "height": ROW * len(names)}
    squares = squares.encode(color=alt.Color("look:N", scale=colours, legend=None))
    layers = [undecided, squares, bold.encode(text="text:N"), plain.encode(text="text:N")]
    return alt.layer(*layers).resolve_scale(color="independent").properties(title=panel_title(title), **size)
