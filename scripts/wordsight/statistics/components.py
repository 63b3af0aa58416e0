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

The last two are held at zero, below which they fall only by chance, and the sum at what the images and trials
give with the models held fixed (:mod:`wordsight.statistics.crossed`): a standard error below that is small by
luck, and with it every verdict would be. Where the units of a stratum are seeds of one objective, their
variance borrows strength from the other objectives (:mod:`wordsight.statistics.moderation`).

The degrees of freedom are Satterthwaite's, so that an interval over five training runs is as wide as
Student's t with four asks, unless the images are what is uncertain or the other objectives tell how seeds
vary. Of few units the share in the variance is itself uncertain, and small by chance where the standard error
is too, so Satterthwaite's square of that share is not trusted: the degrees of freedom are at most those of
the units divided by the share, and at most the square of the units'. ``benchmarks/calibration.py`` shows what
these rules are for. Over datasets, which are fixed, effects are averaged; units that several datasets share
vary together, and so do items that several cells share.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from wordsight.statistics import moderation
from wordsight.statistics.crossed import crossed_variance, satterthwaite
from wordsight.statistics.moderation import Means, Prior

# Standard error of a metric of order 1 that equal observations leave, since numbers are rounded.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Stratum:
    """Units of one kind that a repetition would draw anew.

    Attributes
    ----------
    sign : 1, or -1 for the controls of a comparison without matched groups
    units : their names
    observations : array of shape (units, trials, items)
    objective : what the units are seeds of, whose variance borrows strength; empty for other units
    """

    sign: int
    units: tuple[str, ...]
    observations: np.ndarray
    objective: str = ""


@dataclass(frozen=True)
class Part:
    """Observations of one dataset.

    Attributes
    ----------
    items : names what is drawn: parts of equal names have the same items, and draw them together
    strata : whose trials and items are the same
    peers : mean of each seed of every objective of the protocol, which strength is borrowed from
    """

    items: str
    strata: tuple[Stratum, ...]
    peers: Means = field(default_factory=dict)


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
    common = moderation.prior(means_over(parts))
    units = [_moderated(term, common) for term in unit_terms(parts)]
    terms = [
        *[(term.variance, term.df) for term in units],
        *item_terms(parts),
        *trial_terms(parts),
    ]
    terms = [(variance if variance > ROUNDING**2 else 0.0, df) for variance, df in terms if df > 0]
    of_units = sum(term.variance for term in units)
    total = sum(variance for variance, _ in terms)
    df = satterthwaite(terms)
    if of_units > ROUNDING**2:
        df_units = satterthwaite([(term.variance, term.df) for term in units])
        df = min(df, df_units * min(total / of_units, df_units))
    floor, _ = fixed_models(parts)
    return Estimate(
        effect=float(np.mean(effects)),
        stderr=float(np.sqrt(np.fmax(total, floor))) if terms else float("nan"),
        df=df,
        unit_variance=float(of_units),
    )


def fixed_models(parts: Sequence[Part]) -> tuple[float, float]:
    """Variance of the mean effect over some datasets with the models held fixed, with its degrees of freedom.

    What a repetition draws anew is then images and trials alone; both numbers are NaN where it draws nothing,
    and the second is where all say the same.
    """
    terms = [crossed_variance(matrix) for matrix in _matrices(parts)]
    known = [(variance, df) for variance, df in terms if not np.isnan(variance)]
    if not known:
        return float("nan"), float("nan")
    variance = sum(variance for variance, _ in known)
    if not variance > ROUNDING**2:
        return 0.0, float("nan")
    return variance, satterthwaite([term for term in known if term[0] > 0])


def _matrices(parts: Sequence[Part]) -> list[np.ndarray]:
    """Effect in each trial on each item, as a share of the mean over parts; of equal items, their sum."""
    by_items: dict[str, list[np.ndarray]] = defaultdict(list)
    for part in parts:
        effect = sum(s.sign * s.observations.mean(axis=0) for s in part.strata)
        by_items[part.items].append(effect / len(parts))
    found = []
    for same in by_items.values():
        if len({matrix.shape for matrix in same}) > 1:  # other trials, of which only the mean is common
            same = [matrix.mean(axis=0, keepdims=True) for matrix in same]
        found.append(np.sum(same, axis=0))
    return found


def means_over(parts: Sequence[Part]) -> dict[str, dict[str, float]]:
    """Mean over datasets of each seed of every objective that has the same seeds on all of them."""
    first, *others = (part.peers for part in parts)
    return {
        objective: {seed: float(np.mean([part.peers[objective][seed] for part in parts])) for seed in seeds}
        for objective, seeds in first.items()
        if all(set(peers.get(objective, {})) == set(seeds) for peers in others)
    }


