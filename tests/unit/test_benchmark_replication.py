"""``benchmarks/replication.py`` counts what became of verdicts, and adds a seed to those that a table has."""

import pandas as pd
import pytest

from modules import module_of


@pytest.fixture(scope="module")
def benchmark():
    return module_of("benchmarks/replication.py")


def verdicts(benchmark, **seeds):
    """Table of three comparisons with the verdicts of each seed."""
    keys = [("captions-labels", protocol, 0) for protocol in ("few_shot", "transfer", "clustering")]
    table = pd.DataFrame(keys, columns=benchmark.KEYS)
    for seed, (effect, found) in seeds.items():
        table[f"effect_{seed[1:]}"], table[f"verdict_{seed[1:]}"] = effect, found
    return table


FIRST = (0.02, ["helps", "equivalent", "undecided"])
SECOND = (0.01, ["helps", "helps", "helps"])


def test_counts_of_decided_verdicts(benchmark):
    third = (-0.01, ["hurts", "equivalent", "undecided"])
    table = verdicts(benchmark, _0=FIRST, _1=SECOND, _2=third)
    rows = benchmark.counts(table).set_index(["first", "other"])
    assert rows.loc[(0, 1)].tolist() == [3, 2, 1, 0, 1, 0]
    assert rows.loc[(1, 0)].tolist() == [3, 3, 1, 1, 1, 0]
    assert rows.loc[(0, 2)].tolist() == [3, 2, 1, 0, 0, 1]


def test_a_seed_is_added_beside_others_and_replaces_its_own_column(benchmark):
    added = benchmark.add(verdicts(benchmark, _0=FIRST, _1=FIRST), verdicts(benchmark, _1=SECOND, _2=SECOND))
    assert benchmark.seeds_of(added) == [0, 1, 2]
    assert added["verdict_1"].tolist() == SECOND[1]
    assert added["verdict_0"].tolist() == FIRST[1]


def test_a_seed_of_other_comparisons_is_not_added(benchmark):
    with pytest.raises(SystemExit, match="other comparisons"):
        benchmark.add(verdicts(benchmark, _0=FIRST), verdicts(benchmark, _1=SECOND).iloc[:2])
