"""Effects with intervals and margins: those with a verdict by contrast or by protocol, or all by dataset."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import altair as alt
import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.cells import CELLS, across_cells
from wordsight.catalogue.numbers import fixed, percent
from wordsight.catalogue.prose import lines
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.figures import verdict_marks
from wordsight.figures.style import BOLD, FAINT, FONT, INK, LETTER, WIDTH, columns_that_fit, panel_title
from wordsight.statistics.analyses import KEYS

ROW, WIDE, NARROW = 18, 520, 260  # pixels: of a row, of a single column, of one of several columns
ASKED = 40  # letters in a line of a question
LOW, NARROWEST, GAP = 15, 124, 16  # pixels: of a row by protocol, of its narrowest panel, between panels
REACH = 1.5  # intervals are cut at this many times the largest effect or margin
BEYOND = {"left": "M0.7,-1L-0.3,0L0.7,1", "right": "M-0.7,-1L0.3,0L-0.7,1"}  # marks at an edge of a panel
POOLED = "all datasets"  # no dataset can have a space in its name
HEADED = ["protocol", "parameter", "setting", "metric"]  # columns that make the heading of a panel
DRAWN = ["label", "effect", "low", "high", "left", "right", "cut_left", "cut_right", "look", "text"]


class Level(NamedTuple):
    """What is marked on the scale of the control: its meaning, the shape of its mark, a letter like it."""

    meaning: str
    shape: str
    letter: str


LEVELS = {
    "untrained": Level("what untrained encoders reach", "M0,-1L0,1", "|"),
    "chance": Level("guessing", "M-1,-1L1,1M-1,1L1,-1", "×"),
}


def by_protocol(contrasts: pd.DataFrame, sensitivity: pd.DataFrame | None) -> Any:
    """Effects with a verdict, in points: a panel for each protocol, a row for each contrast."""
    rows = verdict_marks.marked(contrasts[contrasts["decides"]], sensitivity)
    rows = rows.assign(label=rows["contrast"])

    def layers(part: pd.DataFrame, y: alt.Y, picked: Any, *, listening: bool) -> list[Any]:
        part = _cut(part)
        x = _across(part, labels_shown=True, title="points", ticks=4)
        return _layers(part, rows, y, x, picked, listening=listening)

    return contrast_panels(rows, layers)


def by_contrast(
    contrasts: pd.DataFrame, questions: Mapping[str, str], sensitivity: pd.DataFrame | None
) -> Any:
    """Effects that decide, in percentage points: a panel for each contrast under its question.

    Where encoders are too few for a verdict about their training, the verdict and the interval are those of
    the encoders themselves. What untrained encoders and guessing reach is marked on the scale of the control.

    Parameters
    ----------
    questions : of the contrasts to draw, in their order
    """
    rows = _claimed(contrasts[contrasts["decides"] & contrasts["contrast"].isin(list(questions))])
    rows = verdict_marks.marked(rows, sensitivity).assign(look=rows["look"])
    rows = _cut(rows.assign(label=rows["protocol"].map(display.protocol)))
    levels = _levels(rows)
    protocols = [display.protocol(name) for name in PROTOCOLS if name in set(rows["protocol"])]
    beside = int(max(map(len, protocols)) * LETTER) + 20
    columns = min(2, len(questions))
    width = WIDE if columns == 1 else (WIDTH - GAP) // 2 - beside
    picked = alt.selection_point(name="verdict", fields=["look"], bind="legend")
    y = alt.Y(
        "label:N",
        scale=alt.Scale(domain=protocols),
        sort=None,
        title=None,
        axis=alt.Axis(ticks=False, domain=False, labelPadding=8, grid=False),
    )
    across = "← worse · points · better →"
    x = _across(rows, labels_shown=True, title=across, ticks=5)
    panels: list[Any] = []
    for name, question in questions.items():
        part = rows[rows["contrast"] == name]
        layers = _layers(part, rows, y, x, picked, listening=not panels)
        marked = _level_marks(levels[levels["contrast"] == name], y, x)
        title = panel_title(lines(question, ASKED), frame="bounds")
        panels.append(alt.layer(*marked, *layers).properties(title=title, width=width, height=alt.Step(ROW)))
    return alt.concat(*panels, columns=columns, spacing=GAP).properties(usermeta={"beside": beside})


def _claimed(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with ``look``, and the interval and verdict of the encoders where there is none about training."""
    few = rows["reason"] == "too few models"
    return rows.assign(
        look=rows["encoders_verdict"].where(few, rows["verdict"]),
        low=rows["encoders_low"].where(few, rows["low"]),
        high=rows["encoders_high"].where(few, rows["high"]),
    ).reset_index(drop=True)


