"""Does the default experiment replicate? Run it again with other seeds, and lay the verdicts side by side.

A seed stands for all that is random: initial weights, order of images, random views, draws of few-shot
trials, resampling. Datasets are the same. A verdict is *decided* if it is not ``undecided``. Of those decided
with one seed, counted are those decided again alike with another, those undecided there, those *otherwise*, a
difference here and equivalence there, which both hold of a difference below the margin, and those
contradicted by the opposite direction.

    python benchmarks/replication.py                    # three whole runs
    python benchmarks/replication.py --seeds 0 1 --folder /tmp
    python benchmarks/replication.py --seeds 2 --add    # one more, beside those that the table has

What is in the folder already is not computed again. What ``docs/results.md`` shows of it is printed.
"""

import sys
from itertools import permutations
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import experiments

from wordsight.tables.csv import read_csv
from wordsight.workflow.measured import seeds_of

KEYS = ["contrast", "protocol", "setting"]
DIRECTIONS = ["helps", "hurts"]


def side_by_side(tables: dict[int, Path]) -> pd.DataFrame:
    """Verdict and effect of each comparison that is decisive and tested, with a column for each seed."""
    columns = []
    for seed, path in tables.items():
        rows = read_csv(path)
        rows = rows[rows["decides"]].set_index(KEYS)
        columns += [rows["effect"].rename(f"effect_{seed}"), rows["verdict"].rename(f"verdict_{seed}")]
    return pd.concat(columns, axis=1).reset_index()


def add(table: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    """Add the seeds of one table to another of the same comparisons, in place of seeds of the same number."""
    kept = table.drop(columns=[column for column in more if column not in KEYS], errors="ignore")
    both = kept.merge(more, on=KEYS, validate="one_to_one")
    if len(both) < max(len(table), len(more)):
        raise SystemExit("the table has other comparisons than the run: run all seeds again, without --add")
    return both


def counts(table: pd.DataFrame) -> pd.DataFrame:
    """What became of the decided verdicts of each seed with each other seed."""
    rows = []
    for first, other in permutations(seeds_of(table), 2):
        a, b = table[f"verdict_{first}"], table[f"verdict_{other}"]
        decided = a != "undecided"
        again = decided & (a == b)
        opposite = a.isin(DIRECTIONS) & b.isin(DIRECTIONS) & (a != b)
        otherwise = decided & (b != "undecided") & (a != b) & ~opposite
        rows.append(
            {
                "first": first,
                "other": other,
                "comparisons": len(table),
                "decided": int(decided.sum()),
                "again": int(again.sum()),
                "undecided": int((decided & (b == "undecided")).sum()),
                "otherwise": int(otherwise.sum()),
                "contradicted": int(opposite.sum()),
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    """Run, compare, write both tables and print them."""
    parser = experiments.parser(__doc__, "replication")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--add", action="store_true", help="keep the other seeds that the table has")
    arguments = parser.parse_args()
    tables = {seed: experiments.run(arguments.folder / f"seed-{seed}", seed=seed) for seed in arguments.seeds}
    verdicts = side_by_side(tables)
    if arguments.add:
        verdicts = add(pd.read_csv(arguments.into / "replication.csv"), verdicts)
    for name, table in {"replication": verdicts, "replicated": counts(verdicts)}.items():
        experiments.write(table, arguments.into / f"{name}.csv")
        print()


if __name__ == "__main__":
    main()
