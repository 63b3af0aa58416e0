"""What speaks against believing a result: failed self-checks, leaks, comparisons of more than was asked.

What the audit found of single comparisons stands beside their verdicts as flags; here it stands once for the
run, with where it was found and what it means.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.cells import CELLS, crossed_protocols
from wordsight.catalogue.prose import counted, join
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.report.run import Run, place
from wordsight.statistics.comparison import Comparison
from wordsight.statistics.confounding import differences
from wordsight.statistics.effects import ENOUGH_REPLICATES
from wordsight.statistics.self_checks import HOPELESS_RADIUS

FEW_IMAGES = 100
NAMED = 6  # places that a caution names before it counts the rest

# Self-checks of the attack (Croce and Hein 2020, https://arxiv.org/abs/2003.01690), with what each means.
ATTACK_CHECKS = {
    "zero_gradient": "The gradient of some images is zero everywhere, so the attack had nothing to follow",
    "randomised": "Two passes over the same images differ, so the attack followed noise",
    "softmax_outputs": "The scores are probabilities, whose gradients vanish where the network is sure",
}

# Flags of comparisons that no other caution tells of, with what each means.
MEANINGS = {
    "ceiling": "Near the highest possible score, encoders cannot differ by much, whatever they know",
    "floor": "Near guessing, encoders cannot differ by much: an undecided or equivalent verdict tells little",
    "flips without one model": "The verdict rests on single training runs or encoders",
    "flips without one dataset": "The verdict rests on single datasets",
    "modes disagree": "The choice of the procedure decides the verdict, not the encoders alone",
}


@dataclass(frozen=True)
class Caution:
    """A warning that the report shows beside the answer."""

    title: str
    text: str


def cautions(run: Run) -> list[Caution]:
    """Every warning that the run gives reason for, the gravest first."""
    checks: list[Callable[[Run], list[Caution]]] = [
        _did_not_learn,
        _hindered_attacks,
        _unbroken,
        _unconverged,
        _exact_twins,
        _near_twins,
        _unknown,
        _constant,
        _flagged,
        _confounded,
        _left_out,
        _partly_measured,
        _too_few,
        _few_seeds,
        _few_images,
    ]
    return [caution for check in checks for caution in check(run)]


def _did_not_learn(run: Run) -> list[Caution]:
    """Training runs whose own measure ended where an encoder is that knows nothing."""
    failed = {
        objective: [card for card in cards if card["training"]["learned"] is False]
        for objective, cards in run.trained().items()
    }
    text = [
        f"{display.group(objective)} in {len(cards)} of {counted(len(run.trained()[objective]), 'run')} "
        f"({_reached(cards)})"
        for objective, cards in failed.items()
        if cards
    ]
    if not text:
        return []
    meaning = "What these encoders score says nothing of their objective, only of this training of it"
    return [Caution("Training that did not learn", f"Did not learn: {join(text)}. {meaning}.")]


def _reached(cards: list[dict[str, Any]]) -> str:
    """Seeds of some runs of one objective, what each reached in its measure, and what guessing reaches."""
    runs = [card["training"] for card in cards]
    seeds = f"{'seed' if len(runs) == 1 else 'seeds'} {join([str(run['seed']) for run in runs])}"
    values = join([f"{100 * run['measured']:.1f}%" for run in runs])
    return f"{seeds}; {runs[0]['measure']}: {values}, chance {100 * runs[0]['chance']:.1f}%"


def _few_seeds(run: Run) -> list[Caution]:
    runs = {display.group(objective): len(cards) for objective, cards in run.trained().items()}
    few = {name: count for name, count in runs.items() if count < ENOUGH_REPLICATES}
    if not few:
        return []
    by_count = [
        f"{counted(count, 'run')} of {join([name for name in few if few[name] == count])}"
        for count in sorted(set(few.values()))
    ]
    alike = len(few) == len(runs) and len(by_count) == 1
    what = f"{counted(min(few.values()), 'run')} of every objective" if alike else "; ".join(by_count)
    text = (
        f"{what}: so few cannot show whether they vary as an interval assumes. Verdicts that rest on them "
        "are flagged."
    )
    return [Caution("Fewer than five training runs", text)]


def _hindered_attacks(run: Run) -> list[Caution]:
    found = []
    for metric, meaning in ATTACK_CHECKS.items():
        rows = _metric(run, metric)
        rows = rows[rows["value"] > 0]
        if len(rows):
            text = f"{meaning}: the robustness shown is too good. Seen for {_places(rows, share=True)}."
            found.append(Caution(f"Attack self-check failed: {display.metric(metric)}", text))
    return found


def _unbroken(run: Run) -> list[Caution]:
    rows = _metric(run, "unbroken_at_largest")
    rows = rows[rows["value"] > 0]
    if rows.empty:
        return []
    radius = max(run.config["protocols"]["robustness"]["epsilons"])
    meaning = (
        "where no classifier can resist, so that the attack failed and the robustness shown is too good"
        if radius >= HOPELESS_RADIUS
        else "so that the curve ends above zero and the area lacks what lies beyond"
    )
    text = f"Some are still right at the largest radius, {radius:g}, {meaning}: {_places(rows, share=True)}."
    return [Caution("Attack self-check failed: images unbroken at the largest radius", text)]


def _unconverged(run: Run) -> list[Caution]:
    rows = _metric(run, "converged")
    rows = rows[rows["value"] < 1]
    if rows.empty:
        return []
    text = f"The fit stopped at its limit of iterations for {_places(rows)}: its accuracy may be too low."
    return [Caution("Linear classifiers that did not converge", text)]


def _exact_twins(run: Run) -> list[Caution]:
    text = _twins(run, "exact")
    return (
        [Caution("Test images that are also in training", f"Equal pixel by pixel: {text}.")] if text else []
    )


def _near_twins(run: Run) -> list[Caution]:
    text = _twins(run, "near")
    if not text:
        return []
    meaning = (
        "Their perceptual hashes differ in few bits from that of a training image. The hash ignores colour "
        "and fine detail: on digits and drawings it counts too many, on crops too few."
    )
    return [Caution("Test images with a near twin in training", f"{text}. {meaning}")]


def _twins(run: Run, kind: str) -> str:
    counts = {name: card["duplicates"][kind] for name, card in run.datasets.items()}
    return join(
        [
            f"{name} {count:,} of {run.datasets[name]['splits']['test']['items']:,}"
            for name, count in counts.items()
            if count
        ]
    )


def _unknown(run: Run) -> list[Caution]:
    """Measurements without a value where one belongs."""
    rows = run.results[run.results["value"].isna()]
    if rows.empty:
        return []
    return [
        Caution("Measurements without a value", f"Not a number: {_places(rows)}. Nothing is made of them.")
    ]


def _constant(run: Run) -> list[Caution]:
    """Comparisons in which nothing varies, as with identical features or a metric that is constant."""
    found = _judged_where(run, run.contrasts["reason"] == "constant")
    if not found:
        return []
    text = (
        f"Every draw gives the same difference: {_listed(found)}. Identical features or a metric that cannot "
        "vary do that; there is no verdict."
    )
    return [Caution("Comparisons in which nothing varies", text)]


def _flagged(run: Run) -> list[Caution]:
    """What the audit found of comparisons and no other caution tells."""
    names = run.contrasts["flags"].map(display.flags)
    found = {
        flag: _judged_where(run, pd.Series([flag in flags for flags in names], run.contrasts.index))
        for flag in MEANINGS
    }
    return [
        Caution(f"Flagged: {display.flag(flag)}", f"{MEANINGS[flag]}. Seen for {_listed(places)}.")
        for flag, places in found.items()
        if places
    ]


def _judged_where(run: Run, chosen: pd.Series) -> dict[str, list[str]]:
    """Protocols of the decisive comparisons among some rows, by contrast."""
    found: dict[str, list[str]] = {}
    for row in run.contrasts[chosen & (run.contrasts["family"] != "")].to_dict("records"):
        found.setdefault(row["contrast"], []).append(display.protocol(row["protocol"]))
    return found


def _listed(places: dict[str, list[str]]) -> str:
    """Name the first contrasts with their protocols, and count the others."""
    named = [f"{contrast} ({', '.join(protocols)})" for contrast, protocols in list(places.items())[:NAMED]]
    rest = [f"{counted(len(places) - NAMED, 'more contrast')}"] if len(places) > NAMED else []
    return join([*named, *rest])


def _too_few(run: Run) -> list[Caution]:
    """Contrasts that have one model on a side or one matched group."""
    found = _judged_where(run, run.contrasts["reason"] == "too few models")
    if not found:
        return []
    text = (
        "One model on a side, or one matched group, cannot tell a kind of training from one encoder: there "
        "is no verdict, only what these models score."
    )
    return [Caution(f"{_contrasts(list(found), run)}: too few models for a verdict", text)]


def _confounded(run: Run) -> list[Caution]:
    flags = ["confounded" in display.flags(found) for found in run.contrasts["flags"]]
    flagged = set(run.contrasts.loc[flags, "contrast"])
    found = {comparison.name: _differences(comparison, run) for comparison in run.comparisons}
    return [
        Caution(
            f"Contrast {name}: the sides differ in more than what is asked",
            f"They also differ in {text}."
            if text
            else "Its sides go together with another trait of the encoders, so that either may be the cause.",
        )
        for name, text in found.items()
        if text or name in flagged
    ]


def _differences(comparison: Comparison, run: Run) -> str:
    """Traits on which two trained sides differ, apart from the kind of training.

    Sides that are matched by a trait have the same values of it, and so have the workflow's own encoders.
    """
    return join(differences([run.models[name] for name in side] for side in comparison.sides))


def _left_out(run: Run) -> list[Caution]:
    """Datasets that a protocol ran on and some contrasts could not use, once for all that lack the same."""
    lacking: dict[str, list[str]] = {}
    for comparison in run.comparisons:
        missing = _not_compared(comparison.name, run)
        if missing:
            lacking.setdefault(join(missing), []).append(comparison.name)
    return [
        Caution(
            f"{_contrasts(names, run)}: not compared everywhere",
            f"No treatment and control were both measured for {where}: the verdicts leave it out.",
        )
        for where, names in lacking.items()
    ]


def _partly_measured(run: Run) -> list[Caution]:
    """Comparisons that lack some of their pairs of models."""
    pairs = {comparison.name: len(comparison.pairs) for comparison in run.comparisons}
    lacking = [
        f"{row['contrast']} on {display.protocol(row['protocol'])} "
        f"({row['n_pairs']} of {pairs[row['contrast']]})"
        for row in run.contrasts[run.contrasts["family"] != ""].to_dict("records")
        if row["n_pairs"] < pairs.get(row["contrast"], 0)
    ]
    if not lacking:
        return []
    rest = [f"{len(lacking) - NAMED} more"] if len(lacking) > NAMED else []
    text = (
        f"Some models were not measured, and verdicts rest on the others: {join([*lacking[:NAMED], *rest])}."
    )
    return [Caution("Comparisons that lack pairs of models", text)]


def _contrasts(names: list[str], run: Run) -> str:
    """Name contrasts, or count them where they are all or many."""
    if len(names) == 1:
        return f"Contrast {names[0]}"
    if len(names) == len(run.comparisons):
        return f"All {len(names)} contrasts"
    rest = [f"{len(names) - NAMED} more"] if len(names) > NAMED else []
    return f"Contrasts {join([*names[:NAMED], *rest])}"


def _not_compared(contrast: str, run: Run) -> list[str]:
    used = run.contrasts[run.contrasts["contrast"] == contrast]
    missing = []
    for protocol in run.modes():
        there = set(run.results.loc[run.results["protocol"] == protocol, "dataset"])
        compared = set(used.loc[used["protocol"] == protocol, "dataset"])
        crossed = bool(there & set(CELLS))
        if crossed and there - compared:
            missing.append(display.protocol(protocol))
        missing += [
            f"{display.protocol(protocol)} on {name}" for name in run.datasets if name in there - compared
        ]
    return missing


def _few_images(run: Run) -> list[Caution]:
    rows = run.results
    primary = rows[
        (rows["metric"] == rows["protocol"].map(lambda name: PROTOCOLS[name].primary))
        & (rows["unit"] == "items")
    ]
    fewest = primary.groupby("protocol")["n"].min()
    crossed = crossed_protocols(primary)
    small = [
        f"{display.protocol(name)} ({counted(fewest[name], 'concept' if name in crossed else 'image')})"
        for name in run.modes()
        if name in fewest and fewest[name] < FEW_IMAGES
    ]
    if not small:
        return []
    return [Caution("Few test images", f"Fewer than {FEW_IMAGES} on the smallest dataset: {join(small)}.")]


def _metric(run: Run, metric: str) -> pd.DataFrame:
    return run.results[run.results["metric"] == metric]


def _places(rows: pd.DataFrame, *, share: bool = False) -> str:
    """Name the models and datasets of the first rows, with their values if asked, and count the others."""
    named = [
        f"{row['model']} on {place(row['dataset'])}" + (f" ({row['value']:.0%})" if share else "")
        for row in rows.head(NAMED).to_dict("records")
    ]
    rest = [f"{len(rows) - NAMED} more"] if len(rows) > NAMED else []
    return join([*named, *rest])
