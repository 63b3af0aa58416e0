"""Reasons to doubt results: failed self-checks, leaks, sides that differ in more than their training.

The report shows findings of the audit as flags next to each verdict; here each finding is explained once for
the whole run, with all its places.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.cells import CELLS, crossed_protocols
from wordsight.catalogue.numbers import percent
from wordsight.catalogue.prose import counted, join, some
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.models.card import TrainingCard
from wordsight.report.run import Run, place
from wordsight.statistics.comparison import Comparison
from wordsight.statistics.confounding import differences, unstated
from wordsight.statistics.effect_row import ENOUGH_REPLICATES
from wordsight.statistics.records import ContrastRow
from wordsight.statistics.self_checks import ATTACK_CHECKS, HOPELESS_RADIUS

FEW_IMAGES = 100
NAMED = 6  # a caution names this many places and counts the rest

# Self-checks of the attack (Croce and Hein 2020, https://arxiv.org/abs/2003.01690): what failed and what it
# means.
ATTACK_WORDS = {
    "zero_gradient": (
        "zero gradients",
        "For some images the gradient is zero everywhere, so the attack had nothing to follow",
    ),
    "training_mode": (
        "training mode",
        "The scores of an image depend on the others in its batch, as in a network in training mode",
    ),
    "randomised": (
        "scores that vary",
        "Two passes over the same images give different scores, so the attack followed noise",
    ),
    "softmax_outputs": (
        "probabilities as scores",
        "The attacked scores are probabilities, and their gradients vanish where the network is confident",
    ),
    "not_monotone": (
        "broken at a smaller radius",
        "Some images resist the attack at one radius and break at a smaller one, so all were tried",
    ),
    "rising": (
        "resisting at a larger radius",
        "Some images break at one radius and resist the attack at a larger one, so it misses what is there",
    ),
    "late": (
        "too few steps",
        "Some images break only after more than half of the steps, so more `steps` may break more",
    ),
    "another_start": (
        "another start breaks more",
        "From another random start, the attack breaks images that it didn't, so more `steps` may break more",
    ),
    "black_box": (
        "broken without gradients",
        "An attack that needs no gradients breaks images that resist the one with gradients",
    ),
    "targeted_is_stronger": (
        "broken by a targeted attack alone",
        "A targeted attack breaks images that resist the untargeted one, which misses what is there",
    ),
    "minimum_norm_is_stronger": (
        "broken by a smaller change",
        "The minimum-norm attack breaks images by smaller changes than those that the attack couldn't use",
    ),
}
TOO_GOOD = "The measured robustness is too high"

# Meaning of the flags of comparisons that no other caution explains.
MEANINGS = {
    "ceiling": "Near the highest possible score, encoders cannot differ much, whatever they learned",
    "floor": (
        "Near guessing, encoders cannot differ much, so an undecided or equivalent verdict says little"
    ),
    "flips without one model": "The verdict depends on a single training run or encoder",
    "flips without one dataset": "The verdict depends on a single dataset",
    "flips elsewhere": "The verdict depends on where in a network features are read",
    "modes disagree": (
        "In paper mode the effect has the opposite sign, so the verdict depends on how the protocol is run"
    ),
}


@dataclass(frozen=True)
class Caution:
    """A warning of the report."""

    title: str
    text: str


def cautions(run: Run) -> list[Caution]:
    """All warnings about the run, the most serious first."""
    checks: list[Callable[[Run], list[Caution]]] = [
        _did_not_learn,
        _collapsed,
        _no_better_than_guessing,
        _hindered_attacks,
        _unbroken,
        _unconverged,
        _damaged,
        _exact_twins,
        _near_twins,
        _unbalanced,
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
    """Training runs that did not get better at their own objective."""
    said = []
    for objective, models in run.trained().items():
        failed = [training for _, training in models if training.learned is False]
        if failed:
            runs = counted(len(models), "run")
            said.append(f"{display.group(objective)} in {len(failed)} of {runs} ({_reached(failed)})")
    if not said:
        return []
    meaning = "Their scores say nothing about the objective, only about these training runs"
    return [Caution("Training runs that did not learn", f"Did not learn: {join(said)}. {meaning}.")]


def _reached(trainings: Sequence[TrainingCard]) -> str:
    """Seeds of some runs of one objective, the value of the measure that each reached, and chance."""
    seeds = f"{'seed' if len(trainings) == 1 else 'seeds'} {join([str(one.seed) for one in trainings])}"
    values = join([percent(one.measured, 1) for one in trainings])
    return f"{seeds}; {trainings[0].measure}: {values}, chance {percent(trainings[0].chance, 1)}"


def _collapsed(run: Run) -> list[Caution]:
    """Training runs that score far below the others of their objective, with the protocols that show it."""
    found: dict[str, list[str]] = {}
    for row in run.deciding():
        for name in filter(None, row.collapsed.split("; ")):
            found.setdefault(name, []).append(display.protocol(row.protocol))
    if not found:
        return []
    named = [
        f"{name} is far below the other seeds of {run.shown(name)} ({', '.join(dict.fromkeys(protocols))})"
        for name, protocols in found.items()
    ]
    text = (
        f"{some(named, NAMED)}. Seeds rarely differ so much by chance, and one such seed can make or hide "
        "a verdict. Look at its learning curve, or train more seeds."
    )
    runs = "A training run" if len(found) == 1 else "Training runs"
    return [Caution(f"{runs} that collapsed: {some(list(found), NAMED)}", text)]


def _few_seeds(run: Run) -> list[Caution]:
    runs = {display.group(objective): len(models) for objective, models in run.trained().items()}
    few = {name: number for name, number in runs.items() if number < ENOUGH_REPLICATES}
    if not few:
        return []
    by_number = [
        f"{counted(number, 'run')} of {join([name for name in few if few[name] == number])}"
        for number in sorted(set(few.values()))
    ]
    all_alike = len(few) == len(runs) and len(by_number) == 1
    what = f"{counted(min(few.values()), 'run')} of every objective" if all_alike else "; ".join(by_number)
    text = (
        f"{what}. Intervals assume that runs are normally distributed, which so few cannot show. "
        "Verdicts that depend on them are flagged."
    )
    return [Caution("Fewer than five training runs", text)]


def _no_better_than_guessing(run: Run) -> list[Caution]:
    """Attacked classifiers that are wrong without an attack, as where labels are in another order."""
    rows = run.results[run.results["protocol"] == "robustness"]
    rows = rows[(rows["metric"] == "accuracy") & (rows["setting"] == 0)]
    guessing = rows["dataset"].map({name: card.guessing for name, card in run.datasets.items()})
    rows = rows[rows["value"] <= guessing.astype(float)]
    if rows.empty:
        return []
    text = (
        "Without an attack, these classifiers do no better than always naming the most frequent class, so "
        "their robustness says nothing. If it is a network's own classifier, its classes may have another "
        "order than the dataset's, or its preprocessing may be wrong (see `make check-model`). If it is one "
        "by class names, other names or another `template` of the text model may help. "
        f"Affected: {_places(rows, share=True)}."
    )
    return [Caution("Attacked classifiers that guess", text)]


def _hindered_attacks(run: Run) -> list[Caution]:
    found = []
    for metric, (name, meaning) in ATTACK_WORDS.items():
        rows = _metric(run, metric)
        rows = rows[rows["value"] > ATTACK_CHECKS[metric]]
        if len(rows):
            text = f"{meaning}. {TOO_GOOD}. Affected: {_places(rows, share=True)}."
            found.append(Caution(f"Attack self-check failed: {name}", text))
    return found


def _unbroken(run: Run) -> list[Caution]:
    rows = _metric(run, "unbroken_at_largest")
    rows = rows[rows["value"] > 0]
    if rows.empty:
        return []
    radius = max(run.config["protocols"]["robustness"]["epsilons"])
    meaning = (
        f"No classifier can withstand such changes, so the attack failed. {TOO_GOOD}."
        if radius >= HOPELESS_RADIUS
        else "So the curve ends above zero, and the area under it leaves out larger radii."
    )
    text = f"At the largest radius, {radius:g}, some images are still classified correctly. {meaning} "
    text += f"Affected: {_places(rows, share=True)}."
    return [Caution("Attack self-check failed: images unbroken at the largest radius", text)]


def _unconverged(run: Run) -> list[Caution]:
    rows = _metric(run, "converged")
    rows = rows[rows["value"] < 1]
    if rows.empty:
        return []
    text = f"The fit reached its limit of iterations for {_places(rows)}. The accuracy may be too low."
    return [Caution("Linear classifiers that did not converge", text)]


def _damaged(run: Run) -> list[Caution]:
    """Images that were left out, because they can't be read."""
    found = [
        f"{card.name} {len(split.damaged):,} of {split.items + len(split.damaged):,} {words} images "
        f"({some(split.damaged, NAMED)})"
        for card in run.datasets.values()
        for words, split in (("training", card.splits.train), ("test", card.splits.test))
        if split.damaged
    ]
    if not found:
        return []
    text = (
        f"They can't be read, and `skip_damaged` allows leaving them out, for every encoder: {join(found)}."
    )
    return [Caution("Damaged images were left out", text)]


