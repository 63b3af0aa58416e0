"""The run of ``benchmarks/adversarial_training.py`` differs in the attacks alone, on every dataset."""

import pytest

from modules import module_of
from wordsight.config.experiment import Config
from wordsight.config.load import validate


@pytest.fixture(scope="module")
def benchmark():
    return module_of("benchmarks/adversarial_training.py")


def test_both_sides_are_trained_alike_and_attacked_on_every_dataset(benchmark):
    default = dict(benchmark.experiments.default())
    changed = benchmark.settings(seeds=5, images=50)
    validate(Config, {**default, **changed})
    objectives = changed["pretraining"]["objectives"]
    assert objectives["adversarial"] == objectives["labels"] == {"seeds": 5, "learning_rate": 0.003}
    attacked = changed["protocols"]["robustness"]["datasets"]
    assert set(attacked) == set(default["protocols"]["transfer"]["datasets"])
    assert all(section == {"head": "fitted", "images": 50} for section in attacked.values())
    others = {name for name in default["protocols"] if name != "robustness"}
    assert {name: changed["protocols"][name] for name in others} == {
        name: default["protocols"][name] for name in others
    }
