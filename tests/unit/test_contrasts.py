"""Planted effects are found with their sign, planted nulls mostly are not, and what is not paired is refused."""

import numpy as np
import pandas as pd
import pytest

from wordsight.config import StatisticsSection
from wordsight.errors import DataError
from wordsight.logs import logger
from wordsight.rows import make_rows, write_rows
from wordsight.statistics.contrasts import COLUMNS, compare, holds_for, verdict
from wordsight.statistics.pairs import Comparison
from wordsight.storage import read_frame, write_frame

SECTION = StatisticsSection(resamples=400)


def write(folder, model, matrix, *, items=None, seed=0, **changes):
    """Rows of one model, with an observation of each item in each trial: ``matrix`` is trials by items."""
    row = {"protocol": "few_shot", "dataset": "d", "mode": "sound", "metric": "accuracy"} | changes
    items = [f"i{i:03}" for i in range(np.shape(matrix)[1])] if items is None else items
    tables = [
        make_rows(model=model, trial=trial, seed=seed, items=items, values=np.asarray(values), **row)
        for trial, values in enumerate(matrix)
    ]
    path = folder / row["protocol"] / model / f"{row['dataset']}.parquet"
    write_rows(path, tables)
    return path


def comparison(pairs, groups=None, name="language"):
    return Comparison(name=name, pairs=pairs, groups=groups or [""] * len(pairs))


def one(frame, **selection):
    """Return the only row with these values."""
    for column, value in selection.items():
        frame = frame[frame[column] == value]
    assert len(frame) == 1
    return frame.iloc[0]


def draw(rng, means, trials=6, items=60):
    """Right answers whose chance is a model's mean plus what items and trials share."""
    shared = 0.15 * rng.normal(size=(1, items)) + 0.05 * rng.normal(size=(trials, 1))
    return {
        model: (rng.random((trials, items)) < mean + shared).astype(float) for model, mean in means.items()
    }


def test_the_effect_is_the_mean_difference_over_models_trials_and_items(tmp_path):
    rng = np.random.default_rng(0)
    values = draw(rng, {"a": 0.7, "b": 0.6, "c": 0.4})
    paths = [write(tmp_path, model, matrix) for model, matrix in values.items()]
    frame = compare(paths, [comparison([("a", "c"), ("b", "c")])], SECTION, 0)
    assert list(frame.columns) == COLUMNS
    row = one(frame, scope="dataset")
    means = {model: matrix.mean() for model, matrix in values.items()}
    assert row["treatment"] == pytest.approx((means["a"] + means["b"]) / 2)
    assert row["control"] == pytest.approx(means["c"])
    assert row["effect"] == pytest.approx(row["treatment"] - row["control"])
    assert row["low"] < row["effect"] < row["high"]
    counts = ["n_pairs", "n_treatments", "n_controls", "replicates", "n_datasets", "n_trials", "n_items"]
    assert row[counts].tolist() == [2, 2, 1, 1, 1, 6, 60]
    assert row["resampled"] == "treatments, trials, items"


def test_matched_groups_weigh_the_same_however_many_models_they_have(tmp_path):
    values = {"a": 0.9, "a1": 0.1, "a2": 0.3, "a3": 0.5, "b": 0.6, "b1": 0.5}
    paths = [write(tmp_path, model, np.full((2, 5), value)) for model, value in values.items()]
    pairs = [("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1")]
    row = one(compare(paths, [comparison(pairs, ["a", "a", "a", "b"])], SECTION, 0), scope="dataset")
    assert row["effect"] == pytest.approx(((0.9 - 0.3) + (0.6 - 0.5)) / 2)
    assert row["resampled"] == "groups, controls, trials, items"
    assert (row["replicates"], row["holds_for"]) == (2, "these models")


