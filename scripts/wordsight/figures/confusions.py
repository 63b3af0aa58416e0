"""Confusions: the classes on which the two sides of a contrast differ most, and the predicted classes."""

from typing import Any, Literal

import altair as alt
import pandas as pd

from wordsight.catalogue.numbers import fixed
from wordsight.catalogue.prose import counted
from wordsight.errors import DataError
from wordsight.figures.style import (
    FAINT,
    FONT,
    HIGHER,
    INK,
    LETTER,
    LOWER,
    columns_that_fit,
    finish,
    panel_title,
)
from wordsight.tables.over_seeds import names_of
from wordsight.tables.reading import Tables

CELL, PICTURE, ROOM = 33, 28, 37  # pixels: of a cell, of an image, between the cells and the names
LETTERS, UPRIGHT = 12, 4  # most letters of the name of a class, and of a name as narrow as a cell
GAP = 22  # pixels between panels


def draw(tables: Tables) -> Any:
    """One panel for each contrast: differences between its sides by true class (row) and predicted class."""
    found = tables.examples
    if found is None:
        raise DataError("confusions: there are no predicted classes to show")
    names = names_of(tables.results)
    longest = max((len(row["name"]) for part in found["contrasts"] for row in part["classes"]), default=0)
    longest = min(longest, LETTERS)
    gaps = [abs(cell["treatment"] - cell["control"]) for part in found["contrasts"] for cell in part["cells"]]
    scale = _scale(100 * max(gaps, default=0) or 1.0)
    panels = [_panel(contrast, names, longest, scale) for contrast in found["contrasts"]]
    widest = max(len(part["classes"]) for part in found["contrasts"]) * CELL + longest * LETTER + ROOM + 30
    datasets = list(dict.fromkeys(contrast["dataset"] for contrast in found["contrasts"]))
    return finish(
        alt.concat(*panels, columns=columns_that_fit(len(panels), widest + GAP, -GAP), spacing=GAP),
        "Confusions: on which classes do the two sides differ, and what do they predict?",
        [
            "share of the test images of a class (row) that a linear classifier assigns to a class (column): "
            "treatment minus control, in points",
            "framed: correct; blue: more often predicted by the treatment, orange: less often",
        ],
        f"Differences between the confusions of the two sides of {counted(len(panels), 'contrast')} on "
        f"{', '.join(datasets)}, as tables of colours with images of the classes.",
    )


def _scale(largest: float) -> alt.Scale:
    """Scale of colours up to the largest difference, the same in all panels."""
    return alt.Scale(domain=[-largest, 0, largest], range=[LOWER, "#F7F7F7", HIGHER])


def _panel(contrast: dict[str, Any], names: dict[str, str], longest: int, scale: alt.Scale) -> Any:
    sides = [_side(contrast[side], names) for side in ("treatments", "controls")]
    below = f"{contrast['dataset']}, {counted(contrast['images'], 'test image')}; {sides[0]} minus {sides[1]}"
    title = panel_title(contrast["contrast"], below)
    if not contrast["cells"]:
        text = alt.Chart(pd.DataFrame({"text": ["both sides predict the same class for every image"]}))
        marks = text.mark_text(font=FONT, fontSize=12, color=FAINT).encode(text="text:N")
        return marks.properties(width=10 * CELL, height=60, title=title)
    return _matrix(contrast, sides, longest, scale).properties(title=title)


def _side(models: list[str], names: dict[str, str]) -> str:
    """Name the encoders of a side, or count them."""
    shown = list(dict.fromkeys(names.get(model, model) for model in models))
    return " and ".join(shown) if len(shown) < 3 else f"{len(shown)} encoders"


def _matrix(contrast: dict[str, Any], sides: list[str], longest: int, scale: alt.Scale) -> Any:
    classes = pd.DataFrame(contrast["classes"])
    order = classes["name"].tolist()
    true = [name for name, place in zip(order, classes["place"], strict=True) if place in contrast["rows"]]
    cells = _cells(contrast)
    x = alt.X(
        "predicted:N", sort=None, scale=alt.Scale(domain=order), title="predicted", axis=_axis("top", longest)
    )
    y = alt.Y("true:N", sort=None, scale=alt.Scale(domain=true), title="class", axis=_axis("left", longest))
    base = alt.Chart(cells).encode(x=x, y=y, tooltip=_tooltip(sides))
    squares = base.mark_rect(stroke="white").encode(color=alt.Color("difference:Q", scale=scale, legend=None))
    frames = base.transform_filter("datum.predicted === datum.true").mark_rect(
        filled=False, stroke=INK, strokeWidth=1.6
    )
    dark = alt.when(f"abs(datum.difference) > {0.6 * scale['domain'][-1]!r}").then(alt.value("white"))
    numbers = base.mark_text(font=FONT, fontSize=11).encode(
        text="text:N", color=dark.otherwise(alt.value(INK))
    )
    pictures = alt.Chart(classes.dropna(subset="image")).mark_image(width=PICTURE, height=PICTURE)
    above = pictures.encode(x=alt.X("name:N"), y=alt.value(-ROOM / 2), url="image:N")
    beside = pictures.transform_filter(alt.FieldOneOfPredicate("name", true)).encode(
        x=alt.value(-ROOM / 2), y=alt.Y("name:N"), url="image:N"
    )
    size = {"width": CELL * len(order), "height": CELL * len(true)}
    return alt.layer(squares, frames, numbers, above, beside).properties(**size)


def _cells(contrast: dict[str, Any]) -> pd.DataFrame:
    """One row for each cell, with the difference in points."""
    names = {row["place"]: row["name"] for row in contrast["classes"]}
    cells = pd.DataFrame(contrast["cells"])
    difference = (100 * (cells["treatment"] - cells["control"])).round(2)
    text = [fixed(value, 0, sign=True) if abs(value) >= 0.5 else "" for value in difference]
    return pd.DataFrame(
        {
            "true": cells["class"].map(names),
            "predicted": cells["predicted"].map(names),
            "treatment": cells["treatment"],
            "control": cells["control"],
            "difference": difference,
            "text": text,
        }
    )


def _axis(orient: Literal["top", "left"], longest: int) -> alt.Axis:
    """Axis of class names outside the pictures, as high in every panel; long names on top are slanted."""
    cut = f"length(datum.label) > {LETTERS} ? slice(datum.label, 0, {LETTERS - 1}) + '…' : datum.label"
    slanted = orient == "top" and longest > UPRIGHT
    height = 0.75 * longest * LETTER if slanted else 12.0
    return alt.Axis(
        orient=orient,
        labelPadding=ROOM,
        labelAngle=-45 if slanted else 0,
        labelExpr=cut,
        minExtent=ROOM + height if orient == "top" else alt.Undefined,
        ticks=False,
        domain=False,
        grid=False,
    )


def _tooltip(sides: list[str]) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("true:N", title="class"),
        alt.Tooltip("predicted:N", title="predicted"),
        alt.Tooltip("treatment:Q", title=f"treatment: {sides[0]}", format=".1%"),
        alt.Tooltip("control:Q", title=f"control: {sides[1]}", format=".1%"),
        alt.Tooltip("difference:Q", title="difference, points", format="+.1f"),
    ]
