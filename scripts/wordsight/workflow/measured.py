"""Tables of the documentation with what benchmarks have measured, from ``docs/results/``."""

import csv
from collections.abc import Iterable, Mapping

from wordsight.catalogue import numbers
from wordsight.files.project import SCRIPTS
from wordsight.workflow.markdown import table

RESULTS = SCRIPTS.parent / "docs/results"

# Counts of faults, and the heads of their columns.
FAULTS = {
    "faults": "times",
    "starts": "starts",
    "by_hand": "by hand",
    "different": "different",
    "left": "left",
}


def faults() -> str:
    """What came of the faults of ``benchmarks/faults.py``, by fault and phase."""
    rows = _read("faults")
    total = {name: sum(int(row[name]) for row in rows) for name in FAULTS}
    head = ["what goes wrong", "during", *(FAULTS[name] for name in total)]
    lines = [[row["fault"], row["phase"], *(row[name] for name in total)] for row in rows]
    return table(head, [*lines, ["all", "", *map(str, total.values())]])


def replication() -> dict[str, str]:
    """Verdicts of the default experiment with several seeds, and how many of them came again."""
    verdicts, counts = (_read(name) for name in ("replication", "replicated"))
    seeds = seeds_of(verdicts[0])
    head = ("contrast", "protocol", *(f"seed {seed}" for seed in seeds))
    rows = [
        (f"`{row['contrast']}`", f"`{row['protocol']}`", *(_verdict(row, seed) for seed in seeds))
        for row in verdicts
    ]
    again = (
        *("of seed", "with seed", "decided", "decided again alike", "undecided there"),
        *("a difference here, equivalent there, or the reverse", "contradicted"),
    )
    names = ("decided", "comparisons", "again", "undecided", "otherwise", "contradicted")
    numbered = [(c["first"], c["other"], [int(c[name]) for name in names]) for c in counts]
    total = [sum(column) for column in zip(*(found for _, _, found in numbered), strict=True)]
    compared = [
        (first, other, f"{decided} of {comparisons}", *map(str, rest))
        for first, other, (decided, comparisons, *rest) in [*numbered, ("all", "", total)]
    ]
    return {"replication": table(head, rows), "replicated": table(again, compared)}


def seeds_of(columns: Iterable[str]) -> list[int]:
    """Seeds whose verdicts a table of ``benchmarks/replication.py`` has, from the names of its columns."""
    return [int(column.removeprefix("verdict_")) for column in columns if column.startswith("verdict_")]


def _verdict(row: Mapping[str, str], seed: int) -> str:
    return f"{row[f'verdict_{seed}']} ({numbers.points(float(row[f'effect_{seed}']), sign=True)})"


def adversarial() -> str:
    """What attacks in training change, on each dataset that is attacked and in each protocol."""
    head = (
        "protocol",
        "on",
        "setting",
        "with attacks",
        "without",
        "untrained",
        "difference",
        "95 % interval",
    )
    rows = [
        (
            f"`{row['protocol']}`",
            row["dataset"] or "all",
            row["setting"] if float(row["setting"]) else "",
            *(numbers.points(_number(row[name])) for name in ("adversarial", "labels", "untrained")),
            numbers.points(_number(row["effect"]), sign=True),
            numbers.span((float(row["low"]), float(row["high"]))),
        )
        for row in sorted(_read("adversarial_training"), key=lambda row: row["protocol"] != "robustness")
    ]
    return table(head, rows)


def attacked_images() -> str:
    """Comparisons of robustness with more and more images attacked."""
    head = (
        *("contrast", "attacked on", "images of each", "difference", "standard error"),
        *("with the encoders held fixed", "margin", "verdict"),
    )
    rows = [
        (
            f"`{row['contrast']}`",
            row["datasets"].replace(" ", ", "),
            row["images"],
            numbers.points(float(row["effect"]), sign=True),
            *(numbers.points(float(row[name])) for name in ("stderr", "encoders_stderr", "margin")),
            row["verdict"],
        )
        for row in sorted(_read("attacked_images"), key=lambda row: row["contrast"])
    ]
    return table(head, rows)


def networks() -> str:
    """What two networks need and give in the default experiment."""
    head = ("network", "seconds of training", "protocol", "standard error", "margin", "decided")
    rows = [
        (
            f"`{row['network']}`",
            numbers.fixed(float(row["training_s"]), 0),
            f"`{row['protocol']}`",
            *(numbers.fixed(100 * float(row[name]), 2) for name in ("stderr", "margin")),
            f"{row['decided']} of {row['comparisons']}",
        )
        for row in sorted(_read("networks"), key=lambda row: row["protocol"])
    ]
    return table(head, rows)


def _number(cell: str) -> float | None:
    return float(cell) if cell else None


def _read(name: str) -> list[dict[str, str]]:
    """Rows of a table that a benchmark has written."""
    with (RESULTS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
