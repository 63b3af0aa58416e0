"""How often verdicts are wrong and intervals miss the truth, in simulated worlds with a known truth.

Each world is an experiment: seeds on two sides, three datasets, trials and items, with right or wrong answers
that share the difficulty of items. The planted effect is zero, exactly at the margin, or large. Apart from
the plain case, there are worlds with unequal variances, heavy tails, effects that differ between datasets,
and sides without matched seeds. A family is eight experiments whose tests are corrected together; its rates
count families with at least one such verdict, and its coverage is the mean over its intervals.

    python benchmarks/calibration.py
    python benchmarks/calibration.py --worlds 200 --output calibration.csv

The table has the rate of each verdict, the coverage of the interval from variance components, and the
coverage of the bootstrap interval, each with its Monte-Carlo standard error. The script prints the summary
that ``docs/method.md`` shows.
"""

import argparse
import itertools
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from wordsight.statistics import bootstrap, verdicts
from wordsight.statistics.components import Part, Stratum, estimate

TABLE = Path(__file__).resolve().parents[1] / "docs/results/calibration.csv"
CONFIDENCE, MARGIN, LARGE = 0.95, 0.03, 0.10
DATASETS, TRIALS, ITEMS = 3, 5, 100
BETWEEN_SEEDS, SEEDS_BY_DATASET, BETWEEN_TRIALS = 0.02, 0.01, 0.01
HARD_ITEMS, ITEMS_BY_SIDE, BETWEEN_DATASETS = 0.2, 0.1, 0.03
EFFECTS = {"zero": 0.0, "at the margin": MARGIN, "large": LARGE}
SEEDS = (3, 5, 10)
RESAMPLES = 400


@dataclass(frozen=True)
class Kind:
    """What a world is like.

    Attributes
    ----------
    spread : standard deviation between the seeds of each side, as a multiple of ``BETWEEN_SEEDS``
    heavy : whether seeds differ by Student's t with 3 degrees of freedom
    differ : standard deviation of the effect between datasets
    matched : whether both sides have the same seeds
    size : number of experiments in a family
    """

    spread: tuple[float, float] = (1.0, 1.0)
    heavy: bool = False
    differ: float = 0.0
    matched: bool = True
    size: int = 1


KINDS = {
    "plain": Kind(),
    "unequal variances": Kind(spread=(0.3, 2.0)),
    "heavy tails": Kind(heavy=True),
    "seeds do not differ": Kind(spread=(0.0, 0.0)),
    "differs by dataset": Kind(differ=BETWEEN_DATASETS),
    "not matched": Kind(matched=False),
    "not matched, unequal variances": Kind(spread=(0.3, 2.0), matched=False),
    "family of 8": Kind(size=8),
}


def world(rng: np.random.Generator, kind: Kind, seeds: int, effect: float) -> list[np.ndarray]:
    """Right answers of one experiment: for each dataset, of shape (sides, seeds, trials, items)."""
    between = rng.standard_t(3, size=(2, seeds)) / np.sqrt(3) if kind.heavy else rng.normal(size=(2, seeds))
    shift = BETWEEN_SEEDS * between * np.array(kind.spread)[:, None]
    differ = kind.differ * rng.normal(size=DATASETS)
    differ -= differ.mean()  # datasets are fixed, so the true effect is the mean over these
    by_dataset = SEEDS_BY_DATASET * rng.normal(size=(DATASETS, 2, seeds))
    return [answers(rng, shift + by_dataset[place], effect + differ[place]) for place in range(DATASETS)]


def answers(rng: np.random.Generator, shift: np.ndarray, effect: float) -> np.ndarray:
    """Right answers of both sides on a dataset, of shape (sides, seeds, trials, items)."""
    side = np.array([0.5, -0.5])[:, None, None, None]
    difficulty = HARD_ITEMS * rng.uniform(-1, 1, ITEMS)
    by_side = side * (effect + ITEMS_BY_SIDE * rng.normal(size=ITEMS))
    by_trial = BETWEEN_TRIALS * rng.normal(size=(2, 1, TRIALS, 1))
    chance = 0.5 + difficulty + by_side + by_trial + shift[:, :, None, None]
    return (rng.random((2, shift.shape[1], TRIALS, ITEMS)) < chance).astype(float)


def parts(right: list[np.ndarray], matched: bool) -> list[Part]:
    """The same answers in the form that the statistics take."""
    names = tuple(map(str, range(right[0].shape[1])))
    if matched:
        return [Part(str(n), (Stratum(1, names, one - other),)) for n, (one, other) in enumerate(right)]
    return [
        Part(str(n), (Stratum(1, names, one), Stratum(-1, names, other)))
        for n, (one, other) in enumerate(right)
    ]


