"""Time, memory, energy and speed of the steps of a run."""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from wordsight.catalogue.jobs import parsed
from wordsight.datasets.card import DatasetCard

USED = ["s", "max_rss", "cpu_time"]  # columns of a benchmark file
WATTS = 12.0  # a core
# Steps that use a GPU if there is one.
ON_GPU = (
    *("pretrain", "features", "augmented_features", "corrupted_features"),
    *("robustness", "robustness_piece"),
)


@dataclass(frozen=True)
class Cost:
    """Costs of the jobs of one rule.

    Attributes
    ----------
    seconds, longest : wall time of all jobs, and of the longest
    busy : seconds that processor cores were busy, of all jobs
    memory_mb : largest resident memory of a job, in MB of 2**20 bytes; NaN if all jobs were too short
    """

    rule: str
    jobs: int
    seconds: float
    longest: float
    busy: float
    memory_mb: float

    @property
    def energy_kj(self) -> float:
        """Estimate, in kJ, as :func:`energy_note` says."""
        return self.busy * WATTS / 1000


def benchmarks(folder: Path | str, names: Collection[str], left_out: Collection[str]) -> pd.DataFrame:
    """Benchmarks of the jobs of this configuration, one row a job.

    Parameters
    ----------
    folder : Snakemake's benchmark files, ``rule.tsv`` or ``rule/wildcard/.../wildcard.tsv``
    names : of the models, datasets and figures; files with other names belong to earlier configurations
    left_out : protocols that do not run

    Returns
    -------
    DataFrame
        ``rule``, ``wildcards`` (a tuple), ``s`` (wall time), ``max_rss`` (MB) and ``cpu_time`` (seconds, of
        all cores), both NaN for a job too short to sample, and ``ended`` (seconds since 1970).
    """
    rows: list[dict[str, Any]] = []
    for path in sorted(Path(folder).rglob("*.tsv")):
        rule, *wildcards = path.relative_to(folder).with_suffix("").parts
        if rule in left_out or not all(part in names or part.isdigit() for part in wildcards):
            continue
        runs = pd.read_csv(path, sep="\t").to_dict("records")
        job = {"rule": rule, "wildcards": tuple(wildcards), "ended": path.stat().st_mtime}
        rows += [job | {key: run.get(key) for key in USED} for run in runs]
    frame = pd.DataFrame(rows, columns=["rule", "wildcards", *USED, "ended"])
    return frame.assign(**{key: pd.to_numeric(frame[key], errors="coerce") for key in USED})


def costs(jobs: pd.DataFrame) -> list[Cost]:
    """Time, memory and energy by rule, the most expensive first."""
    busy = jobs["cpu_time"].fillna(jobs["s"])
    found = [
        Cost(
            rule=str(rule),
            jobs=len(part),
            seconds=part["s"].sum(),
            longest=part["s"].max(),
            busy=float(busy[part.index].sum()),
            memory_mb=part["max_rss"].max(),
        )
        for rule, part in jobs.groupby("rule")
    ]
    return sorted(found, key=lambda cost: -cost.seconds)


def energy_note() -> str:
    """Say how energy is estimated and what the estimate leaves out."""
    return (
        f"Energy is an estimate: the seconds that processor cores were busy, times {WATTS:g} W, the value of "
        "Green Algorithms (Lannelongue et al. 2021, doi:10.1002/advs.202100707) for a core of an unknown "
        "processor. It leaves out memory, disks, cooling and GPUs. A job too short to be measured counts as "
        "one busy core."
    )


def wall_time(jobs: pd.DataFrame) -> float:
    """Seconds during which at least one job ran, from the table of :func:`benchmarks`.

    Pauses between runs don't count. Copied files lose their modification times; the result is then too low.
    """
    total, until = 0.0, -math.inf
    for end, seconds in sorted(zip(jobs["ended"], jobs["s"], strict=True), key=lambda job: job[0] - job[1]):
        total += max(end - max(end - seconds, until), 0.0)
        until = max(until, end)
    return total


def speeds(
    jobs: pd.DataFrame,
    datasets: Mapping[str, DatasetCard],
    shown: Mapping[str, str],
    passed: Collection[str],
) -> dict[str, float]:
    """Images per second when features are computed, including the start of Python and loading the weights.

    Parameters
    ----------
    jobs : table of :func:`benchmarks`
    datasets : cards by name
    shown : the name under which each model is counted; models of one objective share a name
    passed : datasets that a job covers which is not of a single one
    """
    images: Counter[str] = Counter()
    seconds: dict[str, float] = defaultdict(float)
    for name, wildcards, spent in zip(*(jobs[key] for key in ("rule", "wildcards", "s")), strict=True):
        rule = parsed(name)
        if rule.step == "features":
            model, *one = wildcards
            splits = [datasets[dataset].splits for dataset in one or passed if dataset in datasets]
            images[shown[model]] += rule.models * sum(each.train.items + each.test.items for each in splits)
            seconds[shown[model]] += spent
    return {name: images[name] / seconds[name] for name in images if images[name]}


@dataclass(frozen=True)
class PerModel:
    """What one more model of an objective takes.

    Attributes
    ----------
    seconds : of all its jobs, one after the other
    gpu_seconds : of those that use a GPU where there is one
    """

    seconds: float
    gpu_seconds: float


def per_model(
    jobs: pd.DataFrame, objectives: Mapping[str, Sequence[str]], devices: int
) -> dict[str, PerModel]:
    """Time of one more model of each objective, as the present ones took.

    A job of several models counts for each of them with its share. Of several jobs for one result, as after
    a change of the configuration, the last one counts.

    Parameters
    ----------
    jobs : table of :func:`benchmarks`
    objectives : of each objective its models
    devices : GPUs that share a training
    """
    of_model = {model: name for name, models in objectives.items() for model in models}
    last: dict[tuple[str, str, tuple[str, ...]], float] = {}
    ordered = jobs.sort_values("ended")
    for name, wildcards, spent in zip(*(ordered[key] for key in ("rule", "wildcards", "s")), strict=True):
        rule, (first, *rest) = parsed(name), wildcards or ("",)
        objective = of_model.get(first, "")
        covered = [f"{objective}-{seed}" for seed in rule.covered] or [first]
        for model in covered if objective else ():
            if model in of_model:
                last[rule.step, model, tuple(rest)] = spent / rule.models
    total: dict[tuple[str, str], float] = defaultdict(float)
    for (step, model, _), seconds in last.items():
        total[of_model[model], "all"] += seconds
        total[of_model[model], "gpu"] += seconds * (step in ON_GPU) * (devices if step == "pretrain" else 1)
    return {
        name: PerModel(*(total[name, kind] / len(models) for kind in ("all", "gpu")))
        for name, models in objectives.items()
        if models
    }
