"""A real one-node SLURM makes what a local run made, byte for byte."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

SLURM = Path(__file__).resolve().parents[1] / "slurm"


@pytest.fixture
def slurm():
    """SLURM with one node, up for one test."""
    missing = [name for name in ("slurmctld", "slurmd", "sbatch", "munged") if not shutil.which(name)]
    if missing:
        pytest.skip(f"SLURM is not installed: no {', '.join(missing)}")
    if os.geteuid() != 0:
        pytest.skip("SLURM is started as root")
    up = subprocess.run([SLURM / "up.sh", "2"], capture_output=True, text=True, check=False)
    if up.returncode != 0:
        pytest.skip(f"SLURM does not start here: {up.stderr.strip()}")
    yield
    subprocess.run([SLURM / "down.sh"], check=True)


LOST = (
    "resources/models/labels-0",
    *(f"results/{rule}/saved" for rule in ("features", "clustering", "robustness")),
    "results/tables",
    "results/statistics",
)


def lose(project):
    """Remove a trained model, most of what was made of an encoder from a file, and the tables."""
    for folder in LOST:
        shutil.rmtree(project.path / folder)


def test_the_cluster_gives_the_tables_of_the_local_run(slurm, finished, copy):
    profile = copy.path / "profiles/slurm/config.yaml"
    settings = yaml.safe_load(profile.read_text())
    settings["default-resources"]["slurm_partition"] = "main"
    del settings["set-resources"]  # the node has no GPU
    profile.write_text(yaml.safe_dump(settings))
    lose(copy)
    # The node keeps no accounts.
    plain = ("--slurm-no-account", "--slurm-status-command", "squeue")
    often = ("--seconds-between-status-checks", "1", "--slurm-init-seconds-before-status-checks", "1")
    tables = ("results/tables/results.csv", "results/tables/contrasts.csv")
    done = copy.snakemake(*tables, "--profile", "profiles/slurm", *plain, *often)
    assert "SLURM jobid" in done.said
    ran = {job[0] for job in done.jobs}
    assert {
        "pretrain",
        "features",
        "features_together",
        "clustering",
        "robustness",
        "contrasts",
    } <= ran
    assert copy.tables() == finished.tables()
    weights = "resources/models/labels-0/weights.safetensors"
    assert (copy.path / weights).read_bytes() == (finished.path / weights).read_bytes()
