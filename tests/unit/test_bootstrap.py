"""The bootstrap draws as documented, agrees with SciPy on one level, and covers the truth."""

import numpy as np
import pytest
from scipy import stats

from wordsight.catalogue.cells import CELLS
from wordsight.statistics import bootstrap
from wordsight.statistics.bootstrap import effects, model_weights, percentile, shares

pytestmark = pytest.mark.slow

# Two treatments and one control in group a, one treatment and two controls in group b.
PAIRS = [("t1", "c1"), ("t2", "c1"), ("t3", "c2"), ("t3", "c3")]
GROUPS = ["a", "a", "b", "b"]
MODELS = ["c1", "c2", "c3", "t1", "t2", "t3"]


def rng(seed=0):
    return np.random.default_rng(seed)


def one_pair(resamples):
    """Weights of one treatment and one control, which no resample changes."""
    return model_weights(rng(), resamples, [("t", "c")], [""], ["t", "c"])[1:]


def test_the_first_row_of_weights_is_the_data_with_groups_and_then_models_in_equal_parts():
    first = model_weights(rng(), 50, PAIRS, GROUPS, MODELS)[0]
    np.testing.assert_allclose(first, [-1 / 2, -1 / 4, -1 / 4, 1 / 4, 1 / 4, 1 / 2])


def test_weights_do_not_depend_on_the_order_of_the_columns():
    ours = model_weights(rng(), 50, PAIRS, GROUPS, MODELS)
    np.testing.assert_array_equal(ours[:, ::-1], model_weights(rng(), 50, PAIRS, GROUPS, MODELS[::-1]))


def test_each_resample_weighs_treatments_to_one_and_controls_to_minus_one():
    weights = model_weights(rng(), 500, PAIRS, GROUPS, MODELS)
    np.testing.assert_allclose(weights[:, :3].sum(axis=1), -1)
    np.testing.assert_allclose(weights[:, 3:].sum(axis=1), 1)
    # Both sides of a group are drawn together, and each of its models alone is drawn sometimes.
    np.testing.assert_allclose(weights[:, 0], -weights[:, 3:5].sum(axis=1))
    assert all((weights[1:, column] == 0).any() for column in range(6))


def test_a_single_unit_keeps_its_weight():
    assert (shares(rng(), 20, 1) == 1).all()
    assert (one_pair(20) == [1, -1]).all()


def test_shares_are_the_counts_of_n_minus_one_draws():
    weights = shares(rng(), 300, 4)
    assert set(np.unique(weights * 3).round(9)) <= {0, 1, 2, 3}
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(weights.mean(axis=0), 1 / 4, atol=0.04)


@pytest.mark.parametrize("units", [2, 3, 10])
def test_the_variance_over_resamples_is_that_of_a_mean_without_the_small_sample_factor(units):
    values = rng(units).normal(size=units)
    means = shares(rng(), 40_000, units) @ values
    assert means.var() == pytest.approx(values.var(ddof=1) / units, rel=0.04)


def test_effects_are_those_of_a_loop_over_the_same_draws(monkeypatch):
    values = rng(1).normal(size=(6, 3, 5))
    weights = model_weights(rng(2), 40, PAIRS, GROUPS, MODELS)[1:]
    monkeypatch.setattr(bootstrap, "WEIGHTS", 7 * 5)  # blocks of 7 resamples, the last one shorter
    found = effects((rng(3), rng(4)), values, weights)
    same = rng(4)
    by_trial = shares(rng(3), 40, 3)
    by_item = np.vstack([shares(same, size, 5) for size in (7, 7, 7, 7, 7, 5)])
    expected = [
        sum(
            weights[b, m] * by_trial[b, t] * by_item[b, i] * values[m, t, i]
            for m in range(6)
            for t in range(3)
            for i in range(5)
        )
        for b in range(40)
    ]
    np.testing.assert_allclose(found, expected)


def test_truth_values_are_counted_as_numbers():
    values = rng(1).random((2, 2, 9)) < 0.5
    np.testing.assert_array_equal(
        effects((rng(), rng(1)), values, one_pair(30)),
        effects((rng(), rng(1)), values.astype(float), one_pair(30)),
    )


