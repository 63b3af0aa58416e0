"""How many replicates and images a comparison needs until its verdict is likely.

A comparison has enough of both where, with the configured power, a difference as large as the margin is found
and sides without any difference are judged equivalent. The power is that of the tests that
:mod:`wordsight.statistics.judging` makes, with the error that :mod:`wordsight.statistics.components` will
estimate. The estimate of each side's variance between n units follows a chi-squared distribution with n - 1
degrees of freedom, and where strength is borrowed it is shrunk as it will be in the test. Over its quantiles
the power is averaged. For one stratum alone, whose units are all that varies, it is the power of Student's t
test. Of more images it is known what they reduce: their own part of the variance, and their interaction with
the units.

The variance between units is a best guess from few of them (``Prior.expected`` of
:mod:`wordsight.statistics.moderation`). Its interval, by the chi-squared distribution with Satterthwaite's
degrees of freedom, gives an interval for the number of replicates. Images are many, and their variance is
taken for known, as the margin is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy import special
from scipy.stats import chi2

from wordsight.config.statistics import StatisticsSection
from wordsight.statistics import looks, moderation
from wordsight.statistics.components import (
    ROUNDING,
    Part,
    borrows,
    item_terms,
    means_over,
    trial_terms,
    unit_terms,
)
from wordsight.statistics.crossed import satterthwaite
from wordsight.statistics.moderation import Prior
from wordsight.statistics.records import ContrastRow, records
from wordsight.statistics.verdicts import Verdict

MOST_REPLICATES = 100_000  # nobody could follow advice to have more
MOST_IMAGES = 1000.0  # times the present ones
QUANTILES = 16  # of the estimated variance of a side, of one or two
QUANTILES_OF_MANY = 6
EVEN = 0.5  # of the largest variance that decides, what images may bring where their number has to grow

COLUMNS = [
    *("contrast", "protocol", "mode", "metric", "parameter", "setting"),
    *("family", "primary", "verdict", "margin", "replicate", "replicates", "n_clusters"),
    *("power", "needed", "needed_low", "needed_high", "images", "images_alone", "confidence"),
]


@dataclass(frozen=True)
class Side:
    """Units of one side, or matched groups.

    Attributes
    ----------
    count : number of units
    variance : of a single unit's mean, as far as it is in the effect
    df : degrees of freedom of that variance
    interaction : the part of it that more items reduce
    prior : what tests shrink its estimates to, if anything
    """

    count: int
    variance: float
    df: float
    interaction: float
    prior: Prior | None = None


@dataclass(frozen=True)
class Design:
    """What a comparison's variance is made of.

    Attributes
    ----------
    sides : one or more
    items, trials : variance that is the same for any number of units, each with its degrees of freedom
    """

    sides: tuple[Side, ...]
    items: tuple[float, float]
    trials: tuple[float, float]

    @property
    def df(self) -> float:
        """Degrees of freedom of the variance that units bring."""
        return satterthwaite([(side.variance / side.count, side.df) for side in self.sides])

    def counts(self, more: int) -> np.ndarray:
        """Units of each side once the smallest has so many more; one with as many already gets none."""
        now = np.array([side.count for side in self.sides])
        return np.maximum(now, now.min() + more)


@dataclass(frozen=True)
class Aim:
    """What a comparison is planned for.

    Attributes
    ----------
    level : level of a test with so many more replicates
    steps : numbers of more replicates that are possible, in ascending order; None if any is
    """

    margin: float
    power: float
    level: Callable[[int], float]
    steps: tuple[int, ...] | None = None

    @property
    def most(self) -> int:
        """Largest number of more replicates."""
        return MOST_REPLICATES if self.steps is None else max(self.steps, default=0)


def designed(parts: Sequence[Part]) -> Design | None:
    """Take the variance of an effect apart; None where a side has one unit, which tells no variance."""
    terms = unit_terms(parts)
    if not terms or len(terms) < max(len(part.strata) for part in parts):
        return None
    prior = moderation.prior(means_over(parts))
    sides = []
    for term in terms:
        count = term.count or int(term.df) + 1
        variance, df = term.variance * count, term.df
        shrunk = prior if borrows(term, prior) else None
        if shrunk:
            variance, df = shrunk.expected(variance, count - 1)
        sides.append(Side(count, variance, df, term.interaction * count, shrunk))
    draws = [[term for term in found if term[1] > 0] for found in (item_terms(parts), trial_terms(parts))]
    items, trials = ((sum(variance for variance, _ in found), satterthwaite(found)) for found in draws)
    return Design(tuple(sides), items, trials)


def power(
    design: Design, margin: float, level: float, *, more: int = 0, images: float = 1.0, scale: float = 1.0
) -> float:
    """Probability of the right verdict without a difference, or with one of the margin: the smaller of both.

    Parameters
    ----------
    more : replicates to add to the smaller side; the other gets those that it then lacks
    images : how many times as many there are
    scale : of the variance between units, for what it may be beside the best guess

    Returns
    -------
    float
        NaN where nothing varies.
    """
    counts = design.counts(more)
    interactions = np.array([scale * side.interaction for side in design.sides]) / images
    known = np.array([scale * side.variance for side in design.sides])
    true = np.maximum(known - interactions * images, 0) + interactions
    items, trials = (max(variance, 0.0) for variance in (design.items[0] / images, design.trials[0]))
    sigma = np.sqrt((true / counts).sum() + items + trials)
    if not sigma > ROUNDING:
        return float("nan")
    drawn, weights = _quantiles(tuple(int(count) for count in counts - 1))
    lends = np.array([side.prior is not None for side in design.sides])
    lenders, added = int(lends.sum()), int(lends @ (counts - design.counts(0)))
    estimates, dfs = [], []
    for side, count, variance, x in zip(design.sides, counts, true, drawn, strict=True):
        estimate, df = variance * x, float(count - 1)
        if side.prior and side.variance > 0:
            # The common variance comes from the estimates of all objectives, these included.
            total = side.prior.total + added + more * (len(side.prior.members) - lenders)
            share = (counts - 1) * lends / total
            around = 1 + sum(part * (other - 1) for part, other in zip(share, drawn, strict=True))
            common = side.prior.variance * variance / side.variance * around
            prior = replace(side.prior, variance=common, total=total)
            estimate, df = prior.moderated(estimate, int(count - 1))
        estimates.append(np.maximum(estimate / count, ROUNDING**2))
        dfs.append(df)
    units = np.sum(estimates, axis=0)
    total = units + items + trials
    of_units = np.sum([one**2 / df for one, df in zip(estimates, dfs, strict=True)], axis=0)
    draws = ((items, design.items[1] * images), (trials, design.trials[1]))
    of_draws = sum(variance**2 / df for variance, df in draws if variance > 0)
    df_units = units**2 / of_units
    df = np.minimum(total**2 / (of_units + of_draws), df_units * np.minimum(total / units, df_units))
    floor = items + trials + (interactions / counts).sum()
    stderr = np.sqrt(np.maximum(total, floor))
    two_sided, one_sided = (special.stdtrit(df, 1 - tail) * stderr for tail in (level / 2, level))
    equivalent_up_to = margin - one_sided
    found = special.ndtr((margin - np.maximum(two_sided, equivalent_up_to)) / sigma)
    equivalent = np.maximum(2 * special.ndtr(equivalent_up_to / sigma) - 1, 0)
    return float(min(weights @ found, weights @ equivalent))


@lru_cache(maxsize=1024)
def _quantiles(dfs: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Estimated over true variances, of shape (sides, points), and weights of the points."""
    number = QUANTILES if len(dfs) <= 2 else QUANTILES_OF_MANY
    nodes, weights = special.roots_legendre(number)
    x = np.meshgrid(*(chi2.ppf((nodes + 1) / 2, df) / df for df in dfs))
    w = np.meshgrid(*[weights / 2] * len(dfs))
    return np.array([one.ravel() for one in x]), np.prod([one.ravel() for one in w], axis=0)