def resampled(rng: np.random.Generator, right: list[np.ndarray], matched: bool) -> tuple[float, float]:
    """Percentile interval of the hierarchical bootstrap of the same answers."""
    seeds = range(right[0].shape[1])
    models = [f"{side}{seed}" for side in "tc" for seed in seeds]
    pairs = [(f"t{a}", f"c{b}") for a in seeds for b in seeds if a == b or not matched]
    groups = [str(pair[0]) if matched else "" for pair in pairs]
    weights = bootstrap.model_weights(rng, RESAMPLES, pairs, groups, models)[1:]
    draws = [
        bootstrap.effects((rng, rng), both.reshape(len(models), TRIALS, ITEMS), weights) for both in right
    ]
    return bootstrap.percentile(np.mean(draws, axis=0), CONFIDENCE)


def experiment(rng: np.random.Generator, kind: Kind, seeds: int, truth: float) -> dict[str, float]:
    """Effect, both p-values, and whether each interval holds the truth; families have no bootstrap."""
    right = world(rng, kind, seeds, truth)
    found = estimate(parts(right, kind.matched))
    low, high = verdicts.interval(found, CONFIDENCE)
    row = {
        "effect": found.effect,
        "p_difference": verdicts.p_difference(found),
        "p_equivalence": verdicts.p_equivalence(found, MARGIN),
        "covered": low <= truth <= high,
        "covered_by_bootstrap": float("nan"),
    }
    if kind.size == 1:
        lowest, highest = resampled(rng, right, kind.matched)
        row["covered_by_bootstrap"] = lowest <= truth <= highest
    return row


def judged(family: pd.DataFrame) -> dict[str, float]:
    """Which verdicts occur in a family, and the share of its intervals that hold the truth."""
    adjusted = zip(
        family["effect"],
        verdicts.holm(family["p_difference"].tolist()),
        verdicts.holm(family["p_equivalence"].tolist()),
        strict=True,
    )
    found = {verdicts.judge(*each, alpha=1 - CONFIDENCE) for each in adjusted}
    return {verdict.value: verdict in found for verdict in verdicts.Verdict} | {
        column: family[column].mean() for column in ("covered", "covered_by_bootstrap")
    }


def rates(name: str, seeds: int, planted: str, worlds: int) -> dict[str, object]:
    """Share of worlds with each verdict, and of intervals that hold the truth, with Monte-Carlo errors."""
    kind = KINDS[name]
    rng = np.random.default_rng([list(KINDS).index(name), seeds, list(EFFECTS).index(planted)])
    outcomes = pd.DataFrame(
        judged(pd.DataFrame(experiment(rng, kind, seeds, EFFECTS[planted]) for _ in range(kind.size)))
        for _ in range(worlds)
    ).astype(float)
    row: dict[str, object] = {"world": name, "seeds": seeds, "effect": planted, "worlds": worlds}
    for column in map(str, outcomes):
        values = outcomes[column]
        row |= {column: values.mean(), f"{column}_error": values.std() / np.sqrt(worlds)}
    return row


def table(worlds: int) -> pd.DataFrame:
    """Rates of every kind of world, number of seeds and planted effect."""
    cases = list(itertools.product(KINDS, SEEDS, EFFECTS))
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return pd.DataFrame(pool.map(rates, *zip(*cases, strict=True), itertools.repeat(worlds)))


def digest(found: pd.DataFrame) -> str:
    """Summary in Markdown: rates of false and true claims, lowest and highest coverage of every world."""
    lines = [
        "| world | seeds | false *helps* or *hurts* | false *equivalent* | large effect found | covered |",
        "|---|---|---|---|---|---|",
    ]
    for (name, seeds), rows in found.groupby(["world", "seeds"], sort=False):
        null, margin, large = (rows[rows["effect"] == effect].iloc[0] for effect in EFFECTS)
        shares = (null["helps"] + null["hurts"], margin["equivalent"], large["helps"])
        cells = [f"{share:.1%}" for share in shares]
        covered = f"{rows['covered'].min():.1%} to {rows['covered'].max():.1%}"
        lines.append("| " + " | ".join([name, str(seeds), *cells, covered]) + " |")
    return "\n".join(lines)


def main() -> None:
    """Write the table and print its summary."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--worlds", type=int, default=2000, help="simulated worlds for each row")
    parser.add_argument("--output", type=Path, default=TABLE)
    arguments = parser.parse_args()
    found = table(arguments.worlds)
    found.to_csv(arguments.output, index=False, float_format="%.4f", lineterminator="\n")
    print(digest(found))


if __name__ == "__main__":
    main()