def test_equal_models_have_no_effect_in_any_resample_because_items_and_trials_are_paired():
    values = np.tile(rng().normal(size=(1, 4, 30)), (2, 1, 1))
    np.testing.assert_allclose(effects((rng(), rng(1)), values, one_pair(100)), 0, atol=1e-12)


def test_the_interval_over_items_is_that_of_scipy():
    treatment, control = rng(4).normal(0.3, 1, 80), rng(5).normal(0, 1, 80)
    draws = effects((rng(), rng(1)), np.stack([treatment, control])[:, None], one_pair(20_000))
    peer = stats.bootstrap(
        (treatment - control,), np.mean, n_resamples=20_000, method="percentile", rng=rng(6)
    ).confidence_interval
    error = np.std(treatment - control) / np.sqrt(80)
    # Monte-Carlo error of these quantiles is 0.02 standard errors, and 79 draws of 80 add half a percent.
    np.testing.assert_allclose(percentile(draws, 0.95), [peer.low, peer.high], atol=0.08 * error)


def test_percentiles_are_symmetric_and_nested():
    draws = np.linspace(-1, 1, 201)
    assert percentile(draws, 0.9) == pytest.approx((-0.9, 0.9))
    assert percentile(draws, 0.5) == pytest.approx((-0.5, 0.5))


@pytest.mark.parametrize(("trials", "factor"), [(1, 1), (60, 3)])
def test_noise_without_structure_is_counted_once_on_one_level_and_three_times_on_two(trials, factor):
    # Owen 2007: a product of two weights has the variance (1 + 1)(1 + 1) - 1.
    values = rng(9).normal(size=(2, trials, 60))
    expected = factor * 2 / (trials * 60)
    assert effects((rng(), rng(1)), values, one_pair(8000)).var() == pytest.approx(expected, rel=0.15)


def test_intervals_over_items_and_trials_cover_the_truth():
    generator, hits, studies = rng(7), 0, 300
    for _ in range(studies):
        item, trial = generator.normal(size=(1, 1, 40)), generator.normal(size=(1, 15, 1)) / 2
        noise = generator.normal(size=(2, 15, 40))
        values = noise + np.array([1, 0]).reshape(2, 1, 1) * (0.5 + item + trial)
        low, high = percentile(effects((generator, generator), values, one_pair(300)), 0.95)
        hits += low <= 0.5 <= high
    assert 0.9 <= hits / studies <= 0.99


@pytest.mark.parametrize(
    ("groups", "least", "most"), [(2, 0.45, 0.6), (5, 0.82, 0.9), (20, 0.89, 0.97)], ids=str
)
def test_intervals_over_matched_groups_cover_as_much_as_the_method_says(groups, least, most):
    names = [str(group) for group in range(groups)]
    pairs = [(f"t{name}", f"c{name}") for name in names]
    models = [model for pair in pairs for model in pair]
    generator, hits, studies = rng(8), 0, 800
    for _ in range(studies):
        values = generator.normal(size=(2 * groups, 1, 1))
        weights = model_weights(generator, 300, pairs, names, models)[1:]
        low, high = percentile(effects((generator, generator), values, weights), 0.95)
        hits += low <= 0 <= high
    assert least <= hits / studies <= most


def test_cells_with_the_same_items_share_draws_of_items_but_not_of_trials():
    def first(dataset, items):
        return [generator.random() for generator in bootstrap.generators(0, "p", dataset, items)]

    one, other, *_ = CELLS
    (trials, items), (other_trials, other_items) = first(one, ["a", "b"]), first(other, ["a", "b"])
    assert items == other_items
    assert trials != other_trials
    assert items not in (first(one, ["a"])[1], first("shapes", ["a", "b"])[1])
    assert first("shapes", ["a", "b"])[1] != first("toys", ["a", "b"])[1]


def test_spread_between_the_models_of_a_side_widens_the_interval():
    values = np.zeros((8, 1, 50))
    values[:4] = rng().normal(size=(4, 1, 1))
    pairs = [(f"t{i}", f"c{j}") for i in range(4) for j in range(4)]
    models = [f"t{i}" for i in range(4)] + [f"c{j}" for j in range(4)]
    weights = model_weights(rng(), 4000, pairs, [""] * 16, models)
    draws = effects((rng(), rng(1)), values, weights[1:])
    assert draws.std() == pytest.approx(values[:4, 0, 0].std(ddof=1) / 2, rel=0.05)
