"""Faults: a run is killed at random moments, and must go on by being started again, to the same bytes.

The small experiment of the tests runs once undisturbed. Then copies of it lose what one phase makes and all
that is made of it, and run again while something goes wrong. A kill is a SIGKILL, at a random moment of a job
of the phase: to the run with all its jobs, to one job, or to the run alone, whose job goes on. The next start
is the same command, which makes everything during the report, and the tables during the other phases. At the
end every file below ``results`` and ``resources`` is compared with those of the undisturbed run.

    python benchmarks/faults.py                          50 kills of each kind in each phase: hours
    python benchmarks/faults.py --kills 3 --minutes 8    what fits into 8 minutes, added to the table
    python benchmarks/faults.py --faults "full disk" "two runs in one folder" --kills 1

The counts are in ``docs/results/faults.csv``, and `make lock` puts them into ``docs/reliability.md``.
"""

import argparse
import csv
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from mirror import Mirror
from small_project import SNAKEMAKE, Project, make_project
from wordsight.files import stamps
from wordsight.files.hashing import sha256
from wordsight.workflow.running import leftovers

TABLE = Path(__file__).resolve().parents[1] / "docs/results/faults.csv"
COLUMNS = ("fault", "phase", "faults", "starts", "by_hand", "different", "left")
COMMAND = ("--cores", "2", "--configfile", "config/small.yaml")
TABLES = ("results/tables/results.csv", "results/tables/contrasts.csv")


@dataclass(frozen=True)
class Phase:
    """A part of a run.

    Attributes
    ----------
    rules : what its jobs are called
    lost : patterns of what it makes, and of what is made of that before the statistics
    targets : of the command that makes it; none for everything
    """

    rules: tuple[str, ...]
    lost: tuple[str, ...] = ()
    targets: tuple[str, ...] = TABLES


DOWNLOAD, ONE_CACHE = "download", "two runs with one cache"  # the fault of this phase alone
TRAINED = ("labels-0", "captions_contrastive-0")
PHASES = {
    "training": Phase(
        ("pretrain",),
        tuple(f"{place}/{name}" for place in ("resources/models", "results/*") for name in TRAINED),
    ),
    "features": Phase(("features",), ("results/*/saved",)),
    "attack": Phase(("robustness",), ("results/robustness",)),
    DOWNLOAD: Phase(("model",), ("resources/models/saved", "results/*/saved")),
    "report": Phase(
        (
            "summary",
            "contrasts",
            "objectives",
            "result_tables",
            "contrast_tables",
            "figure",
            "figure_data",
            "report",
        ),
        ("results/figures", "results/report.html", "results/verdicts.txt"),
        (),
    ),
}
LAST = ("results/statistics", "results/tables")
KILLS = ("run and jobs", "job", "run alone")
LONGEST_S = 300.0  # that a run may take
MOST_STARTS = 5
NO_COPIES = (".snakemake", "logs")


@dataclass
class Count:
    """What came of one kind of fault in one phase.

    Attributes
    ----------
    faults : how often it was made
    starts : runs that were started, the last of which ended well
    by_hand : starts that failed until somebody did something else than starting again
    different : files that differ from those of the undisturbed run
    left : files that the undisturbed run doesn't have
    """

    fault: str
    phase: str
    faults: int = 0
    starts: int = 0
    by_hand: int = 0
    different: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)

    def row(self) -> dict[str, str | int]:
        """Row of the table."""
        return {
            **{name: getattr(self, name) for name in COLUMNS[:5]},
            "different": len(self.different),
            "left": len(self.left),
        }


