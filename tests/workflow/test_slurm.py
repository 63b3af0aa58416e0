"""A real one-node SLURM makes what a local run made, byte for byte, whatever happens to its jobs and to SLURM.

The README's command runs on a node of two cores, first where nobody keeps accounts, then where each job needs
one and a database has its state. Its head is killed while a job trains, and started again; a job gets too
little memory, and is submitted again with more; one is cancelled; the node is drained and comes back; the
daemons that have the queue and the accounts are restarted.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import psutil
import pytest
import yaml

from small_project import Project, Run

TESTS = Path(__file__).resolve().parents[1]
SLURM = TESTS / "slurm"
TABLES = ("results/tables/results.csv", "results/tables/contrasts.csv")
TRAINED = "resources/models/labels-0/weights.safetensors"
LOST = (
    "resources/models/labels-0",
    "results/features/labels-0",
    "results/robustness/saved",
    "results/tables",
    "results/statistics",
)
LONGEST_S = 300


@pytest.fixture(scope="module", params=["", "vision"], ids=["without-accounts", "with-accounts"])
def slurm(request):
    """SLURM with one node of two cores, up for the tests of this file; the account that jobs need, if any."""
    account = request.param
    programs = ("slurmctld", "slurmd", "sbatch", "munged", *(("slurmdbd", "mariadbd") if account else ()))
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        pytest.skip(f"SLURM is not installed: no {', '.join(missing)}")
    if os.geteuid() != 0:
        pytest.skip("SLURM is started as root")
    up = subprocess.run([SLURM / "up.sh", "2", account], capture_output=True, text=True, check=False)
    if up.returncode != 0:
        pytest.skip(f"SLURM does not start here: {up.stderr.strip()}")
    yield account
    for head in Head.started:
        head.process.kill()  # where a test failed, it goes on
        head.process.wait()
    subprocess.run([SLURM / "down.sh"], check=True)


def command(*targets, account="") -> list[str]:
    """Command of the README; without an account, with what it says to add on a cluster that keeps none."""
    text = (
        (TESTS.parent / "README.md").read_text(encoding="utf-8").split("## On a cluster")[1].split("\n## ")[0]
    )
    (line,) = re.findall(r"^snakemake .*$", text, re.MULTILINE)
    (plain,) = re.findall(r"add\s+`(--slurm-no-account [^`]*)`", text)
    line = line.replace("config/my.yaml", "config/small.yaml")
    _, *words = shlex.split(line if account else f"{line} {plain}")
    # Targets come first: `--configfile` takes every word that follows it.
    return [sys.executable, str(SLURM / "snakemake_that_looks_often.py"), *targets, *words]


def fill_in(project, account):
    """Write the partition and any account into the profile, as the README says; the node has no GPU."""
    profile = project.path / "profiles/slurm/config.yaml"
    settings = yaml.safe_load(profile.read_text())
    settings["default-resources"]["slurm_partition"] = "main"
    if account:
        settings["default-resources"]["slurm_account"] = account
    del settings["set-resources"]
    profile.write_text(yaml.safe_dump(settings))


def impatient(folder):
    """Folder with a squeue that gives up soon. The real one asks a daemon that is down for nine seconds."""
    script = folder / "bin/squeue"
    script.parent.mkdir(exist_ok=True)
    script.write_text(f'#!/bin/sh\nexec timeout 0.3 {shutil.which("squeue")} "$@"\n')
    script.chmod(0o755)
    return script.parent


class Head:
    """The command, started in a project."""

    started: ClassVar[list["Head"]] = []

    def __init__(self, project, account, *targets):
        environment = {**os.environ, "PATH": f"{impatient(project.path)}:{os.environ['PATH']}"}
        self.log = project.path / f"head-{time.monotonic_ns()}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command(*targets, account=account),
                cwd=project.path,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(self)

    @property
    def said(self):
        return self.log.read_text()

    def wait_until(self, condition, *arguments):
        """Wait for something that the run brings about; its value."""
        deadline = time.monotonic() + LONGEST_S
        while not (found := condition(*arguments)):
            assert self.process.poll() is None, self.said[-5000:]
            assert time.monotonic() < deadline, self.said[-5000:] + asked("squeue")
            time.sleep(0.1)
        return found

    def run(self):
        """The run, when it has ended."""
        status = self.process.wait(LONGEST_S)
        return Run(status, self.said, "")


def asked(*command):
    """What a command of SLURM answers."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def jobs(state, word):
    """Numbers of the jobs in a state whose comment has a word: the name of a rule, or of the group's rules."""
    lines = asked("squeue", "-h", "-t", state, "-o", "%i %k").splitlines()
    return [number for number, comment in map(str.split, lines) if word in comment]


