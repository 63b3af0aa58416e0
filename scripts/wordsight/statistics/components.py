"""Effect, standard error and degrees of freedom from the components of variance of crossed observations.

An effect is a signed sum of means, one for each stratum of units that a repetition would draw anew. The units
are matched groups, or where nothing is matched, the models of either side. On one dataset, with y_uti the
observation of unit u in trial t of item i (for a matched group, treatments minus controls),

    effect = sum_s sign_s mean_{u in s, t, i} y_uti

Units, trials and items are crossed draws, y_uti = mu + unit_u + trial_t + item_i + ..., and the variance of
the effect is the sum of three parts, each estimated from mean squares:

    units   sum_s s2(y_u..) / n_s                         includes their interactions with items and trials
    items   s2(d_i) / n  - interaction of units and items,       d_i the effect on item i
    trials  s2(d_t) / t  - interaction of units and trials,      d_t the effect in trial t

The last two are set to zero where they come out negative, which happens only by chance. The degrees of
freedom are those of Satterthwaite (1946, "An approximate distribution of estimates of variance components",
Biometrics Bulletin 2, 110-114, doi:10.2307/3002019), so an interval over five training runs is as wide as
Student's t with four degrees of freedom makes it, unless most of the uncertainty comes from the images.

With few units, their share of the variance is itself uncertain: when it is small by chance, so is the
standard error. Satterthwaite's formula squares this share, which can't be trusted then. So the degrees of
freedom are at most those of the units divided by the share, and at most the square of those of the units.
``benchmarks/calibration.py`` shows why this matters. Effects are averaged over datasets, which are fixed;
units that several datasets share vary together, and so do items that several cells share.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Equal observations of a metric around 1 can leave a standard error this large, by rounding alone.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Stratum:
    """Units of one kind that a repetition would draw anew.

    Attributes
    ----------
    sign : 1, or -1 for the controls of a comparison without matched groups
    units : their names
    observations : array of shape (units, trials, items)
    """

    sign: int
    units: tuple[str, ...]
    observations: np.ndarray


@dataclass(frozen=True)
class Part:
    """Observations of one dataset.

    Attributes
    ----------
    items : name of the set of items; parts with the same name share their items, and draw them together
    strata : all with the same trials and items
    """

    items: str
    strata: tuple[Stratum, ...]


@dataclass(frozen=True)
class Estimate:
    """An effect with its uncertainty.

    Attributes
    ----------
    stderr : NaN for a single observation; zero where all are equal
    df : degrees of freedom of ``stderr``; NaN where it is zero or unknown
    unit_variance : the part of the variance that more units would reduce
    """

    effect: float
    stderr: float
    df: float
    unit_variance: float


def estimate(parts: Sequence[Part]) -> Estimate:
    """Estimate the mean effect over some datasets.

    Raises
    ------
    ValueError
        When there is no part.
    """
    if not parts:
        raise ValueError("expected at least one dataset")
    effects = [sum(s.sign * float(s.observations.mean()) for s in part.strata) for part in parts]
    units = _unit_terms(parts)
    terms = [*units, *_item_terms(parts), *(_trial_term(part, len(parts)) for part in parts)]
    terms = [(variance if variance > ROUNDING**2 else 0.0, df) for variance, df in terms if df > 0]
    total, of_units = (sum(variance for variance, _ in some) for some in (terms, units))
    df = satterthwaite(terms)
    if of_units > ROUNDING**2:
        df_units = satterthwaite(units)
        df = min(df, df_units * min(total / of_units, df_units))
    return Estimate(
        effect=float(np.mean(effects)),
        stderr=float(np.sqrt(total)) if terms else float("nan"),
        df=df,
        unit_variance=float(of_units),
    )


def satterthwaite(terms: Sequence[tuple[float, int]]) -> float:
    """Degrees of freedom of a sum of independent variances; NaN when the sum is zero.

    Parameters
    ----------
    terms : each variance with its degrees of freedom
    """
    spread = sum(variance**2 / df for variance, df in terms)
    return float(sum(variance for variance, _ in terms) ** 2 / spread) if spread > 0 else float("nan")


def _unit_terms(parts: Sequence[Part]) -> list[tuple[float, int]]:
    """Variance and degrees of freedom of the units of each stratum; a stratum of one unit has none.

    Units with the same name vary together. Where datasets differ in units, the smallest number of units
    gives the degrees of freedom.
    """
    influence: dict[tuple[int, int], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    fewest: dict[tuple[int, int], int] = {}
    for part in parts:
        for place, stratum in enumerate(part.strata):
            count, means = len(stratum.units), stratum.observations.mean(axis=(1, 2))
            if count < 2:
                continue
            kind = (len(part.strata), place)  # keeps the groups of one dataset from the models of another
            fewest[kind] = min(count, fewest.get(kind, count))
            shares = (means - means.mean()) / np.sqrt(count * (count - 1)) / len(parts)
            for unit, share in zip(stratum.units, shares, strict=True):
                influence[kind][unit] += float(share)
    return [
        (sum(share**2 for share in by_unit.values()), fewest[kind] - 1) for kind, by_unit in influence.items()
    ]


def _item_terms(parts: Sequence[Part]) -> list[tuple[float, int]]:
    """Variance and degrees of freedom of the items; parts with the same items and units share one draw."""
    by_items: dict[tuple[object, ...], list[Part]] = defaultdict(list)
    for part in parts:
        by_items[(part.items, *(stratum.units for stratum in part.strata))].append(part)
    return [
        _crossed_term(
            [
                (first.sign, sum(part.strata[place].observations.mean(axis=1) for part in same) / len(parts))
                for place, first in enumerate(same[0].strata)
            ]
        )
        for same in by_items.values()
    ]


def _trial_term(part: Part, parts: int) -> tuple[float, int]:
    return _crossed_term([(kind.sign, kind.observations.mean(axis=2) / parts) for kind in part.strata])


def _crossed_term(tables: Sequence[tuple[int, np.ndarray]]) -> tuple[float, int]:
    """Variance that drawn items or trials add to an effect, less their interaction with units; and its df.

    Parameters
    ----------
    tables : for each stratum, its sign and an array of shape (units, draws)
    """
    draws = tables[0][1].shape[1]
    if draws < 2:
        return 0.0, 0
    effect = sum(sign * table.mean(axis=0) for sign, table in tables)
    raw = float(np.var(effect, ddof=1)) / draws
    overlap = sum(_interaction(table) / (len(table) * draws) for _, table in tables)
    return max(raw - overlap, 0.0), draws - 1


def _interaction(table: np.ndarray) -> float:
    """Mean square of the interaction of units and draws; zero for one unit, where only the draws vary."""
    units, draws = table.shape
    if units < 2:
        return 0.0
    rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    return float((rest**2).sum()) / ((units - 1) * (draws - 1))