def test_the_pooled_effect_is_the_mean_over_datasets_of_any_size(tmp_path):
    rng = np.random.default_rng(0)
    paths = [
        write(tmp_path, model, matrix, dataset=dataset)
        for dataset, items in (("x", 10), ("y", 90))
        for model, matrix in draw(rng, {"t": 0.7, "c": 0.4}, items=items).items()
    ]
    frame = compare(paths, [comparison([("t", "c")])], SECTION, 0)
    assert frame[["scope", "dataset"]].to_numpy().tolist() == [
        ["dataset", "x"],
        ["dataset", "y"],
        ["pooled", ""],
    ]
    pooled, parts = frame.iloc[2], frame.iloc[:2]
    for column in ("effect", "treatment", "control"):
        assert pooled[column] == pytest.approx(parts[column].mean())
    assert (pooled["n_datasets"], pooled["n_items"]) == (2, 100)
    width = frame["high"] - frame["low"]
    assert width[2] == pytest.approx(np.hypot(width[0], width[1]) / 2, rel=0.15)


def test_images_are_drawn_in_each_dataset_on_their_own_and_models_once_for_all(tmp_path):
    rng = np.random.default_rng(0)
    items, models = rng.normal(size=(1, 200)), rng.normal(size=8)
    width = {}
    for level in ("items", "models"):
        paths = [
            write(tmp_path / level, f"{side}{i}", items * (side == "t") if level == "items" else [[models[i]] * 200], dataset=name)
            for name in ("x", "y")
            for side in "tc"
            for i in range(8 if level == "models" and side == "t" else 1)
        ]  # fmt: skip
        pairs = [(f"t{i}", "c0") for i in range(8 if level == "models" else 1)]
        frame = compare(paths, [comparison(pairs)], SECTION, 0)
        width[level] = (frame["high"] - frame["low"]).to_numpy()
    x, y, pooled = width["items"]
    assert pooled == pytest.approx((x + y) / 2 / np.sqrt(2), rel=0.15)
    np.testing.assert_allclose(width["models"], width["models"][0])


def test_many_models_of_two_architectures_are_two_replicates(tmp_path):
    names = [f"{side}{group}{i}" for group in "ab" for side in "tc" for i in range(5)]
    paths = [write(tmp_path, name, np.full((1, 5), 0.1 * place)) for place, name in enumerate(names)]
    pairs = [(f"t{g}{i}", f"c{g}{j}") for g in "ab" for i in range(5) for j in range(5)]
    row = one(
        compare(paths, [comparison(pairs, [pair[0][1] for pair in pairs])], SECTION, 0), scope="dataset"
    )
    assert row[["n_pairs", "n_treatments", "n_controls", "replicates"]].tolist() == [50, 10, 10, 2]
    assert row["holds_for"] == "these models"


def test_the_interval_is_that_of_the_paired_difference_and_not_of_two_means(tmp_path):
    rng = np.random.default_rng(0)
    item = rng.normal(size=(1, 200))
    paths = [
        write(tmp_path, m, item + 0.05 * rng.normal(size=(1, 200)) + shift)
        for m, shift in (("t", 0.1), ("c", 0))
    ]
    row = one(compare(paths, [comparison([("t", "c")])], SECTION, 0), scope="dataset")
    assert row["verdict"] == "higher"
    assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * 0.05 * np.sqrt(2 / 200), rel=0.2)


@pytest.mark.parametrize(("effect", "expected"), [(0.15, "higher"), (-0.15, "lower")])
def test_a_planted_effect_is_found_with_its_sign(tmp_path, effect, expected):
    rng = np.random.default_rng(1)
    means = {f"t{i}": 0.5 + effect + 0.02 * rng.normal() for i in range(5)}
    means |= {f"c{i}": 0.5 + 0.02 * rng.normal() for i in range(5)}
    paths = [write(tmp_path, model, matrix) for model, matrix in draw(rng, means, items=150).items()]
    pairs = [(f"t{i}", f"c{j}") for i in range(5) for j in range(5)]
    row = one(compare(paths, [comparison(pairs)], SECTION, 0), scope="pooled")
    assert (row["verdict"], row["holds_for"], row["replicates"]) == (expected, "such models", 5)
    assert row["low"] < effect < row["high"]