def at_work(number):
    """Whether a process runs; one that has ended may stay in the table until its parent asks."""
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def restart(*daemons):
    """Stop daemons, and start them again a moment later."""
    state = Path(os.environ.get("WORDSIGHT_SLURM_STATE", "/var/lib/wordsight-slurm"))
    numbers = [int((state / f"{daemon}.pid").read_text()) for daemon in daemons]
    for number in numbers:
        os.kill(number, signal.SIGTERM)
    while any(map(at_work, numbers)):
        time.sleep(0.1)
    # A run that asks for its jobs now gets no answer, more often and for longer than the executor's defaults allow.
    time.sleep(12)
    for daemon in daemons:
        subprocess.run([daemon], check=True)
    # The node tells the new daemon of itself at once; otherwise it does when it is asked, after up to two minutes.
    deadline = time.monotonic() + LONGEST_S
    while subprocess.run(["scontrol", "reconfigure"], capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def all_work():
    """Whether each running job has begun its step, for which it needs the daemon of the queue."""
    steps = {
        step.partition(".")[0] for step in asked("squeue", "-h", "-s", "-o", "%i").split() if ".0" in step
    }
    return set(jobs("R", "rule_")) <= steps


def set_node(state, *reason):
    """Drain the node, or let it take jobs again."""
    asked(
        "scontrol", "update", f"NodeName={os.uname().nodename.partition('.')[0]}", f"State={state}", *reason
    )


def why(number):
    """Why a job waits, once SLURM has looked at it."""
    reason = asked("squeue", "-h", "-j", number, "-o", "%r").strip()
    return "" if reason in ("None", "Priority", "Resources") else reason


@dataclass
class Survived:
    """What happened to a run.

    Attributes
    ----------
    first : what the head said that was killed
    second : the run that went on
    cancelled : number of the job that was cancelled
    drained : why a job waited while the node was drained
    """

    project: Project
    first: str
    second: Run
    cancelled: str
    drained: str


@pytest.fixture(scope="module")
def survived(slurm, finished, tmp_path_factory):
    """A run to which all of it happened."""
    path = tmp_path_factory.mktemp("slurm") / "project"
    shutil.copytree(finished.path, path, copy_function=shutil.copy2)
    project = Project(path)
    fill_in(project, slurm)
    project.edit("rules/robustness.smk", "mem_mb=growing(2000)", "mem_mb=growing(750)")
    for folder in LOST:
        shutil.rmtree(path / folder)
    first = Head(project, slurm, TRAINED)
    first.wait_until(jobs, "R", "rule_pretrain")
    first.process.kill()
    first.process.wait()
    second = Head(project, slurm, *TABLES)
    second.wait_until(lambda: "left jobs that go on" in second.said)
    (cancelled,) = second.wait_until(jobs, "R", "rule_features")
    asked("scancel", cancelled)
    second.wait_until(lambda: set(jobs("R", "rule_features")) - {cancelled})
    set_node("DRAIN", "Reason=test")
    second.wait_until(all_work)
    restart(*(["slurmdbd"] if slurm else []), "slurmctld")
    (waiting,) = second.wait_until(jobs, "PD", "few_shot")
    drained = second.wait_until(why, waiting)
    set_node("RESUME")
    return Survived(project, first.said, second.run(), cancelled, drained)


def test_the_readmes_command_gives_the_tables_of_the_local_run(survived, finished):
    assert survived.second.status == 0, survived.second.stdout[-5000:]
    assert survived.project.tables() == finished.tables()
    made = [
        path
        for pattern in ("resources/models/labels-0", "results/robustness/saved")
        for path in files(finished, pattern)
    ]
    for path in made:
        assert (survived.project.path / path).read_bytes() == (finished.path / path).read_bytes()
    assert len(made) == 6
    assert not list(survived.project.path.glob("res*/**/*.partial"))


def files(project, folder):
    """Files of a folder by their path, but for stamps, which have times."""
    found = (path for path in (project.path / folder).rglob("*") if path.is_file())
    return [path.relative_to(project.path) for path in found if not path.name.startswith(".")]


def test_no_job_asks_for_more_than_the_node_has(survived):
    """Jobs of a group run one after the other, on the cores of one."""
    assert "--cores" not in command()
    (memory,) = map(int, asked("sinfo", "-h", "-o", "%m").split())
    shown = [
        job for job in asked("scontrol", "show", "job", "--oneliner").splitlines() if "Comment=rule_" in job
    ]
    assert len(shown) > 5
    for job in shown:
        assert "NumCPUs=1 " in job
        assert int(re.search(r"MinMemoryNode=(\d+)M", job)[1]) <= memory


def test_the_job_of_a_killed_head_goes_on_and_is_not_done_again(survived):
    assert ("pretrain", "labels-0") in Run(0, survived.first, "").jobs
    assert ("pretrain", "labels-0") not in survived.second.jobs
    told = r"waiting for jobs [\d ]+ of SLURM \(cancel them with: scancel [\d ]+\)"
    assert re.search(told, survived.second.stdout)


def memory_of(rule, said):
    """Memory in MB that the tries of a rule asked for, in their order."""
    pattern = rf"^rule {rule}:\n(?:    .*\n)*?    resources: .*?mem_mb=(\d+)"
    return [int(found) for found in re.findall(pattern, said, re.MULTILINE)]


def test_a_job_that_lacked_memory_is_submitted_again_with_more_and_the_run_says_why(survived):
    assert memory_of("robustness", survived.second.stdout) == [750, 1500]
    assert "wordsight: robustness was killed, most often because memory ran out" in survived.second.stdout


def test_a_job_that_was_cancelled_is_submitted_again(survived):
    tries = memory_of("features_together", survived.second.stdout)
    assert len(tries) == 2
    assert f"SLURM-job '{survived.cancelled}' failed, SLURM status is: 'CANCELLED'" in survived.second.stdout


def test_a_job_waits_while_the_node_is_drained(survived):
    assert "ReqNodeNotAvail" in survived.drained or "DRAINED" in survived.drained.upper()
