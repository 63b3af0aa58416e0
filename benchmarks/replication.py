"""Does the default experiment replicate? Run it again with other seeds, and lay the verdicts side by side.

A seed stands for all that is random: initial weights, order of images, random views, draws of few-shot
trials, resampling. Datasets are the same. A verdict is *decided* if it is not ``undecided``. Of those decided
with one seed, counted are those decided again alike with another, those undecided there, and those
contradicted: by the opposite direction, or by a difference where there was equivalence.

    python benchmarks/replication.py                    # three whole runs
    python benchmarks/replication.py --seeds 0 1 --folder /tmp

What is in the folder already is not computed again. What ``docs/results.md`` shows of it is printed.
"""

import argparse
import sys
from itertools import permutations
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import experiments

from wordsight.tables.csv import read_csv

ROOT = experiments.ROOT
KEYS = ["contrast", "protocol", "setting"]


def side_by_side(tables: dict[int, Path]) -> pd.DataFrame:
    """Verdict and effect of each comparison that is decisive and tested, with a column for each seed."""
    columns = []
    for seed, path in tables.items():
        rows = read_csv(path)
        rows = rows[rows["decides"]].set_index(KEYS)
        columns += [rows["effect"].rename(f"effect_{seed}"), rows["verdict"].rename(f"verdict_{seed}")]
    return pd.concat(columns, axis=1).reset_index()


def counts(table: pd.DataFrame, seeds: list[int]) -> pd.DataFrame:
    """What became of the decided verdicts of each seed with each other seed."""
    rows = []
    for first, other in permutations(seeds, 2):
        a, b = table[f"verdict_{first}"], table[f"verdict_{other}"]
        decided = a != "undecided"
        again = decided & (a == b)
        contradicted = decided & (b != "undecided") & (a != b)
        rows.append(
            {
                "first": first,
                "other": other,
                "comparisons": len(table),
                "decided": int(decided.sum()),
                "again": int(again.sum()),
                "undecided": int((decided & (b == "undecided")).sum()),
                "contradicted": int(contradicted.sum()),
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    """Run, compare, write both tables and print them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--folder", type=Path, default=ROOT / "results/replication", help="of the runs")
    parser.add_argument("--into", type=Path, default=ROOT / "docs/results", help="folder of the tables")
    arguments = parser.parse_args()
    tables = {seed: experiments.run(arguments.folder / f"seed-{seed}", seed=seed) for seed in arguments.seeds}
    verdicts = side_by_side(tables)
    replicated = counts(verdicts, arguments.seeds)
    for name, table in {"replication": verdicts, "replicated": replicated}.items():
        table.to_csv(arguments.into / f"{name}.csv", index=False, float_format="%.4f")
        print(table.to_string(index=False), end="\n\n")


if __name__ == "__main__":
    main()