def test_planted_nulls_are_decided_about_as_rarely_as_the_confidence_says(tmp_path):
    rng, studies = np.random.default_rng(2), 400
    item = 0.2 * rng.normal(size=(studies, 10))
    paths = []
    for model in (f"{side}{i}" for side in "tc" for i in range(6)):
        values = item + 0.05 * rng.normal(size=(studies, 1))
        row = {"protocol": "transfer", "dataset": "d", "mode": "sound", "metric": "accuracy", "seed": 0}
        items = [f"i{i}" for i in range(10)]
        tables = [
            make_rows(model=model, parameter="study", setting=study, values=values[study], items=items, **row)
            for study in range(studies)
        ]
        paths.append(tmp_path / f"{model}.parquet")
        write_rows(paths[-1], tables)
    pairs = [(f"t{i}", f"c{j}") for i in range(6) for j in range(6)]
    frame = compare(paths, [comparison(pairs)], SECTION, 0).query("scope == 'dataset'")
    # Over six models a side, an interval of 95% covers 91% in truth.
    assert 0.05 <= (frame["verdict"] != "undecided").mean() <= 0.13


def test_architectures_that_disagree_leave_it_undecided_however_many_items_there_are(tmp_path):
    values = {"a": 0.9, "a0": 0.4, "b": 0.5, "b0": 0.6}
    rng = np.random.default_rng(0)
    paths = [write(tmp_path, model, matrix) for model, matrix in draw(rng, values, items=900).items()]
    row = one(
        compare(paths, [comparison([("a", "a0"), ("b", "b0")], ["a", "b"])], SECTION, 0), scope="dataset"
    )
    assert row["effect"] > 0.15
    assert row["verdict"] == "undecided"


def test_a_single_observation_a_model_has_an_effect_but_no_interval(tmp_path):
    paths = [write(tmp_path, "t", [[0.8]]), write(tmp_path, "c", [[0.5]])]
    row = one(compare(paths, [comparison([("t", "c")])], SECTION, 0), scope="dataset")
    assert row["effect"] == pytest.approx(0.3)
    assert np.isnan(row[["low", "high"]].astype(float)).all()
    assert (row["verdict"], row["resampled"]) == ("undecided", "")


def test_two_runs_give_equal_frames_and_another_seed_gives_other_intervals(tmp_path):
    values = draw(np.random.default_rng(0), {"t": 0.7, "c": 0.4, "c1": 0.5})
    paths = [write(tmp_path, model, matrix) for model, matrix in values.items()]
    pairs = [comparison([("t", "c"), ("t", "c1")])]
    frame = compare(paths, pairs, SECTION, 0)
    pd.testing.assert_frame_equal(frame, compare(paths[::-1], pairs, SECTION, 0))
    other = compare(paths, pairs, SECTION, 1)
    assert (frame["effect"] == other["effect"]).all()
    assert (frame["low"] != other["low"]).all()


def test_another_model_or_dataset_does_not_change_a_contrast(tmp_path):
    rng = np.random.default_rng(0)
    values = draw(rng, {"t": 0.7, "c": 0.4, "stranger": 0.5})
    paths = [write(tmp_path, model, matrix) for model, matrix in values.items()]
    alone = compare(paths[:2], [comparison([("t", "c")])], SECTION, 0)
    paths += [
        write(tmp_path, model, matrix, dataset="e")
        for model, matrix in draw(rng, {"t": 0.7, "c": 0.4}).items()
    ]
    beside = compare(paths, [comparison([("t", "c")])], SECTION, 0)
    pd.testing.assert_frame_equal(alone.query("scope == 'dataset'"), beside.query("dataset == 'd'"))


