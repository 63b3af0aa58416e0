"""Measure whether encoders trained against attacks resist them on every dataset, and at what cost.

Networks that learn class labels are trained with attacks and without, from the same initial weights and on
the same images. Both meet the attacks of the default experiment, on each of its datasets, and its other
protocols.

    python benchmarks/adversarial_training.py
    python benchmarks/adversarial_training.py --seeds 3 --images 50

Written is a table, with the effect of the attacks in training on each dataset and over all datasets.
"""

import copy
import sys
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import experiments

from wordsight.tables.csv import read_csv

CONTRAST = "adversarial-labels"
COLUMNS = [
    *("protocol", "metric", "setting", "scope", "dataset", "adversarial", "labels", "untrained"),
    *("effect", "low", "high", "replicates"),
]


def settings(seeds: int, images: int) -> dict[str, Any]:
    """Keys of the default configuration that change: two objectives, attacked on every dataset."""
    default = copy.deepcopy(dict(experiments.default()))
    training = default["pretraining"]
    learned = {"seeds": seeds, "learning_rate": training["objectives"]["labels"]["learning_rate"]}
    training["objectives"] = {"adversarial": learned, "labels": learned, "untrained": {"seeds": 5}}
    sides = {"treatment": {"objective": "adversarial"}, "control": {"objective": "labels"}, "match": ["seed"]}
    statistics = {key: value for key, value in default["statistics"].items() if key != "families"}
    return {
        "pretraining": training,
        "protocols": experiments.attacking(default["protocols"]["transfer"]["datasets"], images),
        "models": {},
        "statistics": statistics,
        "conclusions": {},
        "contrasts": {CONTRAST: sides},
    }


def measure(folder: Path, seeds: int, images: int) -> pd.DataFrame:
    """Effects over datasets and, of the attacks, on each; shares of 1, with intervals of 95 %."""
    rows = read_csv(experiments.run(folder, **settings(seeds, images)))
    rows = rows[(rows["contrast"] == CONTRAST) & (rows["decides"] | (rows["protocol"] == "robustness"))]
    return rows.rename(columns={"treatment": "adversarial", "control": "labels"})[COLUMNS]


def main() -> None:
    """Run, write the table, and print it."""
    parser = experiments.parser(__doc__, "adversarial_training")
    parser.add_argument("--seeds", type=int, default=9)
    parser.add_argument("--images", type=int, default=200, help="attacked of each dataset")
    arguments = parser.parse_args()
    table = measure(arguments.folder, arguments.seeds, arguments.images)
    experiments.write(table, arguments.into / "adversarial_training.csv")


if __name__ == "__main__":
    main()
