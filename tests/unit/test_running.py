"""What works in a folder is found: a run that is alive, one that is gone, and the jobs that it left."""

import json
import os
import socket
import subprocess
import sys
import time

import pytest

from wordsight.workflow import running
from wordsight.workflow.running import Run

JOB = "import sys, time; time.sleep(60)"


@pytest.fixture
def holder(tmp_path):
    return tmp_path / "run.json"


@pytest.fixture
def start(tmp_path):
    """Start a process that looks like a job of Snakemake in a folder; all are ended after the test."""
    processes = []

    def started(*words, folder=tmp_path, code=JOB, **environment):
        command = [sys.executable, "-c", code, *words]
        new = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **environment}, stdout=subprocess.DEVNULL
        )
        processes.append(new)
        return new

    yield started
    for process in processes:
        process.kill()
        process.wait()


def refusal(tmp_path, holder, *, locked=True):
    return running.refusal(tmp_path, holder, locked=locked)


def test_a_folder_without_a_lock_is_free(tmp_path, holder):
    assert refusal(tmp_path, holder, locked=False) == ""


def test_the_lock_of_a_living_run_holds(tmp_path, holder):
    Run.of_this_process().write(holder)
    words = refusal(tmp_path, holder)
    assert words.startswith("another run works in this folder since ")
    assert words.endswith(f"stop it with: kill {os.getpid()}")


def test_the_lock_of_a_dead_run_does_not_hold(tmp_path, holder, start):
    process = start()
    Run(socket.gethostname(), process.pid, running.psutil.Process(process.pid).create_time()).write(holder)
    assert refusal(tmp_path, holder)
    process.kill()
    process.wait()
    assert refusal(tmp_path, holder) == ""


def test_another_process_of_the_same_number_is_not_the_run(tmp_path, holder):
    Run(socket.gethostname(), os.getpid(), time.time() - 10**6).write(holder)
    assert refusal(tmp_path, holder) == ""


def test_the_lock_of_a_run_on_another_machine_is_left_to_the_user(tmp_path, holder):
    Run("elsewhere", 12, 0.0).write(holder)
    words = refusal(tmp_path, holder)
    assert "a run on elsewhere (process 12)" in words
    assert words.endswith("make unlock")


@pytest.mark.parametrize("text", [None, "", "{}", "[1]", json.dumps({"host": "x"})])
def test_a_lock_that_says_nothing_is_left_to_the_user(tmp_path, holder, text):
    if text is not None:
        holder.write_text(text)
    assert refusal(tmp_path, holder).endswith("make unlock")


# Jobs. This process isn't a run of Snakemake, so jobs that it starts have none.


def wait_until(condition):
    for _ in range(200):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("waited for too long")


def test_a_job_that_outlived_its_run_is_found_with_its_children_and_how_to_end_it(tmp_path, start):
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    job = start("--target-jobs", "few_shot:model=m", code=child)
    wait_until(lambda: len(running.leftovers(tmp_path, queue=False).processes) == 2)
    found = running.leftovers(tmp_path, queue=False)
    assert job.pid in found.processes
    numbers = " ".join(map(str, found.processes))
    assert str(found) == f"processes {numbers} (end them with: kill {numbers})"
    subprocess.run(str(found).partition("end them with: ")[2].rstrip(")").split(), check=True)
    job.wait()
    wait_until(lambda: not running.leftovers(tmp_path, queue=False))


def test_jobs_elsewhere_of_slurm_or_of_something_else_are_not_ours(tmp_path, start):
    other = tmp_path / "other"
    other.mkdir()
    start("--target-jobs", "x", folder=other)
    start("--target-jobs", "x", SLURM_JOB_ID="7")
    start("something", "else")
    time.sleep(0.3)
    assert not running.leftovers(tmp_path, queue=False)


