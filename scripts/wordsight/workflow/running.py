"""What works in a folder: the run that locked it, and jobs that outlived the run that had started them.

A run that is killed leaves Snakemake's lock behind, and its jobs may go on, on this machine or in the queue
of SLURM. The next run must neither be kept out by the lock of a dead run nor do the work of such jobs again.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

JOB = "--target-jobs"  # of the command line of a job
SLURM_JOB = "SLURM_JOB_ID"
LOOK_S = 1.0
LOOK_AT_QUEUE_S = 60.0
# Why jobs wait that will start by themselves. `None` is SLURM's reason of a job that it hasn't looked at.
PASSING = ("None", "Priority", "Resources", "Dependency", "BeginTime", "Prolog")


@dataclass(frozen=True)
class Run:
    """The process of a run: on which machine, under which number, and since when."""

    host: str
    pid: int
    started: float

    @classmethod
    def of_this_process(cls) -> "Run":
        """Run of the process that calls this."""
        return cls(socket.gethostname(), os.getpid(), psutil.Process().create_time())

    @classmethod
    def read(cls, path: Path) -> "Run | None":
        """Run that was written to a file; None if there is none, or the file is damaged."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Write it to a file."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @property
    def here(self) -> bool:
        """Whether it is on this machine, so that one can see whether it is alive."""
        return self.host == socket.gethostname()

    @property
    def alive(self) -> bool:
        """Whether its process is there, and not another one of the same number."""
        try:
            return abs(psutil.Process(self.pid).create_time() - self.started) < 1
        except psutil.NoSuchProcess:
            return False


class NoAnswerError(Exception):
    """SLURM doesn't say what is in its queue; the message says why."""


@dataclass(frozen=True)
class Leftovers:
    """Jobs in a folder whose run is gone: processes of this machine, and jobs in the queue of SLURM."""

    processes: tuple[int, ...]
    queued: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.processes or self.queued)

    def __str__(self) -> str:
        parts = []
        if self.processes:
            numbers = " ".join(map(str, self.processes))
            parts.append(f"processes {numbers} (end them with: kill {numbers})")
        if self.queued:
            numbers = " ".join(self.queued)
            parts.append(f"jobs {numbers} of SLURM (cancel them with: scancel {numbers})")
        return " and ".join(parts)


def refusal(folder: Path, holder: Path, *, locked: bool) -> str:
    """Why a run can't start in a folder, and what to do; empty if it can.

    Parameters
    ----------
    holder : file that says which run has locked the folder
    locked : whether there is a lock
    """
    # Without a lock, a run may be at work whose lock somebody deleted.
    run = Run.read(holder) if locked else next((run for _, run in _jobs(folder) if run), None)
    if run is None:
        return (
            "this folder is locked, and nothing says by which run; if none works in it: make unlock"
            if locked
            else ""
        )
    if not run.here:
        return (
            f"this folder is locked by a run on {run.host} (process {run.pid}), which can't be seen from "
            "here; if it isn't running any more: make unlock"
        )
    if not run.alive:
        return ""
    since = time.strftime("%H:%M on %Y-%m-%d", time.localtime(run.started))
    return (
        f"another run works in this folder since {since} (process {run.pid}); wait for it, or stop it with: "
        f"kill {run.pid}"
    )


def leftovers(folder: Path, *, queue: bool) -> Leftovers:
    """Jobs that work in a folder although their run is gone; of the queue of SLURM only if ``queue``.

    Raises
    ------
    NoAnswerError
        When SLURM doesn't answer.
    """
    found = {number for process, run in _jobs(folder) if not run for number in _with_children(process)}
    return Leftovers(tuple(sorted(found)), tuple(number for number, _ in _queued(folder)) if queue else ())


def wait_for_leftovers(folder: Path, *, queue: bool) -> None:
    """Wait until no such job is left, and say which ones there are, so that the user can end them instead."""
    told: set[str] = set()

    def tell(kind: str, message: str) -> None:
        if kind not in told:
            say(message)
            told.add(kind)

    while True:
        try:
            if not (found := leftovers(folder, queue=queue)):
                return
            tell("jobs", f"a run that was stopped left jobs that go on; waiting for {found}")
        except NoAnswerError as error:  # whatever runs there must not be submitted again
            tell("answer", f"waiting until SLURM says what is in its queue; squeue: {error}")
        time.sleep(LOOK_S)


def watch_queue(folder: Path) -> None:
    """Look at the queue of SLURM from time to time, and say why jobs of a folder wait, each reason once.

    The thread that does so ends with the program.
    """
    threading.Thread(target=_say_why_jobs_wait, args=(folder,), daemon=True).start()


def _say_why_jobs_wait(folder: Path) -> None:
    told: set[str] = set()
    while True:
        time.sleep(LOOK_AT_QUEUE_S)
        waiting: dict[str, list[str]] = {}
        with suppress(NoAnswerError):
            for number, reason in _queued(folder):
                waiting.setdefault(reason, []).append(number)
        for reason in waiting.keys() - told - set(PASSING):
            numbers = " ".join(waiting[reason])
            say(f"jobs {numbers} of SLURM wait: {reason}; if that won't pass, cancel them: scancel {numbers}")
            told.add(reason)


def say(message: str) -> None:
    """Tell the user something, in one line."""
    print(f"wordsight: {message}", file=sys.stderr, flush=True)


def _jobs(folder: Path) -> Iterator[tuple[psutil.Process, Run | None]]:
    """Jobs that work in a folder on this machine, each with its run; None if that is gone."""
    for process in psutil.process_iter():
        # A process may end while it is asked, or belong to a user who lets nobody ask.
        with suppress(psutil.Error):
            if not process.name().startswith("python") or Path(process.cwd()) != folder:
                continue
            if JOB in process.cmdline() and not _of_slurm(process):
                yield process, _run_of(process)


def _run_of(process: psutil.Process) -> Run | None:
    """Run of Snakemake among the processes that started a job."""
    for parent in process.parents():
        words = parent.cmdline()
        if JOB not in words and any("snakemake" in word for word in words[:3]):
            return Run(socket.gethostname(), parent.pid, parent.create_time())
    return None


def _of_slurm(process: psutil.Process) -> bool:
    """Whether a process belongs to another job of SLURM than this one; then the queue has it."""
    return process.environ().get(SLURM_JOB) != os.environ.get(SLURM_JOB)


def _with_children(process: psutil.Process) -> list[int]:
    try:
        return [process.pid, *(child.pid for child in process.children(recursive=True))]
    except psutil.Error:
        return [process.pid]


def _queued(folder: Path) -> Iterator[tuple[str, str]]:
    """Jobs of the user's in the queue of SLURM that Snakemake submitted from a folder, and why they wait."""
    if not shutil.which("squeue"):
        return
    command = ["squeue", "--me", "--noheader", "--format", "%i|%k|%r|%Z"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise NoAnswerError(" ".join(done.stderr.split()) or f"ended with status {done.returncode}")
    for line in done.stdout.splitlines():
        number, comment, reason, place = line.split("|", 3)
        if comment.startswith("rule_") and Path(place) == folder and number != os.environ.get(SLURM_JOB):
            yield number, reason
