"""Adding seeds: error rates of looking again and again, and what "needs about n more" is worth.

The worlds are those of ``calibration.py``. First, seeds are added one after another, and one stops at the
first verdict. One looks after every seed from the third on, at a level of 5 % each time; or at looks that
were declared, at the levels of ``wordsight.statistics.looks``. A verdict is false where there is no
difference and one is found, or where sides are judged equivalent though they differ by the margin.

Second, comparisons that are undecided are told a number of seeds by ``wordsight.statistics.planning``.
Measured is the share of these that is decided after so many more seeds of each objective, in the same world.
The number is for a power of 80 %, whether there is no difference or one as large as the margin.

    python benchmarks/looks.py
    python benchmarks/looks.py --worlds 200 --folder /tmp

What ``docs/method.md`` shows of it is printed.
"""

import argparse
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import calibration
from calibration import ALPHA, KINDS, MARGIN, Estimates, Worlds
from scipy import special

from wordsight.config.statistics import StatisticsSection
from wordsight.statistics import planning
from wordsight.statistics.looks import level

FOLDER = Path(__file__).resolve().parents[1] / "docs/results"
WORLDS = ("plain", "seeds dominate")
FIRST, LAST = 3, 20  # seeds between which one looks after each
DECLARED = {"at 5, 10 and 20": (5, 10, 20), "at 5, 10, 15 and 20": (5, 10, 15, 20)}
LOOKS = {"once, at 20": (LAST,), "after every seed from 3 to 20": tuple(range(FIRST, LAST + 1)), **DECLARED}
FAMILIES = (1, 28)
TRUTHS = {"none": 0.0, "half the margin": 0.5, "the margin": 1.0, "two margins": 2.0}  # margins
# Such that 7 to 20 seeds are enough: by world and family.
MARGINS = {
    ("plain", 1): 0.03,
    ("plain", 28): 0.05,
    ("seeds dominate", 1): 0.09,
    ("seeds dominate", 28): 0.15,
}
SEEDS = (2, 3, 5)
MOST = 40  # seeds that a world has: nobody follows advice to have more
CHUNK = 100  # worlds computed at once


def first(worlds: Worlds, seeds: int) -> Worlds:
    """The same worlds with the first seeds of each objective alone."""
    treatment, control = (side[:, :, :seeds] for side in worlds.right)
    return replace(worlds, right=(treatment, control), others=worlds.others[..., :seeds])


def verdicts(found: Estimates, alpha: float, margin: float = MARGIN) -> tuple[np.ndarray, np.ndarray]:
    """Whether sides are judged equivalent, and whether they are judged different."""
    equivalent = special.stdtr(found.df, (np.abs(found.effect) - margin) / found.stderr) <= alpha
    return equivalent, (found.p_difference() <= alpha) & ~equivalent


def peeking(kind: str, truth: float, worlds: int) -> list[dict[str, object]]:
    """Share of worlds in which the first verdict is false, for each way to look."""
    rng = np.random.default_rng([list(KINDS).index(kind), int(1000 * truth), 1])
    false: dict[tuple[str, int], list[np.ndarray]] = {}
    for number in _chunks(worlds):
        drawn = calibration.simulate(rng, KINDS[kind], LAST, truth, number)
        found = {seeds: calibration.estimated(first(drawn, seeds)) for seeds in range(FIRST, LAST + 1)}
        for (how, looks), size in itertools.product(LOOKS.items(), FAMILIES):
            levels = _levels(how, looks, ALPHA / size)
            false.setdefault((how, size), []).append(_falsely(found, looks, levels, truth))
    rows = []
    for (how, size), wrong in false.items():
        rate = float(np.concatenate(wrong).mean())
        error = np.sqrt(rate * (1 - rate) / worlds)
        rows.append(
            {"world": kind, "looks": how, "family": size, "effect": truth, "worlds": worlds}
            | {"false": rate, "error": error}
        )
    return rows


def _levels(how: str, looks: tuple[int, ...], alpha: float) -> Callable[[int], float]:
    declared = looks if how in DECLARED else ()
    return lambda seeds: level(seeds, declared, alpha)


def _falsely(
    found: dict[int, Estimates], looks: tuple[int, ...], levels: Callable[[int], float], truth: float
) -> np.ndarray:
    """Whether the first verdict at any look is false."""
    open_, wrong = np.ones(len(found[LAST].effect), bool), np.zeros(len(found[LAST].effect), bool)
    for seeds in looks:
        equivalent, different = verdicts(found[seeds], levels(seeds))
        wrong |= open_ & (equivalent if truth else different)
        open_ &= ~(equivalent | different)
    return wrong


