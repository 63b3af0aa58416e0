"""Paired effects of every contrast: treatment minus control on the same items and the same draws.

The effect on a dataset is the mean of the treatments minus that of the controls, over trials and items, then
over matched groups; the pooled effect is the mean over datasets. Two claims about it are kept apart.

- *Training like this*: its interval and both tests count what a repetition would draw anew: matched groups
  or models, trials, and items within each dataset (:mod:`wordsight.statistics.components`). ``replicates``
  counts matched groups or models, never items: where one side has one, nothing is claimed of training.
- *These encoders*: the models are held fixed, and only items and trials are drawn anew, so that one encoder a
  side is enough.

Datasets stay as they are; ``over_datasets`` asks about others like them. A hierarchical bootstrap stands
beside the interval (:mod:`wordsight.statistics.bootstrap`).

Seeds are paired only where that makes the interval shorter. Paired seeds have half the degrees of freedom,
and leave out those that one side lacks, so they must go together closely. How closely is measured on the
other objectives. Models of one family count once, as their mean, and so do items of one cluster.

One row of a contrast and protocol ``decides``: the mean over datasets, or across styles the cell where
concepts and style are new, at the largest setting. Rows that decide are corrected together with those of the
other contrasts of their family (:mod:`wordsight.statistics.judging`).
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from wordsight.catalogue.cells import CELLS
from wordsight.config.statistics import StatisticsSection
from wordsight.errors import DataError
from wordsight.logs import logger
from wordsight.seeds import derive_seed
from wordsight.statistics import bootstrap, moderation, peers, verdicts
from wordsight.statistics.comparison import Comparison
from wordsight.statistics.components import (
    Estimate,
    Part,
    Stratum,
    estimate,
    fixed_models,
    means_over,
    side_means,
)
from wordsight.statistics.judging import TOO_FEW, Found, judged
from wordsight.statistics.measures import Measure, Measures
from wordsight.statistics.observations import (
    Clusters,
    Observations,
    Origin,
    clustered,
    drawn,
    read_observations,
    read_origin,
)
from wordsight.statistics.peers import Cards, Peers
from wordsight.statistics.planning import designed
from wordsight.statistics.random_effects import over_datasets

INTERVAL = "variance components, Student t"
LEVELS = ["groups", "treatments", "controls", "trials", "items"]
# With fewer, an interval assumes a normal distribution that so few values can't show.
ENOUGH_REPLICATES = 5
UNKNOWN_GAIN = 3.0  # smallest margins that make one where no untrained encoder tells the gain

COLUMNS = [
    *("contrast", "protocol", "mode", "metric", "parameter", "setting", "scope", "dataset"),
    *("effect", "low", "high", "verdict", "reason", "holds_for", "treatment", "control"),
    *("stderr", "df", "p_value", "margin", "p_equivalence", "smallest_margin"),
    *("p_worse", "p_equivalent", "p_better", "p_superior"),
    *("encoders_stderr", "encoders_df", "encoders_low", "encoders_high"),
    *("encoders_p", "encoders_p_equivalence", "encoders_verdict"),
    *("over_datasets_low", "over_datasets_high", "datasets_found"),
    *("main", "decides", "family", "comparisons", "p_adjusted", "p_equivalence_adjusted", "look", "level"),
    *("minimum_detectable", "more_replicates"),
    *("confidence", "interval", "bootstrap_low", "bootstrap_high", "resampled", "resamples", "seed"),
    *("n_pairs", "n_treatments", "n_controls", "replicate", "replicates", "collapsed"),
    *("n_datasets", "n_trials", "n_items", "n_clusters"),
]
Key = tuple[str, str, str, float]  # mode, metric, parameter, setting


def holds_for(replicates: int) -> str:
    """Say which models an interval is about: only those that were measured, or others like them too."""
    return "such models" if replicates >= ENOUGH_REPLICATES else "these models"


@dataclass(frozen=True)
class Material:
    """What effects are estimated from beside the rows.

    Attributes
    ----------
    section : resamples and confidence of the intervals, margins and families
    seed : the configured seed
    measures : of each protocol, in their order
    cards : of models by name, for what trained them
    clusters : of each dataset whose items belong together, the cluster of each item
    """

    section: StatisticsSection
    seed: int
    measures: Measures
    cards: Cards = field(default_factory=dict)
    clusters: Mapping[str, Clusters] = field(default_factory=dict)


@dataclass(frozen=True)
class _Effect:
    """The effect of one contrast on one dataset at one setting, with its observations.

    Attributes
    ----------
    observed : array of shape (units, trials, items), in the order of ``units``
    weights : of each unit in the effect, for the data and each resample
    trials, items : how many there are, which may be more than those that are drawn, and than clusters
    """

    key: Key
    origin: Origin
    ids: np.ndarray
    pairs: list[tuple[str, str]]
    units: "_Units"
    observed: np.ndarray
    weights: np.ndarray
    trials: int
    items: int
    identical: bool
    gain: float
    seed: int
    part: Part

    @cached_property
    def draws(self) -> np.ndarray:
        """Resampled effects of the bootstrap."""
        generators = bootstrap.generators(
            self.seed, self.origin.protocol, self.origin.dataset, list(self.ids)
        )
        return bootstrap.effects(generators, self.observed, self.weights[1:])

    @property
    def levels(self) -> list[str]:
        """Levels that have more than one draw."""
        # Each group has a unit on either side; one more means that there is something to draw in it.
        groups, sides = len(set(self.units.groups)), _sides(self.units.pairs)
        sizes = [groups, *(1 + side - groups for side in sides), *self.observed.shape[1:]]
        return [level for level, size in zip(LEVELS, sizes, strict=True) if size > 1]

    @property
    def replicates(self) -> int:
        """Number of matched groups, or of units on the smaller side."""
        groups = len(set(self.units.groups))
        return groups if groups > 1 else min(_sides(self.units.pairs))

    def level(self, sign: int) -> float:
        """Mean of the treatments (1) or of the controls (-1)."""
        return float(self.observed.mean(axis=(1, 2)) @ (sign * self.weights[0]).clip(min=0))


@dataclass(frozen=True)
class _Units:
    """What a repetition would draw anew on either side: models, or families of models.

    Attributes
    ----------
    pairs, groups : as those of a comparison
    members : of each unit, the models that it is the mean of
    """

    pairs: list[tuple[str, str]]
    groups: list[str]
    members: dict[str, list[str]]

    @property
    def replicate(self) -> str:
        """What a replicate is called."""
        if len(set(self.groups)) > 1:
            return "matched groups"
        return "families" if any(len(models) > 1 for models in self.members.values()) else "models"


@dataclass(frozen=True)
class Compared:
    """One row of the contrasts, with what it was estimated from.

    Attributes
    ----------
    parts : observations by dataset
    """

    row: dict[str, object]
    parts: dict[str, Part]
    found: Found


def compare(
    paths: Iterable[Path | str], comparisons: Sequence[Comparison], material: Material
) -> tuple[pd.DataFrame, list[dict[str, Part]]]:
    """Effects of every comparison, by dataset and pooled over datasets.

    Parameters
    ----------
    paths : files of rows, each of one protocol, model and dataset
    comparisons : as :func:`wordsight.workflow.pairing.resolve` gives them

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
    by_comparison: list[list[Compared]] = [[] for _ in comparisons]
    tests = _tests_by_contrast(comparisons, len(files), material.section)
    for protocol, measure in material.measures.items():
        if protocol in files:
            metrics = {one.metric_of(protocol, measure.primary) for one in comparisons}
            observed = _Observed(files[protocol], measure, metrics, material)
            for place, comparison in enumerate(comparisons):
                by_comparison[place] += _rows(comparison, observed, material, tests[comparison.name])
    found = [compared for rows in by_comparison for compared in rows]
    frame = pd.DataFrame([compared.row for compared in found], columns=COLUMNS)
    baselines = [comparison.name for comparison in comparisons if comparison.baseline]
    frame = judged(frame, [compared.found for compared in found], baselines, material.section)
    return frame[COLUMNS], [compared.parts for compared in found]


