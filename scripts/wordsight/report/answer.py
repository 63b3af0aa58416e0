"""Verdicts in words: a sentence a contrast and protocol, and one that says what the run can answer at all."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from wordsight import labels
from wordsight.cells import CELLS
from wordsight.figures.data import UNSEEN, judged
from wordsight.figures.groups import group_name
from wordsight.figures.style import counted
from wordsight.report.run import Run, join, place
from wordsight.statistics.pairs import Comparison
from wordsight.tables import training

Row = Mapping[Any, Any]

FEW = 3  # contrasts or questions that the first sentences name one by one
# What a contrast of captions with these objectives asks: each keeps a part of captions and drops the rest.
ISOLATED = {
    "captions_shuffled": "How much is due to captions that belong to their images?",
    "class_names": "How much is due to saying more than the name of a class?",
}


@dataclass(frozen=True)
class Line:
    """What one contrast says of one protocol at one setting.

    Attributes
    ----------
    heading : protocol and setting
    verdict : ``higher``, ``lower`` or ``undecided``
    claim : the verdict with effect and interval
    brief : the same in few words
    size : effect and interval alone
    material : what it rests on, and of which models it holds
    by_dataset : on which datasets or cells the verdict is which; empty where there is but one
    """

    heading: str
    verdict: str
    claim: str
    brief: str
    size: str
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
    question : as configured, or what the contrast isolates of language, or empty
    headline : what its lines say, counted
    notes : how far the verdicts reach
    about_language : whether captions are what its sides differ in
    """

    contrast: str
    question: str
    headline: str
    lines: list[Line]
    notes: list[str]
    about_language: bool

    @property
    def undecided(self) -> str:
        """The lines that decide nothing, as one sentence."""
        said = [f"{line.heading} {line.size}" for line in self.lines if line.verdict == "undecided"]
        return f"Undecided: {'; '.join(said)}." if said else ""


def opening(run: Run) -> str:
    """Say in a few sentences what the run can answer about language, and what it answers instead."""
    comparisons = [c for c in run.comparisons if c.name in set(run.contrasts["contrast"])]
    about_language = [c for c in comparisons if _is_about_language(c, run)]
    if len(about_language) > FEW:
        return _together(about_language, run)
    if about_language:
        return " ".join(_with_question(c, run) for c in about_language)
    captioned = any(card["language"] == "captions" for card in run.models.values())
    none = f"none of its {counted(len(run.models), 'encoder')} was trained with captions"
    unset = "no contrast that ran sets encoders trained with captions against others that were trained"
    first = f"This run cannot say whether language helps: {unset if captioned else none}."
    if not comparisons:
        return f"{first} It makes no comparison: what follows are measurements."
    questions = [c.question or f"What does the contrast {c.name} change?" for c in comparisons]
    more = f" And {len(questions) - FEW} more." if len(questions) > FEW else ""
    return f"{first} What it asks instead: {' '.join(questions[:FEW])}{more}"


def answers(run: Run) -> list[Answer]:
    """What each contrast says: those about language first, else in the order of the configuration."""
    found = []
    for comparison in run.comparisons:
        rows = run.contrasts[run.contrasts["contrast"] == comparison.name]
        if len(rows):
            decisive = judged(rows).to_dict("records")
            found.append(
                Answer(
                    comparison.name,
                    _question(comparison, run),
                    _headline(comparison, run),
                    [_line(row, _alike(rows, row), comparison, run) for row in decisive],
                    _notes(rows.to_dict("records")),
                    _is_about_language(comparison, run),
                )
            )
    return sorted(found, key=lambda answer: not answer.about_language)


def told(found: Sequence[Answer]) -> tuple[list[Answer], list[Answer]]:
    """Part answers into those that open the page and the others: about language or not, where some are."""
    about = [answer for answer in found if answer.about_language]
    return (about, [answer for answer in found if not answer.about_language]) if about else (list(found), [])


def all_notes(found: Sequence[Answer]) -> list[str]:
    """Notes of several answers, each once."""
    return list(dict.fromkeys(note for answer in found for note in answer.notes))


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
    crossed = row["dataset"] == UNSEEN
    where = f"on {place(UNSEEN)}" if crossed else counted(row["n_datasets"], "dataset")
    images = counted(row["n_items"], "concept" if crossed else "image")
    material = [
        _counted_sides(row, comparison, run),
        where,
        images + (reach if row["holds_for"] == "these models" else ""),
    ]
    heading = labels.comparison(row["protocol"], row["parameter"], row["setting"])
    return Line(heading, row["verdict"], *_verdict(row), ", ".join(material), _by_dataset(datasets))


def _verdict(row: Row) -> tuple[str, str, str]:
    """Say the effect with its interval, in full, briefly and bare; undecided is never called equal."""
    if pd.isna(row["low"]):
        size = points(row["effect"])[0]
        effect = f"undecided, {_points(size)}"
        return f"{effect} without an interval: there is nothing to resample", effect, size
    size, low, high = points(row["effect"], row["low"], row["high"])
    undecided = row["verdict"] == "undecided"
    effect = (
        f"undecided, {_points(size)}" if undecided else f"{row['verdict']} by {_points(size.lstrip('−'))}"
    )
    zero = ", which holds zero" if undecided else ""
    interval = f"({low} to {high})"
    return (
        f"{effect} ({row['confidence']:.0%} interval {low} to {high}{zero})",
        f"{effect} {interval}",
        f"{size} {interval}",
    )


def _points(size: str) -> str:
    return f"{size} point{'' if size.lstrip('−') == '1' else 's'}"