def _exact_twins(run: Run) -> list[Caution]:
    text = _twins(run, "exact")
    return [Caution("Test images that are also in training", f"Identical pixels: {text}.")] if text else []


def _near_twins(run: Run) -> list[Caution]:
    text = _twins(run, "near")
    if not text:
        return []
    meaning = (
        "A near twin has almost the same perceptual hash as a training image. The hash ignores colour and "
        "fine detail, so it finds too many twins among digits and drawings, and too few among crops."
    )
    return [Caution("Test images with a near twin in training", f"{text}. {meaning}")]


def _twins(run: Run, kind: str) -> str:
    counts = [(card, getattr(card.duplicates, kind)) for card in run.datasets.values()]
    return join([f"{card.name} {count:,} of {card.splits.test.items:,}" for card, count in counts if count])


def _unbalanced(run: Run) -> list[Caution]:
    """Datasets on which naming a frequent class scores well, and what their protocols say of rare classes."""
    protocols = [name for name in run.modes() if "balanced_accuracy" in PROTOCOLS[name].metrics]
    covered = run.results[run.results["protocol"].isin(protocols)]
    found = [
        f"{card.name} ({percent(card.guessing)} of the test images are of one class of {card.tested_classes})"
        for name, card in run.datasets.items()
        if card.unbalanced and name in set(covered["dataset"])
    ]
    if not found:
        return []
    text = (
        f"{join(found)}. Accuracy counts images, so it says little of rare classes. Balanced accuracy, the "
        "mean recall of the classes, counts each class the same; a contrast compares it with `metrics`, and "
        "recall.csv has every class."
    )
    return [Caution("Classes of unequal size", text)]