def _levels(rows: pd.DataFrame) -> pd.DataFrame:
    """What untrained encoders and guessing reach, in points from the control, with the shape of its mark.

    The mark is ``at`` its place, or points from the edge of the panel to what lies beyond, so that the panel
    has room for effects.
    """
    found = pd.concat(
        [
            rows[["contrast", "label"]].assign(
                effect=(100 * (rows[name].astype(float) - rows["control"])).round(verdict_marks.DIGITS),
                meaning=level.meaning,
                shape=level.shape,
            )
            for name, level in LEVELS.items()
        ]
    ).dropna(subset="effect")
    left, right = _domain(rows)
    shape = found["shape"].mask(found["effect"] < left, BEYOND["left"])
    shape = shape.mask(found["effect"] > right, BEYOND["right"])
    return found.assign(at=found["effect"].clip(left, right), shape=shape)


def _level_marks(levels: pd.DataFrame, y: alt.Y, x: dict[str, Any]) -> list[Any]:
    """A mark at each level in its row."""
    return [
        alt.Chart(part[["label", "at", "effect", "meaning"]])
        .mark_point(shape=str(shape), size=50, strokeWidth=1.2, color=FAINT, opacity=1)
        .encode(y=y, x=alt.X("at:Q", **x), tooltip=["meaning:N", "effect:Q"])
        for shape, part in levels.groupby("shape", sort=False)
    ]


