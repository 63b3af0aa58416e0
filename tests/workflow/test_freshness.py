"""Before an answer is printed, results are compared with what they were made from, and what was killed goes on."""

import json
import os
import shutil
import socket
import subprocess
import time

import psutil

from small_project import SNAKEMAKE
from wordsight.workflow.running import Run


def test_a_table_that_was_edited_by_hand_is_named_and_made_again(copy, finished):
    table = copy.path / "results/tables/contrasts.csv"
    table.write_text(table.read_text().replace("undecided", "equivalent"))
    done = copy.snakemake("results/tables/contrasts.csv")
    assert (
        "results/tables/contrasts.csv: was changed after its step had made it; its step runs again"
        in done.stderr
    )
    assert done.jobs == {("contrast_tables",)}
    assert copy.tables() == finished.tables()
    assert copy.would_run() == set()


def test_digests_of_inputs_are_in_stamps_alone(finished):
    """Snakemake would read all inputs of a step again for each of its outputs."""
    records = [
        json.loads(path.read_text())
        for path in (finished.path / ".snakemake/metadata").rglob("*")
        if path.is_file()
    ]
    assert len(records) > 50
    assert not [record["rule"] for record in records if record["input_checksums"]]


def test_an_answer_that_was_edited_by_hand_is_made_again(copy):
    answer = copy.path / "results/verdicts.txt"
    answer.write_text("Language helps.\n")
    assert copy.would_run() == {("report",)}


def test_what_changed_is_noticed_where_the_records_of_snakemake_are_gone(copy):
    shutil.rmtree(copy.path / ".snakemake")
    done = copy.snakemake("--dry-run")
    assert "Snakemake's records (.snakemake) are gone; results are compared with their stamps" in done.stderr
    assert done.jobs == set()
    image = copy.path / "data/shapes/test/disc/0.png"
    stat = image.stat()
    image.write_bytes(image.read_bytes()[:-1] + b"\n")
    os.utime(image, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    copy.configure(lambda config: config["statistics"].update(resamples=201))
    done = copy.snakemake("--dry-run")
    assert {("dataset", "shapes"), ("contrasts",), ("report",)} <= done.jobs
    assert not {job for job in done.jobs if job[0] in ("model", "pretrain") or job == ("dataset", "digits")}
    assert "resources/datasets/shapes/card.json: your files changed since it was made" in done.stderr


def test_results_of_another_experiment_are_named_and_made_again(copy, tmp_path):
    """As after copying a folder of results over one's own; what was made before them is used as it is."""
    other = tmp_path / "other"
    shutil.copytree(copy.path, other)
    shutil.rmtree(other / ".snakemake")
    copy.path = other
    copy.configure(lambda config: config["protocols"]["few_shot"].update(trials=4))
    jobs = copy.would_run()
    assert {job[0] for job in jobs} >= {"few_shot", "few_shot_together", "summary", "report"}
    assert not {job for job in jobs if job[0] in ("dataset", "model", "pretrain", "features", "clustering")}


def test_results_that_were_moved_without_their_times_are_what_they_were(copy, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(
        copy.path, moved, copy_function=shutil.copyfile, ignore=shutil.ignore_patterns(".snakemake")
    )
    copy.path = moved
    assert copy.would_run() == set()


# Locks


def test_files_from_the_future_stop_no_run_and_are_what_they_were(copy, finished):
    """As after a clock was ahead, or where that of another machine is."""
    ahead = time.time() + 1e6
    for name in ("data/weights.safetensors", "results/statistics/contrasts.parquet"):
        os.utime(copy.path / name, (ahead, ahead))
    (copy.path / "results/tables/contrasts.csv").unlink()
    done = copy.snakemake("results/tables/contrasts.csv")
    assert done.jobs == {("contrast_tables",)}
    assert copy.tables() == finished.tables()
    assert copy.would_run() == set()


def lock(project, run=None):
    """Leave the lock that a run leaves which is killed."""
    locks = project.path / ".snakemake/locks"
    locks.mkdir(exist_ok=True)
    (locks / "0.output.lock").write_text("results/report.html\n")
    if run:
        run.write(locks / "run.json")


def test_the_lock_of_a_killed_run_keeps_nobody_out(copy):
    dead = subprocess.Popen(["sleep", "60"])
    run = Run(socket.gethostname(), dead.pid, psutil.Process(dead.pid).create_time())
    dead.kill()
    dead.wait()
    lock(copy, run)
    done = copy.snakemake("results/tables/results.csv")
    assert "the last run here was killed; this one goes on where it was" in done.stderr
    assert not list((copy.path / ".snakemake").glob("locks/*"))


def test_a_lock_that_nobody_can_judge_is_left_to_the_user_who_is_told_how(copy):
    lock(copy, Run("elsewhere", 1, 0.0))
    done = copy.snakemake("results/tables/results.csv", check=False)
    assert done.status == 1
    (line,) = done.errors
    assert line.endswith("make unlock")
    assert "Traceback" not in done.stderr
    command = [str(SNAKEMAKE), "--unlock", "--cores", "1", "--configfile", "config/small.yaml"]
    subprocess.run(command, cwd=copy.path, check=True, capture_output=True)
    assert copy.snakemake("results/tables/results.csv").status == 0


def test_the_lock_of_a_living_run_holds_also_against_unlocking(copy):
    lock(copy, Run.of_this_process())
    for arguments in (("results/tables/results.csv",), ("--unlock",)):
        done = copy.snakemake(*arguments, check=False)
        assert done.status == 1
        assert f"stop it with: kill {os.getpid()}" in done.errors[0]