def test_each_setting_protocol_and_contrast_has_its_rows_in_order(tmp_path):
    values = draw(np.random.default_rng(0), {"t": 0.7, "c": 0.4})
    paths = []
    for model, matrix in values.items():
        path = write(tmp_path, model, matrix, protocol="robustness", metric="robust_area")
        rows = [
            make_rows(
                protocol="few_shot", model=model, dataset="d", mode="sound", metric="accuracy", seed=0,
                parameter="shots", setting=shots, values=matrix[0], items=[f"i{i}" for i in range(60)],
            )
            for shots in (5, 1)
        ]  # fmt: skip
        write_rows(tmp_path / f"{model}.parquet", rows)
        paths += [path, tmp_path / f"{model}.parquet"]
    both = [comparison([("t", "c")]), comparison([("c", "t")], name="reverse")]
    pooled = compare(paths, both, SECTION, 0).query("scope == 'pooled'")
    expected = [
        [name, protocol, metric, setting]
        for name in ("language", "reverse")
        for protocol, metric, setting in (
            ("few_shot", "accuracy", 1),
            ("few_shot", "accuracy", 5),
            ("robustness", "robust_area", 0),
        )
    ]
    assert pooled[["contrast", "protocol", "metric", "setting"]].to_numpy().tolist() == expected
    effects = pooled["effect"].to_numpy()
    np.testing.assert_allclose(effects[:3], -effects[3:])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"items": [f"j{i}" for i in range(60)]}, "expected the same items in both"),
        ({"seed": 1}, r"expected the same draws \(trial and seed\) in both"),
        ({"mode": "paper"}, "expected the same mode, but they are sound and paper"),
        ({"parameter": "shots", "setting": 5.0}, "expected the same settings in both"),
    ],
    ids=["items", "draws", "mode", "settings"],
)
def test_files_that_are_not_paired_are_both_named(tmp_path, changes, message):
    values = draw(np.random.default_rng(0), {"c": 0.4, "t": 0.7})
    first, second = write(tmp_path, "c", values["c"]), write(tmp_path, "t", values["t"], **changes)
    with pytest.raises(DataError, match=f"{first} and {second}: accuracy: {message}"):
        compare([first, second], [comparison([("t", "c")])], SECTION, 0)


def test_another_number_of_trials_is_refused(tmp_path):
    first, second = write(tmp_path, "c", np.ones((3, 4))), write(tmp_path, "t", np.ones((2, 4)))
    with pytest.raises(DataError, match=f"{first} and {second}: .* draws"):
        compare([first, second], [comparison([("t", "c")])], SECTION, 0)


def test_a_file_without_the_primary_metric_is_named(tmp_path):
    paths = [write(tmp_path, model, [[1.0]], metric="nmi") for model in "tc"]
    with pytest.raises(DataError, match=r"c/d\.parquet: expected rows of accuracy, but there are none"):
        compare(paths, [comparison([("t", "c")])], SECTION, 0)


def test_the_same_results_twice_are_refused(tmp_path):
    path = write(tmp_path, "t", [[1.0]])
    with pytest.raises(DataError, match="expected one file of few_shot, t and d"):
        compare([path, path], [comparison([("t", "c")])], SECTION, 0)


def test_models_without_results_leave_their_pairs_out_and_the_log_says_so(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logger, "propagate", True)  # a step switches it off
    values = draw(np.random.default_rng(0), {"a": 0.7, "a0": 0.4})
    paths = [write(tmp_path, model, matrix) for model, matrix in values.items()]
    with caplog.at_level("WARNING", logger="wordsight"):
        frame = compare(paths, [comparison([("a", "a0"), ("b", "b0")], ["a", "b"])], SECTION, 0)
    assert set(frame["n_pairs"]) == {1}
    assert "contrast language: 1 of 2 pairs have results of few_shot on d" in caplog.text
    assert compare(paths, [comparison([("b", "b0")])], SECTION, 0).empty


def test_a_run_without_contrasts_has_a_table_of_columns_only(tmp_path):
    write_frame(tmp_path / "contrasts.parquet", compare([write(tmp_path, "t", [[1.0]])], [], SECTION, 0))
    again = read_frame(tmp_path / "contrasts.parquet")
    assert list(again.columns) == COLUMNS
    assert again.empty


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.1, 0.2, "higher"),
        (-0.2, -0.1, "lower"),
        (-0.1, 0.1, "undecided"),
        (0.0, 0.1, "undecided"),
        (-0.1, 0.0, "undecided"),
        (np.nan, np.nan, "undecided"),
    ],
)
def test_an_interval_decides_only_when_it_leaves_zero_out(low, high, expected):
    assert verdict(low, high) == expected


def test_a_verdict_holds_for_other_models_from_five_replicates_on():
    assert [holds_for(n) for n in (1, 4, 5)] == ["these models", "these models", "such models"]