def contrast_panels(rows: pd.DataFrame, draw: Callable[..., list[Any]]) -> Any:
    """A panel with its own scale for each protocol, and a row for each contrast.

    Parameters
    ----------
    draw : makes the layers of a panel from its rows, the vertical axis and the selection made in the legend;
        ``listening`` marks the panel that the selection is added to
    """
    names = list(dict.fromkeys(rows["contrast"]))
    beside = max(map(len, names)) * LETTER + 20
    protocols = [name for name in PROTOCOLS if name in set(rows["protocol"])]
    columns = columns_that_fit(len(protocols), NARROWEST + GAP, beside)
    width = min(WIDE, int((WIDTH - beside) // columns) - GAP)
    picked = alt.selection_point(name="verdict", fields=["look"], bind="legend")
    panels: list[Any] = []
    for place, name in enumerate(protocols):
        part = rows[rows["protocol"] == name]
        axis = alt.Axis(ticks=False, domain=False, grid=True, labels=place % columns == 0, labelPadding=8)
        y = alt.Y("contrast:N", scale=alt.Scale(domain=names), sort=None, title=None, axis=axis)
        layers = draw(part, y, picked, listening=not panels)
        title = protocol_title(part, width)
        panels.append(alt.layer(*layers).properties(title=title, width=width, height=alt.Step(LOW)))
    return alt.concat(*panels, columns=columns, spacing=GAP)


def by_dataset(
    contrasts: pd.DataFrame, datasets: Sequence[str], sensitivity: pd.DataFrame | None = None
) -> Any:
    """All effects: a column for each contrast, a panel for each protocol and setting, a row for each dataset.

    Parameters
    ----------
    datasets : names in the order of rows
    """
    rows = _by_dataset(contrasts, sensitivity)
    order = [POOLED, *datasets, *map(display.dataset, CELLS)]
    names = list(dict.fromkeys(rows["contrast"]))
    # Labels to the left of a panel, and numbers to its right.
    beside = max(map(len, rows["label"])) * LETTER + 110
    columns = 1 if len(names) == 1 or 2 * (beside + NARROW) > WIDTH else 2
    width = WIDE if columns == 1 else NARROW
    picked = alt.selection_point(name="verdict", fields=["look"], bind="legend")
    parts = [_column(rows, name, order, width, picked, listening=name == names[0]) for name in names]
    return alt.concat(*parts, columns=columns, spacing=40)


def _by_dataset(contrasts: pd.DataFrame, sensitivity: pd.DataFrame | None) -> pd.DataFrame:
    """Rows to draw, with random effects and without means over cells; a single dataset has one row."""
    rows = verdict_marks.marked(contrasts, sensitivity)
    rows = rows[(rows["scope"] != "pooled") | ~across_cells(rows)]
    pooled, single = rows["scope"] == "pooled", rows["n_datasets"] == 1
    key = rows[KEYS].apply(tuple, axis=1)
    only = dict(zip(key[~pooled], rows.loc[~pooled, "dataset"].map(display.dataset), strict=True))
    label = key.map(only).where(pooled & single, rows["dataset"].map(display.dataset))
    rows = rows.assign(
        panel=[_heading(*row) for row in zip(*(rows[name] for name in HEADED), strict=True)],
        label=label.where(~pooled | single, POOLED),
    )
    rows = rows[pooled | ~key.isin(set(key[pooled & single]))]
    return _cut(pd.concat([rows, _random(rows)], ignore_index=True))


def _random(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the estimates with random effects, one for each mean over datasets that has one."""
    rows = rows[(rows["label"] == POOLED) & rows["random_effect"].notna()]
    ends = {name: 100 * rows[f"random_{name}"].astype(float).round(5) for name in ("effect", "low", "high")}
    label = [f"random effects, I² {percent(share)}" for share in rows["heterogeneity"]]
    return rows.assign(**ends, label=label, look=verdict_marks.UNJUDGED)


def _heading(protocol: str, parameter: str, setting: float, metric: str) -> str:
    return f"{display.comparison(protocol, parameter, setting)}: {display.metric(metric)}"


def protocol_title(rows: pd.DataFrame, width: int) -> alt.Title:
    """Heading of the panel of a protocol, wrapped to its width in pixels."""
    first = rows.iloc[0]
    lines = textwrap.wrap(display.protocol(first["protocol"]), max(int(width / BOLD), 12))
    setting = display.setting(first["parameter"], first["setting"])
    where = "all unseen" if first["dataset"] else ""
    # Every title has a line below it, even an empty one, so that the titles of a row align.
    return panel_title(lines, ", ".join(part for part in (setting, where) if part) or " ")


def _words(effect: float, low: float, high: float) -> str:
    ends = "" if pd.isna(low) else f" [{fixed(low)}, {fixed(high)}]"
    return f"{fixed(effect, sign=True)}{ends}"


def _cut(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with their effect as text, the ends of their bars, and the ends at which a bar is cut."""
    end = reach(rows)
    left, right = rows["low"].clip(lower=-end), rows["high"].clip(upper=end)
    return rows.assign(
        text=[_words(*row) for row in zip(rows["effect"], rows["low"], rows["high"], strict=True)],
        left=left,
        right=right,
        cut_left=left.where(rows["low"] < -end),
        cut_right=right.where(rows["high"] > end),
    )


def reach(rows: pd.DataFrame) -> float:
    """Points from zero at which intervals are cut; those of few replicates can be very long."""
    return REACH * float(pd.concat([rows["effect"].abs(), rows["margin"]]).max())


def _domain(rows: pd.DataFrame) -> list[float]:
    margin = float(rows["margin"].max())
    ends = [-margin, margin, *rows["effect"].dropna(), *rows["left"].dropna(), *rows["right"].dropna()]
    space = 0.04 * (max(ends) - min(ends))
    return [round(float(min(ends) - space), 3), round(float(max(ends) + space), 3)]


def _column(
    rows: pd.DataFrame, name: str, order: list[str], width: int, picked: Any, *, listening: bool
) -> Any:
    own = rows[rows["contrast"] == name]
    titles = list(dict.fromkeys(own["panel"]))
    panels: list[Any] = []
    for title in titles:
        part, last = own[own["panel"] == title], title == titles[-1]
        present = dict.fromkeys(part["label"])
        shown = [
            *(label for label in order if label in present),
            *(label for label in present if label not in order),
        ]
        plain = alt.Axis(ticks=False, domain=False, labelPadding=8, grid=False)
        y = alt.Y("label:N", scale=alt.Scale(domain=shown), sort=None, title=None, axis=plain)
        x = _across(rows, labels_shown=last, title="treatment − control, percentage points")
        layers = _layers(part, rows, y, x, picked, listening=listening and not panels)
        numbers = (
            _base(part, y)
            .mark_text(align="left", fontSize=11, font=FONT)
            .encode(x=alt.value(width + 10), text="text:N", color=alt.value(INK))
        )
        panels.append(
            alt.layer(*layers, numbers).properties(
                width=width, height=alt.Step(ROW), title=panel_title(title)
            )
        )
    heading = alt.Title(f"Contrast: {name}", anchor="start", fontSize=13, offset=8)
    return alt.vconcat(*panels, spacing=6).properties(title=heading)


def _base(part: pd.DataFrame, y: alt.Y) -> alt.Chart:
    return alt.Chart(part[[*DRAWN, *verdict_marks.LINES]]).encode(y=y)


def _layers(
    part: pd.DataFrame, rows: pd.DataFrame, y: alt.Y, x: dict[str, Any], picked: Any, *, listening: bool
) -> list[Any]:
    """Margin, zero, bars (with arrows where cut) and marks of one panel; one panel listens to the legend."""
    look = verdict_marks.channels(verdict_marks.present(rows))
    edges = _edges(part)
    common = {"x": alt.X("from:Q", **x), "x2": "to:Q", "tooltip": alt.Tooltip("meaning:N", title="band")}
    common |= {"y": y} if len(edges) > 1 else {}
    band = alt.Chart(edges).mark_rect(color=verdict_marks.BAND, opacity=0.16).encode(**common)
    zero = alt.Chart(edges).mark_rule(color=INK).encode(x=alt.X("zero:Q", **x))
    shade = alt.when(picked).then(alt.value(1)).otherwise(alt.value(0.12))
    base = _base(part, y).encode(opacity=shade)
    bars = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("left:Q", **x), x2="right:Q", stroke=look["stroke"], tooltip=verdict_marks.tooltip()
    )
    arrows = [
        base.transform_filter(f"isValid(datum.{column})")
        .mark_point(shape=shape, size=40, strokeWidth=1.5)
        .encode(x=alt.X(f"{column}:Q", **x), stroke=look["stroke"])
        for column, shape in (("cut_left", "triangle-left"), ("cut_right", "triangle-right"))
        if part[column].notna().any()
    ]
    small = (
        alt.when(f"datum.look === {verdict_marks.UNJUDGED!r}").then(alt.value(28)).otherwise(alt.value(60))
    )
    marks = base.mark_point(strokeWidth=1.8).encode(
        x=alt.X("effect:Q", **x), size=small, tooltip=verdict_marks.tooltip(), **look
    )
    # The legend reacts only with the first layer that uses its scale.
    return [band, zero, bars.add_params(picked) if listening else bars, *arrows, marks]


def _edges(part: pd.DataFrame) -> pd.DataFrame:
    """Ends of the band within the margin: one for a panel, or one for each row where margins differ."""
    rows = part if len(set(part["margin"])) > 1 else part.iloc[:1]
    margin = rows["margin"].astype(float)
    edges = pd.DataFrame({"from": -margin, "to": margin, "zero": 0, "meaning": "within the margin"})
    return edges.assign(label=rows["label"]) if len(rows) > 1 else edges


def _across(rows: pd.DataFrame, *, labels_shown: bool, title: str, ticks: int = 8) -> dict[str, Any]:
    """Scale and axis of the effect; in a column of panels only the last has labels."""
    axis = alt.Axis(
        labels=labels_shown,
        ticks=labels_shown,
        tickCount=ticks,
        title=title if labels_shown else None,
        format="+.2~f",
        labelExpr="datum.value === 0 ? '0' : datum.label",
    )
    return {"scale": alt.Scale(domain=_domain(rows), nice=False), "axis": axis}
