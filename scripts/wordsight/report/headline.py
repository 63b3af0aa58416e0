"""The first sentence of the report, with its scope, and three lines on what it cannot say.

``answer`` tells the same contrast by contrast, with sizes and intervals.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from wordsight.catalogue.cells import crossed_protocols
from wordsight.catalogue.prose import counted, join, some
from wordsight.report import phrases
from wordsight.report.concluded import FAILS, HOLDS, UNDECIDED, Concluded, concluded
from wordsight.report.contrast import Contrast, Side, contrasts
from wordsight.report.run import Run
from wordsight.statistics.records import ContrastRow

FEW, LONG = 4, 420  # names in a list and rivals in a sentence, letters of it
TURNED = {"helps": "hurts", "hurts": "helps"}
# How the question of a conclusion is answered, where it is.
ANSWERED = {HOLDS: "yes", FAILS: "no"}
# A verdict about the encoders that were measured, in the words of one about their training.
AS_TRAINING = {"higher": "helps", "lower": "hurts"}
# What the subject of the sentence did, against a rival and by itself.
DID = {
    "helps": ("better than", "better"),
    "hurts": ("worse than", "worse"),
    "equivalent": ("as well, within the margin, as", "as well, within the margin,"),
    "identical": ("exactly the same as", "exactly the same"),
}


@dataclass(frozen=True)
class Headline:
    """What the page and the terminal open with.

    Attributes
    ----------
    sentence : the answer with its scope: the conclusions where there are some, else the verdicts
    counts : the verdicts behind the conclusions, counted; empty without conclusions
    limits : what it cannot say, three lines; none where nothing is judged
    """

    sentence: str
    counts: str
    limits: list[str]


@dataclass(frozen=True)
class Finding:
    """Verdicts of a contrast, seen from one of its sides: that of the captions where there is one.

    Attributes
    ----------
    of_encoders : whether they are about the encoders that were measured, since these are too few for a claim
        about their training
    subject, rival : words for the two sides
    verdicts : by protocol
    """

    contrast: Contrast
    of_encoders: bool
    subject: str
    rival: str
    verdicts: dict[str, str]

    def protocols(self, verdict: str) -> list[str]:
        """Protocols of one verdict, in words."""
        return [phrases.protocol(name) for name, found in self.verdicts.items() if found == verdict]


def headline(run: Run) -> Headline:
    """Say what all contrasts about language found, or all others where there is none."""
    compared = contrasts(run)
    about = [contrast for contrast in compared if contrast.about_language]
    found = _findings(about or compared)
    said = "" if about else f"This run cannot say whether language helps: {_why(run)}. "
    if not compared:
        return Headline(f"{said}This report therefore shows only measurements.", "", [])
    if not found:
        return Headline(f"{said}No comparison has a verdict.", "", [])
    together = [] if found[0].of_encoders else concluded(run)
    if together:
        return Headline(f"{said}{_together(together, run)}", _counted(found), _limits(found, run))
    return Headline(f"{said}{_sentence(found, run)}", "", _limits(found, run))


def _why(run: Run) -> str:
    """Say why a run has no contrast about language."""
    if any(card.language == "captions" for card in run.models.values()):
        return "no contrast with results compares encoders trained with captions to encoders trained without"
    return f"none of its {counted(len(run.models), 'encoder')} was trained with captions"


# What was found


def _findings(compared: Sequence[Contrast]) -> list[Finding]:
    """Findings about training where there are some, else about the encoders themselves."""
    found = [_finding(contrast) for contrast in compared if not contrast.comparison.baseline]
    found = [finding for finding in found if finding.verdicts]
    return [finding for finding in found if not finding.of_encoders] or found


def _finding(contrast: Contrast) -> Finding:
    rows = contrast.main
    of_encoders = all(row.reason == "too few models" for row in rows)
    verdicts = {row.protocol: _verdict(row, of_encoders=of_encoders) for row in rows}
    subject, rival = _words(contrast, of_encoders=of_encoders)
    if contrast.about_language and contrast.captions_are_controls:
        subject, rival = rival, subject
        verdicts = {name: TURNED.get(verdict, verdict) for name, verdict in verdicts.items()}
    return Finding(contrast, of_encoders, subject, rival, verdicts)


def _verdict(row: ContrastRow, *, of_encoders: bool) -> str:
    return AS_TRAINING.get(row.encoders_verdict, row.encoders_verdict) if of_encoders else row.verdict


def _words(contrast: Contrast, *, of_encoders: bool) -> tuple[str, str]:
    """What the two sides of a contrast are called in the sentence."""
    cards = [side.cards for side in contrast.sides]
    if of_encoders and all(len(side) == 1 for side in cards):
        return _encoder(contrast.sides[0]), _encoder(contrast.sides[1])
    if contrast.objectives:
        one, other = contrast.objectives
        return f"training with {one}", f"training with {other}"
    one, other = (side.encoders for side in contrast.sides)
    return (one, other) if one != other else (f"the treatments of {contrast.name}", "its controls")


def _encoder(side: Side) -> str:
    """The one encoder of a side, with how it was trained."""
    return f"{side.cards[0].name} ({side.kind})"


# The sentence


def _together(found: Sequence[Concluded], run: Run) -> str:
    """Say how the question of each conclusion is answered, on which datasets and by which claim."""
    by_name: dict[str, list[Concluded]] = {}
    for one in found:
        by_name.setdefault(one.row.conclusion, []).append(one)
    needed = {
        contrast
        for name in by_name
        for need in ("helps", "equivalent")
        for contrast in run.config["conclusions"][name][need]
    }
    on = some(_datasets(needed, run), FEW)
    answers = [_answered(name, parts) for name, parts in by_name.items()]
    return f"On {on}, taken as they are, and for training like this, {'; '.join(answers)}."


def _answered(name: str, found: Sequence[Concluded]) -> str:
    """Say in which tests the question of one conclusion is answered with yes and no, and where it is open."""
    asked = f"“{found[0].row.question}”" if found[0].row.question else f"the conclusion {name}"
    protocols: dict[str, list[str]] = {}
    for one in found:
        protocols.setdefault(one.state, []).append(phrases.protocol(one.row.protocol))
    undecided = len(protocols.get(UNDECIDED, []))
    if undecided == len(found):
        where = {1: "its one test", 2: "both tests"}.get(undecided, f"all {undecided} tests")
        return f"{asked} is undecided in {where}, which does not mean no"
    of = f" of {counted(len(found), 'test')}" if len(found) > 1 else " test"
    decided = [(answer, protocols[state]) for state, answer in ANSWERED.items() if state in protocols]
    said = [
        f"{answer} in {_tests(names, '' if place else of)}" for place, (answer, names) in enumerate(decided)
    ]
    said += [f"left open in {undecided}"] if undecided else []
    return f"{asked} is answered {join(said)}"


def _tally(found: Sequence[Finding]) -> Counter[str]:
    """How often each verdict was given."""
    return Counter(verdict for finding in found for verdict in finding.verdicts.values())


def _counted(found: Sequence[Finding]) -> str:
    """Count the verdicts of all contrasts, as a sentence of its own."""
    verdicts = _tally(found)
    said = "; ".join(filter(None, (_in_numbers(found, verdicts), _undecided(verdicts))))
    return f"{said[0].upper()}{said[1:]}."


def _sentence(found: Sequence[Finding], run: Run) -> str:
    verdicts = _tally(found)
    on = some(_datasets({one.contrast.name for one in found}, run), FEW)
    parts = [f"On {on}, taken as they are, {_decided(found, verdicts)}", _undecided(verdicts)]
    if found[0].of_encoders:
        parts.append("this is about these encoders on new images like these, not about how they were trained")
    return f"{'; '.join(filter(None, parts))}."


def _datasets(names: Collection[str], run: Run) -> list[str]:
    """Datasets that the verdicts of some contrasts rest on, in the order of the configuration."""
    effects = run.contrasts[run.contrasts["contrast"].isin(list(names))]
    crossed = crossed_protocols(effects)
    concepts = {run.config["protocols"][name]["dataset"] for name in crossed}
    return [name for name in run.datasets if name in {*effects["dataset"], *concepts}]


def _undecided(verdicts: Counter[str]) -> str:
    """Count what is undecided; nothing where all is decided."""
    undecided, total = verdicts["undecided"], verdicts.total()
    if not undecided:
        return ""
    if total == 1:
        return "the comparison is undecided, which does not mean equal"
    which = "all" if undecided == total else f"{undecided} of"
    are = "is" if undecided == 1 else "are"
    return f"{which} {total} comparisons {are} undecided, which does not mean equal"


def _decided(found: Sequence[Finding], verdicts: Counter[str]) -> str:
    """Say what was decided: rival by rival while that is short, else in numbers."""
    if len({finding.subject for finding in found}) > 1 or len(found) > FEW:
        return _in_numbers(found, verdicts)
    said = _by_rival(found)
    return said if len(said) <= LONG else _in_numbers(found, verdicts)


def _by_rival(found: Sequence[Finding]) -> str:
    """Say in which tests the one subject was better or worse than each rival, and than all of them."""
    subject, rivals = found[0].subject, _short([one.rival for one in found])
    decided = {
        verdict: [pair for pair in zip(found, rivals, strict=True) if pair[0].protocols(verdict)]
        for verdict in DID
    }
    decided = {verdict: pairs for verdict, pairs in decided.items() if pairs}
    if not decided:
        return f"no test decides between {subject} and {join(rivals, 'or')}"
    tests = counted(len({name for one in found for name in one.verdicts}), "test")
    if len(found) == 1:
        first, *more = decided
        where = _tests(found[0].protocols(first), " test" if tests == "1 test" else f" of {tests}")
        clauses = [f"{DID[first][0]} {rivals[0]} in {where}"]
        clauses += [f"{DID[verdict][1]} in {_tests(found[0].protocols(verdict))}" for verdict in more]
        return f"{subject} did {join(clauses)}"
    clauses = [
        f"{DID[verdict][0]} {join([f'{rival} in {_tests(one.protocols(verdict))}' for one, rival in pairs])}"
        for verdict, pairs in decided.items()
    ]
    won = [name for name in found[0].verdicts if all(one.verdicts.get(name) == "helps" for one in found)]
    others = f"all {len(rivals)} others ({join(rivals)})"
    if not won:
        return f"none of {tests} shows {subject} ahead of {others}: it did {join(clauses)}"
    beaten = _tests(list(map(phrases.protocol, won)), f" of {tests}")
    return f"{subject} did better than {others} in {beaten}: {join(clauses)}"


def _short(rivals: Sequence[str]) -> list[str]:
    """Names of several rivals, without the words that the subject begins with as well."""
    start = "training with "
    several = len(rivals) > 1 and all(name.startswith(start) for name in rivals)
    return [name.removeprefix(start) if several else name for name in rivals]


def _tests(protocols: Sequence[str], of: str = "") -> str:
    """Number of some tests, of how many where that is told, with their names while they are few."""
    return f"{len(protocols)}{of}{f' ({join(protocols)})' if len(protocols) < FEW else ''}"


def _in_numbers(found: Sequence[Finding], verdicts: Counter[str]) -> str:
    """Count the verdicts of many contrasts."""
    about = all(one.contrast.about_language for one in found)
    sides = "them and others" if about else "them and controls"
    said = [
        f"{alone} in {verdicts[verdict]}"
        for verdict, (_, alone) in DID.items()
        if verdicts[verdict] or verdict in TURNED
    ]
    return (
        f"{'encoders trained with captions' if about else 'treatments'} did {join(said)} of "
        f"{counted(verdicts.total(), 'comparison')} between {sides} ({counted(len(found), 'contrast')})"
    )


# What it cannot say


def _limits(found: Sequence[Finding], run: Run) -> list[str]:
    """Three lines: of the verdicts, of the encoders and of the images."""
    return [_of_verdicts(_tally(found)), _of_encoders(found), _of_images(found, run)]


def _of_verdicts(verdicts: Counter[str]) -> str:
    if "undecided" in verdicts:
        return "Undecided is not equal: here a difference can neither be claimed nor ruled out."
    if "equivalent" in verdicts:
        return (
            "As well means within the margin: a smaller difference can be there, and the margin is a choice."
        )
    return (
        "Better or worse does not say by how much: the picture shows how large and how sure each effect is."
    )


def _of_encoders(found: Sequence[Finding]) -> str:
    if found[0].of_encoders:
        return (
            "Why they differ: with one encoder on a side, it can be the training or anything else about it."
        )
    if all(one.contrast.objectives for one in found):
        return (
            "Other encoders: these are as small and as briefly trained as configured; larger ones may differ."
        )
    return "Why they differ: encoders from elsewhere differ in data, size and training time as well."


def _of_images(found: Sequence[Finding], run: Run) -> str:
    datasets = counted(len(_datasets({one.contrast.name for one in found}, run)), "dataset")
    return f"Other images: the verdicts are about {datasets} and not about images of other kinds."
