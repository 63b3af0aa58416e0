"""Components of variance against closed forms, scipy and simulated worlds."""

import numpy as np
import pytest
from scipy import stats

from wordsight.statistics import moderation
from wordsight.statistics.components import Part, Stratum, estimate, fixed_models
from wordsight.statistics.crossed import crossed_variance
from wordsight.statistics.verdicts import interval


def units(values, sign=1, prefix="u"):
    values = np.asarray(values, dtype=float)
    return Stratum(sign, tuple(f"{prefix}{place}" for place in range(len(values))), values)


def of_units(numbers):
    """Units with one value for all items, so that only units vary."""
    return np.broadcast_to(np.asarray(numbers, dtype=float)[:, None, None], (len(numbers), 1, 40))


def test_units_alone_give_the_interval_of_a_one_sample_t_test():
    numbers = np.random.default_rng(0).normal(size=6)
    found = estimate([Part("d", (units(of_units(numbers)),))])
    peer = stats.ttest_1samp(numbers, 0).confidence_interval(0.95)
    assert found.df == pytest.approx(5)
    np.testing.assert_allclose(interval(found, 0.95), (peer.low, peer.high))


def test_models_on_two_sides_give_the_interval_of_welchs_test():
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=5), rng.normal(0, 3, size=8)
    found = estimate([Part("d", (units(of_units(one), 1, "t"), units(of_units(other), -1, "c")))])
    peer = stats.ttest_ind(one, other, equal_var=False)
    assert found.df == pytest.approx(peer.df)
    bounds = peer.confidence_interval(0.95)
    np.testing.assert_allclose(interval(found, 0.95), (bounds.low, bounds.high))


def test_items_of_two_single_models_give_the_interval_of_a_paired_t_test():
    rng = np.random.default_rng(2)
    one, other = rng.random((1, 1, 50)), rng.random((1, 1, 50))
    found = estimate([Part("d", (units(one, 1, "t"), units(other, -1, "c")))])
    peer = stats.ttest_rel(one[0, 0], other[0, 0]).confidence_interval(0.9)
    np.testing.assert_allclose(interval(found, 0.9), (peer.low, peer.high))


def test_variance_of_units_and_items_is_that_of_the_two_way_table():
    table = (
        np.random.default_rng(3).normal(size=(7, 1, 30)) + np.linspace(0, 3, 30) + np.arange(7)[:, None, None]
    )
    found = estimate([Part("d", (units(table),))])
    y = table[:, 0]
    rest = y - y.mean(1, keepdims=True) - y.mean(0) + y.mean()
    squares = 30 * y.mean(1).var(ddof=1), 7 * y.mean(0).var(ddof=1), (rest**2).sum() / (6 * 29)
    assert found.stderr**2 == pytest.approx((squares[0] + squares[1] - squares[2]) / 210)


def test_units_that_datasets_share_do_not_average_out_and_items_do():
    rng = np.random.default_rng(4)
    numbers = rng.normal(size=5)
    parts = [Part(name, (units(of_units(numbers)),)) for name in "ab"]
    assert estimate(parts).stderr == pytest.approx(estimate(parts[:1]).stderr)
    single = [Part(name, (units(rng.normal(size=(1, 1, 4000))),)) for name in "ab"]
    assert estimate(single).stderr == pytest.approx(1 / np.sqrt(8000), rel=0.05)


def test_parts_of_the_same_items_draw_them_together():
    table = np.random.default_rng(5).normal(size=(1, 1, 100))
    same = [Part("i", (units(table),)), Part("i", (units(table),))]
    assert estimate(same).stderr == pytest.approx(estimate(same[:1]).stderr)


def test_constant_observations_have_no_interval():
    found = estimate([Part("d", (units(np.ones((4, 2, 10))),))])
    assert found.stderr == 0
    assert np.isnan(interval(found, 0.95)).all()
    assert np.isnan(estimate([Part("d", (units(np.ones((1, 1, 1))),))]).stderr)


@pytest.mark.parametrize("value", [0.1, 0.3, 1 / 3, 0.7, 1.0])
@pytest.mark.parametrize("shape", [(4, 2, 10), (5, 1, 60), (3, 3, 7), (1, 2, 30)])
def test_rounding_of_equal_numbers_is_not_spread(value, shape):
    found = estimate([Part("d", (units(np.full(shape, value)),))])
    assert (found.stderr, found.unit_variance) == pytest.approx((0, 0), abs=1e-30)
    assert np.isnan(found.df)
    rows = np.random.default_rng(7).random((1, *shape[1:])) + np.zeros(shape)
    same = estimate([Part("d", (units(rows, 1, "t"), units(rows[:2], -1, "c")))])
    assert np.isnan(same.df)