class Run:
    """A run of Snakemake in a project, in a session of its own.

    Attributes
    ----------
    program : that is Snakemake; the tests have one that saves time
    started : all of them, so that none outlives this program
    """

    program: ClassVar[tuple[str, ...]] = (str(SNAKEMAKE),)
    started: ClassVar[list["Run"]] = []

    def __init__(
        self,
        project: Project,
        *targets: str,
        limits: Callable[[], None] | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.folder = project.path
        self.log = project.path.with_name(f"{project.path.name}.log")
        with self.log.open("w") as log:
            self.process = subprocess.Popen(  # noqa: S603
                [*self.program, *targets, *COMMAND],
                cwd=project.path,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=limits,
                env={**os.environ, **(environment or {})},
            )
        self.started.append(self)

    def jobs(self) -> dict[int, str]:
        """Rules whose scripts run, by the number of their process."""
        found = {}
        for process in self.descendants():
            with suppress(psutil.Error):
                script = next((word for word in process.cmdline() if ".snakemake/scripts/" in word), "")
                if process.name().startswith("python") and script:
                    found[process.pid] = script.split(".")[-2]
        return found

    def descendants(self) -> list[psutil.Process]:
        """Processes that the run started, and those that they started."""
        with suppress(psutil.Error):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Stop the run, then its jobs, and let all of them go on afterwards."""
        self.process.send_signal(signal.SIGSTOP)
        jobs = self.descendants()
        try:
            for process in jobs:
                with suppress(psutil.Error):
                    process.suspend()
            yield
        finally:
            for process in jobs:
                with suppress(psutil.Error):
                    process.resume()
            self.process.send_signal(signal.SIGCONT)

    def wait_for(self, rules: tuple[str, ...]) -> int | None:
        """Wait for a job of one of the rules; its process, or None if the run ended without one."""
        deadline = time.monotonic() + LONGEST_S
        while self.process.poll() is None and time.monotonic() < deadline:
            for number, rule in self.jobs().items():
                if rule in rules:
                    return number
            time.sleep(0.05)
        return None

    def end(self) -> int:
        """Wait for the end; a run that takes too long is killed."""
        try:
            return self.process.wait(LONGEST_S)
        except subprocess.TimeoutExpired:
            self.kill_all()
            return -1

    def kill_all(self) -> bool:
        """Kill the run and everything that it started; whether it still ran."""
        descendants = self.descendants()
        running = self.process.poll() is None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for process in descendants:
            with suppress(psutil.Error):
                process.kill()
        self.process.wait()
        return running

    def said(self) -> str:
        """What it wrote to the terminal."""
        return self.log.read_text(errors="replace")


class Trial:
    """A copy of the finished experiment, in which something goes wrong until it is finished again."""

    def __init__(self, finished: Project, folder: Path, phase: str, count: Count) -> None:
        self.finished, self.phase, self.count = finished, PHASES[phase], count
        self.environment: dict[str, str] = {}
        self.otherwise = ""  # where files are that differ since the configuration does
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(finished.path, folder, copy_function=shutil.copy2)
        self.project = Project(folder)
        self.lose()

    def lose(self) -> None:
        """Remove what the phase makes, and what is made of it."""
        for path in _matched(self.project.path, (*self.phase.lost, *LAST)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def done(self) -> bool:
        """Whether all that the phase makes is there again."""
        patterns = self.phase.lost or LAST
        theirs = (path for path in _matched(self.finished.path, patterns) if path.is_file())
        below = (path for folder in _matched(self.finished.path, patterns) for path in folder.rglob("*"))
        return all(
            (self.project.path / path.relative_to(self.finished.path)).exists()
            for path in (*theirs, *below)
            if not path.name.endswith(".stamp")
        )

    def start(self, limits: Callable[[], None] | None = None) -> Run:
        """Start a run, or start it again."""
        self.count.starts += 1
        return Run(self.project, *self.phase.targets, limits=limits, environment=self.environment)

    def wait_for_a_job(self, run: Run) -> int | None:
        """Wait for a job of the phase in a run; its process."""
        return run.wait_for(self.phase.rules)

    def longest_s(self) -> float:
        """How long jobs of the phase took in the undisturbed run, at most."""
        files = [
            path
            for rule in self.phase.rules
            for name in (rule, f"{rule}.tsv")
            for path in _files_in(self.finished.path / "results/benchmarks" / name)
        ]
        return max(float(path.read_text().split("\n")[1].split("\t")[0]) for path in files)

    def check_accepted(self) -> None:
        """Count results that differ from those of the undisturbed run although their stamps are right."""
        for path in _files(self.project.path):
            name = path.relative_to(self.project.path).as_posix()
            stamp = stamps.read(path)
            if stamp and stamp.sha256 == sha256(path):
                self._compare(name)

    def finish(self) -> None:
        """Start until a run ends well, and compare what it made."""
        for _ in range(MOST_STARTS):
            run = self.start()
            if run.end() == 0:
                break
            print(run.said()[-2000:], file=sys.stderr)
            if "make unlock" in run.said():
                self.count.by_hand += 1
                subprocess.run([SNAKEMAKE, "--unlock", *COMMAND], cwd=self.project.path, check=True)  # noqa: S603
        else:
            self.count.by_hand += 1
        self.compare()

    def compare(self) -> None:
        """Count files that differ from those of the undisturbed run, and those that it hasn't."""
        ours, theirs = (
            {path.relative_to(root).as_posix() for path in _files(root)}
            for root in (self.project.path, self.finished.path)
        )
        self.count.left |= ours - theirs
        self.count.different |= theirs - ours
        for name in ours & theirs:
            self._compare(name)

    def _compare(self, name: str) -> None:
        """Count a file if its bytes should be those of the undisturbed run and aren't."""
        if not _of_steps(name) or (self.otherwise and name.startswith(self.otherwise)):
            return
        if sha256(self.project.path / name) != sha256(self.finished.path / name):
            self.count.different.add(name)


def _matched(root: Path, patterns: Iterable[str]) -> list[Path]:
    """Files and folders of a project that patterns match; benchmarks are kept, since they tell no result."""
    found = {path for pattern in patterns for path in root.glob(pattern)}
    return sorted(path for path in found if "benchmarks" not in path.parts)


def _files(root: Path) -> Iterator[Path]:
    """Files that steps made, with hidden ones and stamps."""
    for name in ("results", "resources"):
        yield from (path for path in (root / name).rglob("*") if path.is_file())


def _files_in(path: Path) -> Iterable[Path]:
    return [path] if path.is_file() else path.rglob("*.tsv")


def _of_steps(name: str) -> bool:
    """Whether the bytes of a file are those of every run: times aren't, nor the order of fonts in a PDF."""
    timed = ("results/benchmarks/", "results/report.html", "results/features/")
    return not (name.startswith(timed) or name.endswith((".stamp", ".pdf")))


# Kills


def kill_often(trial: Trial, kind: str, kills: int, moments: random.Random, until: float) -> None:
    """Kill jobs of the phase at random moments, one in each start, then let it finish."""
    while trial.count.faults < kills and time.monotonic() < until:
        kill_once(trial, kind, moments)
    trial.finish()


def kill_once(trial: Trial, kind: str, moments: random.Random) -> None:
    """Start a run and kill it at a random moment of a job of the phase, if one runs then."""
    if trial.done():
        trial.lose()
    run = trial.start()
    number = trial.wait_for_a_job(run)
    if number is None:
        run.end()
        return
    time.sleep(moments.uniform(0, trial.longest_s()))
    trial.count.faults += kill(run, kind, number)
    trial.check_accepted()


def kill(run: Run, kind: str, job: int) -> bool:
    """Kill the run with its jobs, the job, or the run alone; whether it still ran."""
    if kind == "run and jobs":
        return run.kill_all()
    if kind == "run alone":
        running = run.process.poll() is None
        run.process.kill()
        run.process.wait()
        return running
    try:
        os.kill(job, signal.SIGKILL)
    except ProcessLookupError:
        run.kill_all()
        return False
    run.end()
    return True


# Other faults: each makes one, and leaves the rest to `finish`


def interrupt_twice(trial: Trial, moments: random.Random) -> None:
    """Press Ctrl-C twice."""
    run = trial.start()
    trial.wait_for_a_job(run)
    time.sleep(moments.uniform(0, trial.longest_s()))
    for _ in range(2):
        with suppress(ProcessLookupError):
            os.killpg(run.process.pid, signal.SIGINT)
        time.sleep(0.3)
    run.end()


def two_runs_in_one_folder(trial: Trial, _: random.Random) -> None:
    """Start the same command while it runs: the second run must be refused, and say why.

    The first stands still from its first job on, since its jobs might else make all that is asked for before
    the second has started: the second would have nothing to do then, and say so.
    """
    run = trial.start()
    trial.wait_for_a_job(run)
    with run.standing_still():
        second = subprocess.run(  # noqa: S603
            [SNAKEMAKE, *trial.phase.targets, *COMMAND],
            cwd=trial.project.path,
            capture_output=True,
            text=True,
            check=False,
        )
    if second.returncode == 0 or "another run works in this folder" not in second.stderr:
        trial.count.by_hand += 1
        print(second.stderr[-2000:], file=sys.stderr)
    run.end()


def one_cache_for_two_runs(trial: Trial, moments: random.Random) -> None:
    """Let two runs download the same file into one empty cache at the same time, and kill one at random."""
    url = "https://example.org/weights.safetensors"
    twin = trial.project.path.with_name("twin")
    with Mirror() as mirror, tempfile.TemporaryDirectory() as cache:
        mirror.publish(url, trial.project.path / "data/weights.safetensors", delay=1)
        trial.environment = {**mirror.environment, "WORDSIGHT_CACHE": cache}
        trial.otherwise = "resources/models/saved/"
        trial.project.configure(lambda config: _download(config["models"]["saved"], url))
        shutil.rmtree(twin, ignore_errors=True)
        shutil.copytree(trial.project.path, twin, copy_function=shutil.copy2)
        projects = (trial.project, Project(twin))
        trial.count.starts += 2
        runs = [Run(project, *TABLES, environment=trial.environment) for project in projects]
        trial.wait_for_a_job(runs[0])
        time.sleep(moments.uniform(0, 5))
        runs[moments.randrange(2)].kill_all()
        for run in runs:
            run.end()
        for trial.project in projects:
            trial.finish()


def _download(model: dict[str, Any], url: str) -> None:
    """Let a model of a configuration come from an address in place of a path."""
    del model["path"]
    model["url"] = url


def full_disk(trial: Trial, moments: random.Random) -> None:
    """Let a disk fill up after a random number of bytes, so that another kind of write fails each time."""
    left = int(10 ** moments.uniform(3, 6))
    with _small_disk(trial.project.path, left):
        trial.start().end()


@contextmanager
def _small_disk(folder: Path, left: int) -> Iterator[None]:
    """Let a folder lie on a disk of its own that has so many bytes left; needs the rights to mount one."""
    elsewhere = folder.with_name("elsewhere")
    shutil.rmtree(elsewhere, ignore_errors=True)
    folder.rename(elsewhere)
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", folder], check=True)  # noqa: S603, S607
    try:
        shutil.copytree(elsewhere, folder, copy_function=shutil.copy2, dirs_exist_ok=True)
        free = shutil.disk_usage(folder).free
        with (folder / "filler").open("wb") as filler:
            os.posix_fallocate(filler.fileno(), 0, max(1, free - left))
        yield
        (folder / "filler").unlink()
        shutil.rmtree(elsewhere)
        shutil.copytree(folder, elsewhere, copy_function=shutil.copy2)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S603, S607
        folder.rmdir()
        elsewhere.rename(folder)


def little_memory(trial: Trial, moments: random.Random) -> None:
    """Give every process of the run too little memory for its libraries or its data."""
    size = int(moments.uniform(0.8, 3.5) * 2**30)
    trial.start(limits=lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size))).end()


