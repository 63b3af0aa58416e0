"""Paired effects of every contrast: treatment minus control on the same items and the same draws.

The effect on a dataset is the mean of the treatments minus that of the controls, over trials and items, then
over matched groups; the pooled effect is the mean over datasets. Its interval and both tests count what a
repetition would draw anew: matched groups or models, trials, and items within each dataset
(:mod:`wordsight.statistics.components`). Datasets are fixed, so nothing is claimed about other datasets.
``replicates`` counts matched groups or models, never items; with only one, nothing is claimed about training.
A hierarchical bootstrap gives a second interval for comparison (:mod:`wordsight.statistics.bootstrap`).

One row of a contrast and protocol ``decides``: the mean over datasets, or across styles the cell where
concepts and style are new, at the largest setting. The p-values of rows that decide are corrected together
with those of the other contrasts in their family.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from wordsight.catalogue.cells import ALL_NEW, CELLS, across_cells
from wordsight.config.statistics import StatisticsSection
from wordsight.errors import DataError
from wordsight.logs import logger
from wordsight.seeds import derive_seed
from wordsight.statistics import bootstrap, verdicts
from wordsight.statistics.comparison import Comparison
from wordsight.statistics.components import Estimate, Part, Stratum, estimate
from wordsight.statistics.measures import Measure, Measures
from wordsight.statistics.observations import Observations, Origin, drawn, read_observations, read_origin
from wordsight.statistics.verdicts import Verdict

INTERVAL = "variance components, Student t"
LEVELS = ["groups", "treatments", "controls", "trials", "items"]
# With fewer, an interval assumes a normal distribution that so few values can't show.
ENOUGH_REPLICATES = 5
OVERLAP = "overlap"  # the interval allows differences both within and beyond the margin
REST = "all others"  # family of the contrasts that the configuration puts into no family
MARGIN = 0.03  # for a metric without a margin in the configuration
# The column of each p-value, and the column of its corrected value.
ADJUSTED = {"p_value": "p_adjusted", "p_equivalence": "p_equivalence_adjusted"}

COLUMNS = [
    *("contrast", "protocol", "mode", "metric", "parameter", "setting", "scope", "dataset"),
    *("effect", "low", "high", "verdict", "reason", "holds_for", "treatment", "control"),
    *("stderr", "df", "p_value", "margin", "p_equivalence", "smallest_margin"),
    *("decides", "family", "p_adjusted", "p_equivalence_adjusted"),
    *("minimum_detectable", "more_replicates"),
    *("confidence", "interval", "bootstrap_low", "bootstrap_high", "resampled", "resamples", "seed"),
    *("n_pairs", "n_treatments", "n_controls", "replicate", "replicates"),
    *("n_datasets", "n_trials", "n_items"),
]


def holds_for(replicates: int) -> str:
    """Say which models an interval is about: only those that were measured, or others like them too."""
    return "such models" if replicates >= ENOUGH_REPLICATES else "these models"


@dataclass(frozen=True)
class _Effect:
    """The effect of one contrast on one dataset at one setting, with its observations and resamples."""

    key: tuple[str, str, str, float]  # mode, metric, parameter, setting
    dataset: str
    pairs: list[tuple[str, str]]
    levels: list[str]
    matched: bool
    replicates: int
    trials: int
    items: int
    treatment: float
    control: float
    part: Part
    draws: np.ndarray


@dataclass(frozen=True)
class Compared:
    """One row of the contrasts, with what it was estimated from.

    Attributes
    ----------
    parts : observations by dataset
    found : the estimate from them
    """

    row: dict[str, object]
    parts: dict[str, Part]
    found: Estimate


def compare(
    paths: Iterable[Path | str],
    comparisons: Sequence[Comparison],
    section: StatisticsSection,
    seed: int,
    measures: Measures,
) -> tuple[pd.DataFrame, list[dict[str, Part]]]:
    """Effects of every comparison, by dataset and pooled over datasets.

    Parameters
    ----------
    paths : files of rows, each of one protocol, model and dataset
    comparisons : as :func:`wordsight.workflow.pairing.resolve` gives them
    section : resamples and confidence of the intervals
    seed : the configured seed
    measures : by protocol, in the order of the protocols

    Returns
    -------
    frame : DataFrame
        Columns :data:`COLUMNS`, which ``docs/results.md`` describes, in the order of ``comparisons``.
    parts : for each row, the observations by dataset that it was estimated from

    Raises
    ------
    DataError
        When the files of a pair differ in items, draws or mode (the error names both files), or when two
        files hold the same results.
    """
    files: dict[str, dict[str, dict[str, Origin]]] = defaultdict(lambda: defaultdict(dict))
    for origin in map(read_origin, paths):
        if origin.model in files[origin.protocol][origin.dataset]:
            raise DataError(
                f"{origin.path}: another file already holds the results of {origin.protocol}, {origin.model} "
                f"and {origin.dataset}"
            )
        files[origin.protocol][origin.dataset][origin.model] = origin
    found = [
        compared
        for comparison in comparisons
        for protocol, measure in measures.items()
        if protocol in files
        for compared in _rows(comparison, protocol, files[protocol], section, seed, measure)
    ]
    frame = pd.DataFrame([compared.row for compared in found], columns=COLUMNS)
    judged = corrected(frame, [compared.found for compared in found], section)
    return judged, [compared.parts for compared in found]


def corrected(frame: pd.DataFrame, found: Sequence[Estimate], section: StatisticsSection) -> pd.DataFrame:
    """Mark the rows that decide, correct their p-values within their family, and judge every row.

    Also adds the effect that each row can detect, and how many replicates it lacks. For a row that decides,
    these use alpha divided by the size of its family, the level of the first step of Holm's method.

    Parameters
    ----------
    found : the estimate of each row
    """
    named = {name: family for family, names in section.families.items() for name in names}
    decides = _deciding(frame)
    families = frame["contrast"].map(lambda name: named.get(name, REST)).where(decides, "")
    frame = frame.assign(decides=decides, family=families, **dict.fromkeys(ADJUSTED.values(), np.nan))
    for family in sorted(set(families) - {""}):
        rows = families == family
        for column, adjusted in ADJUSTED.items():
            frame.loc[rows, adjusted] = verdicts.holm(frame.loc[rows, column])
    alpha = 1 - section.confidence
    p = [frame[adjusted].where(decides, frame[column]) for column, adjusted in ADJUSTED.items()]
    judged = [_judged(*row, alpha=alpha) for row in zip(frame["reason"], frame["effect"], *p, strict=True)]
    frame = frame.assign(verdict=[v.value for v, _ in judged], reason=[reason for _, reason in judged])
    sizes = families.map(families[decides].value_counts()).fillna(1)
    detectable = [
        _detectable(*row, alpha=alpha / size, power=section.power)
        for *row, size in zip(
            frame["reason"], frame["replicates"], frame["margin"], found, sizes, strict=True
        )
    ]
    return frame.assign(
        minimum_detectable=[effect for effect, _ in detectable],
        more_replicates=[count for _, count in detectable],
    )


def _deciding(frame: pd.DataFrame) -> pd.Series:
    """Which rows decide their contrast and protocol."""
    chosen = (frame["dataset"] == ALL_NEW) | (~across_cells(frame) & (frame["scope"] == "pooled"))
    largest = frame[chosen].groupby(["contrast", "protocol"])["setting"].transform("max")
    return chosen & (frame["setting"] == largest.reindex(frame.index))


def _judged(
    reason: str, effect: float, p_difference: float, p_equivalence: float, *, alpha: float
) -> tuple[Verdict, str]:
    """Verdict of a row, and why it is undecided."""
    if reason:
        return Verdict.UNDECIDED, reason
    found = verdicts.judge(effect, p_difference, p_equivalence, alpha)
    return found, OVERLAP if found is Verdict.UNDECIDED else ""


def _detectable(
    reason: str, replicates: int, margin: float, found: Estimate, *, alpha: float, power: float
) -> tuple[float, float]:
    """Minimum detectable effect, and replicates to add until an undecided row can detect its margin."""
    smallest = verdicts.minimum_detectable(found.stderr, found.df, alpha, power)
    if reason != OVERLAP:
        return smallest, float("nan")
    return smallest, verdicts.more_replicates(found, replicates, margin, alpha, power)


def _rows(
    comparison: Comparison,
    protocol: str,
    datasets: dict[str, dict[str, Origin]],
    section: StatisticsSection,
    seed: int,
    measure: Measure,
) -> list[Compared]:
    found: dict[tuple[str, str, str, float], list[_Effect]] = defaultdict(list)
    for dataset in sorted(datasets):
        for effect in _effects(comparison, protocol, datasets[dataset], section, seed, measure):
            found[effect.key].append(effect)
    if not found:
        logger.warning("contrast %s: no pair of models has results of %s", comparison.name, protocol)
    rows = []
    for key in sorted(found):
        constants = {
            "contrast": comparison.name,
            "protocol": protocol,
            **dict(zip(("mode", "metric", "parameter", "setting"), key, strict=True)),
            "confidence": section.confidence,
            "interval": INTERVAL,
            "resamples": section.resamples,
            "seed": seed,
        }
        places = [("dataset", effect.dataset, [effect]) for effect in found[key]]
        for scope, dataset, effects in [*places, ("pooled", "", found[key])]:
            parts = {effect.dataset: effect.part for effect in effects}
            estimated = estimate(list(parts.values()))
            described = _describe(effects, estimated, key[1], section)
            row = constants | {"scope": scope, "dataset": dataset} | described
            rows.append(Compared(row, parts, estimated))
    return rows


def _effects(
    comparison: Comparison,
    protocol: str,
    origins: dict[str, Origin],
    section: StatisticsSection,
    seed: int,
    measure: Measure,
) -> list[_Effect]:
    kept = [place for place, pair in enumerate(comparison.pairs) if pair[0] in origins and pair[1] in origins]
    if not kept:
        return []
    pairs, groups = [comparison.pairs[place] for place in kept], [comparison.groups[place] for place in kept]
    if len(kept) < len(comparison.pairs):
        dataset = next(iter(origins.values())).dataset
        logger.warning(
            "contrast %s: %d of %d pairs have results of %s on %s",
            *(comparison.name, len(kept), len(comparison.pairs), protocol, dataset),
        )
    models = sorted({model for pair in pairs for model in pair})
    observed = paired_observations([origins[model] for model in models], measure.primary)
    # The stream depends on the pairs alone, so that datasets with the same pairs draw the same models.
    stream = derive_seed(seed, "bootstrap", comparison.name, *(model for pair in pairs for model in pair))
    weights = bootstrap.model_weights(np.random.default_rng(stream), section.resamples, pairs, groups, models)
    origin = origins[models[0]]
    return [_effect(origin, group, pairs, groups, weights, seed, measure.fixed_trials) for group in observed]


def paired_observations(origins: list[Origin], metric: str) -> list[list[Observations]]:
    """Read the observations of all models at each setting.

    Raises
    ------
    DataError
        When a file has no rows of the metric, or the models differ in mode, settings, items or draws.
    """
    reference = origins[0]
    first = read_observations(reference.path, {metric})
    if not first:
        raise DataError(f"{reference.path}: has no rows of {metric}")
    columns = [first]
    for origin in origins[1:]:
        observed = read_observations(origin.path, {metric})
        both = f"{reference.path} and {origin.path}: {metric}: expected the same"
        if origin.mode != reference.mode:
            raise DataError(f"{both} mode, but they are {reference.mode} and {origin.mode}")
        if [(c.parameter, c.setting) for c in observed] != [(c.parameter, c.setting) for c in first]:
            raise DataError(f"{both} settings in both")
        for ours, theirs in zip(first, observed, strict=True):
            if not np.array_equal(ours.items, theirs.items):
                raise DataError(f"{both} items in both")
            if not (np.array_equal(ours.trials, theirs.trials) and np.array_equal(ours.seeds, theirs.seeds)):
                raise DataError(f"{both} draws (trial and seed) in both")
        columns.append(observed)
    return [list(group) for group in zip(*columns, strict=True)]


def _effect(
    origin: Origin,
    observed: list[Observations],
    pairs: list[tuple[str, str]],
    groups: list[str],
    weights: np.ndarray,
    seed: int,
    fixed_trials: bool,
) -> _Effect:
    first = observed[0]
    values = np.stack([drawn(one, fixed_trials) for one in observed])
    by_model, actual = values.mean(axis=(1, 2)), weights[0]
    n_groups, sides = len(set(groups)), _sides(pairs)
    # Every group has a model on each side; models are drawn only if a side has more models than groups.
    sizes = [n_groups, *(1 + side - n_groups for side in sides), *values.shape[1:]]
    return _Effect(
        key=(origin.mode, first.metric, first.parameter, first.setting),
        dataset=origin.dataset,
        pairs=pairs,
        levels=[level for level, size in zip(LEVELS, sizes, strict=True) if size > 1],
        matched=n_groups > 1,
        replicates=n_groups if n_groups > 1 else min(sides),
        trials=len(first.trials),
        items=len(first.items),
        treatment=float(by_model @ actual.clip(min=0)),
        control=float(-by_model @ actual.clip(max=0)),
        part=_part(origin.dataset, first.items, values, pairs, groups, weights[0]),
        draws=bootstrap.effects(
            bootstrap.generators(seed, origin.protocol, origin.dataset, list(first.items)),
            values,
            weights[1:],
        ),
    )


def _part(
    dataset: str,
    items: np.ndarray,
    values: np.ndarray,
    pairs: list[tuple[str, str]],
    groups: list[str],
    weights: np.ndarray,
) -> Part:
    """Observations of one dataset by the units that a repetition would draw: groups, or models of a side.

    Cells with the same items draw them together; other datasets draw their own, even where ids are equal.
    """
    key = "|".join(items) if dataset in CELLS else dataset
    models = sorted({model for pair in pairs for model in pair})
    names = sorted(set(groups))
    if len(names) == 1:
        strata = []
        for place, sign in enumerate((1, -1)):
            side = sorted({pair[place] for pair in pairs})
            strata.append(Stratum(sign, tuple(side), values[[models.index(model) for model in side]]))
        return Part(key, tuple(strata))
    of_group = {model: group for pair, group in zip(pairs, groups, strict=True) for model in pair}
    member = np.array([[of_group[model] == name for model in models] for name in names])
    differences = np.einsum("gm,mti->gti", member * weights * len(names), values)
    return Part(key, (Stratum(1, tuple(names), differences),))


def _describe(
    effects: list[_Effect], found: Estimate, metric: str, section: StatisticsSection
) -> dict[str, object]:
    """Effect, interval, tests and counts over one dataset or several."""
    treated, untreated = (
        float(np.mean([getattr(e, side) for e in effects])) for side in ("treatment", "control")
    )
    levels = [level for level in LEVELS if any(level in effect.levels for effect in effects)]
    replicates = min(effect.replicates for effect in effects)
    low, high = verdicts.interval(found, section.confidence)
    bootstrap_low = bootstrap_high = float("nan")
    if levels:
        draws = np.mean([effect.draws for effect in effects], axis=0)
        bootstrap_low, bootstrap_high = bootstrap.percentile(draws, section.confidence)
    pairs = {pair for effect in effects for pair in effect.pairs}
    treatments, controls = _sides(pairs)
    return {
        "effect": treated - untreated,
        "low": low,
        "high": high,
        "reason": _no_verdict(found, replicates),
        "holds_for": holds_for(replicates),
        "treatment": treated,
        "control": untreated,
        **_tests(found, section.margins.get(metric, MARGIN), 1 - section.confidence),
        "bootstrap_low": bootstrap_low,
        "bootstrap_high": bootstrap_high,
        "resampled": ", ".join(levels),
        "n_pairs": len(pairs),
        "n_treatments": treatments,
        "n_controls": controls,
        "replicate": "matched groups" if all(effect.matched for effect in effects) else "models",
        "replicates": replicates,
        "n_datasets": len(effects),
        "n_trials": min(e.trials for e in effects),
        "n_items": sum(e.items for e in effects),
    }


def _no_verdict(found: Estimate, replicates: int) -> str:
    """Why no test can judge an effect; empty when one can."""
    if replicates < 2:
        return "too few models"
    return "constant" if not found.df > 0 else ""


def _tests(found: Estimate, margin: float, alpha: float) -> dict[str, float]:
    return {
        "stderr": found.stderr,
        "df": found.df,
        "p_value": verdicts.p_difference(found),
        "margin": margin,
        "p_equivalence": verdicts.p_equivalence(found, margin),
        "smallest_margin": verdicts.smallest_margin(found, alpha),
    }


def _sides(pairs: Iterable[tuple[str, str]]) -> tuple[int, int]:
    """Number of treatments and number of controls."""
    treatments, controls = (set(side) for side in zip(*pairs, strict=True))
    return len(treatments), len(controls)
