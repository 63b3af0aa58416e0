"""One row of the contrasts: effect, intervals, tests and counts over one dataset or several.

What becomes of them together is decided in :mod:`wordsight.statistics.judging`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from wordsight.catalogue.cells import CELLS
from wordsight.config.statistics import StatisticsSection
from wordsight.statistics import bootstrap, moderation, verdicts
from wordsight.statistics.components import Estimate, Part, estimate, fixed_models, means_over, side_means
from wordsight.statistics.judging import TOO_FEW, Found
from wordsight.statistics.paired_effects import LEVELS, Effect, Material
from wordsight.statistics.peers import Cards
from wordsight.statistics.planning import designed
from wordsight.statistics.random_effects import over_datasets
from wordsight.statistics.units import sides

# With fewer, an interval assumes a normal distribution that so few values can't show.
ENOUGH_REPLICATES = 5
UNKNOWN_GAIN = 3.0  # smallest margins that make one where no untrained encoder tells the gain


def holds_for(replicates: int) -> str:
    """Say which models an interval is about: only those that were measured, or others like them too."""
    return "such models" if replicates >= ENOUGH_REPLICATES else "these models"


def describe(
    effects: list[Effect], metric: str, scope: str, material: Material
) -> tuple[dict[str, object], Found]:
    """Effect, intervals, tests and counts over one dataset or several."""
    section = material.section
    parts = [effect.part for effect in effects]
    found, (variance, df) = estimate(parts), fixed_models(parts)
    identical = all(effect.identical for effect in effects)
    if identical:  # whatever units of a side vary by, there is nothing to test
        found = replace(found, df=float("nan"))
    encoders = Estimate(found.effect, float(np.sqrt(variance)), df, unit_variance=0.0)
    treated, untreated = (float(np.mean([e.level(sign) for e in effects])) for sign in (1, -1))
    levels = [level for level in LEVELS if any(level in effect.levels for effect in effects)]
    replicates = min(effect.replicates for effect in effects)
    low, high = verdicts.interval(found, section.confidence)
    bootstrap_low = bootstrap_high = float("nan")
    if levels:
        draws = np.mean([effect.draws for effect in effects], axis=0)
        bootstrap_low, bootstrap_high = bootstrap.percentile(draws, section.confidence)
    pairs = {pair for effect in effects for pair in effect.pairs}
    treatments, controls = sides(pairs)
    replicate = {effect.units.replicate for effect in effects}
    margin = _margin(metric, [effect.gain for effect in effects], section)
    over_low, over_high, by_dataset = _by_dataset(effects, found.effect, scope, section.confidence)
    return {
        "effect": treated - untreated,
        "low": low,
        "high": high,
        "reason": _no_verdict(found, replicates, identical=identical),
        "holds_for": holds_for(replicates),
        "treatment": treated,
        "control": untreated,
        **_tests(found, margin, 1 - section.confidence),
        "p_superior": verdicts.superiority(*_sides_of_units(parts)),
        **_of_these(encoders, margin, section.confidence),
        "over_datasets_low": over_low,
        "over_datasets_high": over_high,
        "bootstrap_low": bootstrap_low,
        "bootstrap_high": bootstrap_high,
        "resampled": ", ".join(levels),
        "n_pairs": len(pairs),
        "n_treatments": treatments,
        "n_controls": controls,
        "replicate": replicate.pop() if len(replicate) == 1 else "models",
        "replicates": replicates,
        "collapsed": "; ".join(_collapsed(parts, material.cards)),
        "n_datasets": len(effects),
        "n_trials": min(e.trials for e in effects),
        "n_items": sum(e.items for e in effects),
        "n_clusters": sum(e.observed.shape[2] for e in effects),
    }, Found(found, encoders, by_dataset, identical, designed(parts), _looks(pairs, material))


def _looks(pairs: Iterable[tuple[str, str]], material: Material) -> list[int]:
    """Looks at a comparison: those that are declared, if more of its models can be trained."""
    cards = [material.cards.get(model) for pair in pairs for model in pair]
    return material.section.looks if any(card and card.training for card in cards) else []


def _by_dataset(
    effects: Sequence[Effect], effect: float, scope: str, confidence: float
) -> tuple[float, float, list[float]]:
    """Interval over datasets like those of a pooled row, and p of an effect of its sign on each of them."""
    if scope == "dataset" or any(one.origin.dataset in CELLS for one in effects):
        return float("nan"), float("nan"), []
    found = [estimate([one.part]) for one in effects]
    by_dataset = [verdicts.p_difference(one) if one.effect * effect > 0 else 1.0 for one in found]
    over = over_datasets(found) if len(found) > 1 else None
    low, high = verdicts.interval(over[0], confidence) if over else (float("nan"), float("nan"))
    return low, high, by_dataset


def _sides_of_units(parts: Sequence[Part]) -> tuple[np.ndarray, np.ndarray]:
    """Means of the units of either side; of matched groups, their differences and zero."""
    treatments, controls = (side_means(parts, sign) for sign in (1, -1))
    return treatments, np.zeros(1) if all(len(part.strata) == 1 for part in parts) else controls


def _collapsed(parts: Sequence[Part], cards: Cards) -> list[str]:
    """Models whose seed collapsed, by the spread of the other objectives."""
    means = means_over(parts)
    objectives = {stratum.objective for part in parts for stratum in part.strata} - {""}
    found = {(objective, seed) for objective in objectives for seed in moderation.collapsed(means, objective)}
    return [
        name
        for name, card in cards.items()
        if card.training and (card.training.objective, str(card.training.seed)) in found
    ]


def _margin(metric: str, gains: Sequence[float], section: StatisticsSection) -> float:
    """Largest difference that counts as none: a number, or a share of what training gains."""
    margin = section.margins.get(metric, section.margin)
    if isinstance(margin, float):
        return margin
    gain = float(np.mean(gains))
    return margin.least * UNKNOWN_GAIN if np.isnan(gain) else max(margin.share * gain, margin.least)


def _no_verdict(found: Estimate, replicates: int, *, identical: bool) -> str:
    """Why no test can judge an effect, or nothing."""
    if identical:
        return ""
    if replicates < 2:
        return TOO_FEW
    return "constant" if not found.df > 0 else ""


def _tests(found: Estimate, margin: float, alpha: float) -> dict[str, float]:
    worse, within, better = verdicts.probabilities(found, margin)
    return {
        "stderr": found.stderr,
        "df": found.df,
        "p_value": verdicts.p_difference(found),
        "margin": margin,
        "p_equivalence": verdicts.p_equivalence(found, margin),
        "smallest_margin": verdicts.smallest_margin(found, alpha),
        "p_worse": worse,
        "p_equivalent": within,
        "p_better": better,
    }


def _of_these(found: Estimate, margin: float, confidence: float) -> dict[str, float]:
    """What is known of these encoders, held fixed."""
    low, high = verdicts.interval(found, confidence)
    return {
        "encoders_stderr": found.stderr,
        "encoders_df": found.df,
        "encoders_low": low,
        "encoders_high": high,
        "encoders_p": verdicts.p_difference(found),
        "encoders_p_equivalence": verdicts.p_equivalence(found, margin),
    }
