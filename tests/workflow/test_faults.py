"""What is killed goes on by being started again, to the same bytes: a short version of ``benchmarks/faults.py``."""

import random
from dataclasses import replace

import pytest

from modules import module_of
from small_project import warm_program

KILLS = ("run alone", "run and jobs")  # of a single job: tests/unit/test_pretraining_training.py
WEIGHTS = tuple(
    f"resources/models/{name}/weights.safetensors" for name in ("labels-0", "captions_contrastive-0")
)


@pytest.fixture(scope="module")
def faults():
    return module_of("benchmarks/faults.py")


@pytest.mark.slow
def test_a_training_whose_run_is_killed_gives_the_same_bytes(faults, finished, tmp_path, monkeypatch):
    """Runs that are disturbed train alone; one that isn't makes all that is below."""
    count = faults.Count("kills", "training")
    trial = faults.Trial(finished, tmp_path / "trial", "training", count)
    whole = trial.phase
    trial.phase = replace(whole, lost=WEIGHTS, targets=WEIGHTS)
    moments = random.Random(0)
    faults.two_runs_in_one_folder(trial, moments)  # before kills: a killed run's jobs go on
    for kills, kind in enumerate(KILLS, start=1):
        for _ in range(5):  # a job may end before it is killed
            if count.faults < kills:
                faults.kill_once(trial, kind, moments)
        assert count.faults == kills
    trial.phase = whole
    monkeypatch.setattr(faults.Run, "program", warm_program())
    trial.finish()
    assert (count.by_hand, count.different, count.left) == (0, set(), set())
