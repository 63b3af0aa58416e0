"""The results of each contrast; ``headline`` has the sentence before them, ``phrases`` words one effect."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from wordsight.catalogue import display
from wordsight.catalogue.cells import CELLS
from wordsight.catalogue.numbers import percent
from wordsight.catalogue.prose import counted, join
from wordsight.report import phrases
from wordsight.report.contrast import Contrast, contrasts
from wordsight.report.run import Run, place
from wordsight.statistics.records import ContrastRow

# How the sentence of a contrast introduces effects with the same verdict and reason.
GROUPED = {
    ("helps", ""): "helps on",
    ("hurts", ""): "hurts on",
    ("equivalent", ""): "equivalent within the margin on",
    ("undecided", "overlap"): "undecided on",
    ("undecided", "too few models"): "undecided with too few models on",
    ("undecided", "constant"): "undecided without any variation on",
    ("identical", ""): "identical on",
    ("", ""): "without a verdict, on",
}
NOT_EQUAL = "Undecided does not mean equal: the data neither show a difference nor rule one out."
NOT_CORRECTED = (
    "Intervals are not corrected, so an interval can leave out zero although its verdict is undecided."
)
FEW_REPLICATES = (
    "Intervals assume that replicates are normally distributed, which fewer than five cannot show. "
    "Replicates are matched groups, such as seeds or architectures; without matching, they are the models on "
    "the side with fewer models."
)


@dataclass(frozen=True)
class Line:
    """The result of one contrast on one protocol, at the setting that the verdict is about.

    Attributes
    ----------
    heading : protocol and setting
    verdict : ``helps``, ``hurts``, ``equivalent``, ``undecided`` or ``identical``, corrected within the
        family; empty for an effect over untrained encoders
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
    """The results of one contrast.

    Attributes
    ----------
    question : as configured, or about the part of language that the contrast isolates, or empty
    title : what its sides learned from, against each other
    headline : the title with the number of protocols of each verdict
    counts : number of protocols with each verdict, as marks; of verdicts about the encoders where they are
        too few for verdicts about training
    sentence : all verdicts with effects, intervals, margins, replicates and flags, as one sentence
    lines : one for each protocol
    secondary : effects at settings without a verdict, as one sentence, or empty
    notes : how to read the verdicts
    about_language : whether it compares training with captions to training without
    """

    contrast: str
    question: str
    title: str
    headline: str
    counts: str
    sentence: str
    lines: list[Line]
    secondary: str
    notes: list[str]
    about_language: bool


def answers(run: Run) -> list[Answer]:
    """Results of all contrasts: those about language first, each part in the order of the configuration."""
    found = [_answer(contrast) for contrast in contrasts(run)]
    return sorted(found, key=lambda answer: not answer.about_language)


def first_and_others(found: Sequence[Answer]) -> tuple[list[Answer], list[Answer]]:
    """Split answers into those that open the page (about language, or all if none is) and the others."""
    about = [answer for answer in found if answer.about_language]
    return (about, [answer for answer in found if not answer.about_language]) if about else (list(found), [])


def all_notes(found: Sequence[Answer]) -> list[str]:
    """Notes of several answers, each once; those that some answers lack keep their place."""
    notes: list[str] = []
    for answer in found:
        place = 0
        for note in answer.notes:
            if note not in notes:
                notes.insert(place, note)
            place = notes.index(note) + 1
    return notes


def _answer(contrast: Contrast) -> Answer:
    rows = contrast.main
    return Answer(
        contrast=contrast.name,
        question=contrast.question,
        title=contrast.title,
        headline=_headline(contrast),
        counts=_counts(rows),
        sentence=_sentence(rows, contrast),
        lines=[_line(row, contrast) for row in rows],
        secondary=_secondary(rows, contrast),
        notes=_notes(rows, contrast.run),
        about_language=contrast.about_language,
    )


def _headline(contrast: Contrast) -> str:
    """Say how many comparisons of a contrast ended how."""
    rows = contrast.main
    if not rows:
        return f"{contrast.title}: no verdict"
    if contrast.comparison.baseline:
        return f"{contrast.title}: effects without verdicts on {counted(len(rows), 'protocol')}"
    said: list[str] = []
    for verdict in display.VERDICTS:
        found = sum(row.verdict == verdict for row in rows)
        if found:
            of = "" if said else f" of {counted(len(rows), 'protocol')}"
            said.append(f"{verdict} on {found}{of}")
    return f"{contrast.title}: {', '.join(said)}"