def _tests_by_contrast(
    comparisons: Sequence[Comparison], protocols: int, section: StatisticsSection
) -> dict[str, int]:
    """Number of comparisons that the family of each contrast has at most."""
    named = {name: family for family, names in section.families.items() for name in names}
    families = [named.get(comparison.name, "") for comparison in comparisons if not comparison.baseline]
    return {
        comparison.name: max(families.count(named.get(comparison.name, "")) * protocols, 1)
        for comparison in comparisons
    }


class _Observed:
    """Observations of one protocol by the metrics that are compared, each file read once."""

    def __init__(
        self,
        origins: Mapping[str, Mapping[str, Origin]],
        measure: Measure,
        metrics: Collection[str],
        material: Material,
    ):
        self.origins = origins
        self.measure = measure
        self.metrics = metrics
        self.protocol = next(iter(next(iter(origins.values())).values())).protocol
        self._read: dict[Path, list[Observations]] = {}
        self._peers = {dataset: self._gathered(dataset, material.cards) for dataset in origins}

    def read(self, origin: Origin, metric: str) -> list[Observations]:
        """Observations of a metric in a file."""
        return [observed for observed in self._all(origin) if observed.metric == metric]

    def _all(self, origin: Origin) -> list[Observations]:
        if origin.path not in self._read:
            self._read[origin.path] = read_observations(origin.path, self.metrics)
        return self._read[origin.path]

    def peers(self, dataset: str, observed: Observations) -> Peers:
        """What all models score on a dataset by the metric and at the setting of some observations."""
        return self._peers[dataset].get((observed.metric, observed.parameter, observed.setting), peers.NONE)

    def _gathered(self, dataset: str, cards: Cards) -> dict[tuple[str, str, float], Peers]:
        scores: dict[tuple[str, str, float], dict[str, float]] = defaultdict(dict)
        for model, origin in self.origins[dataset].items():
            if model in cards:
                for observed in self._all(origin):
                    key = (observed.metric, observed.parameter, observed.setting)
                    scores[key][model] = float(observed.matrix.mean())
        return {key: peers.gathered(by_model, cards) for key, by_model in scores.items()}


