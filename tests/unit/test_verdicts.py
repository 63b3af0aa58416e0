"""Tests and verdicts against scipy, statsmodels and closed forms."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import DescrStatsW

from wordsight.statistics import verdicts
from wordsight.statistics.components import Estimate, Part, Stratum, estimate


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
    numbers += [verdicts.more_replicates(found, len(values), 0.03, 0.05, 0.8)]
    assert np.isnan(numbers).all()


def test_holm_multiplies_each_p_by_the_tests_that_are_left_and_leaves_out_what_is_not_known():
    # In ascending order 0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04 x 1, which may not fall below the one before.
    adjusted = verdicts.holm([0.01, 0.04, np.nan, 0.03, 0.005])
    np.testing.assert_allclose(adjusted, [0.03, 0.06, np.nan, 0.06, 0.02])
    assert verdicts.holm([0.4, 0.4, 0.9]).tolist() == [1, 1, 1]
    np.testing.assert_allclose(verdicts.holm([0.01, 0.01, 0.9]), [0.03, 0.03, 0.9])


@pytest.mark.parametrize("units", [5, 12, 60])
def test_minimum_detectable_effect_is_found_with_the_power_that_statsmodels_says(units):
    effect = verdicts.minimum_detectable(1 / np.sqrt(units), units - 1, 0.05, 0.8)
    power = TTestPower().power(effect, units, 0.05)
    assert power == pytest.approx(0.8, abs=0.03)


def test_more_replicates_reach_the_margin_and_one_fewer_do_not():
    found = Estimate(effect=0.01, stderr=0.03, df=4, unit_variance=0.03**2)
    more = verdicts.more_replicates(found, 5, 0.03, 0.05, 0.8)

    def detectable(count):
        return verdicts.minimum_detectable(0.03 * np.sqrt(5 / count), count - 1, 0.05, 0.8)

    assert detectable(5 + more) <= 0.03 < detectable(4 + more)


def test_no_number_of_replicates_makes_up_for_images():
    found = Estimate(effect=0.0, stderr=0.05, df=8, unit_variance=0.01**2)
    assert verdicts.more_replicates(found, 5, 0.03, 0.05, 0.8) == np.inf
    assert verdicts.more_replicates(found, 5, 0.5, 0.05, 0.8) == 0


def test_holm_gives_the_bits_of_statsmodels():
    rng = np.random.default_rng(0)
    for size in (1, 2, 7, 40):
        values = rng.choice([0.0, 0.01, 0.04, 0.04, 0.5, 1.0], size) * rng.choice([1.0, rng.random()], size)
        assert verdicts.holm(values).tolist() == multipletests(values, method="holm")[1].tolist()


def test_holm_leaves_an_empty_or_unknown_family_unchanged():
    assert verdicts.holm([]).shape == (0,)
    assert np.isnan(verdicts.holm([np.nan, np.nan])).all()


def test_replicates_are_advised_up_to_a_limit_beyond_which_there_are_none():
    found = Estimate(effect=0.0, stderr=0.1, df=4, unit_variance=0.1**2)
    assert verdicts.more_replicates(found, 5, 0.002, 0.05, 0.8) < verdicts.MOST_REPLICATES
    assert verdicts.more_replicates(found, 5, 0.001, 0.05, 0.8) == np.inf


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
