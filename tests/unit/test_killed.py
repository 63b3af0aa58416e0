"""A job that was killed is named with what to do, once; other errors are left alone."""

import logging

import pytest

from wordsight.workflow.killed import Watch

KILLED = (
    "CalledProcessError in file \"rules/robustness.smk\", line 37:\nCommand 'set -euo pipefail; python script.py' "
    "died with <Signals.SIGKILL: 9>."
)
ON_SLURM = "SLURM-job '12' failed, SLURM status is: 'OUT_OF_MEMORY'."


@pytest.fixture
def logger():
    """Logger like Snakemake's, that is watched; and what the watch said."""
    said = []
    watched = logging.getLogger("watched")
    watched.propagate = False
    watch = Watch(said.append)
    watched.addHandler(watch)
    yield watched, said
    watched.removeHandler(watch)


@pytest.mark.parametrize("message", [KILLED, ON_SLURM])
def test_a_kill_is_explained_once(logger, message):
    watched, said = logger
    watched.error(message)
    watched.error("%s", message)
    (line,) = said
    assert "memory ran out" in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "message", ["Command 'x' returned non-zero exit status 1.", "died with <Signals.SIGTERM: 15>."]
)
def test_another_end_is_left_alone(logger, message):
    watched, said = logger
    watched.error(message)
    assert said == []


@pytest.fixture
def failed(tmp_path):
    """Message of a run about a job of SLURM, with the log that SLURM wrote of it."""

    def made(text, rule="features", **keys):
        log = tmp_path / ".snakemake/slurm_logs/rule/7.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(text)
        record = logging.makeLogRecord({"msg": "Error in rule", "levelno": logging.ERROR, **keys})
        record.__dict__.update({"rule_name": rule, "log": ["logs/gone.log", str(log)]} if rule else {})
        record.__dict__.update({} if rule else {"aux_logs": [str(log), "gone"]})
        return record

    return made


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("slurmstepd-vm: error: StepId=9.0 exceeded memory limit (739983360 > 629145600), being killed", {}),
        ("slurmstepd: error: Detected 1 oom_kill event in StepId=9.0.", {}),
        ("", {"rule_msg": ON_SLURM}),
    ],
)
def test_what_slurm_says_of_a_job_that_lacked_memory_is_found(logger, failed, text, keys):
    watched, said = logger
    watched.handle(failed(text, **keys))
    (line,) = said
    assert line.startswith("features was killed, ")
    assert "--set-resources features:mem_mb=" in line


def test_a_group_of_jobs_that_lacked_memory_is_found(logger, failed):
    watched, said = logger
    watched.handle(failed("error: Detected 2 oom_kill events", rule=None))
    assert said[0].startswith("a job was killed, ")


def test_a_job_whose_time_was_over_is_told_apart(logger, failed):
    watched, said = logger
    watched.handle(failed("slurmstepd: error: *** JOB 9 ON vm CANCELLED AT 2026-11-29 DUE TO TIME LIMIT ***"))
    watched.handle(failed("", rule_msg="SLURM-job '9' failed, SLURM status is: 'TIMEOUT'."))
    (line,) = said
    assert "time" in line
    assert "--set-resources features:runtime=" in line


def test_a_job_that_somebody_cancelled_is_left_alone(logger, failed):
    watched, said = logger
    watched.handle(failed("slurmstepd: error: *** STEP 9.0 ON vm CANCELLED AT 2026-11-29T04:48:08 ***"))
    assert said == []


def test_the_job_and_how_to_give_it_more_are_named(logger, monkeypatch):
    watched, said = logger
    words = [
        "snakemake",
        "--cores",
        "1",
        "--target-jobs",
        "robustness:model=m,dataset=d",
        "--allowed-rules",
        "x",
    ]
    monkeypatch.setattr("sys.argv", words)
    watched.error(KILLED)
    (line,) = said
    assert line.startswith("robustness:model=m,dataset=d was killed, ")
    assert "CORES=1" in line
    assert "--set-resources robustness:mem_mb=" in line
