"""Levels of declared looks: published bounds, and error rates that stay where they should."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from wordsight.statistics.looks import level, number, one_sided, spent

# Bounds of the O'Brien-Fleming-type function of Lan & DeMets at equal steps, one-sided 0.025: Jennison & Turnbull
# (1999), and the packages ldbounds and gsDesign give the same.
PUBLISHED = {
    2: [2.963, 1.969],
    3: [3.710, 2.511, 1.993],
    4: [4.333, 2.963, 2.359, 2.014],
    5: [4.877, 3.357, 2.680, 2.290, 2.031],
}
some_looks = st.lists(st.integers(2, 60), min_size=1, max_size=6, unique=True).map(sorted)
alphas = st.sampled_from([0.05, 0.05 / 4, 0.05 / 28, 0.05 / 84])


@pytest.mark.parametrize("steps", PUBLISHED)
def test_bounds_are_those_that_are_published(steps):
    bounds = norm.isf(one_sided(tuple(range(1, steps + 1)), 0.025))
    assert bounds == pytest.approx(PUBLISHED[steps], abs=0.001)


def test_a_single_look_and_no_look_have_the_whole_level():
    assert level(10, [10], 0.05) == pytest.approx(0.05)
    assert level(7, [], 0.05) == 0.05


def test_between_two_looks_the_level_is_that_of_the_one_before_and_there_is_none_before_the_first():
    looks = [5, 10, 20]
    assert level(4, looks, 0.05) == 0
    assert level(7, looks, 0.05) == level(5, looks, 0.05) > 0
    assert level(25, looks, 0.05) == level(20, looks, 0.05)
    assert [number(replicates, looks) for replicates in (4, 5, 19, 20)] == [0, 1, 2, 3]


@pytest.mark.slow
@given(some_looks, alphas)
def test_no_look_has_more_than_the_whole_level_and_all_spend_it_in_the_end(looks, alpha):
    levels = [level(look, looks, alpha) for look in looks]
    assert all(0 <= one <= alpha * (1 + 1e-9) for one in levels)
    assert levels[0] <= spent(looks[0] / looks[-1], alpha) * (1 + 1e-9)
    assert spent(1.0, alpha) == pytest.approx(alpha)
    assert sum(one_sided(tuple(looks), alpha)) >= alpha * (1 - 1e-6)  # Bonferroni's inequality


@pytest.mark.slow
@given(some_looks, alphas)
def test_a_stricter_level_is_stricter_at_every_look(looks, alpha):
    for look in looks:
        assert level(look, looks, alpha / 2) <= level(look, looks, alpha)


@pytest.mark.parametrize("looks", [(5, 10, 20), (2, 3, 4, 5, 6), tuple(range(3, 21))])
def test_the_error_over_all_looks_is_the_level(looks):
    rng = np.random.default_rng(0)
    seeds = rng.normal(size=(200_000, looks[-1]))
    means = np.cumsum(seeds, axis=1)[:, np.array(looks) - 1] / np.sqrt(looks)
    crossed = means > norm.isf(one_sided(looks, 0.05))
    assert crossed.any(axis=1).mean() == pytest.approx(0.05, abs=0.002)
    both = np.abs(means) > norm.isf(np.array([level(look, looks, 0.05) for look in looks]) / 2)
    assert 0.035 < both.any(axis=1).mean() < 0.0515
