"""Values, standard errors and counts of the summary, against closed forms, SciPy and simulation."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from measures import MEASURES
from wordsight.errors import DataError
from wordsight.protocols.rows import make_rows, write_rows
from wordsight.statistics import model_means
from wordsight.statistics.model_means import median_error, standard_error

summarise = partial(model_means.summarise, measures=MEASURES)

COMMON = {"protocol": "few_shot", "model": "m", "dataset": "d", "mode": "sound", "seed": 3}


def table(values, **changes):
    row = {**COMMON, "metric": "accuracy", "items": [f"i{i}" for i in range(len(values))], **changes}
    return make_rows(values=values, **row)


def write(path, *tables):
    write_rows(path, list(tables))
    return path


def crossed(rng, items, trials, sizes):
    """Two-way data whose components have the standard deviations ``sizes`` (item, trial, rest)."""
    item, trial, rest = sizes
    return (
        item * rng.normal(size=(1, items))
        + trial * rng.normal(size=(trials, 1))
        + rest * rng.normal(size=(trials, items))
    )


@pytest.mark.parametrize("shape", [(1, 30), (30, 1)])
def test_one_level_has_the_standard_error_of_scipy(shape):
    matrix = np.random.default_rng(0).normal(size=shape)
    assert standard_error(matrix) == pytest.approx(stats.sem(matrix.ravel()))


def test_shares_of_right_answers_have_the_binomial_standard_error():
    matrix = np.array([[1.0] * 30 + [0.0] * 10])
    assert standard_error(matrix) == pytest.approx(np.sqrt(0.75 * 0.25 / 39))


def test_a_single_observation_has_no_standard_error():
    assert np.isnan(standard_error(np.ones((1, 1))))


@pytest.mark.parametrize(("items", "trials"), [(4, 3), (3, 4)])
def test_effects_that_only_add_have_the_larger_of_the_one_way_errors_and_no_less(items, trials):
    a, b = np.arange(float(items)), np.arange(float(trials)) ** 2
    expected = np.sqrt(a.var(ddof=1) / items + b.var(ddof=1) / trials)
    assert standard_error(a[None, :] + b[:, None]) == pytest.approx(expected)


def test_copied_trials_do_not_make_items_more_precise():
    row = np.random.default_rng(0).normal(size=(1, 25))
    assert standard_error(np.repeat(row, 10, axis=0)) == pytest.approx(standard_error(row))


@pytest.mark.parametrize("sizes", [(1, 0, 1), (0, 1, 1), (1, 1, 0.5)], ids=str)
def test_crossed_data_have_the_spread_of_their_means_over_many_studies(sizes):
    rng = np.random.default_rng(0)
    studies = [crossed(rng, 12, 6, sizes) for _ in range(3000)]
    variance = np.mean([standard_error(study) ** 2 for study in studies])
    assert variance == pytest.approx(np.var([study.mean() for study in studies]), rel=0.1)


def test_the_error_is_never_below_that_of_either_level_alone():
    for seed in range(50):
        matrix = crossed(np.random.default_rng(seed), 5, 4, (0, 0, 1))
        alone = [stats.sem(matrix.mean(axis=axis)) for axis in (0, 1)]
        assert standard_error(matrix) >= max(alone) - 1e-12


@pytest.mark.parametrize(("n", "most"), [(2, 1.5), (5, 1.35), (9, 1.25), (20, 1.2), (101, 1.1)])
def test_the_error_of_a_median_is_its_spread_over_many_samples_or_a_little_more(n, most):
    samples = np.random.default_rng(n).normal(size=(4000, n))
    found = np.sqrt(np.mean([median_error(sample) ** 2 for sample in samples]))
    assert 0.97 <= found / np.median(samples, axis=1).std() <= most


def test_the_error_of_a_median_for_twenty_values_by_hand():
    # Ranks 6 and 15 of 20 enclose the median unless Bin(20, 1/2) <= 5 or >= 15.
    quantile = stats.norm.isf(stats.binom.cdf(5, 20, 0.5))
    assert median_error(np.arange(20.0)) == pytest.approx((14 - 5) / (2 * quantile))


def test_a_median_whose_order_statistics_are_infinite_has_no_error():
    assert median_error(np.array([0.1] * 15 + [np.inf] * 5)) == 0
    assert np.isnan(median_error(np.array([0.1] * 14 + [np.inf] * 6)))
    assert np.isnan(median_error(np.array([0.1])))


@pytest.mark.parametrize(
    ("values", "median"),
    [
        ([0.1, 0.3, np.inf], 0.3),
        ([0.1, 0.3], 0.2),
        ([0.1, np.inf], np.inf),
        ([np.inf, np.inf], np.inf),
        ([0.0, 0.0, 0.1, np.inf], 0.05),
    ],
)
def test_the_smallest_breaking_radius_is_summarised_by_its_median(tmp_path, values, median):
    path = write(tmp_path / "rows.parquet", table(values, protocol="robustness", metric="min_epsilon"))
    row = summarise([path]).iloc[0]
    assert row["value"] == pytest.approx(median)
    assert (row["statistic"], row["n"], row["unit"]) == ("median", len(values), "items")


def test_values_are_means_and_counts_are_those_of_the_rows(tmp_path):
    rng = np.random.default_rng(0)
    few_shot = [
        table(rng.random(8), trial=trial, parameter="shots", setting=setting)
        for trial in range(3)
        for setting in (5, 1)
    ]
    nmi = [table([value], metric="nmi", items=None, trial=trial) for trial, value in enumerate((0.2, 0.4))]
    once = table([1.0], metric="converged", items=None)
    frame = summarise([write(tmp_path / "rows.parquet", *few_shot, *nmi, once)])
    assert frame[["metric", "setting", "n", "unit", "trials"]].to_numpy().tolist() == [
        ["accuracy", 1, 8, "items", 3],
        ["accuracy", 5, 8, "items", 3],
        ["converged", 0, 1, "trials", 1],
        ["nmi", 0, 2, "trials", 2],
    ]
    means = [np.mean([t["value"].to_numpy() for t in few_shot[start::2]]) for start in (1, 0)]
    np.testing.assert_allclose(frame["value"], [*means, 1.0, 0.3])
    assert frame["stderr"][3] == pytest.approx(0.1)
    assert np.isnan(frame["stderr"][2])
    assert set(frame["seed"]) == {3}
    assert set(frame["statistic"]) == {"mean"}


def test_a_predicted_class_has_no_mean_and_is_left_out(tmp_path):
    parts = [
        table([1.0, 0.0], protocol="transfer"),
        table([7.0, 2.0], protocol="transfer", metric="predicted"),
    ]
    path = write(tmp_path / "rows.parquet", *parts)
    assert summarise([path])["metric"].tolist() == ["accuracy"]


def test_the_order_of_files_changes_nothing(tmp_path):
    paths = [
        write(tmp_path / f"{model}-{dataset}.parquet", table([0.0, 1.0], model=model, dataset=dataset))
        for model in ("b", "a")
        for dataset in ("y", "x")
    ]
    frame = summarise(paths)
    assert frame[["model", "dataset"]].to_numpy().tolist() == [["a", "x"], ["a", "y"], ["b", "x"], ["b", "y"]]
    pd.testing.assert_frame_equal(frame, summarise(paths[::-1]))


def test_the_same_results_twice_are_refused(tmp_path):
    path = write(tmp_path / "rows.parquet", table([1.0]))
    with pytest.raises(DataError, match=r"two files have results of few_shot m d sound accuracy"):
        summarise([path, path])


def test_an_infinite_value_that_has_no_mean_is_refused(tmp_path):
    path = write(tmp_path / "rows.parquet", table([0.1, np.inf]))
    with pytest.raises(DataError, match=r"rows\.parquet: accuracy: expected finite values"):
        summarise([path])


def test_no_table_at_all_is_refused():
    with pytest.raises(DataError, match="no results to summarise"):
        summarise([])
