"""Variances between seeds that borrow strength: known values, limits, and what must not be borrowed."""

import numpy as np
import pytest
from scipy import special

from wordsight.statistics import moderation
from wordsight.statistics.moderation import Prior


def means(spreads, seeds=5, seed=0):
    """Means of the seeds of objectives whose variances are given."""
    rng = np.random.default_rng(seed)
    found = {}
    for place, spread in enumerate(spreads):
        values = rng.normal(size=seeds)
        values = (values - values.mean()) / values.std(ddof=1) * np.sqrt(spread)
        found[f"o{place}"] = dict(zip(map(str, range(seeds)), values, strict=True))
    return found


@pytest.mark.parametrize("value", [0.01, 0.5, 3.0, 200.0])
def test_the_inverse_of_trigamma_is_one(value):
    assert special.polygamma(1, moderation.trigamma_inverse(value)) == pytest.approx(value)


def test_moments_of_the_logarithms_are_those_of_smyth():
    s2, d = np.array([0.2, 1.0, 5.0, 0.7]), np.array([4, 4, 4, 4])
    e = np.log(s2) - special.digamma(2) + np.log(2)
    between = e.var(ddof=1) - special.polygamma(1, 2)
    variance, df = moderation.fit(s2, d)
    assert special.polygamma(1, df / 2) == pytest.approx(between)
    assert np.log(variance) == pytest.approx(e.mean() + special.digamma(df / 2) - np.log(df / 2))


def test_variances_that_agree_are_pooled_by_their_degrees_of_freedom():
    variance, df = moderation.fit([1.0, 1.1, 0.9], [2, 4, 6])
    assert df == np.inf
    assert variance == pytest.approx((2 * 1.0 + 4 * 1.1 + 6 * 0.9) / 12)


def test_variances_that_differ_wildly_lend_hardly_anything():
    assert moderation.fit([1e-4, 1.0, 1e4], [9, 9, 9])[1] < 0.3


def test_draws_of_the_model_give_its_parameters_back():
    rng = np.random.default_rng(1)
    true = 2.0 * 6 / rng.chisquare(6, size=4000)
    s2 = true * rng.chisquare(4, size=4000) / 4
    variance, df = moderation.fit(s2, np.full(4000, 4))
    assert variance == pytest.approx(2.0, rel=0.1)
    assert df == pytest.approx(6, rel=0.2)


def test_a_variance_is_shrunk_with_its_weight_but_not_below_itself():
    prior = Prior(variance=4.0, df=2.0, total=100, members=frozenset())
    assert prior.moderated(1.0, 6) == pytest.approx(((2 * 4 + 6 * 1) / 8, 8))
    assert prior.moderated(9.0, 6) == pytest.approx((9.0, 8))
    assert Prior(4.0, np.inf, 100, frozenset()).moderated(2.0, 3) == pytest.approx((3.0, 6))
    assert Prior(4.0, np.inf, 5, frozenset()).moderated(2.0, 3)[1] == 5


def test_fewer_than_three_objectives_and_single_seeds_lend_nothing():
    assert moderation.prior(means([1, 1])) is None
    assert moderation.prior(means([1, 1]) | {"single": {"0": 1.0}}) is None
    assert moderation.prior(means([1, 1, 1])).members == {"o0", "o1", "o2"}
    assert moderation.prior(means([0, 0, 0])) is None


def test_an_objective_with_far_too_large_a_variance_keeps_its_own():
    prior = moderation.prior(means([1, 1.2, 0.8, 1, 60]))
    assert prior.members == {"o0", "o1", "o2", "o3"}
    assert prior.variance == pytest.approx(1.0)


def test_a_seed_that_collapsed_is_named_and_one_that_is_merely_low_is_not():
    found = means([1, 1.2, 0.8, 1, 1])
    found["o4"]["3"] -= 20
    assert moderation.collapsed(found, "o4") == ["3"]
    assert moderation.collapsed(found, "o1") == []
    found["o4"]["3"] += 40
    assert moderation.collapsed(found, "o4") == []
    found["o4"]["3"] -= 21
    assert moderation.collapsed(found, "o4") == []


def test_seeds_that_go_together_are_told_from_all_pairs_but_one():
    common = np.array([1.0, -1.0, 2.0, 0.0, -2.0])
    rng = np.random.default_rng(3)
    seeds = list("01234")
    alike = {name: dict(zip(seeds, common, strict=True)) for name in "abc"}
    assert moderation.correlation(alike) == pytest.approx(1)
    mixed = alike | {"d": dict(zip(seeds, -common, strict=True))}
    assert moderation.correlation(mixed) == pytest.approx(0)
    assert moderation.correlation({name: mixed[name] for name in "ad"}, without=("a", "d")) != pytest.approx(
        -1
    )
    apart = {name: dict(zip(seeds, rng.normal(size=5), strict=True)) for name in map(str, range(200))}
    assert abs(moderation.correlation(apart)) < 0.1
