"""Rows of the tables as typed records, in which None is an empty cell; ``docs/results.md`` describes them."""

from dataclasses import dataclass, fields
from typing import TypeVar

import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Row:
    """Which measurement a number comes from."""

    protocol: str
    mode: str
    metric: str
    parameter: str
    setting: float


@dataclass(frozen=True, kw_only=True)
class ResultRow(Row):
    """One value of a model: a row of the results."""

    model: str
    dataset: str
    value: float
    stderr: float | None


@dataclass(frozen=True, kw_only=True)
class IntervalRow(Row):
    """A number with its interval, where there is one."""

    low: float | None
    high: float | None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Ends of the interval; None where it is not known."""
        return None if self.low is None or self.high is None else (self.low, self.high)


@dataclass(frozen=True, kw_only=True)
class MeanRow(IntervalRow):
    """The mean of an objective over its seeds, or of another model: a row of the objectives."""

    dataset: str
    group: str
    value: float
    seeds: int


@dataclass(frozen=True, kw_only=True)
class ContrastRow(IntervalRow):
    """One effect: a row of the contrasts.

    The last four fields are empty until the audit adds them.
    """

    contrast: str
    scope: str
    dataset: str
    effect: float
    verdict: str
    reason: str
    holds_for: str
    treatment: float
    control: float
    p_value: float | None
    margin: float
    p_equivalence: float | None
    smallest_margin: float | None
    p_worse: float | None
    p_equivalent: float | None
    p_better: float | None
    p_superior: float | None
    encoders_low: float | None
    encoders_high: float | None
    encoders_verdict: str
    over_datasets_low: float | None
    over_datasets_high: float | None
    datasets_found: float | None
    main: bool
    decides: bool
    family: str
    comparisons: int
    p_adjusted: float | None
    p_equivalence_adjusted: float | None
    look: str
    level: float
    minimum_detectable: float | None
    more_replicates: float | None
    confidence: float
    bootstrap_low: float | None
    bootstrap_high: float | None
    resampled: str
    n_pairs: int
    n_treatments: int
    n_controls: int
    replicate: str
    replicates: int
    collapsed: str
    n_datasets: int
    n_items: int
    n_clusters: int
    chance: float | None = None
    untrained: float | None = None
    relative: float | None = None
    flags: str = ""

    @property
    def over_datasets(self) -> tuple[float, float] | None:
        """Ends of the interval over datasets like those of the row; None where it is not known."""
        low, high = self.over_datasets_low, self.over_datasets_high
        return None if low is None or high is None else (low, high)

    @property
    def judged_p(self) -> tuple[float | None, float | None]:
        """P-values of difference and equivalence that the verdict uses; corrected if the row decides."""
        if self.decides:
            return self.p_adjusted, self.p_equivalence_adjusted
        return self.p_value, self.p_equivalence


@dataclass(frozen=True, kw_only=True)
class PlanRow(Row):
    """What an effect that decides needs: a row of the plan."""

    contrast: str
    primary: bool
    verdict: str
    replicate: str
    replicates: int
    n_clusters: int
    needed: float | None
    needed_low: float | None
    needed_high: float | None
    images: float | None
    confidence: float


@dataclass(frozen=True, kw_only=True)
class SensitivityRow(IntervalRow):
    """One other estimate of an effect that decides: a row of the sensitivity analyses."""

    contrast: str
    analysis: str
    left_out: str
    effect: float | None
    p_value: float | None
    verdict: str
    heterogeneity: float | None
    n: int
    note: str


@dataclass(frozen=True, kw_only=True)
class ConclusionRow(Row):
    """What several contrasts show together on a protocol: a row of the conclusions."""

    conclusion: str
    question: str
    verdict: str
    weakest: str
    p_value: float | None
    comparisons: int
    p_adjusted: float | None


Kind = TypeVar("Kind", bound=Row)


def records(frame: pd.DataFrame, kind: type[Kind]) -> list[Kind]:
    """Rows of a table as records of a kind; columns that the kind does not name are left out."""
    names = [field.name for field in fields(kind) if field.name in frame]
    cells = frame[names].to_numpy(dtype=object, copy=True)
    cells[frame[names].isna().to_numpy()] = None
    return [kind(**dict(zip(names, row, strict=True))) for row in cells]
