"""A small version of ``benchmarks/looks.py``, whose full tables are ``peeking.csv`` and ``advice.csv``."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from modules import module_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def looks():
    return module_of("benchmarks/looks.py")


@pytest.fixture(scope="module")
def full():
    return [pd.read_csv(ROOT / "docs/results" / f"{name}.csv") for name in ("peeking", "advice")]


def test_peeking_freely_is_wrong_too_often_and_at_declared_looks_is_not(looks):
    rate = {(row["looks"], row["family"]): row["false"] for row in looks.peeking("seeds dominate", 0.0, 400)}
    declared = rate["at 5, 10 and 20", 1]
    assert rate["after every seed from 3 to 20", 1] > 2 * declared
    assert declared <= 0.05 + 3.1 * np.sqrt(0.05 * 0.95 / 400)


def test_what_is_advised_is_followed_in_the_same_world(looks):
    row = looks.advice("plain", 1, 3, "the margin", 60)
    assert 0 < row["followed"] <= row["told"] <= row["worlds"] == 60
    assert 0.4 < row["decided"] <= 1


def test_the_committed_tables_keep_what_they_promise(looks, full):
    rates, promises = full
    assert (rates["worlds"] >= 2000).all()
    assert (promises["worlds"] >= 2000).all()
    declared = rates[rates["looks"].isin(looks.DECLARED)]
    alpha = 0.05 / declared["family"]
    assert (declared["false"] <= alpha * 1.1 + 3 * np.sqrt(alpha / declared["worlds"])).all()
    free = rates[(rates["looks"] == "after every seed from 3 to 20") & (rates["family"] == 1)]
    assert free["false"].max() > 0.1
    known = promises[(promises["followed"] >= 50) & promises["effect"].isin(["the margin", "two margins"])]
    assert (known["decided"] >= 0.7).all()


def test_the_method_shows_what_the_tables_say(looks, full):
    assert looks.digest(*full) in (ROOT / "docs/method.md").read_text()
