"""What the run used and took: versions, machine, time and memory of each rule."""

import os
import platform
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from wordsight.provenance import LOCK, locked_versions

PACKAGES = [
    *("snakemake", "numpy", "scipy", "scikit-learn", "pandas", "pyarrow", "altair", "vl-convert-python"),
    *("torch", "torchvision", "timm", "open-clip-torch", "transformers", "foolbox", "safetensors", "pillow"),
]
USED = ["s", "max_rss"]  # columns of a benchmark file


@dataclass(frozen=True)
class Cost:
    """What the jobs of one rule took: seconds in sum and of the longest, largest resident memory in MB."""

    rule: str
    jobs: int
    seconds: float
    longest: float
    memory_mb: float


def software() -> list[tuple[str, str]]:
    """Names and versions: as installed, or where a step has an environment of its own, as locked."""
    locked = locked_versions(LOCK)
    return [("python", platform.python_version()), *((name, _version(name, locked)) for name in PACKAGES)]


def _version(name: str, locked: Mapping[str, str]) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return f"{locked[name]} (locked)" if name in locked else "not installed"


def machine() -> str:
    """Processors and operating system of the machine that writes the report."""
    return f"{os.cpu_count()} CPUs, {platform.machine()}, {platform.system()} {platform.release()}"


def benchmarks(folder: Path | str, names: Collection[str], left_out: Collection[str]) -> pd.DataFrame:
    """Benchmarks of the jobs of this configuration, one row a job.

    Parameters
    ----------
    folder : Snakemake's benchmark files, ``rule.tsv`` or ``rule/wildcard/.../wildcard.tsv``
    names : of the models, datasets and figures; a file with another name is of an earlier configuration
    left_out : protocols that do not run

    Returns
    -------
    DataFrame
        ``rule``, ``wildcards`` (a tuple), ``s`` (wall time) and ``max_rss`` (MB; NaN for a job too short to
        be looked at).
    """
    rows: list[dict[str, Any]] = []
    for path in sorted(Path(folder).rglob("*.tsv")):
        rule, *wildcards = path.relative_to(folder).with_suffix("").parts
        if rule in left_out or not all(part in names or part.isdigit() for part in wildcards):
            continue
        runs = pd.read_csv(path, sep="\t").to_dict("records")
        rows += [
            {"rule": rule, "wildcards": tuple(wildcards), **{key: run[key] for key in USED}} for run in runs
        ]
    frame = pd.DataFrame(rows, columns=["rule", "wildcards", *USED])
    return frame.assign(**{key: pd.to_numeric(frame[key], errors="coerce") for key in USED})


def costs(jobs: pd.DataFrame) -> list[Cost]:
    """Time and memory by rule, the most expensive first."""
    found = [
        Cost(str(rule), len(part), part["s"].sum(), part["s"].max(), part["max_rss"].max())
        for rule, part in jobs.groupby("rule")
    ]
    return sorted(found, key=lambda cost: -cost.seconds)


def speeds(
    jobs: pd.DataFrame, datasets: Mapping[str, Mapping[str, Any]], shown: Mapping[str, str]
) -> dict[str, float]:
    """Images per second of the features, with the start of Python and the loading of weights.

    Parameters
    ----------
    jobs : as :func:`benchmarks` gives them; those of the rule ``features`` are of one model and dataset
    datasets : cards by name
    shown : for each model the name that its jobs count for, which models of one objective share
    """
    images: Counter[str] = Counter()
    seconds: dict[str, float] = defaultdict(float)
    for job in jobs[jobs["rule"] == "features"].to_dict("records"):
        model, dataset = job["wildcards"]
        images[shown[model]] += sum(split["items"] for split in datasets[dataset]["splits"].values())
        seconds[shown[model]] += job["s"]
    return {name: images[name] / seconds[name] for name in images}
