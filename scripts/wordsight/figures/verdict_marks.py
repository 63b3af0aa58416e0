"""How comparisons look in every figure: colour and shape of a verdict, all statistics under the pointer."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.prose import counted
from wordsight.figures.style import COLOURS, FAINT
from wordsight.statistics.analyses import KEYS, META

UNJUDGED = "no verdict"  # of a dataset, or of a setting that does not decide
# Colours that are told apart in every kind of colour blindness; the shapes are those of `display.VERDICTS`.
LOOK = {
    "helps": (COLOURS[0], "triangle-up"),
    "hurts": (COLOURS[1], "triangle-down"),
    "equivalent": (COLOURS[2], "square"),
    "undecided": (FAINT, "circle"),
    UNJUDGED: ("#9a9a9a", "diamond"),
}
HOLLOW = "circle"  # shape of what is not decided
BAND = COLOURS[2]  # of what is within the margin
IN_POINTS = ["effect", "low", "high", "margin", "smallest_margin", "minimum_detectable"]
DIGITS = 3  # of points: more can't be seen, and make the page large

# Title of each line under the pointer, by the column that has it as text.
TOLD = {
    "contrast": "contrast",
    "where": "where",
    "judged": "verdict",
    "size": "effect, points",
    "bootstrap": "bootstrap interval",
    "levels": "treatment, control",
    "gained": "share of the gain over untrained",
    "difference": "p of no difference",
    "equivalence": "p of one beyond the margin",
    "bounds": "margin, smallest that would do",
    "detectable": "smallest effect to be found",
    "needed": "more replicates needed",
    "replication": "replicates",
    "material": "measured on",
    "random": "random effects over datasets",
    "flagged": "flagged",
}

IN_BRIEF = ["contrast", "where", "judged", "size", "replication", "flagged"]  # where there are many marks


def decisive(contrasts: pd.DataFrame) -> pd.DataFrame:
    """Rows that decide a comparison: those that are corrected in a family."""
    return contrasts[contrasts["family"] != ""]


def told(contrasts: pd.DataFrame, sensitivity: pd.DataFrame | None) -> pd.DataFrame:
    """Rows in points, with their look and the text of each line under the pointer.

    Parameters
    ----------
    sensitivity : rows of ``sensitivity.csv``, of which the estimate with random effects is told

    Returns
    -------
    DataFrame
        The columns of ``contrasts``, of which :data:`IN_POINTS` are percentage points, those of :data:`TOLD`,
        and ``look``, a key of :data:`LOOK`.
    """
    rows = contrasts.reset_index(drop=True).merge(random_effects(sensitivity), on=KEYS, how="left")
    text = pd.DataFrame([_told(row) for row in rows.to_dict("records")], index=rows.index)
    points = {name: (100 * rows[name]).round(DIGITS) for name in IN_POINTS}
    look = rows["verdict"].where(rows["family"] != "", UNJUDGED)
    return pd.concat([rows.assign(**points, look=look), text], axis=1)


def random_effects(sensitivity: pd.DataFrame | None) -> pd.DataFrame:
    """Estimates with random effects over datasets, by comparison."""
    columns = {"effect": "random_effect", "low": "random_low", "high": "random_high"}
    if sensitivity is None:
        return pd.DataFrame(columns=[*KEYS, *columns.values(), "heterogeneity"])
    rows = sensitivity[(sensitivity["analysis"] == META) & (sensitivity["n"] > 1)]
    return rows[[*KEYS, *columns, "heterogeneity"]].rename(columns=columns)


def tooltip(names: Sequence[str] = tuple(TOLD)) -> list[alt.Tooltip]:
    """Lines under the pointer, from columns that :func:`told` adds."""
    return [alt.Tooltip(f"{name}:N", title=TOLD[name]) for name in names]


def present(rows: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """What of :data:`LOOK` is among some rows."""
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


def number(value: float, digits: int = 1) -> str:
    """A signed number of points, as figures write it.

    >>> number(3.21), number(-0.5), number(0.0)
    ('+3.2', '−0.5', '0.0')
    """
    text = f"{value:+.{digits}f}"
    return f"{0:.{digits}f}" if float(text) == 0 else text.replace("-", "−")


def interval(low: float, high: float) -> str:
    """An interval of shares in points; nothing where there is none."""
    return "" if pd.isna(low) else f"{number(100 * low)} to {number(100 * high)}"


def _told(row: dict[Any, Any]) -> dict[str, str]:
    """Each line under the pointer of one row; a dash where there is nothing to tell."""
    reason = display.REASONS.get(row["reason"], row["reason"])
    judged = f"{row['verdict']}{f': {reason}' if reason else ''}"
    cell = display.dataset(row["dataset"]) if row["dataset"] else ""
    flags = [display.flag(name) for name in display.flags(row["flags"])]
    text = {
        "where": _where(row, cell),
        "judged": judged if row["family"] else f"none; uncorrected {judged}",
        "size": f"{_points(row['effect'])} ({row['confidence']:.0%} interval {_interval(row, '')})",
        "bootstrap": _interval(row, "bootstrap_"),
        "levels": f"{_percent(row['treatment'])}, {_percent(row['control'])}",
        "gained": "" if pd.isna(row["relative"]) else f"{row['relative']:+.0%}".replace("-", "−"),
        "difference": _p(row, "p_value", "p_adjusted"),
        "equivalence": _p(row, "p_equivalence", "p_equivalence_adjusted"),
        "bounds": f"{100 * row['margin']:g}, {_plain(row['smallest_margin'])} points",
        "detectable": f"{_plain(row['minimum_detectable'])} points",
        "needed": _needed(row["more_replicates"]),
        "replication": f"{row['replicates']} ({row['replicate']})",
        "material": f"{counted(row['n_datasets'], 'dataset')}, {counted(row['n_items'], 'image')}",
        "random": _random(row),
        "flagged": "; ".join(flags),
    }
    return {name: value or "–" for name, value in text.items()}


def _where(row: dict[Any, Any], cell: str) -> str:
    comparison = display.comparison(row["protocol"], row["parameter"], row["setting"])
    return f"{comparison}: {cell}" if cell else comparison


def _points(share: float) -> str:
    return "unknown" if pd.isna(share) else number(100 * share)


def _plain(share: float) -> str:
    return "unknown" if pd.isna(share) else f"{100 * share:.1f}"


def _percent(share: float) -> str:
    return "unknown" if pd.isna(share) else f"{share:.1%}"


def _interval(row: dict[Any, Any], kind: str) -> str:
    return interval(row[f"{kind}low"], row[f"{kind}high"]) or "unknown"


def _p(row: dict[Any, Any], alone: str, adjusted: str) -> str:
    if pd.isna(row[alone]):
        return "unknown"
    corrected = f", corrected {row[adjusted]:.2g}" if row["family"] else ""
    return f"{row[alone]:.2g}{corrected}"


def _needed(more: float) -> str:
    if pd.isna(more):
        return ""
    return "no number would do" if more == float("inf") else f"about {more:,.0f}"


def _random(row: dict[Any, Any]) -> str:
    if pd.isna(row["random_effect"]) or row["dataset"]:
        return ""
    between = interval(row["random_low"], row["random_high"])
    return f"{_points(row['random_effect'])} ({between}), I² {row['heterogeneity']:.0%}"