def clock_set_back(trial: Trial, moments: random.Random) -> None:
    """Kill a run, and give what it made random times, as if the clock had been set while it ran."""
    run = trial.start()
    trial.wait_for_a_job(run)
    time.sleep(moments.uniform(0, trial.longest_s()))
    run.kill_all()
    for path in _files(trial.project.path):
        moment = time.time() + moments.uniform(-2e6, 2e6)
        os.utime(path, (moment, moment))


def moved(trial: Trial, moments: random.Random) -> None:
    """Kill a run, and go on in a copy that has new times and no records of Snakemake."""
    run = trial.start()
    trial.wait_for_a_job(run)
    time.sleep(moments.uniform(0, trial.longest_s()))
    run.kill_all()
    there = trial.project.path.with_name(f"{trial.project.path.name}-moved")
    shutil.rmtree(there, ignore_errors=True)
    shutil.copytree(
        trial.project.path,
        there,
        copy_function=shutil.copyfile,
        ignore=shutil.ignore_patterns(*NO_COPIES),
    )
    shutil.rmtree(trial.project.path)
    trial.project = Project(there)


def read_only_data(trial: Trial, moments: random.Random) -> None:
    """Let the user's data lie on a disk that can't be written to."""
    with _read_only(trial.project.path / "data"):
        trial.start().end()