def _counts(rows: Sequence[ContrastRow]) -> str:
    marks = display.VERDICTS | display.ENCODERS
    found = Counter(
        marks.get(row.encoders_verdict if row.reason == "too few models" else row.verdict, "") for row in rows
    )
    return "  ".join(f"{mark} {found[mark]}" for mark in display.VERDICTS.values() if found[mark])


def _sentence(rows: Sequence[ContrastRow], contrast: Contrast) -> str:
    """All results of a contrast, as one sentence."""
    if not rows:
        return f"{contrast.title}: no verdict, because no protocol was measured at the setting that decides."
    said: list[str] = []
    for (verdict, reason), words in GROUPED.items():
        found = [_in_brief(row, contrast) for row in rows if (row.verdict, row.reason) == (verdict, reason)]
        said += [f"{words} {join(found)}"] if found else []
    terms = [
        f"{percent(rows[0].confidence)} intervals",
        *([phrases.margins(rows, contrast.run)] if any(row.verdict for row in rows) else []),
        phrases.replicates(rows, contrast),
    ]
    parts = [f"{contrast.title}: {said[0]}", *said[1:], ", ".join(terms), phrases.flagged(rows)]
    return f"{'; '.join(filter(None, parts))}."


def _in_brief(row: ContrastRow, contrast: Contrast) -> str:
    """Protocol of an effect with its size and interval, and what an undecided one needs."""
    where = phrases.measured_by(row)
    if row.verdict in ("helps", "hurts"):
        return f"{where} by {phrases.unsigned(row)} ({phrases.ends(row)})"
    needed = phrases.more_replicates(row, contrast) if row.verdict else ""
    parts = (phrases.size_in_brackets(row), needed)
    return f"{where} ({'; '.join(filter(None, parts))})"


def _line(row: ContrastRow, contrast: Contrast) -> Line:
    return Line(
        heading=phrases.heading(row),
        verdict=row.verdict,
        claim=phrases.claim(row, contrast),
        size=phrases.size(row),
        material=f"{phrases.compared_encoders(row, contrast)}, {phrases.measured_on(row)}",
        by_dataset=_by_dataset(row, contrast),
        flags=phrases.flags(row),
    )


def _by_dataset(decisive: ContrastRow, contrast: Contrast) -> str:
    """Say which verdict each dataset or cell has, if there are several."""
    rows = [
        row
        for row in contrast.rows
        if row.scope == "dataset" and (row.protocol, row.setting) == (decisive.protocol, decisive.setting)
    ]
    if len(rows) < 2 or contrast.comparison.baseline:
        return ""
    places: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda row: row.verdict):
        places.setdefault(row.verdict, []).append(place(row.dataset))
    crossed = all(row.dataset in CELLS for row in rows)
    if crossed and len(places) == 1:
        return f"Without correction, {rows[0].verdict} in all {len(rows)} cells."
    said = [f"{verdict} on {join(found)}" for verdict, found in places.items()]
    return f"By {'cell' if crossed else 'dataset'}, without correction: {'; '.join(said)}."


def _secondary(decisive: Sequence[ContrastRow], contrast: Contrast) -> str:
    """Effects with intervals at the smaller settings, which have no verdict."""
    where = {(row.protocol, row.dataset) for row in decisive}
    rows = [row for row in contrast.rows if not row.main and (row.protocol, row.dataset) in where]
    said = [f"{phrases.heading(row)} {phrases.size(row)}" for row in rows]
    return f"At other settings, without a verdict: {'; '.join(said)}." if said else ""


def _notes(rows: Sequence[ContrastRow], run: Run) -> list[str]:
    """Say how verdicts are to be read: undecided, corrected, and from how many replicates."""
    sizes = {row.family: phrases.family_size(row.family, run) for row in rows if row.family}
    several = len(set(run.contrasts["family"]) - {""}) > 1
    corrected = [
        f"Verdicts are corrected for {size} comparisons by Bonferroni's method"
        f"{f' (family {family})' if several else ''}."
        for family, size in sizes.items()
        if size > 1
    ]
    if corrected:
        together = f"All verdicts {'of a family ' if several else ''}together are right with a probability of"
        corrected += [f"{together} {percent(rows[0].confidence)} or more.", NOT_CORRECTED]
    return [
        *([NOT_EQUAL] if any(row.verdict == "undecided" for row in rows) else []),
        *corrected,
        *([FEW_REPLICATES] if any(row.holds_for == "these models" for row in rows) else []),
    ]
