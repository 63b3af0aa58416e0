"""A real one-node SLURM makes what a local run made, byte for byte, also after its head was killed.

The README's command runs on a node of two cores. Its head is killed while a job trains, and started again; a
job gets too little memory, and is submitted again with more.
"""

import os
import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from small_project import SNAKEMAKE, Project, Run

TESTS = Path(__file__).resolve().parents[1]
SLURM = TESTS / "slurm"
TABLES = ("results/tables/results.csv", "results/tables/contrasts.csv")
LOST = (
    "resources/models/labels-0",
    *(f"results/{rule}/saved" for rule in ("features", "clustering", "robustness")),
    "results/tables",
    "results/statistics",
)
LONGEST_S = 400


@pytest.fixture(scope="module")
def slurm():
    """SLURM with one node of two cores, up for the tests of this file."""
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


def command() -> list[str]:
    """Command of the README, with what it says to add on a cluster that keeps no accounts."""
    text = (
        (TESTS.parent / "README.md").read_text(encoding="utf-8").split("## On a cluster")[1].split("\n## ")[0]
    )
    (line,) = re.findall(r"^snakemake .*$", text, re.MULTILINE)
    (plain,) = re.findall(r"add\s+`(--slurm-no-account [^`]*)`", text)
    _, *words = shlex.split(f"{line.replace('config/my.yaml', 'config/small.yaml')} {plain}")
    # Targets come first: `--configfile` takes every word that follows it. Statuses are asked for more often than usual.
    often = ("--seconds-between-status-checks", "1", "--slurm-init-seconds-before-status-checks", "1")
    return [str(SNAKEMAKE), *TABLES, *often, *words]


def fill_in(project):
    """Write the partition into the profile, as the README says; the node has no GPU."""
    profile = project.path / "profiles/slurm/config.yaml"
    settings = yaml.safe_load(profile.read_text())
    settings["default-resources"]["slurm_partition"] = "main"
    del settings["set-resources"]
    profile.write_text(yaml.safe_dump(settings))


class Head:
    """The command, started in a project."""

    def __init__(self, project):
        self.log = project.path / f"head-{time.monotonic_ns()}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command(), cwd=project.path, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    @property
    def said(self):
        return self.log.read_text()

    def wait_until(self, condition):
        """Wait for something that the run brings about; its value."""
        deadline = time.monotonic() + LONGEST_S
        while not (found := condition()):
            assert self.process.poll() is None, self.said[-5000:]
            assert time.monotonic() < deadline, self.said[-5000:]
            time.sleep(0.2)
        return found

    def run(self):
        """The run, when it has ended."""
        status = self.process.wait(LONGEST_S)
        return Run(status, self.said, "")


def running(rule):
    """Numbers of the jobs of a rule that SLURM runs."""
    lines = subprocess.run(
        ["squeue", "-h", "-t", "R", "-o", "%i %k"], capture_output=True, text=True, check=True
    )
    return [
        number for number, comment in map(str.split, lines.stdout.splitlines()) if f"rule_{rule}" in comment
    ]


@pytest.fixture(scope="module")
def survived(slurm, finished, tmp_path_factory):
    """A run whose head was killed: the project, and what each head said."""
    path = tmp_path_factory.mktemp("slurm") / "project"
    shutil.copytree(finished.path, path, copy_function=shutil.copy2)
    project = Project(path)
    fill_in(project)
    project.edit("rules/robustness.smk", "mem_mb=growing(2000)", "mem_mb=growing(300)")
    for folder in LOST:
        shutil.rmtree(path / folder)
    first = Head(project)
    first.wait_until(lambda: running("pretrain"))
    first.process.kill()
    first.process.wait()
    second = Head(project)
    second.wait_until(lambda: "left jobs that go on" in second.said)
    return project, first.said, second.run()


def test_the_readmes_command_gives_the_tables_of_the_local_run(survived, finished):
    project, _, second = survived
    assert second.status == 0, second.stdout[-5000:]
    assert project.tables() == finished.tables()
    weights = "resources/models/labels-0/weights.safetensors"
    assert (project.path / weights).read_bytes() == (finished.path / weights).read_bytes()
    assert not list(project.path.glob("res*/**/*.partial"))


def test_no_job_asks_for_more_than_the_node_has(survived):
    """Jobs of a group run one after the other, on the cores of one."""
    _, first, second = survived
    assert "--cores" not in command()
    asked = re.findall(r"SLURM jobid '(\d+)'", first + second.stdout) or re.findall(
        r"jobid (\d+)", second.stdout
    )
    assert asked
    for number in asked:
        shown = subprocess.run(
            ["scontrol", "show", "job", number], capture_output=True, text=True, check=False
        )
        if shown.returncode == 0:
            assert "NumCPUs=1 " in shown.stdout


def test_the_job_of_a_killed_head_goes_on_and_is_not_done_again(survived):
    _, first, second = survived
    assert ("pretrain", "labels-0") in Run(0, first, "").jobs
    assert ("pretrain", "labels-0") not in second.jobs
    assert re.search(r"waiting for jobs [\d ]+ of SLURM \(cancel them with: scancel [\d ]+\)", second.stdout)


def test_a_job_that_lacked_memory_is_submitted_again_with_more(survived):
    _, _, second = survived
    pattern = r"^rule robustness:\n(?:    .*\n)*?    resources: .*?mem_mb=(\d+)"
    assert set(re.findall(pattern, second.stdout, re.MULTILINE)) >= {"300", "600"}
