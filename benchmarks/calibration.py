"""How often verdicts are wrong and intervals miss the truth, in simulated worlds with a known truth.

Each world is an experiment: seeds on two sides, three datasets, trials and items, right or wrong answers
that share the difficulty of items, and three more objectives that strength is borrowed from. Planted are no
effect, one exactly at the margin, and one of two margins. Beside the plain case stand those in which an
interval can fail: seeds or items that dominate, unequal variances or numbers of seeds, heavy tails, effects
that differ between datasets, seeds that collapse, items and models that are not independent.

    python benchmarks/calibration.py
    python benchmarks/calibration.py --worlds 500 --output calibration.csv

The table has the rate of each verdict, at a level of 5 % and at those of families of 28 and 84 comparisons,
and the coverage of the interval, over all and where its standard error is below the median: an error that is
small by luck is where an interval fails first. Each has its Monte-Carlo standard error. What
``docs/method.md`` shows of it is printed.

Thousands of worlds are computed at once by the formulas of ``wordsight.statistics``, written for arrays of
worlds; ``tests/unit/test_calibration.py`` holds them to what the library says of the same worlds.
"""

import argparse
import itertools
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from wordsight.statistics import moderation
from wordsight.statistics.components import Part, Stratum

TABLE = Path(__file__).resolve().parents[1] / "docs/results/calibration.csv"
ALPHA, MARGIN = 0.05, 0.03
SHARE, LEAST = 0.25, 0.01  # of the gain, and the smallest margin: the defaults of the configuration
DATASETS, ITEMS, OBJECTIVES = 3, 200, 5
BETWEEN_SEEDS, SEEDS_BY_DATASET, BETWEEN_TRIALS = 0.02, 0.01, 0.01
HARD_ITEMS, ITEMS_BY_SIDE, BETWEEN_DATASETS = 0.2, 0.1, 0.03
COLLAPSE, COLLAPSES = 0.2, 0.1  # how much a collapsed seed scores less, and the share of seeds that collapse
COPIES, ALIKE = 5, 0.8  # near copies of an item, and the share of its difficulty that they have in common
MEMBERS = 3  # models of a family
EFFECTS = {"zero": 0.0, "at the margin": MARGIN, "two margins": 2 * MARGIN}
SEEDS = (3, 5, 10)
LEVELS = {"": ALPHA, "_28": ALPHA / 28, "_84": ALPHA / 84}
CHUNK = 250  # worlds computed at once


@dataclass(frozen=True)
class Kind:
    """What a world is like.

    Attributes
    ----------
    spread : of the seeds of treatment, control and other objectives, as a multiple of ``BETWEEN_SEEDS``
    heavy : whether seeds differ by Student's t with 3 degrees of freedom
    differ : standard deviation of the effect between datasets
    shared : share of the seeds' variance that equal seeds of both sides have in common
    trials : draws that all models share
    others : number of other objectives
    collapse : whether some seeds of the treatment collapse
    copies, keyed : whether items come as near copies, and whether the statistics are told
    families : whether models come in families, which the statistics are told
    gained : whether the margin is a share of what training gains, as estimated from the same seeds
    size : comparisons that are corrected together
    more : seeds of the treatment for each of the control
    """

    spread: tuple[float, float, float] = (1.0, 1.0, 1.0)
    heavy: bool = False
    differ: float = 0.0
    shared: float = 0.0
    trials: int = 1
    others: int = OBJECTIVES - 2
    collapse: bool = False
    copies: bool = False
    keyed: bool = True
    families: bool = False
    gained: bool = False
    size: int = 1
    more: int = 1


KINDS = {
    "plain": Kind(),
    "seeds dominate": Kind(spread=(3.0, 3.0, 3.0)),
    "seeds do not differ": Kind(spread=(0.0, 0.0, 0.0)),
    "no other objectives": Kind(others=0),
    "treatment varies twice as much": Kind(spread=(2.0, 1.0, 1.0)),
    "treatment varies 6 times as much": Kind(spread=(6.0, 1.0, 1.0)),
    "heavy tails": Kind(heavy=True),
    "differs by dataset": Kind(differ=BETWEEN_DATASETS),
    "seeds go together": Kind(shared=0.3),
    "five trials": Kind(trials=5),
    "near copies, told": Kind(copies=True),
    "near copies, not told": Kind(copies=True, keyed=False),
    "families of models, told": Kind(families=True),
    "a tenth of the treatment's seeds collapse": Kind(collapse=True),
    "family of 8": Kind(size=8),
    "margin from the gain": Kind(gained=True),
    "margin from the gain, seeds dominate": Kind(spread=(3.0, 3.0, 3.0), gained=True),
    "twice as many seeds of the treatment": Kind(more=2),
    "the same, seeds dominate": Kind(more=2, spread=(3.0, 3.0, 3.0)),
    "the same, control varies twice as much": Kind(more=2, spread=(1.0, 2.0, 1.0)),
}


