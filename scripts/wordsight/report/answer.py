"""Verdicts in words: a sentence a contrast and protocol, and one that says what the run can answer at all."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from wordsight import labels
from wordsight.figures.style import counted
from wordsight.report.run import Run, join
from wordsight.statistics.pairs import Comparison

Row = Mapping[Any, Any]


@dataclass(frozen=True)
class Line:
    """What one contrast says of one protocol at one setting.

    Attributes
    ----------
    heading : protocol and setting
    verdict : ``higher``, ``lower`` or ``undecided``
    claim : the verdict with effect and interval
    material : what it rests on, and of which models it holds
    by_dataset : on which datasets the verdict is which; empty where there is but one
    """

    heading: str
    verdict: str
    claim: str
    material: str
    by_dataset: str

    @property
    def sentence(self) -> str:
        """The line as one sentence."""
        return f"{self.heading}: {self.claim}; {self.material}."


@dataclass(frozen=True)
class Answer:
    """What one contrast says.

    Attributes
    ----------
    headline : what its lines say, counted
    note : how far the verdicts reach
    """

    contrast: str
    question: str
    headline: str
    lines: list[Line]
    note: str


def opening(run: Run) -> str:
    """Say in a sentence or two what the run can answer about language, and what it answers instead."""
    comparisons = [c for c in run.comparisons if c.name in set(run.contrasts["contrast"])]
    about_language = [c for c in comparisons if _is_about_language(c, run)]
    if about_language:
        return " ".join(f"{_headline(c, run)}." for c in about_language)
    captioned = any(card["language"] == "captions" for card in run.models.values())
    none = f"none of its {counted(len(run.models), 'encoder')} was trained with captions"
    unset = "no contrast that ran sets encoders trained with captions against others"
    first = f"This run cannot say whether language helps: {unset if captioned else none}."
    if not comparisons:
        return f"{first} It makes no comparison: what follows are measurements."
    questions = [c.question or f"What does the contrast {c.name} change?" for c in comparisons]
    return f"{first} What it asks instead: {' '.join(questions)}"


def answers(run: Run) -> list[Answer]:
    """What each contrast says, in the order of the configuration."""
    found = []
    for comparison in run.comparisons:
        rows = run.contrasts[run.contrasts["contrast"] == comparison.name]
        if len(rows):
            pooled = rows[rows["scope"] == "pooled"].to_dict("records")
            lines = [_line(row, _alike(rows, row), comparison, run) for row in pooled]
            headline = _headline(comparison, run)
            found.append(
                Answer(comparison.name, comparison.question, headline, lines, _note(rows.to_dict("records")))
            )
    return found


def points(*shares: float) -> list[str]:
    """Shares as percentage points, whole ones unless that would hide a number.

    >>> points(0.2149, 0.1432, 0.3176), points(-0.0685, -0.1704, 0.0044)
    (['21', '14', '32'], ['−6.8', '−17.0', '0.4'])
    """
    smallest = min((abs(100 * share) for share in shares if share), default=1.0)
    digits = 0 if smallest >= 1 else 1 if smallest >= 0.1 else 2
    return [f"{100 * share:.{digits}f}".replace("-", "−") for share in shares]


def _line(row: Row, datasets: pd.DataFrame, comparison: Comparison, run: Run) -> Line:
    reach = f", holds for these models only ({counted(row['replicates'], 'replicate')})"
    material = [
        _counted_sides(row, comparison, run),
        counted(row["n_datasets"], "dataset"),
        counted(row["n_items"], "image") + (reach if row["holds_for"] == "these models" else ""),
    ]
    heading = labels.comparison(row["protocol"], row["parameter"], row["setting"])
    return Line(heading, row["verdict"], _verdict(row), ", ".join(material), _by_dataset(datasets))


def _verdict(row: Row) -> str:
    """Say the effect with its interval; what is undecided is never called equal."""
    if pd.isna(row["low"]):
        return (
            f"undecided, {points(row['effect'])[0]} points without an interval: there is nothing to resample"
        )
    effect, low, high = points(row["effect"], row["low"], row["high"])
    interval = f"{row['confidence']:.0%} interval {low} to {high}"
    if row["verdict"] == "undecided":
        return f"undecided, {effect} points ({interval}, which holds zero)"
    return f"{row['verdict']} by {effect.lstrip('−')} points ({interval})"


def _alike(rows: pd.DataFrame, row: Row) -> pd.DataFrame:
    """Rows by dataset at the protocol and setting of a pooled row."""
    same = rows["scope"] == "dataset"
    for key in ("protocol", "mode", "metric", "parameter", "setting"):
        same &= rows[key] == row[key]
    return rows[same]


def _by_dataset(rows: pd.DataFrame) -> str:
    """Say on which datasets the verdict is which, where there are several."""
    if len(rows) < 2:
        return ""
    groups = rows.groupby("verdict", sort=True)["dataset"]
    return f"By dataset: {'; '.join(f'{verdict} on {join(list(names))}' for verdict, names in groups)}."


def _counted_sides(row: Row, comparison: Comparison, run: Run) -> str:
    treatments, controls = _sides(comparison, run)
    if treatments == controls:
        return f"{counted(row['n_treatments'], 'treatment')} against {counted(row['n_controls'], 'control')}"
    return f"{counted(row['n_treatments'], 'encoder')} {treatments} against {row['n_controls']} {controls}"


def _sides(comparison: Comparison, run: Run) -> tuple[str, str]:
    """Say how the encoders of either side were trained."""

    def words(names: Iterable[str]) -> str:
        cards = [run.models[name] for name in names]
        kinds = [
            labels.training(card["language"], card["pretraining_images"], card["robust"]) for card in cards
        ]
        return join(list(dict.fromkeys(kinds)), "or")

    treatments, controls = zip(*comparison.pairs, strict=True)
    return words(treatments), words(controls)


def _headline(comparison: Comparison, run: Run) -> str:
    """Say how many comparisons of a contrast ended how."""
    rows = run.contrasts
    pooled = rows[(rows["contrast"] == comparison.name) & (rows["scope"] == "pooled")]
    counts = Counter(pooled["verdict"])
    first, *others = [name for name in ("higher", "lower", "undecided") if counts[name]]
    said = [f"{first} in {counts[first]} of {counted(len(pooled), 'comparison')}"]
    said += [f"{name} in {counts[name]}" for name in others]
    treatments, controls = _sides(comparison, run)
    one, other = (
        f"encoders {kind}" if kind != "untrained" else "untrained encoders" for kind in (treatments, controls)
    )
    sides = f"{one[0].upper()}{one[1:]} against {other}" if one != other else f"Contrast {comparison.name}"
    return f"{sides}: {', '.join(said)}"


def _note(rows: Sequence[Row]) -> str:
    """Say what the verdicts do not: that undecided is equal, or with few replicates, what others would do."""
    undecided = "Undecided does not mean equal. " if any(r["verdict"] == "undecided" for r in rows) else ""
    few = (
        "Replicates are architectures, or models on the smaller side: with fewer than five, an interval is "
        "too narrow for a claim about other training runs."
    )
    return undecided + (few if any(row["holds_for"] == "these models" for row in rows) else "")


def _is_about_language(comparison: Comparison, run: Run) -> bool:
    """Whether captions are what all models on one side have and none on the other."""
    sides = [{run.models[m]["language"] for m in side} for side in zip(*comparison.pairs, strict=True)]
    return any(one == {"captions"} and "captions" not in other for one, other in (sides, sides[::-1]))
