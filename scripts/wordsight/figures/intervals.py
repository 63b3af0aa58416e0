"""The intervals that bars show, in words: in the line below a title, and where a mark is pointed at."""

from collections.abc import Mapping

import altair as alt
import pandas as pd

from wordsight.catalogue.numbers import UNKNOWN, percent
from wordsight.catalogue.prose import join

DRAWN = {"seeds": "training runs", "trials": "trials", "items": "images"}


def bars(rows: pd.DataFrame, words: Mapping[str, str] = DRAWN) -> str:
    """Say what bars show: the confidence of the intervals, and what they count as draws.

    Parameters
    ----------
    rows : with the columns of :data:`wordsight.tables.reading.INTERVAL`
    words : for what is drawn, in the order to name it
    """
    known = rows[rows["low"].notna()]
    if known.empty:
        return "no interval is known"
    found = {level for row in known["resampled"] for level in row.split(", ")}
    drawn = join([word for level, word in words.items() if level in found])
    return f"bars: {percent(known['confidence'].iloc[0])} intervals over {drawn}"


def between(rows: pd.DataFrame) -> pd.Series:
    """Ends of each interval as text, for :func:`tooltip`."""
    ends = zip(rows["low"], rows["high"], strict=True)
    words = [UNKNOWN if pd.isna(low) else f"{percent(low, 1)} to {percent(high, 1)}" for low, high in ends]
    return pd.Series(words, rows.index, dtype=object)


def tooltip() -> alt.Tooltip:
    """Line of a tooltip with the ends of the interval, from a column ``between``."""
    return alt.Tooltip("between:N", title="interval")
