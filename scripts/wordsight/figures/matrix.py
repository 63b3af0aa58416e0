"""Effects as a table of colours, for more contrasts than a forest can hold: a row a contrast."""

from typing import Any

import altair as alt
import pandas as pd

from wordsight import labels
from wordsight.cells import CELLS
from wordsight.figures.data import across_cells
from wordsight.figures.style import FAINT, FONT, INK, LETTER, WIDTH, panel_title

ROW, COLUMN, GAP = 22, 46, 20  # pixels: of a row, of the widest column, between blocks
RANGE = ["#B35900", "#F7F7F7", "#0A6AAD"]  # lower, none, higher: of one lightness, and told apart by all


def matrix(contrasts: pd.DataFrame) -> Any:
    """Blocks of squares with the effect in points, coloured where the interval leaves zero out.

    The first block has the mean over datasets of every protocol and setting; each protocol across styles has
    a block of its own, with its four cells at its largest setting.
    """
    rows = _prepared(contrasts)
    names = list(dict.fromkeys(rows["contrast"]))
    beside = max(map(len, names)) * LETTER + 20
    largest = float(rows["effect"].abs().max()) or 1.0
    blocks = {name: rows[rows["block"] == name] for name in dict.fromkeys(rows["block"])}
    ordinary = [_block(blocks[""], "", names, largest, COLUMN, left=True)] if "" in blocks else []
    crossed = [name for name in blocks if name]
    width = min(COLUMN, int((WIDTH - beside) / max(len(crossed), 1) - GAP) // len(CELLS))
    parts = [_block(blocks[name], name, names, largest, width, left=name == crossed[0]) for name in crossed]
    return alt.vconcat(*ordinary, *([alt.hconcat(*parts, spacing=GAP)] if parts else []), spacing=24)


def _prepared(contrasts: pd.DataFrame) -> pd.DataFrame:
    """Rows that are shown, in points, with the block and the column of each and how its number looks."""
    crossed, pooled = across_cells(contrasts), contrasts["scope"] == "pooled"
    largest = contrasts.groupby("protocol")["setting"].transform("max") == contrasts["setting"]
    rows = contrasts[(crossed & ~pooled & largest) | (~crossed & pooled)]
    rows = rows.assign(**{name: 100 * rows[name] for name in ("effect", "low", "high")})
    where = [
        labels.comparison(row["protocol"], row["parameter"], row["setting"])
        for row in rows.to_dict("records")
    ]
    decided = rows["verdict"] != "undecided"
    return rows.assign(
        block=pd.Series(where, rows.index).where(rows["dataset"] != "", ""),
        column=pd.Series(where, rows.index).where(rows["dataset"] == "", rows["dataset"].map(labels.dataset)),
        shade=rows["effect"].where(decided),
        text=[f"{effect:+.1f}".replace("-", "−") for effect in rows["effect"]],
    )


def _block(
    rows: pd.DataFrame, title: str, names: list[str], largest: float, width: int, *, left: bool
) -> Any:
    columns = list(dict.fromkeys(rows["column"]))
    # Upright, and a line for each part of a name, so that no label leaves its column.
    across = alt.Axis(
        orient="top",
        labelAngle=-90,
        labelExpr="split(datum.label, ', ')",
        ticks=False,
        domain=False,
        labelPadding=6,
    )
    down = alt.Axis(labels=left, ticks=False, domain=False, labelPadding=8)
    kept = ["contrast", "column", "effect", "low", "high", "verdict", "holds_for", "replicates"]
    base = alt.Chart(rows[[*kept, "shade", "text"]]).encode(
        x=alt.X("column:N", sort=None, scale=alt.Scale(domain=columns), title=None, axis=across),
        y=alt.Y("contrast:N", sort=None, scale=alt.Scale(domain=names), title=None, axis=down),
        tooltip=_tooltip(),
    )
    scale = alt.Scale(domain=[-largest, 0, largest], range=RANGE)
    decided = base.transform_filter("isValid(datum.shade)")
    squares = decided.mark_rect(stroke="#dddddd").encode(color=alt.Color("shade:Q", scale=scale, legend=None))
    dark = alt.when(f"abs(datum.shade) > {0.55 * largest!r}")
    bold = decided.mark_text(fontSize=11, font=FONT, fontWeight="bold").encode(
        text="text:N", color=dark.then(alt.value("white")).otherwise(alt.value(INK))
    )
    plain = base.transform_filter("!isValid(datum.shade)").mark_text(fontSize=11, font=FONT, color=FAINT)
    size = {"width": width * len(columns), "height": ROW * len(names)}
    return alt.layer(squares, bold, plain.encode(text="text:N")).properties(title=panel_title(title), **size)


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("contrast:N"),
        alt.Tooltip("column:N", title="where"),
        alt.Tooltip("effect:Q", title="effect, points", format="+.1f"),
        alt.Tooltip("low:Q", title="interval from", format="+.1f"),
        alt.Tooltip("high:Q", title="to", format="+.1f"),
        alt.Tooltip("verdict:N"),
        alt.Tooltip("holds_for:N", title="holds for"),
        alt.Tooltip("replicates:Q"),
    ]
