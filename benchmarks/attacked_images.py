"""Measure how many images must be attacked until comparisons of robustness are decided.

The default experiment runs once. Then its encoders are attacked on fewer images, and on more datasets.

    python benchmarks/attacked_images.py
    python benchmarks/attacked_images.py --folder results/replication/seed-2 --seed 2    # of that run

Written is a table with the effect of each contrast, its standard error, and the part of that which is left
with the encoders held fixed, so that only images vary.
"""

import sys
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import experiments

from wordsight.tables.csv import read_csv

IMAGES = [20, 60, 200]
COLUMNS = ["datasets", "images", "contrast", "effect", "stderr", "encoders_stderr", "margin", "verdict"]


def measure(folder: Path, seed: int, datasets: list[str], images: int) -> pd.DataFrame:
    """Effects on robustness that decide."""
    rows = read_csv(experiments.run(folder, seed=seed, protocols=experiments.attacking(datasets, images)))
    rows = rows[rows["decides"] & (rows["protocol"] == "robustness")]
    return rows.assign(datasets=" ".join(datasets), images=images)[COLUMNS]


def main() -> None:
    """Run, write the table, and print it."""
    parser = experiments.parser(__doc__, "attacked_images")
    parser.add_argument("--images", type=int, nargs="+", default=IMAGES, help="attacked of each dataset")
    parser.add_argument("--seed", type=int, default=0, help="of the run")
    arguments = parser.parse_args()
    all_of_them = experiments.default()["protocols"]["transfer"]["datasets"]
    runs = [(["digits"], images) for images in arguments.images] + [(all_of_them, arguments.images[-1])]
    table = pd.concat([measure(arguments.folder, arguments.seed, *each) for each in runs], ignore_index=True)
    experiments.write(table, arguments.into / "attacked_images.csv")


if __name__ == "__main__":
    main()
