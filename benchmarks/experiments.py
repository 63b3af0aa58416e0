"""Whole runs of the default experiment with some keys changed, for benchmarks that compare such runs."""

import argparse
import copy
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[1]
DEFAULT = ROOT / "config/config.yaml"


def run(folder: Path, **changed: Any) -> Path:
    """Run the default experiment in a folder and return its table of contrasts.

    Parameters
    ----------
    folder : of the run; what is in it already is not computed again
    changed : keys of the configuration at its top level, each with its new value
    """
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "config.yaml"
    configuration.write_text(yaml.safe_dump({**default(), **changed}, sort_keys=False), encoding="utf-8")
    table = "results/tables/contrasts.csv"
    command = [Path(sys.executable).with_name("snakemake"), table, "--snakefile", ROOT / "Snakefile"]
    command += ["--directory", folder, "--cores", "all", "--quiet", "all", "--configfile", configuration]
    subprocess.run([str(part) for part in command], check=True)  # noqa: S603
    return folder / table


def attacking(datasets: Iterable[str], images: int) -> dict[str, Any]:
    """Return the default protocols with attacks on fitted classifiers, on so many images of each dataset."""
    protocols = copy.deepcopy(default()["protocols"])
    protocols["robustness"]["datasets"] = {name: {"head": "fitted", "images": images} for name in datasets}
    return protocols


def default() -> Mapping[str, Any]:
    """Return the default configuration, as it stands in its file."""
    return yaml.safe_load(DEFAULT.read_text(encoding="utf-8"))


def parser(description: str | None, name: str, into: str = "docs/results") -> argparse.ArgumentParser:
    """Return a parser with the arguments that all of these benchmarks have.

    Parameters
    ----------
    description : of the benchmark, whose lines stay as they are
    name : of the folder of its runs
    into : folder of what it writes, from the root
    """
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--folder", type=Path, default=ROOT / "results" / name, help="of the runs")
    made.add_argument("--into", type=Path, default=ROOT / into, help="folder of what is written")
    return made


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table as the documentation reads it, and print it."""
    table.to_csv(path, index=False, float_format="%.4f")
    print(table.to_string(index=False))