@contextmanager
def _read_only(folder: Path) -> Iterator[None]:
    """Mount a folder read-only if this program may; otherwise take away the right to write."""
    mounted = os.geteuid() == 0 and _succeeds("mount", "--bind", folder, folder)
    if mounted:
        _succeeds("mount", "-o", "remount,ro,bind", folder)
    else:
        _succeeds("chmod", "-R", "a-w", folder)
    try:
        yield
    finally:
        _succeeds("umount", folder) if mounted else _succeeds("chmod", "-R", "u+w", folder)


def _succeeds(*command: str | Path) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603


OTHERS: dict[str, Callable[[Trial, random.Random], None]] = {
    "Ctrl-C twice": interrupt_twice,
    "two runs in one folder": two_runs_in_one_folder,
    ONE_CACHE: one_cache_for_two_runs,
    "full disk": full_disk,
    "too little memory": little_memory,
    "clock set back": clock_set_back,
    "moved without .snakemake": moved,
    "read-only data": read_only_data,
}


def measure(
    finished: Project, fault: str, phase: str, times: int, moments: random.Random, until: float
) -> Count:
    """Make a fault so many times in a phase, or until a moment, and count what came of it."""
    count = Count(fault, phase)
    folder = finished.path.parent / "trial"
    if fault in KILLS:
        kill_often(Trial(finished, folder, phase, count), fault, times, moments, until)
        return count
    while count.faults < times and time.monotonic() < until:
        trial = Trial(finished, folder, phase, count)
        count.faults += 1
        OTHERS[fault](trial, moments)
        trial.check_accepted()
        trial.finish()
    return count


