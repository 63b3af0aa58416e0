"""``benchmarks/networks.py`` sums up a run: standard errors by protocol, what is decided, and seconds of training."""

import pandas as pd
import pytest

from modules import module_of


@pytest.fixture(scope="module")
def benchmark():
    return module_of("benchmarks/networks.py")


def test_only_comparisons_that_decide_count(benchmark):
    columns = ["protocol", "decides", "verdict", "stderr", "encoders_stderr", "margin"]
    rows = [
        ("few_shot", True, "helps", 0.01, 0.004, 0.05),
        ("few_shot", True, "undecided", 0.03, 0.006, 0.05),
        ("few_shot", False, "helps", 0.9, 0.9, 0.05),
        ("clustering", True, "equivalent", 0.02, 0.01, 0.03),
    ]
    found = benchmark.by_protocol(pd.DataFrame(rows, columns=columns)).set_index("protocol")
    assert found.loc["few_shot"].tolist() == pytest.approx([0.02, 0.005, 0.05, 1, 2])
    assert found.loc["clustering"].tolist() == pytest.approx([0.02, 0.01, 0.03, 1, 1])


def test_jobs_that_train_are_summed(benchmark, tmp_path):
    for name, seconds in {
        "pretrain_seeds_0_to_4/labels-0": 60.5,
        "pretrain_seeds_5_to_6/labels-5": 30,
        "features/a": 9,
    }.items():
        path = tmp_path / f"results/benchmarks/{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\th:m:s\n{seconds}\t0:01:00\n")
    assert benchmark.training_seconds(tmp_path) == 90.5
