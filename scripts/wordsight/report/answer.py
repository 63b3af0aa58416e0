"""Verdicts in words: a sentence a contrast, one a protocol, and what the run can answer at all."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.cells import ALL_NEW, CELLS
from wordsight.catalogue.prose import counted, join
from wordsight.report import sides, wording
from wordsight.report.run import Run, place
from wordsight.report.wording import Row
from wordsight.statistics.comparison import Comparison
from wordsight.tables.reading import judged

FEW = 3  # contrasts or questions that the first sentences name one by one
TURNED = {"helps": "hurts", "hurts": "helps"}
# How the sentence of a contrast gathers comparisons of one verdict and reason.
GROUPED = {
    ("helps", ""): "helps on",
    ("hurts", ""): "hurts on",
    ("equivalent", ""): "equivalent within the margin on",
    ("undecided", "overlap"): "undecided on",
    ("undecided", "too few models"): "undecided for want of models on",
    ("undecided", "constant"): "undecided for want of variation on",
}
UNDECIDED = "Undecided does not mean equal: a difference can neither be claimed nor be ruled out."


@dataclass(frozen=True)
class Line:
    """What one contrast says of one protocol, at the setting that decides.

    Attributes
    ----------
    heading : protocol and setting
    verdict : ``helps``, ``hurts``, ``equivalent`` or ``undecided``, corrected within the family
    claim : the verdict with effect, interval and replicates, and of an undecided one what is missing
    size : effect and interval alone
    material : what it rests on: models of either side, datasets and images
    by_dataset : on which datasets or cells the verdict is which, uncorrected; empty where there is but one
    flags : reasons not to believe it, in plain words
    """

    heading: str
    verdict: str
    claim: str
    size: str
    material: str
    by_dataset: str
    flags: list[str]

    @property
    def sentence(self) -> str:
        """The line as one sentence."""
        flagged = f"; flagged: {'; '.join(self.flags)}" if self.flags else ""
        return f"{self.heading}: {self.claim}; {self.material}{flagged}."


@dataclass(frozen=True)
class Answer:
    """What one contrast says.

    Attributes
    ----------
    question : as configured, or what the contrast isolates of language, or empty
    headline : its verdicts, counted
    sentence : all verdicts with effects, intervals, margins, replicates and flags, as one sentence
    lines : one a protocol
    secondary : effects at other settings than those that decide, as one sentence, or empty
    notes : how the verdicts are to be read
    about_language : whether captions are what its sides differ in
    """

    contrast: str
    question: str
    headline: str
    sentence: str
    lines: list[Line]
    secondary: str
    notes: list[str]
    about_language: bool


def opening(run: Run) -> str:
    """Say in a few sentences what the run can answer about language, and what it answers instead."""
    comparisons = [c for c in run.comparisons if c.name in set(run.contrasts["contrast"])]
    about_language = [c for c in comparisons if sides.is_about_language(c, run)]
    if about_language:
        return _about_language(about_language, run)
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
    found = [_answer(c, run) for c in run.comparisons if c.name in set(run.contrasts["contrast"])]
    return sorted(found, key=lambda answer: not answer.about_language)


def told(found: Sequence[Answer]) -> tuple[list[Answer], list[Answer]]:
    """Part answers into those that open the page and the others: about language or not, where some are."""
    about = [answer for answer in found if answer.about_language]
    return (about, [answer for answer in found if not answer.about_language]) if about else (list(found), [])


def all_notes(found: Sequence[Answer]) -> list[str]:
    """Notes of several answers, each once."""
    return list(dict.fromkeys(note for answer in found for note in answer.notes))


def _answer(comparison: Comparison, run: Run) -> Answer:
    rows = run.contrasts[run.contrasts["contrast"] == comparison.name]
    shown = judged(rows)
    decisive = shown[shown["family"] != ""].to_dict("records")
    others = shown[shown["family"] == ""].to_dict("records")
    return Answer(
        contrast=comparison.name,
        question=sides.question(comparison, run),
        headline=_headline(comparison, run),
        sentence=_sentence(decisive, comparison, run),
        lines=[_line(row, _alike(rows, row), comparison, run) for row in decisive],
        secondary=_secondary(others),
        notes=_notes(decisive, run),
        about_language=sides.is_about_language(comparison, run),
    )


def _decisive(comparison: Comparison, run: Run) -> pd.DataFrame:
    rows = run.contrasts
    return rows[(rows["contrast"] == comparison.name) & (rows["family"] != "")]


# One comparison


def _line(row: Row, datasets: pd.DataFrame, comparison: Comparison, run: Run) -> Line:
    crossed = row["dataset"] == ALL_NEW
    material = [
        sides.counted_sides(row, comparison, run),
        f"on {place(ALL_NEW)}" if crossed else counted(row["n_datasets"], "dataset"),
        counted(row["n_items"], "concept" if crossed else "image"),
    ]
    return Line(
        heading=display.comparison(row["protocol"], row["parameter"], row["setting"]),
        verdict=row["verdict"],
        claim=wording.claim(row, comparison, run),
        size=wording.size(row),
        material=", ".join(material),
        by_dataset=_by_dataset(datasets),
        flags=[display.flag(name) for name in display.flags(row["flags"])],
    )


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
        return f"Uncorrected, {rows['verdict'].iloc[0]} in all {len(rows)} cells."
    said = [f"{verdict} on {join([place(name) for name in names])}" for verdict, names in groups]
    return f"By {'cell' if crossed else 'dataset'}, uncorrected: {'; '.join(said)}."


# One contrast


def _sentence(rows: Sequence[Row], comparison: Comparison, run: Run) -> str:
    """All that a contrast says, as one sentence."""
    named = sides.named_sides(comparison, run)
    if not rows:
        return f"{named}: nothing to judge, since no protocol was measured where it is judged."
    said: list[str] = []
    for (verdict, reason), words in GROUPED.items():
        found = [row for row in rows if (row["verdict"], row["reason"]) == (verdict, reason)]
        said += [f"{words} {join([_effect(row) for row in found])}"] if found else []
    terms = [
        f"{rows[0]['confidence']:.0%} intervals",
        _margins(rows),
        wording.replicates(rows, comparison, run),
    ]
    return "; ".join([f"{named}: {said[0]}", *said[1:], ", ".join(terms), *_flagged(rows)]) + "."


def _effect(row: Row) -> str:
    """Protocol of a row with its effect and interval, and what an undecided one needs."""
    if row["verdict"] in TURNED:
        return f"{_where(row)} by {wording.unsigned(row)}{wording.ends(row)}"
    size = wording.size(row).replace(" (", ", ").removesuffix(")")
    return f"{_where(row)} ({'; '.join(part for part in (size, wording.lacking(row)) if part)})"


def _where(row: Row) -> str:
    """Protocol and setting of a row inside a sentence."""
    setting = display.setting(row["parameter"], row["setting"])
    return f"{_protocol(row['protocol'])}{f' with {setting}' if setting else ''}"


def _protocol(name: str) -> str:
    title = display.protocol(name)
    return f"{title[0].lower()}{title[1:]}"


def _margins(rows: Sequence[Row]) -> str:
    by_margin: dict[str, list[str]] = {}
    for row in rows:
        metrics = by_margin.setdefault(wording.margin(row), [])
        metrics += [display.metric(row["metric"])] if display.metric(row["metric"]) not in metrics else []
    if len(by_margin) == 1:
        return f"margin {next(iter(by_margin))}"
    return f"margins {join([f'{margin} of {join(metrics)}' for margin, metrics in by_margin.items()])}"


def _flagged(rows: Sequence[Row]) -> list[str]:
    """Say which comparisons of a contrast are flagged with what."""
    places: dict[str, list[str]] = {}
    for row in rows:
        for name in display.flags(row["flags"]):
            places.setdefault(name, []).append(_where(row))
    said = [
        f"{display.flag(name)} ({'all' if len(found) == len(rows) else join(found)})"
        for name, found in places.items()
    ]
    return [f"flagged: {'; '.join(said)}"] if said else []


def _secondary(rows: Sequence[Row]) -> str:
    """Effects at settings that decide nothing, each with its interval and without a claim."""
    said = [
        f"{display.comparison(r['protocol'], r['parameter'], r['setting'])} {wording.size(r)}" for r in rows
    ]
    return f"At other settings, without a verdict: {'; '.join(said)}." if said else ""


def _headline(comparison: Comparison, run: Run, *, protocols: bool = False) -> str:
    """Say how many comparisons of a contrast ended how, and if asked, which of those that are decided."""
    named, rows = sides.named_sides(comparison, run), _decisive(comparison, run)
    if rows.empty:
        return f"{named}: nothing to judge"
    total = counted(len(rows), "protocol")
    said: list[str] = []
    for verdict in display.VERDICTS:
        found = rows.loc[rows["verdict"] == verdict, "protocol"]
        which = f" ({join([_protocol(name) for name in found])})" if verdict != "undecided" else ""
        of = "" if said else f" of {total}"
        said += [f"{verdict} on {len(found)}{of}{which if protocols else ''}"] if len(found) else []
    return f"{named}: {', '.join(said)}"


def _notes(rows: Sequence[Row], run: Run) -> list[str]:
    """Say how verdicts are to be read: undecided, corrected, and from how many replicates."""
    sizes = {row["family"]: wording.family_size(row["family"], run) for row in rows}
    several = len(set(run.contrasts["family"]) - {""}) > 1
    corrected = [
        f"Verdicts are corrected by Holm's method for {size} comparisons"
        f"{f' (family {family})' if several else ''}; intervals are not, so that one may leave zero out "
        "beside a verdict of undecided."
        for family, size in sizes.items()
        if size > 1
    ]
    few = (
        "With fewer than five replicates, which are matched groups such as seeds or architectures, or models "
        "on the smaller side, an interval rests on a normal distribution that so few cannot show."
    )
    return [
        *([UNDECIDED] if any(row["verdict"] == "undecided" for row in rows) else []),
        *corrected,
        *([few] if any(row["holds_for"] == "these models" for row in rows) else []),
    ]


# All contrasts about language


def _about_language(comparisons: Sequence[Comparison], run: Run) -> str:
    """Count how the comparisons about language ended, and say what the parts of language do."""
    rows = pd.concat([_from_captions(comparison, run) for comparison in comparisons])
    if len(comparisons) > FEW:
        parts = [f"{_headline(c, run)}." for c in comparisons if sides.isolates(c, run)][:FEW]
        return " ".join([_together(rows, len(comparisons)), *parts, *_correction(rows, run)])
    undecided = (rows["verdict"] == "undecided").any()
    return " ".join(
        [
            *(_with_question(comparison, run, protocols=len(comparisons) == 1) for comparison in comparisons),
            *(["Undecided does not mean equal."] if undecided else []),
            *_correction(rows, run),
        ]
    )


def _from_captions(comparison: Comparison, run: Run) -> pd.DataFrame:
    """Decisive rows of a contrast about language, with the verdict of its side of captions."""
    rows = _decisive(comparison, run)
    turned = TURNED if run.models[comparison.pairs[0][1]]["language"] == "captions" else {}
    return rows.assign(verdict=[turned.get(verdict, verdict) for verdict in rows["verdict"]])


def _together(rows: pd.DataFrame, contrasts: int) -> str:
    """Count the verdicts of many contrasts."""
    found = Counter(rows["verdict"])
    few = int(((rows["verdict"] == "undecided") & (rows["reason"] == "too few models")).sum())
    undecided = found["undecided"]
    many = f" ({few} for too few models)" if few else ""
    rest = f"{undecided} {'is' if undecided == 1 else 'are'} undecided{many}"
    return (
        f"Against encoders trained without captions, in {counted(len(rows), 'comparison')} of {contrasts} "
        f"contrasts, captions help in {found['helps']}, hurt in {found['hurts']} and are equivalent within "
        f"the margin in {found['equivalent']}; {rest}{', which does not mean equal' if undecided else ''}."
    )


def _correction(rows: pd.DataFrame, run: Run) -> list[str]:
    sizes = [wording.family_size(family, run) for family in sorted(set(rows["family"]))]
    if max(sizes, default=0) < 2:
        return []
    each = "" if len(sizes) == 1 else ", each family by itself"
    return [f"Verdicts are corrected for {join([str(size) for size in sizes])} comparisons{each}."]


def _with_question(comparison: Comparison, run: Run, *, protocols: bool) -> str:
    """Headline of a contrast, after the question of one that isolates a part of language."""
    headline = f"{_headline(comparison, run, protocols=protocols)}."
    return f"{sides.question(comparison, run)} {headline}" if sides.isolates(comparison, run) else headline