def more_replicates(design: Design | None, aim: Aim, *, images: float = 1.0, scale: float = 1.0) -> float:
    """Replicates to add to the smaller side until a comparison has enough, as :func:`power` counts them.

    Returns
    -------
    float
        0 when there are enough, infinite when no number up to :data:`MOST_REPLICATES` or the last step is
        enough, NaN when not known.
    """
    if design is None:
        return float("nan")

    def enough(more: int) -> bool:
        return power(design, aim.margin, aim.level(more), more=more, images=images, scale=scale) >= aim.power

    if np.isnan(power(design, aim.margin, aim.level(0), images=images, scale=scale)):
        return float("nan")
    if enough(0):
        return 0.0
    if aim.steps is not None:
        return float(next((more for more in aim.steps if enough(more)), np.inf))
    high = 1
    while high < MOST_REPLICATES and not enough(high):
        high *= 2
    if high >= MOST_REPLICATES and not enough(MOST_REPLICATES):
        return float("inf")
    return float(_first(enough, high // 2, min(high, MOST_REPLICATES)))


def _first(enough: Callable[[int], bool], low: int, high: int) -> int:
    """Smallest number that is enough, above ``low`` and up to ``high``."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def replicates_interval(
    design: Design | None, aim: Aim, confidence: float, *, images: float = 1.0
) -> tuple[float, float]:
    """Interval for what :func:`more_replicates` says, since few units tell little of how much they vary."""
    if design is None or not design.df > 0:
        return float("nan"), float("nan")
    tails = ((1 + confidence) / 2, (1 - confidence) / 2)
    low, high = (
        more_replicates(design, aim, images=images, scale=float(design.df / chi2.ppf(tail, design.df)))
        for tail in tails
    )
    return low, high


def images_alone(design: Design | None, aim: Aim) -> float:
    """How many times as many images are enough for a comparison with the replicates that it has.

    Infinite where no number up to :data:`MOST_IMAGES` times the present one is enough, NaN when not known.
    """
    if design is None:
        return float("nan")
    return _times(lambda images: power(design, aim.margin, aim.level(0), images=images) >= aim.power)


def images_for_replicates(design: Design | None, aim: Aim) -> float:
    """How many times as many images make it possible that more replicates are enough.

    1 where the present ones do. Otherwise images are to bring a share of :data:`EVEN` of the variance with
    which a comparison is decided, so that a number of replicates that can be had brings the rest.
    """
    if design is None:
        return float("nan")
    if np.isfinite(more_replicates(design, aim)):
        return 1.0
    margin, last = aim.margin * np.sqrt(EVEN), aim.most
    return _times(
        lambda images: power(design, margin, aim.level(last), more=last, images=images) >= aim.power
    )


def _times(enough: Callable[[float], bool]) -> float:
    """Smallest multiple of the present images that is enough, to a percent."""
    steps = np.geomspace(1.0, MOST_IMAGES, 700)
    if enough(1.0):
        return 1.0
    if not enough(MOST_IMAGES):
        return float("inf")
    return float(steps[_first(lambda place: enough(float(steps[place])), 0, len(steps) - 1)])


def aim_of(
    margin: float, replicates: int, size: int, declared: Sequence[int], section: StatisticsSection
) -> Aim:
    """What a comparison of a family is planned for.

    Parameters
    ----------
    size : comparisons of the family
    declared : numbers of replicates at which it may be tested; none if it is tested once
    """
    alpha = (1 - section.confidence) / size
    steps = tuple(look - replicates for look in declared if look > replicates) if declared else None
    return Aim(margin, section.power, lambda more: looks.level(replicates + more, declared, alpha), steps)


def plan(frame: pd.DataFrame, parts: Sequence[dict[str, Part]], section: StatisticsSection) -> pd.DataFrame:
    """What every comparison that decides needs.

    Parameters
    ----------
    frame : rows of the contrasts
    parts : of each row, the observations by dataset

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`, which ``docs/results.md`` describes.
    """
    decides = frame["decides"].to_numpy(bool)
    kept = [part for part, kept in zip(parts, decides, strict=True) if kept]
    rows = [
        _planned(row, list(by_dataset.values()), section)
        for row, by_dataset in zip(records(frame[decides], ContrastRow), kept, strict=True)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _planned(row: ContrastRow, parts: Sequence[Part], section: StatisticsSection) -> dict[str, object]:
    design = None if row.verdict == Verdict.IDENTICAL else designed(parts)
    aim = aim_of(row.margin, row.replicates, row.comparisons, section.looks if row.look else [], section)
    times = images_for_replicates(design, aim)
    more = low = high = times
    if np.isfinite(times):
        more = more_replicates(design, aim, images=times)
        low, high = replicates_interval(design, aim, section.confidence, images=times)
    return {
        **{name: getattr(row, name) for name in COLUMNS if hasattr(row, name)},
        "primary": not section.primary or row.protocol in section.primary,
        "power": power(design, row.margin, aim.level(0)) if design else float("nan"),
        "needed": row.replicates + more,
        "needed_low": row.replicates + low,
        "needed_high": row.replicates + high,
        "images": np.ceil(times * row.n_clusters),
        "images_alone": np.ceil(images_alone(design, aim) * row.n_clusters),
    }
