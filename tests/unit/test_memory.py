"""A job asks for more memory with each try, but never for more than a machine of its partition has."""

import pytest

from wordsight.workflow import memory


@pytest.fixture(autouse=True)
def _forget():
    yield
    memory.largest_mb.cache_clear()
    memory._tell.cache_clear()


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Stand-in for sinfo that prints given lines, and notes how often it was asked."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def printing(*lines):
        script = tmp_path / "sinfo"
        echoes = "".join(f"echo '{line}'\n" for line in lines)
        script.write_text(f"#!/bin/sh\necho x >>{tmp_path}/asked\n{echoes}")
        script.chmod(0o755)
        memory.largest_mb.cache_clear()
        return tmp_path / "asked"

    return printing


def tries(partition, mem_mb=2000):
    return [memory.asked_for(mem_mb, attempt, "features", partition) for attempt in (1, 2, 3, 4)]


def test_each_try_doubles_what_a_job_asks_for_up_to_the_largest_machine(cluster, capsys):
    asked = cluster("main*|4000", "main*|12000", "gpu|64000")
    assert tries("main") == [2000, 4000, 8000, 12000]
    assert tries("gpu") == [2000, 4000, 8000, 16000]
    assert tries(memory.ANY) == tries("main")
    assert asked.read_text() == "x\n"
    said = capsys.readouterr().err.splitlines()
    assert said[0] == (
        "wordsight: features failed and is tried again with 12000 MB, which is all that a machine of the "
        "partition main has (twice as much as before would be 16000 MB)"
    )
    assert len(said) == 2


def test_what_a_rule_states_is_asked_for_however_small_the_machines_are(cluster):
    cluster("main*|1000")
    assert tries("main") == [2000] * 4


@pytest.mark.parametrize("lines", [(), ("main*|n/a",), ("slurm_load_partitions: error",)])
def test_where_machines_are_not_known_nothing_bounds_a_job(cluster, lines):
    cluster(*lines)
    assert tries("main") == [2000, 4000, 8000, 16000]


def test_a_partition_that_is_not_listed_bounds_nothing(cluster):
    cluster("main*|4000")
    assert tries("other") == [2000, 4000, 8000, 16000]


def test_jobs_of_this_machine_ask_no_cluster(cluster):
    asked = cluster("main*|4000")
    assert tries(None) == [2000, 4000, 8000, 16000]
    assert memory.asked_for(2000, 1, "features", "main") == 2000
    assert not asked.exists()


def test_without_slurm_nothing_bounds_a_job(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tries("main") == [2000, 4000, 8000, 16000]