def _alike(rows: pd.DataFrame, row: Row) -> pd.DataFrame:
    """Rows by dataset at the protocol and setting of a decisive row."""
    same = rows["scope"] == "dataset"
    for key in ("protocol", "mode", "metric", "parameter", "setting"):
        same &= rows[key] == row[key]
    return rows[same]


def _by_dataset(rows: pd.DataFrame) -> str:
    """Say on which datasets or cells the verdict is which, where there are several."""
    if len(rows) < 2:
        return ""
    crossed = rows["dataset"].isin(list(CELLS)).all()
    groups = rows.groupby("verdict", sort=True)["dataset"]
    if crossed and len(groups) == 1:
        return f"{rows['verdict'].iloc[0].capitalize()} in all {len(rows)} cells."
    said = [f"{verdict} on {join([place(name) for name in names])}" for verdict, names in groups]
    return f"By {'cell' if crossed else 'dataset'}: {'; '.join(said)}."


def _counted_sides(row: Row, comparison: Comparison, run: Run) -> str:
    one, other = _objectives(comparison, run)
    if one and other:
        runs = counted(row["n_treatments"], "training run")
        return f"{runs} of {one} against {row['n_controls']} of {other}"
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


def _objective_of(models: Iterable[str], run: Run) -> str:
    """Objective that all models of a side were trained with by the workflow; empty where there is not one."""
    found = {training(run.models[model]).get("objective", "") for model in models}
    return found.pop() if len(found) == 1 else ""


def _objectives(comparison: Comparison, run: Run) -> tuple[str, str]:
    """Words for the objective of either side, or nothing."""
    treatments, controls = zip(*comparison.pairs, strict=True)
    return group_name(_objective_of(treatments, run)), group_name(_objective_of(controls, run))


def _named_sides(comparison: Comparison, run: Run) -> str:
    one, other = _objectives(comparison, run)
    if not (one and other):
        one, other = (
            f"encoders {kind}" if kind != "untrained" else "untrained encoders"
            for kind in _sides(comparison, run)
        )
    return f"{one[0].upper()}{one[1:]} against {other}" if one != other else f"Contrast {comparison.name}"


def _headline(comparison: Comparison, run: Run) -> str:
    """Say how many comparisons of a contrast ended how."""
    rows = judged(run.contrasts[run.contrasts["contrast"] == comparison.name])
    counts = Counter(rows["verdict"])
    first, *others = [name for name in ("higher", "lower", "undecided") if counts[name]]
    said = [f"{first} in {counts[first]} of {counted(len(rows), 'comparison')}"]
    said += [f"{name} in {counts[name]}" for name in others]
    return f"{_named_sides(comparison, run)}: {', '.join(said)}"


def _question(comparison: Comparison, run: Run) -> str:
    """What a contrast asks: as configured, or what it isolates where that is known."""
    side = {
        model for pair in comparison.pairs for model in pair if run.models[model]["language"] != "captions"
    }
    return comparison.question or ISOLATED.get(_objective_of(side, run), "")


def _with_question(comparison: Comparison, run: Run) -> str:
    """Headline of a contrast, after the question of one that isolates a part of language."""
    _, controls = zip(*comparison.pairs, strict=True)
    isolates = _objective_of(controls, run) in ISOLATED
    headline = f"{_headline(comparison, run)}."
    return f"{_question(comparison, run)} {headline}" if isolates else headline


def _together(comparisons: Sequence[Comparison], run: Run) -> str:
    """Say of many contrasts about language how often captions score higher, and what the parts of it do."""
    verdicts: Counter[str] = Counter()
    for comparison in comparisons:
        found = judged(run.contrasts[run.contrasts["contrast"] == comparison.name])["verdict"]
        turned = {"higher": "lower", "lower": "higher"} if _is_turned(comparison, run) else {}
        verdicts.update(turned.get(verdict, verdict) for verdict in found)
    first = (
        f"{len(comparisons)} contrasts set encoders trained with captions against encoders trained without "
        f"them. In {counted(verdicts.total(), 'comparison')}, captions score higher in {verdicts['higher']} "
        f"and lower in {verdicts['lower']}; {verdicts['undecided']} are undecided."
    )
    parts = [c for c in comparisons if _objective_of((control for _, control in c.pairs), run) in ISOLATED]
    return " ".join([first, *(_with_question(comparison, run) for comparison in parts[:FEW])])


def _notes(rows: Sequence[Row]) -> list[str]:
    """Say what the verdicts do not: that undecided is equal, or with few replicates, what others would do."""
    undecided = "Undecided does not mean equal."
    few = (
        "Replicates are matched groups, such as architectures or seeds, or models on the smaller side: with "
        "fewer than five, an interval is too narrow for a claim about other training runs."
    )
    return [
        *([undecided] if any(row["verdict"] == "undecided" for row in rows) else []),
        *([few] if any(row["holds_for"] == "these models" for row in rows) else []),
    ]


def _is_about_language(comparison: Comparison, run: Run) -> bool:
    """Whether all models on one side learned from captions, and all on the other from something else."""
    cards = [[run.models[model] for model in side] for side in zip(*comparison.pairs, strict=True)]
    captioned = [{card["language"] == "captions" for card in side} for side in cards]
    learned = all(card["pretraining_images"] > 0 for side in cards for card in side)
    return learned and captioned in ([{True}, {False}], [{False}, {True}])


def _is_turned(comparison: Comparison, run: Run) -> bool:
    """Whether captions are on the control's side of a contrast about language."""
    return run.models[comparison.pairs[0][1]]["language"] == "captions"