def _unknown(run: Run) -> list[Caution]:
    """Measurements without a value."""
    rows = run.results[run.results["value"].isna()]
    if rows.empty:
        return []
    return [Caution("Measurements without a value", f"Not a number and therefore left out: {_places(rows)}.")]


def _constant(run: Run) -> list[Caution]:
    """Comparisons in which nothing varies, because of identical features or a constant metric."""
    found = _by_contrast(row for row in run.deciding() if row.reason == "constant")
    if not found:
        return []
    text = (
        f"Every draw gives the same difference: {_listed(found)}. The cause is identical features or a "
        "constant metric. There is no verdict."
    )
    return [Caution("Comparisons in which nothing varies", text)]


def _flagged(run: Run) -> list[Caution]:
    """Findings of the audit that no other caution explains."""
    rows = run.deciding()
    found = {flag: _by_contrast(row for row in rows if flag in display.flags(row.flags)) for flag in MEANINGS}
    return [
        Caution(f"Flagged: {display.flag(flag)}", f"{MEANINGS[flag]}. Affected: {_listed(places)}.")
        for flag, places in found.items()
        if places
    ]


def _by_contrast(rows: Iterable[ContrastRow]) -> dict[str, list[str]]:
    """Protocols of the effects, by contrast."""
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.contrast, []).append(display.protocol(row.protocol))
    return found


