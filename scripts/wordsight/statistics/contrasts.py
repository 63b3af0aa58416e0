"""Paired effects of every contrast: treatment minus control on the same items and the same draws.

The effect on a dataset is the mean of the treatments minus that of the controls, over trials and items, then
over matched groups; the pooled effect is the mean over datasets. Intervals resample what a repetition would
draw anew: groups and models where there are several, trials, and items within each dataset. Datasets stay as
they are, so nothing is claimed of others. ``replicates`` counts matched groups or models, not items: with few
of them a verdict holds for these models and says nothing of another training run.

Not there yet: verdicts of equivalence within a margin, a correction for many contrasts, mixed models.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import pandas as pd

from wordsight.config import StatisticsSection
from wordsight.errors import DataError
from wordsight.logs import logger
from wordsight.seeds import derive_seed
from wordsight.statistics import bootstrap
from wordsight.statistics.observations import PRIMARY, Cell, Origin, read_cells, read_origin
from wordsight.statistics.pairs import Comparison

INTERVAL = "percentile bootstrap"
LEVELS = ["groups", "treatments", "controls", "trials", "items"]
# An interval of 95% over so many units covers 85% in truth, over two 53% (tests/unit/test_bootstrap.py).
ENOUGH_REPLICATES = 5

COLUMNS = [
    *("contrast", "protocol", "mode", "metric", "parameter", "setting", "scope", "dataset"),
    *("effect", "low", "high", "verdict", "holds_for", "treatment", "control"),
    *("confidence", "interval", "resampled", "resamples", "seed"),
    *("n_pairs", "n_treatments", "n_controls", "replicates", "n_datasets", "n_trials", "n_items"),
]


class Verdict(StrEnum):
    """What an interval says. Equivalence needs a margin and is not among them yet."""

    HIGHER = "higher"
    LOWER = "lower"
    UNDECIDED = "undecided"


def verdict(low: float, high: float) -> Verdict:
    """Judge an interval of treatment minus control; one that holds zero, or is not known, decides nothing."""
    if low > 0:
        return Verdict.HIGHER
    return Verdict.LOWER if high < 0 else Verdict.UNDECIDED


def holds_for(replicates: int) -> str:
    """Say of which models a verdict tells: of those that were measured, or of others like them too."""
    return "such models" if replicates >= ENOUGH_REPLICATES else "these models"


@dataclass(frozen=True)
class _Effect:
    """The effect of one contrast on one dataset at one setting, with its resamples."""

    key: tuple[str, str, str, float]  # mode, metric, parameter, setting
    dataset: str
    pairs: list[tuple[str, str]]
    levels: list[str]
    replicates: int
    trials: int
    items: int
    treatment: float
    control: float
    draws: np.ndarray


def compare(
    paths: Iterable[Path | str], comparisons: Sequence[Comparison], section: StatisticsSection, seed: int
) -> pd.DataFrame:
    """Effects of every comparison, by dataset and pooled over datasets.

    Parameters
    ----------
    paths : files of rows, each of one protocol, model and dataset
    comparisons : as :func:`wordsight.statistics.pairs.resolve` gives them
    section : resamples and confidence of the intervals
    seed : the configured seed

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`, which ``docs/results.md`` describes, in the order of ``comparisons``.

    Raises
    ------
    DataError
        When the files of a pair differ in items, draws or mode: it names both files.
    """
    files: dict[str, dict[str, dict[str, Origin]]] = defaultdict(lambda: defaultdict(dict))
    for origin in map(read_origin, paths):
        if origin.model in files[origin.protocol][origin.dataset]:
            raise DataError(
                f"{origin.path}: expected one file of {origin.protocol}, {origin.model} and {origin.dataset}"
            )
        files[origin.protocol][origin.dataset][origin.model] = origin
    rows = []
    for comparison in comparisons:
        for protocol in (name for name in PRIMARY if name in files):
            rows += _rows(comparison, protocol, files[protocol], section, seed)
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(
    comparison: Comparison,
    protocol: str,
    datasets: dict[str, dict[str, Origin]],
    section: StatisticsSection,
    seed: int,
) -> list[dict[str, object]]:
    found: dict[tuple[str, str, str, float], list[_Effect]] = defaultdict(list)
    for dataset in sorted(datasets):
        for effect in _effects(comparison, protocol, datasets[dataset], section, seed):
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
        groups = [[effect] for effect in found[key]]
        rows += [
            constants | {"scope": "dataset", "dataset": g[0].dataset} | _describe(g, section) for g in groups
        ]
        rows.append(constants | {"scope": "pooled", "dataset": ""} | _describe(found[key], section))
    return rows


def _effects(
    comparison: Comparison, protocol: str, origins: dict[str, Origin], section: StatisticsSection, seed: int
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
    cells = paired_cells([origins[model] for model in models], PRIMARY[protocol])
    # The stream depends on the pairs alone, so that datasets with the same pairs draw the same models.
    stream = derive_seed(seed, "bootstrap", comparison.name, *(model for pair in pairs for model in pair))
    weights = bootstrap.model_weights(np.random.default_rng(stream), section.resamples, pairs, groups, models)
    origin = origins[models[0]]
    return [_effect(origin, group, pairs, groups, weights, seed) for group in cells]


def paired_cells(origins: list[Origin], metric: str) -> list[list[Cell]]:
    """For each setting, the cells of all models, which agree in items and draws."""
    reference = origins[0]
    first = read_cells(reference.path, {metric})
    if not first:
        raise DataError(f"{reference.path}: expected rows of {metric}, but there are none")
    columns = [first]
    for origin in origins[1:]:
        cells = read_cells(origin.path, {metric})
        both = f"{reference.path} and {origin.path}: {metric}: expected the same"
        if origin.mode != reference.mode:
            raise DataError(f"{both} mode, but they are {reference.mode} and {origin.mode}")
        if [(c.parameter, c.setting) for c in cells] != [(c.parameter, c.setting) for c in first]:
            raise DataError(f"{both} settings in both")
        for ours, theirs in zip(first, cells, strict=True):
            if not np.array_equal(ours.items, theirs.items):
                raise DataError(f"{both} items in both")
            if not (np.array_equal(ours.trials, theirs.trials) and np.array_equal(ours.seeds, theirs.seeds)):
                raise DataError(f"{both} draws (trial and seed) in both")
        columns.append(cells)
    return [list(group) for group in zip(*columns, strict=True)]


def _effect(
    origin: Origin,
    cells: list[Cell],
    pairs: list[tuple[str, str]],
    groups: list[str],
    weights: np.ndarray,
    seed: int,
) -> _Effect:
    first = cells[0]
    values = np.stack([cell.matrix for cell in cells])
    by_model, actual = values.mean(axis=(1, 2)), weights[0]
    n_groups, sides = len(set(groups)), _sides(pairs)
    # Each group has a model on either side; one more means that there is something to draw in it.
    sizes = [n_groups, *(1 + side - n_groups for side in sides), *values.shape[1:]]
    return _Effect(
        key=(origin.mode, first.metric, first.parameter, first.setting),
        dataset=origin.dataset,
        pairs=pairs,
        levels=[level for level, size in zip(LEVELS, sizes, strict=True) if size > 1],
        replicates=n_groups if n_groups > 1 else min(sides),
        trials=len(first.trials),
        items=len(first.items),
        treatment=float(by_model @ actual.clip(min=0)),
        control=float(-by_model @ actual.clip(max=0)),
        draws=bootstrap.effects(
            bootstrap.generators(seed, origin.protocol, origin.dataset, list(first.items)),
            values,
            weights[1:],
        ),
    )


def _describe(effects: list[_Effect], section: StatisticsSection) -> dict[str, object]:
    """Effect, interval and counts over one dataset or several."""
    treated, untreated = (
        float(np.mean([getattr(e, side) for e in effects])) for side in ("treatment", "control")
    )
    levels = [level for level in LEVELS if any(level in effect.levels for effect in effects)]
    low = high = float("nan")
    if levels:
        low, high = bootstrap.percentile(np.mean([e.draws for e in effects], axis=0), section.confidence)
    pairs = {pair for effect in effects for pair in effect.pairs}
    treatments, controls = _sides(pairs)
    replicates = min(effect.replicates for effect in effects)
    return {
        "effect": treated - untreated,
        "low": low,
        "high": high,
        "verdict": verdict(low, high).value,
        "holds_for": holds_for(replicates),
        "treatment": treated,
        "control": untreated,
        "resampled": ", ".join(levels),
        "n_pairs": len(pairs),
        "n_treatments": treatments,
        "n_controls": controls,
        "replicates": replicates,
        "n_datasets": len(effects),
        "n_trials": min(e.trials for e in effects),
        "n_items": sum(e.items for e in effects),
    }


def _sides(pairs: Iterable[tuple[str, str]]) -> tuple[int, int]:
    """Count the models that are treatments and those that are controls."""
    treatments, controls = (set(side) for side in zip(*pairs, strict=True))
    return len(treatments), len(controls)