def test_jobs_of_a_run_without_a_lock_tell_of_the_run(tmp_path, holder, start):
    """As where somebody deleted .snakemake while it works."""
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)', '--target-jobs', 'x'])"
    script = tmp_path / "snakemake"
    script.write_text(code)
    run = subprocess.Popen([sys.executable, script], cwd=tmp_path)
    try:
        wait_until(lambda: refusal(tmp_path, holder, locked=False))
        assert f"(process {run.pid})" in refusal(tmp_path, holder, locked=False)
        assert not running.leftovers(tmp_path, queue=False)
    finally:
        children = running.psutil.Process(run.pid).children()
        for process in (run, *children):
            process.kill()
        run.wait()


def test_a_run_waits_for_such_jobs_and_names_them_once(tmp_path, start, capsys, monkeypatch):
    monkeypatch.setattr(running, "LOOK_S", 0.05)
    job = start("--target-jobs", "x", code="import time; time.sleep(0.6)")
    wait_until(lambda: running.leftovers(tmp_path, queue=False))
    running.wait_for_leftovers(tmp_path, queue=False)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("wordsight: a run that was stopped left jobs that go on; waiting for processes ")
    assert line.endswith(f"kill {job.pid})")


# The queue of SLURM


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """Stand-in for squeue that prints given lines."""

    def printing(*lines):
        (tmp_path / "bin").mkdir()
        script = tmp_path / "bin/squeue"
        script.write_text("#!/bin/sh\n" + "".join(f"echo '{line}'\n" for line in lines))
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")

    return printing


def test_queued_jobs_of_the_folder_are_named_with_the_command_that_cancels_them(tmp_path, queue, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "4")
    queue(
        f"3|rule_few_shot_wildcards_saved|None|{tmp_path}",
        f"12|rule_summary|Priority|{tmp_path}",
        f"4|rule_head|None|{tmp_path}",  # the run itself
        f"5|notebook|None|{tmp_path}",
        "6|rule_few_shot|None|/somewhere/else",
    )
    found = running.leftovers(tmp_path, queue=True)
    assert str(found) == "jobs 3 12 of SLURM (cancel them with: scancel 3 12)"
    assert not running.leftovers(tmp_path, queue=False)


def test_a_run_waits_until_slurm_answers(tmp_path, queue, monkeypatch, capsys):
    """A job that goes on must not be submitted again because nobody could say that it does."""
    monkeypatch.setattr(running, "LOOK_S", 0.05)
    queue()
    script = tmp_path / "bin/squeue"
    script.write_text(
        f"#!/bin/sh\necho x >>{tmp_path}/asked\n[ $(wc -l <{tmp_path}/asked) -gt 3 ] && exit 0\n"
        "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2\nexit 1\n"
    )
    running.wait_for_leftovers(tmp_path, queue=True)
    assert capsys.readouterr().err == (
        "wordsight: waiting until SLURM says what is in its queue; squeue: slurm_load_jobs error: Unable to "
        "contact slurm controller\n"
    )
    assert (tmp_path / "asked").read_text() == "x\n" * 4


def test_why_jobs_wait_is_said_once_unless_it_passes_by_itself(tmp_path, queue, monkeypatch, capsys):
    monkeypatch.setattr(running, "LOOK_AT_QUEUE_S", 0.02)
    queue(
        f"3|rule_few_shot|ReqNodeNotAvail, UnavailableNodes:vm|{tmp_path}",
        f"5|rule_summary|ReqNodeNotAvail, UnavailableNodes:vm|{tmp_path}",
        f"7|rule_report|Resources|{tmp_path}",
        f"8|rule_report|None|{tmp_path}",  # it runs
        "9|rule_report|BadConstraints|/somewhere/else",
    )
    looked = []
    queued = running._queued
    monkeypatch.setattr(running, "_queued", lambda folder: looked.append(1) or queued(folder))
    running.watch_queue(tmp_path)
    wait_until(lambda: len(looked) > 2)
    assert capsys.readouterr().err == (
        "wordsight: jobs 3 5 of SLURM wait: ReqNodeNotAvail, UnavailableNodes:vm; if that won't pass, cancel "
        "them: scancel 3 5\n"
    )