def _listed(places: dict[str, list[str]]) -> str:
    """Name the first contrasts with their protocols, and count the others."""
    named = [f"{contrast} ({', '.join(protocols)})" for contrast, protocols in places.items()]
    return some(named, NAMED, "more contrasts" if len(named) > NAMED + 1 else "more contrast")


def _too_few(run: Run) -> list[Caution]:
    """Contrasts with only one model on a side or one matched group."""
    found = _by_contrast(row for row in run.deciding() if row.reason == "too few models")
    if not found:
        return []
    text = (
        "With one model on a side, or one matched group, an effect of training cannot be told from a "
        "peculiarity of that one encoder. So there is no verdict, only the scores of these models."
    )
    return [Caution(f"{_contrasts(list(found), run)}: too few models for a verdict", text)]


def _confounded(run: Run) -> list[Caution]:
    """What else sets the sides of a contrast apart. Encoders that the workflow trained share all traits."""
    found = []
    for comparison in run.comparisons:
        if differ := differences(comparison, run.models):
            said = (
                f"Besides the kind of training, they differ in {join(differ)}, which may cause the effect "
                "instead."
            )
            unknown = unstated(comparison, run.models)
            more = f" Not stated of all encoders: {join(unknown)}." if unknown else ""
            title = f"Contrast {comparison.name}: the sides also differ in other ways"
            found.append(Caution(title, said + more))
    return found


def _left_out(run: Run) -> list[Caution]:
    """Datasets of a protocol that a contrast could not use; one caution for all contrasts with equal gaps."""
    by_gap: dict[str, list[str]] = {}
    for comparison in run.comparisons:
        missing = _not_compared(comparison.name, run)
        if missing:
            by_gap.setdefault(join(missing), []).append(comparison.name)
    return [
        Caution(
            f"{_contrasts(names, run)}: not compared everywhere",
            f"Left out of the verdicts, because not measured on both sides: {where}.",
        )
        for where, names in by_gap.items()
    ]


def _partly_measured(run: Run) -> list[Caution]:
    """Comparisons in which some pairs of models are missing."""
    comparisons = {comparison.name: comparison for comparison in run.comparisons}
    partly = [
        f"{row.contrast} on {display.protocol(row.protocol)} ({row.n_pairs} of {pairs})"
        for row in run.deciding()
        if row.contrast in comparisons
        for pairs in [_pairs(row, comparisons[row.contrast])]
        if row.n_pairs < pairs
    ]
    if not partly:
        return []
    text = f"Some models were not measured. Pairs that remain: {some(partly, NAMED)}."
    return [Caution("Comparisons with missing pairs of models", text)]


def _pairs(row: ContrastRow, comparison: Comparison) -> int:
    """Pairs of models that an effect could be measured on; seeds are matched only where that pays."""
    matched = comparison.by_seed() if row.replicate == "matched groups" else None
    return len((matched or comparison).pairs)


def _contrasts(names: list[str], run: Run) -> str:
    """Name contrasts; all of them are only counted, and of many only the first are named."""
    if len(names) == 1:
        return f"Contrast {names[0]}"
    if len(names) == len(run.comparisons):
        return f"All {len(names)} contrasts"
    return f"Contrasts {some(names, NAMED)}"


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
    """Name the models and datasets of the first rows and count the rest; ``share`` adds their values."""
    named = [
        f"{model} on {place(dataset)}" + (f" ({percent(value)})" if share else "")
        for model, dataset, value in zip(rows["model"], rows["dataset"], rows["value"], strict=True)
    ]
    return some(list(dict.fromkeys(named)), NAMED)
