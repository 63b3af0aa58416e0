"""What several contrasts show together on each protocol: a conclusion holds, fails or is undecided."""

from dataclasses import dataclass

from wordsight.report.run import Run
from wordsight.statistics.conclusions import SHOWN
from wordsight.statistics.records import ConclusionRow, ContrastRow, records

HOLDS, FAILS, UNDECIDED = "holds", "fails", "undecided"
# Verdicts of a contrast that contradict a conclusion, by what the conclusion needs of it.
CONTRARY = {"helps": ("hurts", "equivalent", "identical"), "equivalent": ("helps", "hurts")}


@dataclass(frozen=True)
class Concluded:
    """One conclusion on one protocol.

    Attributes
    ----------
    state : ``holds`` if it is shown, ``fails`` if a contrast contradicts it, else ``undecided``
    contrary : contrasts that contradict it, each with its verdict
    """

    row: ConclusionRow
    state: str
    contrary: dict[str, str]


def concluded(run: Run) -> list[Concluded]:
    """All conclusions of a run on all their protocols, in the order of the table."""
    if run.conclusions is None:
        return []
    verdicts = {
        (row.contrast, row.protocol): row.verdict
        for row in records(run.contrasts[run.contrasts["main"]], ContrastRow)
    }
    return [_concluded(row, run, verdicts) for row in records(run.conclusions, ConclusionRow)]


def _concluded(row: ConclusionRow, run: Run, verdicts: dict[tuple[str, str], str]) -> Concluded:
    needs = run.config["conclusions"][row.conclusion]
    contrary = {
        contrast: verdicts[contrast, row.protocol]
        for need, against in CONTRARY.items()
        for contrast in needs[need]
        if verdicts[contrast, row.protocol] in against
    }
    if row.verdict == SHOWN:
        return Concluded(row, HOLDS, {})
    return Concluded(row, FAILS if contrary else UNDECIDED, contrary)