def _rows(comparison: Comparison, observed: _Observed, material: Material, tests: int) -> list[Compared]:
    paired = comparison.by_seed()
    found, matched = (_by_setting(one, observed, material) if one else {} for one in (comparison, paired))
    if not found:
        logger.warning("contrast %s: no pair of models has results of %s", comparison.name, observed.protocol)
    rows = []
    for key in sorted(found):
        constants = {
            "contrast": comparison.name,
            "protocol": observed.protocol,
            **dict(zip(("mode", "metric", "parameter", "setting"), key, strict=True)),
            "confidence": material.section.confidence,
            "interval": INTERVAL,
            "resamples": material.section.resamples,
            "seed": material.seed,
        }
        places = [("dataset", [place]) for place in range(len(found[key]))]
        for scope, kept in [*places, ("pooled", list(range(len(found[key]))))]:
            effects = [found[key][place] for place in kept]
            if paired and len(matched.get(key, [])) == len(found[key]):
                pairs = [matched[key][place] for place in kept]
                effects = pairs if _pairing_pays(effects, pairs, material, tests) else effects
            dataset = effects[0].origin.dataset if scope == "dataset" else ""
            row, one = _describe(effects, key[1], scope, material)
            parts = {effect.origin.dataset: effect.part for effect in effects}
            rows.append(Compared(constants | {"scope": scope, "dataset": dataset} | row, parts, one))
    return rows


def _pairing_pays(
    effects: Sequence[_Effect], pairs: Sequence[_Effect], material: Material, tests: int
) -> bool:
    """Whether paired seeds promise the shorter interval, at the level at which the family tests.

    By the correlation of seeds, which is that of all other pairs of objectives, and the degrees of freedom,
    which are those of the design: nothing of the contrast's own effect decides.
    """
    parts = [effect.part for effect in effects]
    means, strata = means_over(parts), parts[0].strata
    known = moderation.prior(means)
    members = known.members if known else frozenset()
    freedom = [
        (len(s.units) - 1) * (1 + moderation.MOST * (s.objective in members))
        for s in strata
        if len(s.units) > 1
    ]
    alpha = (1 - material.section.confidence) / tests
    apart, together = (
        stdtrit(df, 1 - alpha / 2) for df in (sum(freedom) or 1.0, min(pair.replicates for pair in pairs) - 1)
    )
    shared = moderation.correlation(means, without=[stratum.objective for stratum in strata])
    return bool(np.sqrt(max(1 - shared, 0.0)) * together < apart)


def _by_setting(comparison: Comparison, observed: _Observed, material: Material) -> dict[Key, list[_Effect]]:
    found: dict[Key, list[_Effect]] = defaultdict(list)
    for dataset in sorted(observed.origins):
        for effect in _effects(comparison, dataset, observed, material):
            found[effect.key].append(effect)
    return found


def _effects(comparison: Comparison, dataset: str, observed: _Observed, material: Material) -> list[_Effect]:
    origins = observed.origins[dataset]
    kept = [place for place, pair in enumerate(comparison.pairs) if pair[0] in origins and pair[1] in origins]
    if not kept:
        return []
    pairs, groups = [comparison.pairs[place] for place in kept], [comparison.groups[place] for place in kept]
    if len(kept) < len(comparison.pairs):
        logger.warning(
            "contrast %s: %d of %d pairs have results of %s on %s",
            *(comparison.name, len(kept), len(comparison.pairs), observed.protocol, dataset),
        )
    models = sorted({model for pair in pairs for model in pair})
    units = _units(pairs, groups, comparison.families)
    names = sorted(units.members)
    # The stream depends on the pairs alone, so that datasets with the same pairs draw the same models.
    stream = derive_seed(
        material.seed, "bootstrap", comparison.name, *(model for pair in pairs for model in pair)
    )
    weights = bootstrap.model_weights(
        np.random.default_rng(stream), material.section.resamples, units.pairs, units.groups, names
    )
    clusters = material.clusters.get(dataset, {})
    metric = comparison.metric_of(observed.protocol, observed.measure.primary)
    read = partial(observed.read, metric=metric)
    effects = []
    for group in agreeing([origins[model] for model in models], metric, read):
        first = group[0]
        by_model = {
            model: drawn(one, observed.measure.fixed_trials) for model, one in zip(models, group, strict=True)
        }
        of_unit = [np.mean([by_model[model] for model in units.members[name]], axis=0) for name in names]
        values = clustered(np.stack(of_unit), first.items, clusters)
        here = observed.peers(dataset, first)
        origin = origins[models[0]]
        effects.append(
            _Effect(
                key=(origin.mode, first.metric, first.parameter, first.setting),
                origin=origin,
                ids=first.items,
                pairs=pairs,
                units=units,
                observed=values,
                weights=weights,
                trials=len(first.trials),
                items=len(first.items),
                identical=_identical(by_model, pairs),
                gain=here.gain,
                seed=material.seed,
                part=_part(dataset, first.items, values, units, weights[0], here, material.cards),
            )
        )
    return effects


