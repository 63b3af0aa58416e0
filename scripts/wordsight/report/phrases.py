"""Phrases about one effect, which ``answer`` combines into sentences."""

import math
from collections.abc import Sequence

from wordsight.catalogue import display
from wordsight.catalogue.cells import ALL_NEW
from wordsight.catalogue.numbers import alike, estimated, percent, shortest
from wordsight.catalogue.prose import counted, join
from wordsight.report.contrast import Contrast
from wordsight.report.run import Run, place
from wordsight.statistics.records import ContrastRow, Row

# Where


def heading(row: Row) -> str:
    """Protocol and setting as a heading, such as ``Few-shot, 5 shots``."""
    return display.comparison(row.protocol, row.parameter, row.setting, row.metric)


def protocol(name: str) -> str:
    """Name of a protocol inside a sentence."""
    title = display.protocol(name)
    return f"{title[0].lower()}{title[1:]}"


def measured_by(row: ContrastRow) -> str:
    """Protocol and setting inside a sentence, such as ``few-shot with 5 shots``."""
    setting, metric = display.setting(row.parameter, row.setting), display.chosen(row.protocol, row.metric)
    by = f" by {metric}" if metric else ""
    return f"{protocol(row.protocol)}{f' with {setting}' if setting else ''}{by}"


def measured_on(row: ContrastRow) -> str:
    """Number of datasets and images; across styles, the cell and its number of concepts."""
    if row.dataset == ALL_NEW:
        return f"on {place(ALL_NEW)}, {counted(row.n_items, 'concept')}"
    return f"{counted(row.n_datasets, 'dataset')}, {counted(row.n_items, 'image')}"


# How large


def _points(row: ContrastRow) -> list[str]:
    """Effect and the ends of its interval, in points."""
    return alike(row.effect, *(row.interval or ()))


def _with_unit(size: str) -> str:
    return f"{size} point{'' if size.lstrip('−') in ('1', '1.0') else 's'}"


def _signed(row: ContrastRow) -> str:
    """An effect with its direction."""
    return _with_unit(_points(row)[0])


def unsigned(row: ContrastRow) -> str:
    """Size of an effect without its sign."""
    return _with_unit(_points(row)[0].lstrip("−"))


def ends(row: ContrastRow) -> str:
    """Ends of the interval; empty without one."""
    return " to ".join(_points(row)[1:])


def size(row: ContrastRow) -> str:
    """Effect and interval, such as ``20.0 (10.0 to 30.0)``."""
    return _points(row)[0] + (f" ({ends(row)})" if row.interval else "")


def size_in_brackets(row: ContrastRow) -> str:
    """Effect and interval for use inside brackets, such as ``20.0, 10.0 to 30.0``."""
    return ", ".join(filter(None, (_points(row)[0], ends(row))))


def over_datasets(row: ContrastRow) -> str:
    """Interval over datasets like those of the row, which random effects give; empty without one."""
    return " to ".join(alike(*row.over_datasets)) if row.over_datasets else ""


def margin(row: ContrastRow) -> str:
    """The margin in points."""
    return _with_unit(shortest(row.margin))


def margins(rows: Sequence[ContrastRow], run: Run) -> str:
    """The margins of several effects; if they differ, each with its protocols."""
    by_margin: dict[str, list[str]] = {}
    for row in rows:
        radii = in_radii(row.metric, row.margin, run)
        meaning = f" ({radii})" if radii else ""
        by_margin.setdefault(margin(row), []).append(f"{protocol(row.protocol)}{meaning}")
    if len(by_margin) == 1:
        return f"margin {next(iter(by_margin))}"
    each = [f"{size} for {join(list(dict.fromkeys(where)))}" for size, where in by_margin.items()]
    return f"margins {join(each)}"


def in_radii(metric: str, size: float, run: Run) -> str:
    """What a difference in the robust area is in radii of attack; empty for other metrics or a single radius.

    The area is a share of the decades between the smallest and the largest radius.
    """
    if metric != "robust_area":
        return ""
    radii = run.config["protocols"]["robustness"]["epsilons"]
    decades = math.log10(max(radii) / min(radii))
    return f"a factor of {10 ** (size * decades):.2g} in radius" if decades else ""


# From how many


def compared_encoders(row: ContrastRow, contrast: Contrast) -> str:
    """Say how many models each side has, and how they were trained."""
    treatments, controls = row.n_treatments, row.n_controls
    if contrast.objectives:
        one, other = contrast.objectives
        return f"{counted(treatments, 'training run')} of {one} against {controls} of {other}"
    one, other = (side.kind for side in contrast.sides)
    if one == other:
        return f"{counted(treatments, 'treatment')} against {counted(controls, 'control')}"
    untrained = one == "untrained"
    encoders = counted(treatments, "untrained encoder" if untrained else "encoder")
    return f"{encoders}{'' if untrained else f' {one}'} against {controls} {other}"


def _replicate(row: ContrastRow, contrast: Contrast) -> str:
    """What a replicate of an effect is called."""
    return {"matched groups": contrast.matched, "families": "family"}.get(row.replicate, "model")


def replicates(rows: Sequence[ContrastRow], contrast: Contrast) -> str:
    """Say the number of replicates and what counts as one, which can differ between effects."""
    nouns = list(dict.fromkeys(_replicate(row, contrast) for row in rows))
    by_noun = [[row for row in rows if _replicate(row, contrast) == noun] for noun in nouns]
    return join([_replicates(part, noun) for noun, part in zip(nouns, by_noun, strict=True)], "or")


