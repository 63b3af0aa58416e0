"""What one row of ``contrasts.csv`` says, in words."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from wordsight.catalogue.prose import counted, join
from wordsight.report.run import Run
from wordsight.statistics.comparison import Comparison

Row = Mapping[Any, Any]

# Noun for what a contrast is matched by.
MATCHED = {("seed",): "matched seed", ("architecture",): "matched architecture"}
EXACT = 100  # replicates up to which a number of them is given in full


def points(*shares: float) -> list[str]:
    """Shares as percentage points with one decimal, or two where one would hide a number.

    >>> points(0.2149, 0.1432, 0.3176), points(-0.0685, -0.1704, 0.0004)
    (['21.5', '14.3', '31.8'], ['−6.85', '−17.04', '0.04'])
    """
    hidden = any(0 < abs(100 * share) < 0.05 for share in shares)
    rounded = [round(100 * share, 2 if hidden else 1) + 0.0 for share in shares]
    return [f"{value:.{2 if hidden else 1}f}".replace("-", "−") for value in rounded]


def claim(row: Row, comparison: Comparison, run: Run) -> str:
    """Say the verdict with all that it rests on; undecided is never called equal."""
    if pd.isna(row["effect"]):
        return "undecided: a value is missing, so there is no effect to judge"
    if row["reason"] == "too few models":
        return _too_few(row)
    if row["reason"] == "constant" or pd.isna(row["low"]):
        return (
            f"undecided: whatever is drawn, the difference is {_signed(row)}, so there is no variation to "
            "judge it by; look at the features and the metric"
        )
    around = f"{_interval(row)}; {replicates([row], comparison, run)}"
    if row["verdict"] == "equivalent":
        return _equivalent(row, around)
    if row["verdict"] == "undecided":
        missing = [words for words in (_uncorrected(row, run), _missing(row, comparison, run)) if words]
        return "; ".join([f"undecided: {_signed(row)} ({around})", *missing])
    return f"{row['verdict']} by {unsigned(row)} ({around})"


def _too_few(row: Row) -> str:
    """Say that models differ, where no verdict about their training is possible."""
    matched = row["replicate"] == "matched groups"
    many = max(row["n_treatments"], row["n_controls"]) > 1
    few = "one matched group" if matched else "one on one side" if many else "one a side"
    higher = "treatment" if row["effect"] > 0 else "control"
    between = f"between these models the {higher} scores {unsigned(row)} higher"
    differ = between if row["effect"] else "these models score the same on average"
    interval: str = "" if pd.isna(row["low"]) else f" ({_interval(row)}, over {_drawn(row)} alone)"
    return f"undecided: too few models for a verdict about training ({few}); {differ}{interval}"


def _drawn(row: Row) -> str:
    """What the interval of a row counts apart from models."""
    words = {"items": "images", "trials": "trials"}
    return join([words[level] for level in row["resampled"].split(", ") if level in words]) or "models"


def _equivalent(row: Row, around: str) -> str:
    """An effect that is sure but smaller than the margin is said so."""
    if (row["p_adjusted"] if row["family"] else row["p_value"]) > _alpha(row):
        return f"equivalent within {margin(row)} (effect {_shown(row)[0]}, {around})"
    return f"equivalent within {margin(row)}: an effect of {_signed(row)} is sure, but smaller ({around})"


def _uncorrected(row: Row, run: Run) -> str:
    """Say of an undecided row what it would be by itself, where only the correction speaks against it."""
    size = family_size(row["family"], run)
    if row["p_equivalence"] <= _alpha(row):
        alone = "equivalent"
    elif row["p_value"] <= _alpha(row):
        alone = "a difference"
    else:
        return ""
    return f"{alone} by itself, but not after correction for {counted(size, 'comparison')}"


def _missing(row: Row, comparison: Comparison, run: Run) -> str:
    """Say what it would take to decide an undecided row, where the number of replicates is what it lacks."""
    more, noun = row["more_replicates"], _noun(row, comparison, run).removeprefix("matched ")
    tell = f"to tell a difference of {margin(row)} from none"
    if math.isinf(more):
        return f"no number of {noun}s would do {tell}: the test images limit it"
    if pd.isna(more) or more <= 0:
        return ""
    number = _rounded(more)
    side = " a side" if noun == "model" else ""
    if number == 1:
        return f"about one more {noun}{side} is needed {tell}"
    return f"about {number:,} more {noun}s{side} are needed {tell}"


def _rounded(more: float) -> int:
    """A number of replicates as precise as its estimate."""
    number = math.ceil(more)
    return round(number, 2 - len(str(number))) if number > EXACT else number


def lacking(row: Row) -> str:
    """Say in short how many more replicates an undecided row needs, where these are what it lacks."""
    more = row["more_replicates"]
    if math.isinf(more):
        return "no number of them would do"
    return "" if pd.isna(more) or more <= 0 else f"needs about {_rounded(more):,} more"


def size(row: Row) -> str:
    """Effect and interval alone."""
    effect: str = "unknown" if pd.isna(row["effect"]) else _shown(row)[0]
    return f"{effect}{ends(row)}"


def _shown(row: Row) -> list[str]:
    """Effect and ends of its interval, in points."""
    if pd.isna(row["low"]):
        return points(row["effect"])
    return points(row["effect"], row["low"], row["high"])


def ends(row: Row) -> str:
    """Ends of the interval in brackets, after a space; nothing where there is none."""
    return "" if pd.isna(row["low"]) else f" ({' to '.join(_shown(row)[1:])})"


def _interval(row: Row) -> str:
    return f"{row['confidence']:.0%} interval {' to '.join(_shown(row)[1:])}"


def _signed(row: Row) -> str:
    return "" if pd.isna(row["effect"]) else _points(_shown(row)[0])


def unsigned(row: Row) -> str:
    """How large an effect is, whatever its direction."""
    return _points(_shown(row)[0].lstrip("−"))


def margin(row: Row) -> str:
    """The margin in points."""
    return _points(f"{100 * row['margin']:g}")


def _points(size: str) -> str:
    return f"{size} point{'' if size.lstrip('−') in ('1', '1.0') else 's'}"


def _alpha(row: Row) -> float:
    return 1 - float(row["confidence"])


def family_size(family: str, run: Run) -> int:
    """Number of comparisons that are corrected together."""
    return int((run.contrasts["family"] == family).sum())


def _noun(row: Row, comparison: Comparison, run: Run) -> str:
    """What a replicate of a row is called."""
    if row["replicate"] != "matched groups":
        return "model"
    match = run.config.get("contrasts", {}).get(comparison.name, {}).get("match", [])
    return MATCHED.get(tuple(match), "matched group")


def replicates(rows: Sequence[Row], comparison: Comparison, run: Run) -> str:
    """Say the number of replicates and what counts as one."""
    numbers = sorted({row["replicates"] for row in rows})
    noun = _noun(rows[0], comparison, run)
    several = f"{numbers[0]} to {numbers[-1]} {noun}s" if len(numbers) > 1 else counted(numbers[0], noun)
    if noun != "model":
        return several
    even = all(row["n_treatments"] == row["n_controls"] for row in rows)
    return f"{several} {'a side' if even else 'on the smaller side'}"
