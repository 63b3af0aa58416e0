"""The look that all figures share: colour, shape and dash of each model, grid of panels, titles, legend."""

from collections.abc import Collection, Sequence
from typing import Any

import altair as alt

from wordsight.catalogue.prose import lines

# Okabe and Ito's palette for colour blindness, without its yellow, which is hard to see on white.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
# Tol's muted colours, also for colour blindness, for everything but models.
MUTED = ["#332288", "#CC6677", "#117733", "#88CCEE", "#882255"]
MUTED += ["#999933", "#44AA99", "#DDCC77", "#AA4499", "#777777"]
# 6 shapes and 5 dashes share no divisor with 7 colours, so 42 models differ in colour or shape.
SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]
DASHES = [[1, 0], [6, 2], [2, 2], [8, 2, 2, 2], [12, 3]]
LOWER, HIGHER = "#B35900", "#0A6AAD"  # of a difference: equally light, and safe for colour blindness
# From the least to the most; so light that numbers are read on them, also where the page is dark.
SHADES = ["#F7F7F7", "#8EC3EE"]
INK, FAINT = "#222222", "#6b6b6b"
# The export lays out text with the widths of Arial, which Liberation Sans shares.
FONT = "Arial, 'Liberation Sans', Arimo, Helvetica, sans-serif"
LETTER, BOLD = 6.2, 6.9  # pixels: the average letter at size 11, and of the title of a panel
WIDTH = 880  # pixels of the column of the report


def look(
    models: Sequence[str],
    shown: Collection[str],
    legend: bool = True,
    field: str = "model",
    colours: Sequence[str] = COLOURS,
) -> dict[str, Any]:
    """Channels ``color``, ``shape`` and ``strokeDash`` of models, the same in every figure.

    Parameters
    ----------
    models : all, in the order of the configuration; or the values of another ``field``
    shown : the models in this figure
    """
    names = [name for name in models if name in set(shown)]
    place = {name: index for index, name in enumerate(models)}
    longest = max(map(len, names))
    columns = max(1, min(len(names), int(WIDTH / (longest * LETTER + 50))))
    guide = alt.Legend(
        title=None,
        orient="bottom",
        columns=columns,
        labelLimit=0,
        symbolLimit=0,
        symbolSize=80,
        symbolStrokeWidth=0,
    )
    values: dict[str, Sequence[Any]] = {"color": colours, "shape": SHAPES, "strokeDash": DASHES}
    kinds = {"color": alt.Color, "shape": alt.Shape, "strokeDash": alt.StrokeDash}
    return {
        channel: kinds[channel](
            f"{field}:N",
            sort=None,
            legend=guide if legend else None,
            scale=alt.Scale(domain=names, range=[cycle[place[name] % len(cycle)] for name in names]),
        )
        for channel, cycle in values.items()
    }


def isolated(field: str, opacity: float = 1.0) -> tuple[alt.Parameter, Any]:
    """Parameter set by a click on an entry of the legend, and the opacity that fades everything else.

    All panels share a legend, which reacts only if the first layer that uses it has the parameter.
    """
    picked = alt.selection_point(name="picked", fields=[field], bind="legend")
    return picked, alt.when(picked).then(alt.value(opacity)).otherwise(alt.value(0.12 * opacity))


def zoom(panel: int) -> alt.Parameter:
    """Parameter of a panel: dragging moves it, Ctrl or Cmd with the wheel zooms, a double click resets.

    The wheel without a key scrolls the page.
    """
    wheel = "wheel![event.ctrlKey || event.metaKey]"
    return alt.selection_interval(name=f"zoom_{panel}", bind="scales", zoom=wheel)


def columns_that_fit(panels: int, width: float, beside: float = 0.0) -> int:
    """Number of panels in a row: as even as the width of the report allows."""
    most = max(1, int((WIDTH - beside) // width))
    rows = -(-panels // most)
    return -(-panels // rows)


def finish(chart: Any, title: str, subtitle: Sequence[str], description: str) -> Any:
    """Give a chart its title, its description for screen readers, and the common look.

    Parameters
    ----------
    subtitle : one string for each line
    """
    heading = alt.Title(
        title,
        subtitle=list(subtitle),
        anchor="start",
        fontSize=16,
        subtitleFontSize=12,
        subtitleColor=FAINT,
        subtitlePadding=4,
        offset=14,
    )
    # All at once: each further step would copy every panel.
    return chart.properties(
        title=heading, description=description, background="white", padding=12, config=_common_look()
    )


def _common_look() -> alt.Config:
    text: dict[str, Any] = {"labelFont": FONT, "titleFont": FONT, "labelColor": INK, "titleColor": INK}
    return alt.Config(
        font=FONT,
        aria=False,
        axis=alt.AxisConfig(
            **text,
            labelLimit=0,
            titleFontWeight="normal",
            labelFontSize=11,
            titleFontSize=12,
            gridColor="#e6e6e6",
            domainColor="#999999",
            tickColor="#999999",
        ),
        legend=alt.LegendConfig(**text, labelFontSize=11),
        title=alt.TitleConfig(font=FONT, subtitleFont=FONT, color=INK, limit=0),
        view=alt.ViewConfig(stroke="#dddddd"),
        concat=alt.CompositionConfig(spacing=16),
    )


def fitting(text: str, width: float, letter: float = LETTER) -> str | list[str]:
    """A text that fits into some width, or its lines if it takes several."""
    broken = lines(text, int(width / letter))
    return broken if len(broken) > 1 else text


def panel_title(
    name: str | Sequence[str], under: str | Sequence[str] = "", frame: str = "group"
) -> alt.Title:
    """Heading of a panel, with smaller letters under it, each of one line or several.

    Parameters
    ----------
    frame : what the heading is aligned with: ``group`` for the panel, ``bounds`` for the names to its left
    """
    return alt.Title(
        name if isinstance(name, str) else list(name),
        subtitle=(under if isinstance(under, str) else list(under)) or alt.Undefined,
        anchor="start",
        frame=frame,
        fontSize=12,
        subtitleFontSize=11,
        subtitleColor=FAINT,
        offset=4,
    )


def short(name: str, letters: int) -> str:
    """Start of a name that fits below an image; labels of ImageNet are lists of synonyms."""
    name = name.split(",")[0]
    return name if len(name) <= letters else f"{name[: letters - 1]}…"
