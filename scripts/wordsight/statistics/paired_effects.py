"""The effect of a contrast on one dataset: treatment minus control on the same items and the same draws.

Models of one family count once, as their mean, and so do items of one cluster.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from wordsight.config.statistics import StatisticsSection
from wordsight.logs import logger
from wordsight.seeds import derive_seed
from wordsight.statistics import bootstrap, peers
from wordsight.statistics.comparison import Comparison
from wordsight.statistics.components import Part
from wordsight.statistics.measures import Measure, Measures
from wordsight.statistics.observations import (
    Clusters,
    Observations,
    Origin,
    agreeing,
    clustered,
    drawn,
    read_observations,
)
from wordsight.statistics.peers import Cards, Peers
from wordsight.statistics.units import Units, part_of, sides, units_of

LEVELS = ["groups", "treatments", "controls", "trials", "items"]
ROUNDED = 12  # decimals of an observation, beyond which the order of a sum can change them
Key = tuple[str, str, str, float]  # mode, metric, parameter, setting


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
class Effect:
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
    units: Units
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
        groups = len(set(self.units.groups))
        of_sides = (1 + side - groups for side in sides(self.units.pairs))
        sizes = [groups, *of_sides, *self.observed.shape[1:]]
        return [level for level, size in zip(LEVELS, sizes, strict=True) if size > 1]

    @property
    def replicates(self) -> int:
        """Number of matched groups, or of units on the smaller side."""
        groups = len(set(self.units.groups))
        return groups if groups > 1 else min(sides(self.units.pairs))

    def level(self, sign: int) -> float:
        """Mean of the treatments (1) or of the controls (-1)."""
        return float(self.observed.mean(axis=(1, 2)) @ (sign * self.weights[0]).clip(min=0))


class Observed:
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


def by_setting(comparison: Comparison, observed: Observed, material: Material) -> dict[Key, list[Effect]]:
    """Effects of a contrast on each dataset, by mode, metric, parameter and setting."""
    found: dict[Key, list[Effect]] = defaultdict(list)
    for dataset in sorted(observed.origins):
        for effect in effects_on(comparison, dataset, observed, material):
            found[effect.key].append(effect)
    return found


def effects_on(comparison: Comparison, dataset: str, observed: Observed, material: Material) -> list[Effect]:
    """Effects of a contrast on one dataset, one for each setting; none where no pair has results."""
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
    units = units_of(pairs, groups, comparison.families)
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
            Effect(
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
                part=part_of(dataset, first.items, values, units, weights[0], here, material.cards),
            )
        )
    return effects


def _identical(by_model: Mapping[str, np.ndarray], pairs: Iterable[tuple[str, str]]) -> bool:
    """Whether the models of both sides have the very same observations."""
    treatments, controls = (
        {np.round(by_model[model] + 0.0, ROUNDED).tobytes() for model in {pair[side] for pair in pairs}}
        for side in (0, 1)
    )
    return treatments == controls