@dataclass(frozen=True)
class Worlds:
    """Observations of many worlds.

    Attributes
    ----------
    right : of treatment and control, an array of shape (worlds, datasets, units, trials, items)
    others : mean over datasets of each seed of the other objectives, of shape (worlds, objectives, seeds)
    collapsed : whether a seed collapsed, of shape (worlds,)
    margin : of shape (worlds,)
    """

    right: tuple[np.ndarray, np.ndarray]
    others: np.ndarray
    collapsed: np.ndarray
    margin: np.ndarray


def simulate(rng: np.random.Generator, kind: Kind, seeds: int, effect: float, worlds: int) -> Worlds:
    """Right answers of many experiments, and the levels of the other objectives.

    ``seeds`` is the number of each objective's, of which the treatment may have ``more``.
    """
    spread, most = np.array(kind.spread), seeds * kind.more
    shape = (worlds, 2, most * (MEMBERS if kind.families else 1))
    between = rng.standard_t(3, size=shape) / np.sqrt(3) if kind.heavy else rng.normal(size=shape)
    if kind.families:
        of_family = np.repeat(rng.normal(size=(worlds, 2, most)), MEMBERS, axis=2)
        between = np.sqrt(ALIKE) * of_family + np.sqrt(1 - ALIKE) * between
    common = rng.normal(size=(worlds, 1, shape[2]))
    between = np.sqrt(1 - kind.shared) * between + np.sqrt(kind.shared) * common
    shift = BETWEEN_SEEDS * between * spread[:2, None]
    fell = (rng.random((worlds, shape[2])) < COLLAPSES) & kind.collapse
    shift[:, 0] += COLLAPSE * (COLLAPSES * kind.collapse - fell)  # the truth is that of all seeds
    differ = kind.differ * rng.normal(size=(worlds, DATASETS))
    differ -= differ.mean(axis=1, keepdims=True)  # datasets are fixed: the truth is the mean over these
    by_dataset = SEEDS_BY_DATASET * rng.normal(size=(worlds, DATASETS, *shape[1:]))
    levels = shift[:, None] + by_dataset
    levels += (np.array([0.5, -0.5]) * (effect + differ)[:, :, None])[..., None]
    by_trial = np.zeros((worlds, DATASETS, 2, 1, kind.trials, 1), np.float32)
    if kind.trials > 1:  # of a single one nobody could tell what it brings
        by_trial += BETWEEN_TRIALS * rng.standard_normal(by_trial.shape, dtype=np.float32)
    chance = (levels[..., None, None] + 0.5).astype(np.float32) + by_trial + _of_items(rng, kind, worlds)
    right = (rng.random(chance.shape, dtype=np.float32) < chance).astype(np.float32)
    if kind.families:
        right = right.reshape(*right.shape[:3], most, MEMBERS, *right.shape[4:]).mean(axis=4)
    if kind.copies and kind.keyed:
        right = right.reshape(*right.shape[:5], ITEMS // COPIES, COPIES).mean(axis=6)
    noise = (0.25 - HARD_ITEMS**2 / 3) / (kind.trials * ITEMS) + SEEDS_BY_DATASET**2
    deviation = np.sqrt((BETWEEN_SEEDS * spread[2]) ** 2 + noise / DATASETS)
    others = deviation * rng.normal(size=(worlds, kind.others, seeds))
    sides = right[:, :, 0], right[:, :, 1, :seeds]
    margin = np.full(worlds, MARGIN)
    if kind.gained:
        untrained = deviation * rng.normal(size=(worlds, seeds))
        margin = margins([side.mean(axis=(1, 3, 4)) - 0.5 for side in sides], others, untrained)
    return Worlds(sides, others, fell.any(axis=1), margin)


def margins(sides: Sequence[np.ndarray], others: np.ndarray, untrained: np.ndarray) -> np.ndarray:
    """Margins of many worlds, as ``effects`` takes them from the mean gain of all objectives."""
    objectives = np.column_stack([*(side.mean(axis=1) for side in sides), others.mean(axis=2)])
    gain = MARGIN / SHARE + objectives.mean(axis=1) - untrained.mean(axis=1)
    return np.maximum(SHARE * gain, LEAST)


def _of_items(rng: np.random.Generator, kind: Kind, worlds: int) -> np.ndarray:
    """What items bring to the chance of a right answer, of shape (worlds, datasets, sides, 1, 1, items)."""

    def drawn(*shape: int) -> np.ndarray:
        single = rng.normal(size=(*shape, ITEMS))
        if not kind.copies:
            return single
        same = np.repeat(rng.normal(size=(*shape, ITEMS // COPIES)), COPIES, axis=-1)
        return np.sqrt(ALIKE) * same + np.sqrt(1 - ALIKE) * single

    hard = HARD_ITEMS * rng.uniform(-1, 1, (worlds, DATASETS, 1, ITEMS))
    side = np.array([0.5, -0.5])[:, None] * ITEMS_BY_SIDE * drawn(worlds, DATASETS)[:, :, None]
    return (hard + side)[:, :, :, None, None, :].astype(np.float32)


@dataclass(frozen=True)
class Estimates:
    """What the statistics say of many worlds: arrays of shape (worlds,)."""

    effect: np.ndarray
    stderr: np.ndarray
    df: np.ndarray
    margin: np.ndarray

    def p_difference(self) -> np.ndarray:
        """Two-sided p of no difference."""
        return 2 * special.stdtr(self.df, -np.abs(self.effect) / self.stderr)

    def p_equivalence(self) -> np.ndarray:
        """P of a difference as large as the margin."""
        return special.stdtr(self.df, (np.abs(self.effect) - self.margin) / self.stderr)

    def covers(self, truth: float) -> np.ndarray:
        """Whether the interval holds the truth."""
        return np.abs(self.effect - truth) <= special.stdtrit(self.df, 1 - ALPHA / 2) * self.stderr


def estimated(worlds: Worlds) -> Estimates:
    """Effect, standard error and degrees of freedom of many worlds, as ``components.estimate`` has them."""
    trials, items = worlds.right[0].shape[3:]
    of_units = [side.mean(axis=(3, 4), dtype=np.float64).mean(axis=1) for side in worlds.right]
    effect = of_units[0].mean(axis=1) - of_units[1].mean(axis=1)
    unit_terms, unit_dfs = moderated(of_units, worlds.others)
    terms = [term / side.shape[1] for term, side in zip(unit_terms.T, of_units, strict=True)]
    dfs = list(unit_dfs.T)
    for axis, draws in ((3, items), (4, trials)):
        if draws > 1:
            tables = [side.mean(axis=axis, dtype=np.float64) / DATASETS for side in worlds.right]
            apart = tables[0].mean(axis=2) - tables[1].mean(axis=2)
            overlap = interaction(tables[0]) + interaction(tables[1])
            found = np.maximum(apart.var(axis=2, ddof=1) / draws - overlap, 0.0)
            terms += list(found.T)
            dfs += [np.full(len(effect), draws - 1.0)] * DATASETS
    variances, freedom = np.array(terms), np.array(dfs)
    total, of_both = variances.sum(axis=0), variances[:2].sum(axis=0)
    df = total**2 / (variances**2 / freedom).sum(axis=0)
    df_units = of_both**2 / (variances[:2] ** 2 / freedom[:2]).sum(axis=0)
    df = np.minimum(df, df_units * np.minimum(total / of_both, df_units))
    return Estimates(effect, np.sqrt(np.maximum(total, floor(worlds.right))), df, worlds.margin)


def interaction(table: np.ndarray) -> np.ndarray:
    """Variance that the interaction of units and draws brings to a mean.

    Parameters
    ----------
    table : of shape (worlds, datasets, units, draws)
    """
    units, draws = table.shape[2:]
    by_draw, by_unit = table.mean(axis=2), table.mean(axis=3)
    squares = np.einsum("wdui,wdui->wd", table, table)
    squares -= draws * (by_unit**2).sum(axis=2) + units * (by_draw**2).sum(axis=2)
    squares += units * draws * by_unit.mean(axis=2) ** 2
    return squares / ((units - 1) * (draws - 1) * units * draws)


def floor(right: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Variance of the effect with the models held fixed, as ``crossed.crossed_variance`` has it."""
    treatment, control = (side.mean(axis=2, dtype=np.float64) for side in right)
    effect = (treatment - control) / DATASETS
    trials, items = effect.shape[2:]
    by_item, by_trial = effect.mean(axis=2), effect.mean(axis=3)
    of_items = by_item.var(axis=2, ddof=1) / items
    if trials == 1:
        return of_items.sum(axis=1)
    of_trials = by_trial.var(axis=2, ddof=1) / trials
    rest = effect - by_trial[..., None] - by_item[:, :, None] + effect.mean(axis=(2, 3), keepdims=True)
    of_rest = (rest**2).sum(axis=(2, 3)) / ((trials - 1) * (items - 1) * trials * items)
    return np.maximum(np.maximum(of_items + of_trials - of_rest, of_items), of_trials).sum(axis=1)


def moderated(of_units: Sequence[np.ndarray], others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variance between the seeds of both sides and its degrees of freedom, as ``moderation.prior`` has them.

    Parameters
    ----------
    of_units : mean of each seed of treatment and control, of shape (worlds, seeds)

    Returns
    -------
    variances, dfs : arrays of shape (worlds, sides)
    """
    objectives = others.shape[1] + 2
    spread = np.column_stack([*(side.var(axis=1, ddof=1) for side in of_units), others.var(axis=2, ddof=1)])
    counts = [of_units[0].shape[1], of_units[1].shape[1], *[others.shape[2]] * (objectives - 2)]
    own = np.array(counts, dtype=np.float64) - 1
    variances, dfs = spread[:, :2].copy(), np.tile(own[:2], (len(spread), 1))
    if objectives < moderation.FEWEST:
        return variances, dfs
    outlying = np.zeros(spread.shape, bool)
    for place in range(objectives):
        rest, of_rest = np.delete(spread, place, axis=1), np.delete(own, place)
        common, df = fitted(rest, of_rest)
        p = special.fdtrc(own[place], np.minimum(df, of_rest.sum()), spread[:, place] / common)
        outlying[:, place] = (p < moderation.OUTLYING) & (spread[:, place] > np.median(rest, axis=1))
    for pattern in np.unique(outlying, axis=0):
        if (kept := ~pattern).sum() < moderation.FEWEST:
            continue
        here = (outlying == pattern).all(axis=1)
        common, df = fitted(spread[here][:, kept], own[kept])
        alone, of_both = spread[here][:, :2], own[:2]
        weight = np.minimum(df[:, None], moderation.MOST * of_both)
        shrunk = np.maximum((weight * common[:, None] + of_both * alone) / (weight + of_both), alone)
        variances[here] = np.where(pattern[:2], alone, shrunk)
        dfs[here] = np.where(pattern[:2], of_both, np.minimum(weight + of_both, own[kept].sum()))
    return variances, dfs


def fitted(spread: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Prior variance and degrees of freedom of many worlds, as ``moderation.fit`` has them.

    ``own`` are the degrees of freedom of each objective.
    """
    smallest = moderation.SMALLEST * np.nanmedian(np.where(spread > 0, spread, np.nan), axis=1, keepdims=True)
    spread = np.maximum(spread, smallest)
    e = np.log(spread) - special.digamma(own / 2) + np.log(own / 2)
    between = e.var(axis=1, ddof=1) - special.polygamma(1, own / 2).mean()
    alike = between <= 0
    x = 0.5 + 1 / np.where(alike, 1.0, between)
    for _ in range(30):
        trigamma = special.polygamma(1, x)
        x = x + trigamma * (1 - trigamma / np.where(alike, 1.0, between)) / special.polygamma(2, x)
    scattered = np.exp(e.mean(axis=1) + special.digamma(x) - np.log(x))
    return np.where(alike, spread @ own / own.sum(), scattered), np.where(alike, np.inf, 2 * x)


def parts(worlds: Worlds, place: int) -> list[Part]:
    """One world as the library takes it."""
    means = {
        f"other {number}": {str(seed): float(value) for seed, value in enumerate(by_seed)}
        for number, by_seed in enumerate(worlds.others[place])
    }
    found = []
    for dataset in range(DATASETS):
        sides = [side[place, dataset].astype(np.float64) for side in worlds.right]
        here = {
            side: {str(seed): float(value) for seed, value in enumerate(values.mean(axis=(1, 2)))}
            for side, values in zip(("treatment", "control"), sides, strict=True)
        }
        strata = tuple(
            Stratum(sign, tuple(here[side]), values, side)
            for sign, side, values in zip((1, -1), here, sides, strict=True)
        )
        found.append(Part(str(dataset), strata, here | means))
    return found


def judged(found: Estimates, truth: float, size: int) -> dict[str, np.ndarray]:
    """Verdicts at each level, and whether intervals hold the truth; of a family, whether any is so."""
    values: dict[str, np.ndarray] = {}
    for suffix, alpha in LEVELS.items():
        equivalent = found.p_equivalence() <= alpha / size
        differs = (found.p_difference() <= alpha / size) & ~equivalent
        values |= {
            f"helps{suffix}": differs & (found.effect > 0),
            f"hurts{suffix}": differs & (found.effect < 0),
            f"equivalent{suffix}": equivalent,
        }
    values = {name: value.reshape(-1, size).any(axis=1) for name, value in values.items()}
    covered = found.covers(truth)
    small = np.where(found.stderr < np.median(found.stderr), covered, np.nan)
    return values | {"covered": covered, "covered_small": small}


def rates(name: str, seeds: int, planted: str, worlds: int) -> dict[str, object]:
    """Share of worlds with each verdict, and of intervals that hold the truth, with Monte-Carlo errors."""
    kind, truth = KINDS[name], EFFECTS[planted]
    rng = np.random.default_rng([list(KINDS).index(name), seeds, list(EFFECTS).index(planted)])
    found = [estimated(simulate(rng, kind, seeds, truth, number)) for number in _chunks(worlds * kind.size)]
    together = Estimates(*(np.concatenate(arrays) for arrays in zip(*map(astuple, found), strict=True)))
    row: dict[str, object] = {"world": name, "seeds": seeds, "effect": planted, "worlds": worlds}
    for column, values in judged(together, truth, kind.size).items():
        known = values[~np.isnan(values.astype(float))].astype(float)
        row |= {column: known.mean(), f"{column}_error": known.std() / np.sqrt(len(known))}
    return row


def _chunks(worlds: int) -> Iterator[int]:
    """Numbers of worlds to compute at once."""
    while worlds > 0:
        yield min(worlds, CHUNK)
        worlds -= CHUNK


def table(worlds: int) -> pd.DataFrame:
    """Rates of every kind of world, number of seeds and planted effect."""
    cases = list(itertools.product(KINDS, SEEDS, EFFECTS))
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return pd.DataFrame(pool.map(rates, *zip(*cases, strict=True), itertools.repeat(worlds)))


def digest(found: pd.DataFrame) -> str:
    """Markdown of what is demanded: false claims of every world, coverage, and power."""
    lines = [
        "| world | seeds | false *helps* or *hurts* | at 0.05/28 | false *equivalent* | covered | "
        "where the error is small | two margins found at 0.05/28 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (name, seeds), rows in found.groupby(["world", "seeds"], sort=False):
        null, margin, large = (rows[rows["effect"] == effect].iloc[0] for effect in EFFECTS)
        cells = [
            f"{null['helps'] + null['hurts']:.1%}",
            f"{null['helps_28'] + null['hurts_28']:.2%}",
            f"{margin['equivalent']:.1%}",
            f"{rows['covered'].min():.1%}",
            f"{rows['covered_small'].min():.1%}",
            f"{large['helps_28']:.0%}",
        ]
        lines.append("| " + " | ".join([name, str(seeds), *cells]) + " |")
    return "\n".join(lines)


def main() -> None:
    """Write the table and print its summary."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--worlds", type=int, default=8000, help="simulated worlds for each row")
    parser.add_argument("--output", type=Path, default=TABLE)
    arguments = parser.parse_args()
    found = table(arguments.worlds)
    found.to_csv(arguments.output, index=False, float_format="%.5f", lineterminator="\n")
    print(digest(found))


if __name__ == "__main__":
    main()
