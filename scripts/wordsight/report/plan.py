"""A plan in plain lines: what each comparison that is undecided needs, what that costs, and what to run."""

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from wordsight.catalogue import display
from wordsight.catalogue.numbers import estimated, percent
from wordsight.catalogue.prose import counted, join
from wordsight.report.phrases import protocol
from wordsight.statistics.records import PlanRow

SHOWN = 8  # comparisons that are listed; the table has all of them
WIDTH = 100  # letters of a line
PEEKING = (
    "Adding seeds after a look at the verdicts makes wrong ones more likely. With statistics.looks, declared "
    "before the first run, it doesn't."
)


@dataclass(frozen=True)
class Step:
    """A number of seeds that one could choose.

    Attributes
    ----------
    enough : comparisons, of those that are undecided, for which it is enough
    seconds : wall time on this machine of what is new; NaN if not known
    gpu_seconds : of it on GPUs, all of them together; NaN if not known
    """

    seeds: int
    enough: int
    seconds: float
    gpu_seconds: float


@dataclass(frozen=True)
class Proposal:
    """What to run next.

    Attributes
    ----------
    rows : what the comparisons need that decide the question and are undecided
    steps : numbers of seeds with what they bring and cost; empty where no seeds can be added
    seeds : the number that is proposed; 0 for none
    objectives : those that get more seeds
    images : keys of the configuration with their present and their new number of images
    used_up : datasets of which more images are needed, and of which all are in use
    looks : numbers of seeds at which verdicts are given
    gpus : GPUs of this machine in words; empty if there is none
    path : file of the configuration; empty if there is none
    """

    rows: list[PlanRow]
    steps: list[Step]
    seeds: int
    objectives: list[str]
    images: dict[str, tuple[int, int]] = field(default_factory=dict)
    used_up: list[str] = field(default_factory=list)
    looks: list[int] = field(default_factory=list)
    gpus: str = ""
    path: str = ""


def text(proposal: Proposal, every: Sequence[PlanRow], power: float, table: str) -> str:
    """The plan for a terminal, in at most 25 lines.

    Parameters
    ----------
    every : what all comparisons need, decided or not
    power : that is aimed at
    table : path of the table of all comparisons
    """
    return "\n".join([*_needs(proposal, every, power, table), *_costs(proposal), *_next(proposal), ""])


def _needs(proposal: Proposal, every: Sequence[PlanRow], power: float, table: str) -> Iterator[str]:
    undecided = sum(row.verdict == "undecided" for row in every)
    yield f"{len(every) - undecided} of {counted(len(every), 'comparison')} decided."
    if not proposal.rows:
        yield "Nothing is undecided, so nothing needs more seeds." if not undecided else f"See {table}."
        return
    what = "Seeds" if proposal.objectives else "Encoders"
    yield from textwrap.wrap(
        f"{what} on each side that are enough to decide the others with a power of {percent(power)}, "
        "whether there is no difference or one as large as the margin "
        f"({percent(proposal.rows[0].confidence)} interval):",
        WIDTH,
    )
    shown = proposal.rows[:SHOWN]
    names = [row.contrast for row in shown]
    places = [f"{protocol(row.protocol)}{_setting(row)}" for row in shown]
    for row, name, place in zip(shown, names, places, strict=True):
        yield f"  {name:{max(map(len, names))}}  {place:{max(map(len, places))}}  {need(row)}"
    more = undecided - len(shown)
    yield f"  {f'and {more} more' if more else 'All comparisons are'} in {table}"


def _setting(row: PlanRow) -> str:
    words = display.setting(row.parameter, row.setting)
    return f", {words}" if words else ""


def need(row: PlanRow) -> str:
    """What a comparison needs, and what it has, in a few words."""
    now = f"now {row.replicates}"
    if row.needed is None:
        return f"not known from one replicate on a side, {now}"
    images = f" and {estimated(row.images or 0)} images (now {row.n_clusters:,})" if _more_images(row) else ""
    if math.isinf(row.needed):
        return f"no number is enough, {now}"
    if row.needed <= row.replicates and not images:
        return f"enough, {now}: the effect may lie between none and the margin"
    around = f" ({_ends(row)})" if row.needed_low is not None and row.needed_high is not None else ""
    return f"{estimated(row.needed)}{around}{images}, {now}"


def _ends(row: PlanRow) -> str:
    ends = [value for value in (row.needed_low, row.needed_high) if value is not None]
    return " to ".join("any number" if math.isinf(end) else estimated(end) for end in ends)


def _more_images(row: PlanRow) -> bool:
    return row.images is not None and row.images > row.n_clusters


def _costs(proposal: Proposal) -> Iterator[str]:
    if not proposal.steps:
        return
    total = len(proposal.rows)
    number = counted(len(proposal.objectives), "objective")
    yield f"Seeds of each of {number}, and the cost of those that are new:"
    for step in proposal.steps:
        mark = "  <- proposed" if step.seeds == proposal.seeds else ""
        cost = f"{duration(step.seconds)} on this machine{_on_gpus(step, proposal)}"
        yield f"  {step.seeds:>4}  enough for {step.enough} of {total}  {cost}{mark}"
    if not proposal.gpus and not any(step.gpu_seconds > 0 for step in proposal.steps):
        yield "  GPU hours: none, as the run used no GPU."


def _on_gpus(step: Step, proposal: Proposal) -> str:
    if math.isnan(step.gpu_seconds) or not step.gpu_seconds:
        return ""
    return f", {step.gpu_seconds / 3600:.2g} GPU hours"


def duration(seconds: float) -> str:
    """Write a time in minutes, or say that it isn't known.

    >>> duration(150.0), duration(float("nan"))
    ('3 min', 'unknown time')
    """
    return "unknown time" if math.isnan(seconds) else f"{max(math.ceil(seconds / 60), 1):,} min"


def _next(proposal: Proposal) -> Iterator[str]:
    if proposal.images:
        changes = [f"{key} from {now:,} to {then:,}" for key, (now, then) in proposal.images.items()]
        yield from textwrap.wrap(f"More images: {join(changes)}.", WIDTH, break_on_hyphens=False)
    if proposal.used_up:
        yield from textwrap.wrap(
            f"More images are needed, but all test images of {join(proposal.used_up)} are in use.", WIDTH
        )
    if proposal.path:
        yield f"To run it: make report CONFIG={proposal.path}"
    if proposal.looks:
        yield f"Looks are declared at {join(list(map(str, proposal.looks)))} seeds."
    elif proposal.seeds:
        yield from textwrap.wrap(PEEKING, WIDTH)