def _replicates(rows: Sequence[ContrastRow], noun: str) -> str:
    numbers = sorted({row.replicates for row in rows})
    several = f"{numbers[0]} to {numbers[-1]} {noun}s" if len(numbers) > 1 else counted(numbers[0], noun)
    if noun != "model":
        return several
    even = all(row.n_treatments == row.n_controls for row in rows)
    return f"{several} on {'each' if even else 'the smaller'} side"


def more_replicates(row: ContrastRow, contrast: Contrast) -> str:
    """Say in short how many more replicates an undecided effect needs; nothing where that is not known."""
    more, noun = row.more_replicates, _replicate(row, contrast).removeprefix("matched ")
    if more is None or more <= 0:
        return ""
    if math.isinf(more):
        return f"more {noun}s would not decide it"
    number = estimated(more)
    sides = "each" if row.n_treatments == row.n_controls else "the smaller"
    side = f" on {sides} side" if noun == "model" else ""
    return f"needs about {number} more {noun}{'' if number == '1' else 's'}{side}"


def _varying(row: ContrastRow) -> str:
    """The sources of variation in an interval when there are too few models."""
    words = {"items": "images", "trials": "trials"}
    return join([words[level] for level in row.resampled.split(", ") if level in words]) or "models"


# What it means


def claim(row: ContrastRow, contrast: Contrast) -> str:
    """State the verdict with effect, interval and replicates; never call undecided equal."""
    if row.reason == "too few models":
        return _too_few(row)
    if row.verdict == "identical":
        return "identical: every observation of both sides is the same, so there is nothing to test"
    if row.interval is None:
        return (
            f"undecided, because the difference is {_signed(row)} in every draw and a test needs variation; "
            "check the features and the metric"
        )
    like_these = f", over datasets like these {over_datasets(row)}" if over_datasets(row) else ""
    around = f"{percent(row.confidence)} interval {ends(row)}{like_these}; {replicates([row], contrast)}"
    if not row.verdict:
        return f"an effect of {_signed(row)} over untrained encoders ({around})"
    if row.verdict == "equivalent":
        return _equivalent(row, around)
    if row.verdict == "undecided":
        why = [_without_correction(row, contrast.run), _needed_to_decide(row, contrast)]
        return "; ".join([f"undecided, with an effect of {_signed(row)} ({around})", *filter(None, why)])
    return f"{row.verdict} by {unsigned(row)} ({around})"


def _too_few(row: ContrastRow) -> str:
    """Say how much these models differ when there are too few for a verdict about training."""
    if row.replicate == "matched groups":
        few = "one matched group"
    else:
        few = "one on one side" if max(row.n_treatments, row.n_controls) > 1 else "one on each side"
    higher = "treatment" if row.effect > 0 else "control"
    differ = (
        f"among these models, the {higher} scores {unsigned(row)} higher"
        if row.effect
        else "these models score the same on average"
    )
    interval = (
        f" ({percent(row.confidence)} interval {ends(row)}, over {_varying(row)} only)"
        if row.interval
        else ""
    )
    known = (
        "" if row.encoders_verdict in ("", "undecided") else f"; of these encoders: {row.encoders_verdict}"
    )
    return f"undecided, with too few models for a verdict about training ({few}); {differ}{interval}{known}"


def _equivalent(row: ContrastRow, around: str) -> str:
    """Say that the sides are equivalent, and whether the effect is significant all the same."""
    p_difference, _ = row.judged_p
    if p_difference is None or p_difference > row.level:
        return f"equivalent within {margin(row)} (effect {_points(row)[0]}, {around})"
    effect = f"a significant but smaller effect of {_signed(row)}"
    return f"equivalent within {margin(row)}, with {effect} ({around})"


def _without_correction(row: ContrastRow, run: Run) -> str:
    """Say what an undecided effect would be without the correction, if not undecided."""
    if row.p_equivalence is not None and row.p_equivalence <= row.level:
        alone = "equivalent"
    elif row.p_value is not None and row.p_value <= row.level:
        alone = "significant"
    else:
        return ""
    size = family_size(row.family, run)
    return f"{alone} before, but not after, correction for {counted(size, 'comparison')}"


def _needed_to_decide(row: ContrastRow, contrast: Contrast) -> str:
    """Say how many more replicates an undecided effect needs, or that more would not help."""
    needed = more_replicates(row, contrast)
    if not needed:
        return ""
    if math.isinf(row.more_replicates or 0):
        return f"{needed}, because the test images limit the precision"
    return f"{needed} to detect a difference of {margin(row)}"


def family_size(family: str, run: Run) -> int:
    """Number of comparisons that are corrected together, which are those with a test."""
    rows = run.contrasts[run.contrasts["family"] == family]
    return int(rows["comparisons"].max()) if len(rows) else 0


# Reasons to doubt it


def flags(row: ContrastRow) -> list[str]:
    """Findings of the audit about an effect, in plain words."""
    return list(map(display.flag, display.flags(row.flags)))


def flagged(rows: Sequence[ContrastRow]) -> str:
    """List the flags of several effects with their protocols; empty without flags."""
    places: dict[str, list[str]] = {}
    for row in rows:
        for flag in flags(row):
            places.setdefault(flag, []).append(measured_by(row))
    said = [f"{flag} ({'all' if len(found) == len(rows) else join(found)})" for flag, found in places.items()]
    return f"flagged: {'; '.join(said)}" if said else ""