def test_a_spread_far_below_what_matters_is_still_a_spread():
    numbers = 0.5 + 1e-9 * np.random.default_rng(8).normal(size=6)
    found = estimate([Part("d", (units(of_units(numbers)),))])
    assert found.stderr == pytest.approx(stats.sem(numbers), rel=1e-4)
    assert found.df == pytest.approx(5)


def test_datasets_of_other_units_are_as_uncertain_as_each_on_its_own():
    rng = np.random.default_rng(9)
    parts = [Part(name, (units(of_units(rng.normal(size=2)), prefix=name),)) for name in "ab"]
    found, alone = estimate(parts), [estimate([part]).stderr for part in parts]
    assert found.stderr == pytest.approx(np.hypot(*alone) / 2)
    assert found.df <= 2


def test_groups_of_one_dataset_are_not_the_models_of_another():
    rng = np.random.default_rng(10)
    groups, t, c = (rng.normal(size=size) for size in (4, 2, 3))
    parts = [
        Part("a", (units(of_units(groups)),)),
        Part("b", (units(of_units(t), 1, "t"), units(of_units(c), -1, "c"))),
    ]
    found = estimate(parts)
    terms = np.array(
        [(numbers.var(ddof=1) / len(numbers) / 4, len(numbers) - 1) for numbers in (groups, t, c)]
    )
    assert found.stderr**2 == pytest.approx(terms[:, 0].sum())
    assert found.df == pytest.approx(terms[:, 0].sum() ** 2 / (terms[:, 0] ** 2 / terms[:, 1]).sum())


@pytest.mark.parametrize("seeds", [5, 10])
@pytest.mark.parametrize("heavy", [False, True])
def test_intervals_have_nominal_coverage_from_five_seeds_up(seeds, heavy):
    rng = np.random.default_rng(6)
    covered = 0
    for _ in range(1000):
        by_seed = (rng.standard_t(3, seeds) / np.sqrt(3) if heavy else rng.normal(size=seeds)) * 0.02
        right = by_seed[:, None, None] + rng.normal(0, 0.1, 60) + rng.normal(0, 0.3, (seeds, 3, 60))
        low, high = interval(estimate([Part("d", (units(right),))]), 0.95)
        covered += low <= 0 <= high
    chance = 2 * np.sqrt(0.95 * 0.05 / 1000)
    assert 0.93 - chance <= covered / 1000 <= 0.97 + chance


def test_a_standard_error_is_never_below_that_of_images_and_draws_alone():
    rng = np.random.default_rng(11)
    bound = []
    for _ in range(40):
        values = rng.normal(size=(3, 4, 30)) + rng.normal(size=(1, 4, 30))
        parts = [Part("d", (units(values, 1, "t"), units(rng.normal(size=(3, 4, 30)), -1, "c")))]
        effect = parts[0].strata[0].observations.mean(axis=0) - parts[0].strata[1].observations.mean(axis=0)
        variance, df = crossed_variance(effect)
        assert fixed_models(parts) == pytest.approx((variance, df))
        assert estimate(parts).stderr >= np.sqrt(variance) * (1 - 1e-9)
        bound.append(estimate(parts).stderr == pytest.approx(np.sqrt(variance)))
    assert any(bound)
    assert not all(bound)


def test_these_models_are_as_uncertain_over_datasets_as_their_images_are():
    rng = np.random.default_rng(12)
    parts = [Part(name, (units(rng.random((4, 1, 50))),)) for name in "ab"]
    alone = [stats.sem(part.strata[0].observations.mean(axis=(0, 1))) for part in parts]
    variance, df = fixed_models(parts)
    assert variance == pytest.approx((alone[0] ** 2 + alone[1] ** 2) / 4)
    assert 49 < df <= 98


PEERS = {name: dict(zip("abcd", np.random.default_rng(place).normal(size=4), strict=True)) for place, name in enumerate("xyzw")}  # fmt: skip


def of_objective(name):
    return Stratum(1, tuple("abcd"), of_units(list(PEERS[name].values())), name)


def test_seeds_of_an_objective_borrow_strength_from_the_others():
    common = moderation.prior(PEERS)
    own = float(np.var(list(PEERS["x"].values()), ddof=1))
    variance, df = common.moderated(own, 3)
    found = estimate([Part("d", (of_objective("x"),), PEERS)])
    assert found.stderr**2 == pytest.approx(variance / 4)
    assert found.df == pytest.approx(df)
    assert df > 3
    alone = estimate([Part("d", (of_objective("x"),))])
    assert (alone.stderr**2, alone.df) == pytest.approx((own / 4, 3))
    # Units that are no seeds of an objective borrow nothing.
    others = Part("d", (Stratum(1, tuple("abcd"), of_units(list(PEERS["x"].values()))),), PEERS)
    assert estimate([others]) == alone