def side_means(parts: Sequence[Part], sign: int) -> np.ndarray:
    """Mean over datasets of each treatment or matched group (``sign`` 1), or of each control (-1).

    Empty where the datasets have different units.
    """
    strata = [stratum for part in parts for stratum in part.strata if stratum.sign == sign]
    if len(strata) < len(parts) or len({stratum.units for stratum in strata}) != 1:
        return np.empty(0)
    return np.mean([stratum.observations.mean(axis=(1, 2)) for stratum in strata], axis=0)


@dataclass(frozen=True)
class Units:
    """Variance that the units of a stratum bring into the effect, with its degrees of freedom.

    Attributes
    ----------
    count : their number, or 0 where datasets have different ones
    interaction : the part of the variance that more items would reduce
    """

    variance: float
    df: float
    objective: str
    count: int
    interaction: float


def borrows(term: Units, common: Prior | None) -> bool:
    """Whether the units of a stratum are seeds whose variance is shrunk to what all objectives say."""
    return common is not None and term.objective in common.members and term.count > 0


def _moderated(term: Units, common: Prior | None) -> Units:
    """The same, shrunk to what all objectives say, where the units are seeds of one of them."""
    if common is None or not borrows(term, common):
        return term
    variance, df = common.moderated(term.variance * term.count, term.count - 1)
    return replace(term, variance=variance / term.count, df=df)


def unit_terms(parts: Sequence[Part]) -> list[Units]:
    """Variance and degrees of freedom of the units of each stratum; none where a stratum has but one.

    Units with the same name vary together. Where datasets differ in units, the smallest number of units
    gives the degrees of freedom.
    """
    influence: dict[tuple[int, int], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    strata: dict[tuple[int, int], list[Stratum]] = defaultdict(list)
    interactions = _interactions(parts)
    for part in parts:
        for place, stratum in enumerate(part.strata):
            count, means = len(stratum.units), stratum.observations.mean(axis=(1, 2))
            if count < 2:
                continue
            kind = (len(part.strata), place)  # groups are not the models of another dataset
            strata[kind].append(stratum)
            shares = (means - means.mean()) / np.sqrt(count * (count - 1)) / len(parts)
            for unit, share in zip(stratum.units, shares, strict=True):
                influence[kind][unit] += float(share)
    return [
        Units(
            variance=sum(share**2 for share in by_unit.values()),
            df=min(len(stratum.units) for stratum in strata[kind]) - 1,
            objective=strata[kind][0].objective,
            count=len(by_unit) if _alike(strata[kind], len(parts)) else 0,
            interaction=interactions[kind],
        )
        for kind, by_unit in influence.items()
    ]


def _alike(strata: Sequence[Stratum], parts: int) -> bool:
    """Whether a stratum has the same units of one objective in every part."""
    return len(strata) == parts and len({(stratum.objective, stratum.units) for stratum in strata}) == 1


def item_terms(parts: Sequence[Part]) -> list[tuple[float, int]]:
    """Variance and degrees of freedom of the items; parts with the same items and units share one draw."""
    return [_crossed_term(tables) for tables in _by_items(parts)]


def trial_terms(parts: Sequence[Part]) -> list[tuple[float, int]]:
    """Variance and degrees of freedom of the trials of each part."""
    return [
        _crossed_term([(kind.sign, kind.observations.mean(axis=2) / len(parts)) for kind in part.strata])
        for part in parts
    ]


def _interactions(parts: Sequence[Part]) -> dict[tuple[int, int], float]:
    """Part of the units' variance that is their interaction with items, by the kind of stratum."""
    found: dict[tuple[int, int], float] = defaultdict(float)
    for tables in _by_items(parts):
        for place, (_, table) in enumerate(tables):
            if min(table.shape) > 1:
                found[len(tables), place] += _interaction(table) / table.size
    return found


def _by_items(parts: Sequence[Part]) -> list[list[tuple[int, np.ndarray]]]:
    """Sign and table (units, items) of each stratum; parts with the same items and units are added up."""
    by_items: dict[tuple[object, ...], list[Part]] = defaultdict(list)
    for part in parts:
        by_items[(part.items, *(stratum.units for stratum in part.strata))].append(part)
    return [
        [
            (first.sign, sum(part.strata[place].observations.mean(axis=1) for part in same) / len(parts))
            for place, first in enumerate(same[0].strata)
        ]
        for same in by_items.values()
    ]


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
