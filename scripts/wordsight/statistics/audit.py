"""Checks every row of the contrasts for reasons not to believe its verdict, and lists them as flags."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from wordsight.catalogue.cells import CELLS
from wordsight.datasets.card import DatasetCard
from wordsight.models.card import ModelCard
from wordsight.statistics.analyses import ELSEWHERE, KEYS, WITHOUT_DATASET, WITHOUT_MODEL
from wordsight.statistics.comparison import Comparison
from wordsight.statistics.confounding import differences
from wordsight.statistics.effect_row import ENOUGH_REPLICATES
from wordsight.statistics.measures import Measures
from wordsight.statistics.records import ContrastRow, records
from wordsight.statistics.self_checks import ATTACK_CHECKS, HOPELESS_RADIUS
from wordsight.statistics.verdicts import Verdict

CEILING = 0.98  # a side with a higher mean has little left to gain
NEAR_CHANCE = 0.02  # with both sides closer to guessing than this, there is little to compare
NEAR_TWINS = 0.05  # share of the test images; the hash finds a few by chance among drawings and digits
SMALLEST_GAIN = 0.01  # over untrained; an effect is not divided by less


@dataclass(frozen=True)
class Evidence:
    """What the checks of a row can read.

    Attributes
    ----------
    summary : rows of the summary, every metric
    sensitivity : as :func:`wordsight.statistics.sensitivity.sensitivities` gives them
    comparisons : by the name of the contrast
    models, datasets : cards by name
    measures : of each protocol
    """

    summary: pd.DataFrame
    sensitivity: pd.DataFrame
    comparisons: Mapping[str, Comparison]
    models: Mapping[str, ModelCard]
    datasets: Mapping[str, DatasetCard]
    measures: Measures

    def sides(self, row: ContrastRow) -> tuple[list[str], list[str]]:
        """Models of the treatment and of the control."""
        return self.comparisons[row.contrast].sides

    @cached_property
    def _by_metric(self) -> dict[tuple[Hashable, ...], pd.DataFrame]:
        """Rows of the summary by protocol and metric: every check looks up several."""
        return dict(iter(self.summary.groupby(["protocol", "metric"])))

    def of_all(self, protocol: str, *metrics: str) -> pd.DataFrame:
        """Rows of the summary of all models and datasets."""
        found = [
            self._by_metric[protocol, metric] for metric in metrics if (protocol, metric) in self._by_metric
        ]
        return pd.concat(found) if found else self.summary[:0]

    def measured(self, row: ContrastRow, *metrics: str) -> pd.DataFrame:
        """Rows of the summary with the models, protocol and dataset (all when pooled) of a row."""
        one, other = self.sides(row)
        rows = self.of_all(row.protocol, *metrics)
        chosen = rows["model"].isin([*one, *other])
        return rows[chosen & ((rows["dataset"] == row.dataset) | (row.dataset == ""))]


def audited(frame: pd.DataFrame, evidence: Evidence) -> pd.DataFrame:
    """Add to each row of the contrasts its baselines and flags.

    Returns
    -------
    DataFrame
        With ``chance`` and ``untrained`` (NaN where unknown), ``relative``, the effect as a share of what
        the control gains over untrained, and ``flags``.
    """
    rows = records(frame, ContrastRow)
    untrained = [_untrained(row, evidence) for row in rows]
    frame = frame.assign(
        chance=[_chance(row, evidence) for row in rows],
        untrained=untrained,
        relative=[_relative(row, level) for row, level in zip(rows, untrained, strict=True)],
    )
    return frame.assign(flags=["; ".join(_flags(row, evidence)) for row in records(frame, ContrastRow)])


def _flags(row: ContrastRow, evidence: Evidence) -> list[str]:
    checks: dict[str, Callable[[ContrastRow, Evidence], bool]] = {
        "few replicates": lambda row, _: row.replicates < ENOUGH_REPLICATES,
        "ceiling": lambda row, _: max(row.treatment, row.control) > CEILING,
        "floor": lambda row, _: (
            row.chance is not None and max(row.treatment, row.control) < row.chance + NEAR_CHANCE
        ),
        "unconverged": lambda row, seen: bool((seen.measured(row, "converged")["value"] < 1).any()),
        "not learned": _not_learned,
        "collapsed seed": lambda row, _: bool(row.collapsed),
        "near duplicates": _near_duplicates,
        "flips without one model": lambda row, seen: _flips(row, seen, WITHOUT_MODEL),
        "flips without one dataset": lambda row, seen: _flips(row, seen, WITHOUT_DATASET),
        "flips elsewhere": lambda row, seen: _flips(row, seen, ELSEWHERE),
        "confounded": _confounded,
        "modes disagree": _modes_disagree,
        "attack self-check": _attack_failed,
    }
    return [name for name, check in checks.items() if check(row, evidence)]


def _chance(row: ContrastRow, evidence: Evidence) -> float:
    """Mean level of guessing over the datasets of a row, by the metric of the row; NaN where unknown."""
    kind = evidence.measures[row.protocol].chance.get(row.metric)
    if kind == "recorded":
        recorded = evidence.measured(row, "chance")
        return float(recorded.groupby("dataset")["value"].first().mean())
    cards = [evidence.datasets[name] for name in _datasets(row, evidence)] if kind else []
    levels = [card.guessing if kind == "most_frequent" else 1 / card.tested_classes for card in cards]
    return float(np.mean([np.nan if level is None else level for level in levels] or [np.nan]))


def _datasets(row: ContrastRow, evidence: Evidence) -> list[str]:
    """Datasets that a row averages over: those with results of both sides."""
    rows = evidence.measured(row, row.metric)
    one, other = (set(rows.loc[rows["model"].isin(side), "dataset"]) for side in evidence.sides(row))
    return sorted(one & other)


def _untrained(row: ContrastRow, evidence: Evidence) -> float:
    """Mean of untrained encoders of the same architectures; NaN unless they cover all datasets of the row."""
    names = {name for side in evidence.sides(row) for name in side}
    architectures = {evidence.models[name].architecture for name in names}
    untrained = [
        name
        for name, card in evidence.models.items()
        if not card.pretraining_images and card.architecture in architectures
    ]
    rows, datasets = evidence.of_all(row.protocol, row.metric), _datasets(row, evidence)
    same = rows["model"].isin(untrained) & rows["dataset"].isin(datasets)
    for key in ("parameter", "setting"):
        same &= rows[key] == getattr(row, key)
    by_dataset = rows[same].groupby("dataset")["value"].mean()
    return float(by_dataset.mean()) if len(by_dataset) == len(datasets) else float("nan")


def _relative(row: ContrastRow, untrained: float) -> float:
    """Effect as a share of what the control gains over untrained; NaN where that is unknown or too small."""
    gain = row.control - untrained
    return row.effect / gain if gain > SMALLEST_GAIN else float("nan")


def _not_learned(row: ContrastRow, evidence: Evidence) -> bool:
    models = [evidence.models[name] for side in evidence.sides(row) for name in side]
    return any(card.training is not None and card.training.learned is False for card in models)


def _near_duplicates(row: ContrastRow, evidence: Evidence) -> bool:
    """Whether a dataset of the row has a test image with an exact twin in training, or many with near twins.

    Cells are left out, because they have no card of their own.
    """
    cards = [evidence.datasets[name] for name in _datasets(row, evidence) if name not in CELLS]
    return any(
        card.duplicates.exact or card.duplicates.near > NEAR_TWINS * card.splits.test.items for card in cards
    )


def _attack_failed(row: ContrastRow, evidence: Evidence) -> bool:
    """Whether a self-check of the attack failed, or images survived a radius that nothing can withstand."""
    checks = dict(ATTACK_CHECKS)
    radii = evidence.measured(row, "accuracy").query("parameter == 'epsilon'")["setting"]
    if len(radii) and radii.max() >= HOPELESS_RADIUS:
        checks["unbroken_at_largest"] = 0.0
    rows = evidence.measured(row, *checks)
    return bool((rows["value"] > rows["metric"].map(checks).astype(float)).any())


def _flips(row: ContrastRow, evidence: Evidence, analysis: str) -> bool:
    """Whether an analysis with other observations changes the verdict of a row that decides."""
    if not row.decides or row.verdict == Verdict.UNDECIDED:
        return False
    rows = evidence.sensitivity
    same = rows["analysis"] == analysis
    for key in KEYS:
        same &= rows[key] == getattr(row, key)
    found = rows.loc[same]
    if row.verdict == Verdict.IDENTICAL:  # which no analysis says: there is nothing to test
        return bool((found["effect"] != 0).any())
    return bool((found["verdict"] != row.verdict).any())


def _confounded(row: ContrastRow, evidence: Evidence) -> bool:
    """Whether the sides differ in more than the contrast asks about."""
    return bool(differences(evidence.comparisons[row.contrast], evidence.models))


def _modes_disagree(row: ContrastRow, evidence: Evidence) -> bool:
    """Whether an effect that helps or hurts has the opposite sign by the authors' choice of metric."""
    metric = evidence.measures[row.protocol].authors
    if metric is None or row.metric != evidence.measures[row.protocol].primary:
        return False
    if row.verdict not in (Verdict.HELPS, Verdict.HURTS):
        return False
    rows = evidence.measured(row, metric)
    rows = rows[rows["setting"] == row.setting]
    if rows.empty:
        return False
    treatments, controls = evidence.sides(row)
    means = [rows.loc[rows["model"].isin(side), "value"].mean() for side in (treatments, controls)]
    return (means[0] - means[1]) * row.effect < 0