def added(counts: list[Count], table: Path) -> None:
    """Add counts to a table."""
    rows: dict[tuple[str, str], dict[str, str | int]] = {}
    if table.exists():
        with table.open(newline="") as file:
            rows = {(row["fault"], row["phase"]): dict(row) for row in csv.DictReader(file)}
    for count in counts:
        new = count.row()
        before = rows.get((count.fault, count.phase), {})
        rows[count.fault, count.phase] = {
            name: new[name] if name in COLUMNS[:2] else int(before.get(name, 0)) + int(new[name])
            for name in COLUMNS
        }
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[key] for key in sorted(rows))


def main() -> None:
    """Make faults, add their counts to the table, and print them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50, help="faults of each kind in each phase")
    parser.add_argument("--faults", nargs="+", choices=[*KILLS, *OTHERS], default=[*KILLS, *OTHERS])
    parser.add_argument("--phases", nargs="+", choices=list(PHASES), default=list(PHASES))
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no fault after so long")
    parser.add_argument("--seed", type=int, default=0, help="of the moments; another one each time")
    parser.add_argument("--finished", type=Path, help="folder for the undisturbed run, which is kept there")
    parser.add_argument("--table", type=Path, default=TABLE)
    arguments = parser.parse_args()
    until = time.monotonic() + 60 * arguments.minutes
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    try:
        make_all(arguments, until)
    finally:
        for run in Run.started:
            if run.process.poll() is None:
                run.kill_all()


def make_all(arguments: argparse.Namespace, until: float) -> None:
    """Make each fault in each phase where it can be made."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.finished or Path(temporary) / "finished"
        if not folder.exists():
            make_project(folder).snakemake()
        finished = Project(folder)
        for fault in arguments.faults:
            for phase in arguments.phases:
                moments = random.Random(f"{arguments.seed} {fault} {phase}")
                if time.monotonic() < until and (fault == ONE_CACHE) == (phase == DOWNLOAD):
                    count = measure(finished, fault, phase, arguments.kills, moments, until)
                    print(*count.row().values(), sorted(count.different | count.left), sep="\t", flush=True)
                    added([count], arguments.table)
                if found := leftovers(finished.path.parent / "trial", queue=False):
                    sys.exit(f"still running: {found}")


if __name__ == "__main__":
    main()