def advice(kind: str, family: int, seeds: int, planted: str, worlds: int) -> dict[str, object]:
    """What is advised, and the share of worlds that are decided after it was followed."""
    margin, alpha = MARGINS[kind, family], ALPHA / family
    rng = np.random.default_rng([list(KINDS).index(kind), family, seeds, list(TRUTHS).index(planted)])
    aim = planning.aim_of(margin, seeds, family, (), StatisticsSection())
    told, decided = [], []
    for number in _chunks(worlds):
        drawn = calibration.simulate(rng, KINDS[kind], MOST, TRUTHS[planted] * margin, number)
        now = first(drawn, seeds)
        undecided = ~np.logical_or(*verdicts(calibration.estimated(now), alpha, margin))
        more = np.full(number, np.nan)
        for place in np.flatnonzero(undecided):
            more[place] = planning.more_replicates(planning.designed(calibration.parts(now, place)), aim)
        told.append(more)
        decided.append(_after(drawn, seeds, more, alpha, margin))
    return _row(kind, seeds, planted, family, np.concatenate(told), np.concatenate(decided))


def _after(drawn: Worlds, seeds: int, more: np.ndarray, alpha: float, margin: float) -> np.ndarray:
    """Whether each world is decided with so many more seeds; NaN where it is told none or too many."""
    decided = np.full(len(more), np.nan)
    for number in np.unique(more[(more >= 1) & (more <= MOST - seeds)]):
        here = more == number
        treatment, control = (side[here] for side in drawn.right)
        then = replace(drawn, right=(treatment, control), others=drawn.others[here])
        found = calibration.estimated(first(then, seeds + int(number)))
        decided[here] = np.logical_or(*verdicts(found, alpha, margin))
    return decided


def _row(
    kind: str, seeds: int, planted: str, family: int, more: np.ndarray, decided: np.ndarray
) -> dict[str, object]:
    told = more[more >= 1]
    followed = decided[~np.isnan(decided)]
    rate = float(followed.mean()) if len(followed) else float("nan")
    low, middle, high = np.quantile(told, [0.1, 0.5, 0.9], method="lower") if len(told) else [np.nan] * 3
    return {
        "world": kind, "seeds": seeds, "effect": planted, "family": family, "worlds": len(more),
        "told": len(told), "followed": len(followed), "decided": rate,
        "error": np.sqrt(rate * (1 - rate) / max(len(followed), 1)),
        "n_low": low, "n": middle, "n_high": high,
    }  # fmt: skip


def _chunks(worlds: int) -> Iterator[int]:
    while worlds > 0:
        yield min(worlds, CHUNK)
        worlds -= CHUNK


def tables(worlds: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rates of false verdicts by how one looks, and what advice is worth."""
    looked = list(itertools.product(WORLDS, (0.0, MARGIN)))
    advised = list(itertools.product(WORLDS, FAMILIES, SEEDS, TRUTHS))
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        rates = pool.map(peeking, *zip(*looked, strict=True), itertools.repeat(worlds))
        promises = pool.map(advice, *zip(*advised, strict=True), itertools.repeat(worlds))
        return pd.DataFrame(itertools.chain.from_iterable(rates)), pd.DataFrame(promises)


def digest(rates: pd.DataFrame, promises: pd.DataFrame) -> str:
    """Markdown of both tables."""
    lines = [
        "| world | looks | false difference | false *equivalent* | the same in a family of 28 |",
        "|---|---|---|---|---|",
    ]
    for (world, looks), rows in rates.groupby(["world", "looks"], sort=False):
        rate = {(row.family, row.effect): row.false for row in rows.itertuples()}
        lines.append(
            f"| {world} | {looks} | {rate[1, 0.0]:.1%} | {rate[1, MARGIN]:.1%} | "
            f"{rate[28, 0.0]:.2%}, {rate[28, MARGIN]:.2%} |"
        )
    lines += [
        "",
        f"| world | family | seeds | {' | '.join(TRUTHS)} | seeds to add (middle 80%) |",
        f"|---|---|---|{'---|' * len(TRUTHS)}---|",
    ]
    for (world, family, seeds), rows in promises.groupby(["world", "family", "seeds"], sort=False):
        shares = [f"{row.decided:.0%}" if row.followed >= 50 else "–" for row in rows.itertuples()]
        told = rows[rows["effect"] == "none"].iloc[0]
        ends = (told["n_low"], told["n_high"])
        numbers = " to ".join("any" if np.isinf(end) else f"{end:.0f}" for end in ends)
        lines.append(f"| {world} | {family} | {seeds} | {' | '.join([*shares, numbers])} |")
    return "\n".join(lines)


def main() -> None:
    """Write the tables and print what the method shows of them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--worlds", type=int, default=2000, help="simulated worlds for each row")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    found = tables(arguments.worlds)
    for name, table in zip(("peeking", "advice"), found, strict=True):
        table.to_csv(arguments.folder / f"{name}.csv", index=False, float_format="%.5f", lineterminator="\n")
    print(digest(*found))


if __name__ == "__main__":
    main()
