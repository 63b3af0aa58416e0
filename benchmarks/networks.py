"""Compare networks for the default experiment: how long they train, and how much their training runs vary.

    python benchmarks/networks.py
    python benchmarks/networks.py --networks small/patch_resnet_w32 small/patch_resnet_w48 --seed 1

Each network goes through the default experiment, which should be all that runs. Written is a table, with the
seconds of all trainings together and, for each protocol, the mean standard error of the comparisons that
decide, the part of that which is left with the encoders held fixed, the margin, and how many are decided.
"""

import sys
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import experiments

from wordsight.catalogue.jobs import parsed
from wordsight.config.load import load
from wordsight.report import costs
from wordsight.tables.csv import read_csv

NETWORKS = ["small/resnet_w16", "small/patch_resnet_w32"]


def measure(folder: Path, architecture: str, seed: int) -> pd.DataFrame:
    """Run the default experiment with a network, and return a row for each protocol."""
    training = {**experiments.default()["pretraining"], "architecture": architecture}
    table = experiments.run(folder, seed=seed, pretraining=training)
    rows = by_protocol(read_csv(table))
    rows.insert(0, "training_s", training_seconds(folder))
    rows.insert(0, "network", architecture)
    return rows


def by_protocol(contrasts: pd.DataFrame) -> pd.DataFrame:
    """Mean standard errors and margin of the effects that decide, and how many are decided, by protocol."""
    rows = contrasts[contrasts["decides"]]
    rows = rows.assign(decided=rows["verdict"] != "undecided")
    return rows.groupby("protocol", sort=False, as_index=False).agg(
        stderr=("stderr", "mean"),
        encoders_stderr=("encoders_stderr", "mean"),
        margin=("margin", "mean"),
        decided=("decided", "sum"),
        comparisons=("decided", "size"),
    )


def training_seconds(folder: Path) -> float:
    """Seconds that all jobs that train took together."""
    jobs = costs.benchmarks(folder / "results/benchmarks", load(experiments.default()).models, ())
    trained = [parsed(rule).step == "pretrain" for rule in jobs["rule"]]
    return round(float(jobs.loc[trained, "s"].sum()), 1)


def main() -> None:
    """Run, write the table, and print it."""
    parser = experiments.parser(__doc__, "networks")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, help="architectures")
    parser.add_argument("--seed", type=int, default=0, help="of the runs")
    arguments = parser.parse_args()
    runs = [
        measure(arguments.folder / name.replace("/", "-"), name, arguments.seed)
        for name in arguments.networks
    ]
    experiments.write(pd.concat(runs, ignore_index=True), arguments.into / "networks.csv")


if __name__ == "__main__":
    main()