def _units(pairs: list[tuple[str, str]], groups: list[str], families: Mapping[str, str]) -> _Units:
    """Units of both sides: the models of one family, side and matched group are one."""
    several = len(set(groups)) > 1
    unit = {}
    for side, word in enumerate(("treatment", "control")):
        for pair, group in zip(pairs, groups, strict=True):
            model, family = pair[side], families.get(pair[side])
            where = f"{word}, {group}" if several else word
            unit[model] = f"{family} ({where})" if family else model
    members: dict[str, list[str]] = defaultdict(list)
    for model, name in unit.items():
        members[name].append(model)
    kept = dict.fromkeys(
        ((unit[one], unit[other]), group) for (one, other), group in zip(pairs, groups, strict=True)
    )
    return _Units([pair for pair, _ in kept], [group for _, group in kept], dict(members))


def _identical(by_model: Mapping[str, np.ndarray], pairs: Iterable[tuple[str, str]]) -> bool:
    """Whether the models of both sides have the very same observations."""
    treatments, controls = (
        {np.round(by_model[model] + 0.0, ROUNDED).tobytes() for model in {pair[side] for pair in pairs}}
        for side in (0, 1)
    )
    return treatments == controls


ROUNDED = 12  # decimals of an observation, beyond which the order of a sum can change them


def paired_observations(origins: list[Origin], metric: str) -> list[list[Observations]]:
    """Observations of all models at each setting, which agree in items and draws."""
    return agreeing(origins, metric, lambda origin: read_observations(origin.path, {metric}))


def agreeing(
    origins: list[Origin], metric: str, read: Callable[[Origin], list[Observations]]
) -> list[list[Observations]]:
    """The same, by a function that reads a file."""
    reference = origins[0]
    first = read(reference)
    if not first:
        raise DataError(f"{reference.path}: has no rows of {metric}")
    columns = [first]
    for origin in origins[1:]:
        observed = read(origin)
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


def _part(
    dataset: str,
    items: np.ndarray,
    values: np.ndarray,
    units: _Units,
    weights: np.ndarray,
    here: Peers,
    cards: Cards,
) -> Part:
    """Observations of one dataset by the units that a repetition would draw: groups, or models of a side.

    Cells with the same items draw them together; other datasets draw their own, even where ids are equal.
    """
    key = "|".join(items) if dataset in CELLS else dataset
    order = sorted(units.members)
    names = sorted(set(units.groups))
    if len(names) == 1:
        strata = []
        for place, sign in enumerate((1, -1)):
            side = sorted({pair[place] for pair in units.pairs})
            rows = values[[order.index(unit) for unit in side]]
            strata.append(Stratum(sign, tuple(side), rows, _objective(side, units, cards)))
        return Part(key, tuple(strata), here.means)
    of_group = {unit: group for pair, group in zip(units.pairs, units.groups, strict=True) for unit in pair}
    member = np.array([[of_group[unit] == name for unit in order] for name in names])
    differences = np.einsum("gm,mti->gti", member * weights * len(names), values)
    return Part(key, (Stratum(1, tuple(names), differences),), here.means)


def _objective(side: Sequence[str], units: _Units, cards: Cards) -> str:
    """The one objective whose seeds the units of a side are; empty where they are anything else."""
    if any(len(units.members[unit]) > 1 for unit in side):
        return ""
    found = {peers.objective_of(cards.get(model)) for unit in side for model in units.members[unit]}
    return found.pop() if len(found) == 1 else ""


def _describe(
    effects: list[_Effect], metric: str, scope: str, material: Material
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
    treatments, controls = _sides(pairs)
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
    effects: Sequence[_Effect], effect: float, scope: str, confidence: float
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


def _sides(pairs: Iterable[tuple[str, str]]) -> tuple[int, int]:
    """Number of treatments and number of controls."""
    treatments, controls = (set(side) for side in zip(*pairs, strict=True))
    return len(treatments), len(controls)
