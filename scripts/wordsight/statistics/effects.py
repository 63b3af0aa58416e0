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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from wordsight.config.statistics import StatisticsSection
from wordsight.errors import DataError
from wordsight.logs import logger
from wordsight.statistics import moderation
from wordsight.statistics.comparison import Comparison
from wordsight.statistics.components import Part, means_over
from wordsight.statistics.effect_row import describe
from wordsight.statistics.judging import Found, judged
from wordsight.statistics.observations import Origin, read_origin
from wordsight.statistics.paired_effects import Effect, Material, Observed, by_setting

INTERVAL = "variance components, Student t"

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
            observed = Observed(files[protocol], measure, metrics, material)
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


def _rows(comparison: Comparison, observed: Observed, material: Material, tests: int) -> list[Compared]:
    paired = comparison.by_seed()
    found, matched = (by_setting(one, observed, material) if one else {} for one in (comparison, paired))
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
            row, one = describe(effects, key[1], scope, material)
            parts = {effect.origin.dataset: effect.part for effect in effects}
            rows.append(Compared(constants | {"scope": scope, "dataset": dataset} | row, parts, one))
    return rows


def _pairing_pays(effects: Sequence[Effect], pairs: Sequence[Effect], material: Material, tests: int) -> bool:
    """Whether paired seeds promise the shorter interval, at the level at which the family tests.

    By the correlation of seeds, which is that of all other pairs of objectives, and by the numbers of seeds
    and their degrees of freedom, which are those of the design: nothing of the contrast's own effect decides.
    Seeds of both sides are taken to vary alike.
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
    shared = moderation.correlation(means, without=[stratum.objective for stratum in strata])
    paired = min(pair.replicates for pair in pairs)
    together = stdtrit(paired - 1, 1 - alpha / 2) * np.sqrt(2 * max(1 - shared, 0.0) / paired)
    apart = stdtrit(sum(freedom) or 1.0, 1 - alpha / 2) * np.sqrt(sum(1 / len(s.units) for s in strata))
    return bool(together < apart)
