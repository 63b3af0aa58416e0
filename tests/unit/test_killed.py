"""A job that was killed is named with what to do, once; other errors are left alone."""

import logging

import pytest

from wordsight.workflow.killed import Watch, advice

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


def test_the_job_and_how_to_give_it_more_are_named():
    line = advice(
        [
            "snakemake",
            "--cores",
            "1",
            "--target-jobs",
            "robustness:model=m,dataset=d",
            "--allowed-rules",
            "robustness",
        ]
    )
    assert line.startswith("robustness:model=m,dataset=d was killed, ")
    assert "CORES=1" in line
    assert "--set-resources robustness:mem_mb=" in line
    assert advice(["snakemake"]).startswith("a job was killed, ")
