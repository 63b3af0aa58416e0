"""A small version of ``benchmarks/calibration.py``, whose full table is ``docs/results/calibration.csv``."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wordsight.statistics import verdicts
from wordsight.statistics.components import Part, Stratum, estimate

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
WORLDS = 150
# Of a true rate of 5 %, within which 150 worlds fall but for once in a thousand.
CHANCE = 3.1 * np.sqrt(0.05 * 0.95 / WORLDS)


@pytest.fixture(scope="module")
def calibration():
    spec = importlib.util.spec_from_file_location("calibration", ROOT / "benchmarks/calibration.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def full():
    return pd.read_csv(ROOT / "docs/results/calibration.csv")


@pytest.mark.parametrize("kind", ["plain", "heavy tails", "not matched, unequal variances"])
def test_false_claims_are_rare_and_intervals_hold_the_truth_from_five_seeds(calibration, kind):
    null = calibration.rates(kind, 5, "zero", WORLDS)
    assert null["helps"] + null["hurts"] <= 0.05 + CHANCE
    margin = calibration.rates(kind, 5, "at the margin", WORLDS)
    assert margin["equivalent"] <= 0.05 + CHANCE
    for row in (null, margin):
        assert 0.93 - CHANCE <= row["covered"] <= min(0.97 + CHANCE, 1)


def test_a_large_effect_is_found_and_one_of_none_is_called_equivalent(calibration):
    large = calibration.rates("plain", 10, "large", 40)
    assert (large["helps"], large["hurts"], large["equivalent"]) == (1, 0, 0)
    assert calibration.rates("plain", 10, "zero", 40)["equivalent"] >= 0.3


def test_items_passed_off_as_replicates_would_miss_the_truth(calibration):
    rng = np.random.default_rng(0)
    missed = []
    for _ in range(WORLDS):
        right = calibration.world(rng, calibration.KINDS["unequal variances"], 5, 0.0)
        pooled = [
            Part(str(place), (Stratum(1, ("one",), (one - other).mean(axis=0, keepdims=True)),))
            for place, (one, other) in enumerate(right)
        ]
        low, high = verdicts.interval(estimate(pooled), calibration.CONFIDENCE)
        missed.append(not low <= 0.0 <= high)
    assert np.mean(missed) > 3 * 0.05


def test_a_family_makes_no_more_false_claims_than_one_comparison(calibration):
    family = calibration.rates("family of 8", 5, "zero", 60)
    assert family["helps"] + family["hurts"] <= 0.05 + 3.1 * np.sqrt(0.05 * 0.95 / 60)


def test_the_committed_table_has_every_world_and_what_is_demanded_of_it(calibration, full):
    cases = {
        (kind, seeds, effect)
        for kind in calibration.KINDS
        for seeds in (3, 5, 10)
        for effect in calibration.EFFECTS
    }
    assert set(full[["world", "seeds", "effect"]].itertuples(index=False, name=None)) == cases
    assert (full["worlds"] >= 2000).all()
    enough = full[full["seeds"] >= 5]
    false = enough["helps"] + enough["hurts"]
    error = 2 * np.sqrt(0.05 * 0.95 / enough["worlds"])
    assert (false <= 0.05 + error)[enough["effect"] == "zero"].all()
    assert (enough["equivalent"] <= 0.05 + error)[enough["effect"] == "at the margin"].all()
    assert enough["covered"].between(0.93, 0.97).all()


def test_the_committed_table_is_what_the_benchmark_writes(calibration, full):
    row = full[(full["world"] == "plain") & (full["seeds"] == 5) & (full["effect"] == "zero")].iloc[0]
    fresh = calibration.rates("plain", 5, "zero", WORLDS)
    for column in ("helps", "equivalent", "undecided", "covered"):
        error = np.hypot(row[f"{column}_error"], fresh[f"{column}_error"])
        assert abs(row[column] - fresh[column]) <= 4 * error + 0.01


def test_the_method_shows_what_the_table_says(calibration, full):
    assert calibration.digest(full) in (ROOT / "docs/method.md").read_text()
