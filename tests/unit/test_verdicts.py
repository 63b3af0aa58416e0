"""Tests and verdicts against scipy, statsmodels and closed forms."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import DescrStatsW

from wordsight.statistics import verdicts
from wordsight.statistics.components import Part, Stratum, estimate


def of(numbers):
    """Estimate over units with one value for all items."""
    values = np.asarray(numbers)[:, None, None] * np.ones((1, 1, 20))
    return estimate([Part("d", (Stratum(1, tuple(map(str, range(len(numbers)))), values),))])


@pytest.fixture
def numbers():
    return np.random.default_rng(0).normal(0.3, 1.0, size=9)


def test_p_of_no_difference_is_that_of_a_t_test(numbers):
    assert verdicts.p_difference(of(numbers)) == pytest.approx(stats.ttest_1samp(numbers, 0).pvalue)


@pytest.mark.parametrize("margin", [0.2, 1.0, 3.0])
def test_p_of_equivalence_is_that_of_two_one_sided_tests(numbers, margin):
    peer = DescrStatsW(numbers).ttost_mean(-margin, margin)[0]
    assert verdicts.p_equivalence(of(numbers), margin) == pytest.approx(peer)


def test_smallest_margin_is_where_equivalence_begins(numbers):
    found = of(numbers)
    margin = verdicts.smallest_margin(found, 0.05)
    assert verdicts.p_equivalence(found, margin) == pytest.approx(0.05)


@pytest.mark.parametrize("values", [[0.3] * 5, [0.3]])
def test_equal_numbers_have_no_p_values(values):
    found = of(values)
    numbers = [
        *verdicts.interval(found, 0.95),
        verdicts.p_difference(found),
        verdicts.p_equivalence(found, 1),
    ]
    numbers += [verdicts.smallest_margin(found, 0.05), verdicts.minimum_detectable(found.stderr, found.df, 0.05, 0.8)]  # fmt: skip
    assert np.isnan(numbers).all()


def test_bonferroni_multiplies_and_leaves_out_what_is_not_known():
    assert verdicts.bonferroni(0.01, 4) == pytest.approx(0.04)
    assert verdicts.bonferroni(0.4, 4) == 1
    assert np.isnan(verdicts.bonferroni(np.nan, 4))


def test_probabilities_are_those_of_the_distribution_of_the_interval(numbers):
    found = of(numbers)
    worse, within, better = verdicts.probabilities(found, 0.3)
    peer = stats.t(len(numbers) - 1, numbers.mean(), stats.sem(numbers))
    assert (worse, better) == pytest.approx((peer.cdf(-0.3), peer.sf(0.3)))
    assert worse + within + better == pytest.approx(1)
    assert np.isnan(verdicts.probabilities(of([0.3] * 5), 0.3)).all()


def test_superiority_is_the_share_of_pairs_with_ties_as_halves():
    t, c = np.array([1.0, 2.0, 3.0]), np.array([0.0, 2.0])
    assert verdicts.superiority(t, c) == pytest.approx((1 + 0 + 1 + 0.5 + 1 + 1) / 6)
    assert verdicts.superiority(t, c) == pytest.approx(stats.mannwhitneyu(t, c).statistic / 6)
    assert np.isnan(verdicts.superiority(t, np.empty(0)))


def test_an_effect_is_found_in_as_many_datasets_as_their_p_allow_together():
    # In ascending order times 4, 3, 2 and 1: 0.04, 0.03, 0.05 and 0.2.
    p = [0.2, 0.01, 0.025, 0.01]
    assert verdicts.found_in(p, 0.05) == 3
    assert verdicts.found_in(p, 0.04) == 2
    assert verdicts.found_in(p, 0.01) == 0
    assert verdicts.found_in([0.02, 0.001], 0.05) == 2
    # What fails for one dataset fails for more.
    assert verdicts.found_in([0.03, 0.03], 0.05) == 0
    assert verdicts.found_in([np.nan, 0.001], 0.05) == 1


@pytest.mark.parametrize("units", [5, 12, 60])
def test_minimum_detectable_effect_is_found_with_the_power_that_statsmodels_says(units):
    effect = verdicts.minimum_detectable(1 / np.sqrt(units), units - 1, 0.05, 0.8)
    power = TTestPower().power(effect, units, 0.05)
    assert power == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(
    ("effect", "difference", "equivalence", "expected"),
    [
        (0.1, 0.01, 0.9, "helps"),
        (-0.1, 0.01, 0.9, "hurts"),
        (0.01, 0.3, 0.01, "equivalent"),
        (0.01, 0.001, 0.01, "equivalent"),
        (0.1, 0.06, 0.9, "undecided"),
        (0.1, np.nan, np.nan, "undecided"),
    ],
)
def test_verdicts(effect, difference, equivalence, expected):
    assert verdicts.judge(effect, difference, equivalence, 0.05) == expected
