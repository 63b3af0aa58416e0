"""The look of comparisons in every figure: colour and shape of verdicts, and tooltips with all statistics."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.numbers import UNKNOWN, percent, points, probability, shortest, span
from wordsight.catalogue.prose import counted
from wordsight.figures.style import COLOURS, FAINT
from wordsight.statistics.analyses import KEYS, META
from wordsight.statistics.records import ContrastRow, records

UNJUDGED = "no verdict"  # for single datasets, and for settings that no verdict is about
# Colours are safe for colour blindness; shapes match the marks of `display.VERDICTS`.
LOOK = {
    "helps": (COLOURS[0], "triangle-up"),
    "hurts": (COLOURS[1], "triangle-down"),
    "equivalent": (COLOURS[2], "square"),
    "undecided": (FAINT, "circle"),
    "identical": (FAINT, "square"),
    # Of the encoders themselves, where they are too few for a verdict about their training.
    "higher": (COLOURS[0], "triangle-up"),
    "lower": (COLOURS[1], "triangle-down"),
    UNJUDGED: ("#9a9a9a", "diamond"),
}
HOLLOW = "circle"  # shape of undecided comparisons, drawn without a fill
BAND = COLOURS[2]  # colour of the band within the margin
IN_POINTS = ["effect", "low", "high", "margin", "smallest_margin", "minimum_detectable"]
# New names of columns of ``sensitivity.csv`` when they join those of ``contrasts.csv``.
RANDOM = {
    "effect": "random_effect",
    "low": "random_low",
    "high": "random_high",
    "heterogeneity": "heterogeneity",
}
DIGITS = 3  # decimals of points: more can't be seen and make the page large

# Title of each line of the tooltip, by the column with its text.
LINES = {
    "contrast": "contrast",
    "where": "protocol",
    "judged": "verdict",
    "size": "effect, points",
    "bootstrap": "bootstrap interval",
    "levels": "treatment, control",
    "gained": "share of the gain over untrained",
    "difference": "p, difference",
    "equivalence": "p, equivalence",
    "bounds": "margin and smallest margin, points",
    "detectable": "smallest detectable effect, points",
    "needed": "more replicates needed",
    "replication": "replicates",
    "material": "measured on",
    "random": "random effects over datasets",
    "flagged": "flagged",
}

IN_BRIEF = ["contrast", "where", "judged", "size", "replication", "flagged"]  # for figures with many marks


def marked(contrasts: pd.DataFrame, sensitivity: pd.DataFrame | None) -> pd.DataFrame:
    """Rows in percentage points, with their look and the lines of their tooltips.

    Parameters
    ----------
    sensitivity : rows of ``sensitivity.csv``; estimates with random effects are used

    Returns
    -------
    DataFrame
        The columns of ``contrasts``, of which :data:`IN_POINTS` are percentage points, those of
        :data:`LINES`, and ``look``, a key of :data:`LOOK`.
    """
    rows = contrasts.reset_index(drop=True).merge(random_effects(sensitivity), on=KEYS, how="left")
    text = pd.DataFrame([_lines(row) for row in records(rows, ContrastRow)], rows.index)
    estimates = (rows["dataset"], *(rows[name] for name in RANDOM.values()))
    return pd.concat(
        [
            rows.assign(
                **{name: (100 * rows[name]).round(DIGITS) for name in IN_POINTS},
                look=rows["verdict"].where(rows["decides"], UNJUDGED),
                random=[_random(*values) for values in zip(*estimates, strict=True)],
            ),
            text,
        ],
        axis=1,
    )


def random_effects(sensitivity: pd.DataFrame | None) -> pd.DataFrame:
    """Estimates with random effects over datasets, by comparison, in the columns of :data:`RANDOM`."""
    if sensitivity is None:
        return pd.DataFrame(columns=[*KEYS, *RANDOM.values()])
    rows = sensitivity[(sensitivity["analysis"] == META) & (sensitivity["n"] > 1)]
    return rows[[*KEYS, *RANDOM]].rename(columns=RANDOM)


def tooltip(names: Sequence[str] = tuple(LINES)) -> list[alt.Tooltip]:
    """Lines of a tooltip, from columns that :func:`marked` adds."""
    return [alt.Tooltip(f"{name}:N", title=LINES[name]) for name in names]


def present(rows: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """The entries of :data:`LOOK` that occur among the rows."""
    return {name: look for name, look in LOOK.items() if name in set(rows["look"])}


def channels(looks: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """Channels ``shape``, ``stroke`` and ``fill`` of ``look``, with a legend; circles are hollow.

    Parameters
    ----------
    looks : colour and shape by the value of ``look``
    """
    names = list(looks)
    guide = alt.Legend(title=None, orient="top", symbolSize=80, symbolOpacity=1, labelLimit=0, offset=10)
    values: dict[str, list[str]] = {
        "shape": [looks[name][1] for name in names],
        "stroke": [looks[name][0] for name in names],
        "fill": ["white" if shape == HOLLOW else colour for colour, shape in looks.values()],
    }
    kinds = {"shape": alt.Shape, "stroke": alt.Stroke, "fill": alt.Fill}
    return {
        name: kinds[name]("look:N", sort=None, legend=guide, scale=alt.Scale(domain=names, range=value))
        for name, value in values.items()
    }


def _lines(row: ContrastRow) -> dict[str, str]:
    """Lines of the tooltip of one row; a dash for missing values."""
    reason = display.REASONS[row.reason]
    judged = f"{row.verdict or 'an effect over untrained encoders'}{f': {reason}' if reason else ''}"
    where = [
        display.comparison(row.protocol, row.parameter, row.setting, row.metric),
        display.dataset(row.dataset),
    ]
    ends = f" ({percent(row.confidence)} interval {span(row.interval)})" if row.interval else ""
    resampled = (row.bootstrap_low, row.bootstrap_high)
    text = {
        "where": ": ".join(part for part in where if part),
        "judged": judged if row.decides else f"none; {judged}{' without correction' if row.verdict else ''}",
        "size": f"{points(row.effect, sign=True)}{ends}",
        "bootstrap": " to ".join(points(end, sign=True) for end in resampled if end is not None),
        "levels": f"{percent(row.treatment, 1)}, {percent(row.control, 1)}",
        "gained": percent(row.relative, sign=True),
        "difference": _p(row.p_value, row.p_adjusted),
        "equivalence": _p(row.p_equivalence, row.p_equivalence_adjusted),
        "bounds": f"{shortest(row.margin)}, {points(row.smallest_margin)}",
        "detectable": points(row.minimum_detectable),
        "needed": display.more_needed(row.more_replicates),
        "replication": f"{row.replicates} ({row.replicate})",
        "material": f"{counted(row.n_datasets, 'dataset')}, {counted(row.n_items, 'image')}",
        "flagged": "; ".join(map(display.flag, display.flags(row.flags))),
    }
    return {name: value or UNKNOWN for name, value in text.items()}


def _p(alone: float | None, adjusted: float | None) -> str:
    corrected = "" if adjusted is None else f", corrected {probability(adjusted)}"
    return f"{probability(alone)}{corrected}"


def _random(dataset: str, effect: float, low: float, high: float, heterogeneity: float) -> str:
    """Estimate with random effects of a row over datasets; a dash if there is none."""
    if dataset or pd.isna(effect):
        return UNKNOWN
    return f"{points(effect, sign=True)} ({span((low, high))}), I² {percent(heterogeneity)}"
