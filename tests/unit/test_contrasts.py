"""Contrasts find planted effects with their sign, rarely find null effects, and refuse unpaired files."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats import power, weightstats
from statsmodels.stats.multitest import multipletests

from hand_made import model_card, trained_cards
from hand_made import trained as seeds_of
from measures import MEASURES
from wordsight.catalogue.cells import ALL_NEW, CELLS
from wordsight.config.statistics import StatisticsSection
from wordsight.errors import DataError
from wordsight.files.parquet import read_frame, write_frame, write_table
from wordsight.logs import logger
from wordsight.protocols.rows import SCHEMA, make_rows, write_rows
from wordsight.statistics import looks
from wordsight.statistics.comparison import Comparison
from wordsight.statistics.effect_row import holds_for
from wordsight.statistics.effects import COLUMNS
from wordsight.statistics.effects import compare as compare_with_parts
from wordsight.statistics.judging import REST
from wordsight.statistics.paired_effects import Material
from wordsight.tables.schema import checked
from wordsight.tables.schemas import CONTRASTS

SECTION = StatisticsSection(resamples=400)


def compare(paths, comparisons, section, seed, **more):
    """Compare as a table alone."""
    return compare_with_parts(paths, comparisons, Material(section, seed, MEASURES, **more))[0]


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


def test_a_contrast_by_another_metric_has_its_own_margin_and_leaves_the_others_alone(tmp_path):
    rng = np.random.default_rng(0)
    values = draw(rng, {"a": 0.7, "c": 0.4, "untrained": 0.2})
    cards = {name: model_card(name, images=0 if name == "untrained" else 9) for name in values}
    paths = []
    for model, matrix in values.items():
        path = tmp_path / f"{model}.parquet"
        tables = [
            make_rows(protocol="few_shot", model=model, dataset="d", mode="sound", metric=metric, seed=0,
                      trial=trial, items=[f"i{i:03}" for i in range(60)], values=row * scale)
            for metric, scale in (("accuracy", 1.0), ("balanced_accuracy", 0.5))
            for trial, row in enumerate(matrix)
        ]  # fmt: skip
        write_rows(path, tables)
        paths.append(path)
    pairs = [("a", "c")]
    chosen = comparison(pairs, name="balanced").model_copy(
        update={"metrics": {"few_shot": "balanced_accuracy"}}
    )
    section = SECTION.model_copy(update={"margins": {"balanced_accuracy": 0.07, "accuracy": 0.05}})
    frame = compare(paths, [comparison(pairs, name="plain"), chosen], section, 0, cards=cards)
    plain, balanced = (one(frame, contrast=name, scope="pooled") for name in ("plain", "balanced"))
    assert (plain["metric"], balanced["metric"]) == ("accuracy", "balanced_accuracy")
    assert (plain["margin"], balanced["margin"]) == (0.05, 0.07)
    for column in ("effect", "treatment", "control", "encoders_stderr"):
        assert balanced[column] == pytest.approx(plain[column] / 2)
    alone = compare(paths, [comparison(pairs, name="plain")], section, 0, cards=cards)
    pd.testing.assert_frame_equal(
        alone.drop(columns=["comparisons"]),
        frame[frame["contrast"] == "plain"].reset_index(drop=True).drop(columns=["comparisons"]),
    )


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
    item = rng.normal(size=200)
    t, c = (item + 0.05 * rng.normal(size=200) + shift for shift in (0.1, 0))
    paths = [write(tmp_path, "t", [t]), write(tmp_path, "c", [c])]
    row = one(compare(paths, [comparison([("t", "c")])], SECTION, 0), scope="dataset")
    peer = stats.ttest_rel(t, c)
    bounds = peer.confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((bounds.low, bounds.high))
    assert (row["df"], row["p_value"]) == pytest.approx((199, peer.pvalue))
    # Surely another score of these two images by image; of two models, nothing can be said of training.
    assert (row["verdict"], row["reason"]) == ("undecided", "too few models")
    assert row["encoders_verdict"] == "higher"
    assert (row["encoders_low"], row["encoders_high"]) == pytest.approx((bounds.low, bounds.high))
    assert (row["encoders_df"], row["encoders_p"]) == pytest.approx((199, peer.pvalue))
    assert row["more_replicates"] == 1


@pytest.mark.parametrize(("effect", "expected"), [(0.15, "helps"), (-0.15, "hurts")])
def test_a_planted_effect_is_found_with_its_sign(tmp_path, effect, expected):
    rng = np.random.default_rng(1)
    means = {f"t{i}": 0.5 + effect + 0.02 * rng.normal() for i in range(5)}
    means |= {f"c{i}": 0.5 + 0.02 * rng.normal() for i in range(5)}
    paths = [write(tmp_path, model, matrix) for model, matrix in draw(rng, means, items=150).items()]
    pairs = [(f"t{i}", f"c{j}") for i in range(5) for j in range(5)]
    row = one(compare(paths, [comparison(pairs)], SECTION, 0), scope="pooled")
    assert (row["verdict"], row["holds_for"], row["replicates"]) == (expected, "such models", 5)
    assert row["low"] < effect < row["high"]


WORLDS = 200
# Of a true rate of 5%, within which 200 worlds fall but for once in a thousand.
CHANCE = 3.1 * np.sqrt(0.05 * 0.95 / WORLDS)


def worlds(folder, effect, *, seeds=5, matched=True, spread=(0.02, 0.02), shape=(2, 25)):
    """Files of many experiments at once, each a setting, and their contrast: right and wrong answers of
    models that share the difficulty of items, on two datasets.
    """
    rng = np.random.default_rng([seeds, matched, round(1000 * effect)])
    models = [(side, i) for side in (0, 1) for i in range(seeds)]
    level = {model: spread[model[0]] * rng.normal(size=(WORLDS, 1, 1)) for model in models}
    items = [f"i{i}" for i in range(shape[1])]
    paths = []
    for dataset in "xy":
        hard = 0.2 * rng.uniform(-1, 1, size=(WORLDS, 1, shape[1]))
        by_side = 0.1 * rng.normal(size=(2, WORLDS, 1, shape[1]))
        for side, i in models:
            chance = 0.5 + hard + by_side[side] / 2 + level[side, i] + effect * (side == 0)
            right = (rng.random((WORLDS, *shape)) < chance).astype(float)
            name = f"{'tc'[side]}{i}"
            row = {
                "protocol": "few_shot",
                "model": name,
                "dataset": dataset,
                "mode": "sound",
                "metric": "accuracy",
            }
            tables = [
                make_rows(
                    parameter="world", setting=w, trial=t, seed=0, values=right[w, t], items=items, **row
                )
                for w in range(WORLDS)
                for t in range(shape[0])
            ]
            paths.append(folder / f"{name}-{dataset}.parquet")
            write_rows(paths[-1], tables)
    pairs = [(f"t{i}", f"c{j}") for i in range(seeds) for j in range(seeds) if i == j or not matched]
    return paths, comparison(pairs, [pair[0] if matched else "" for pair in pairs])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("effect", "changes"),
    [
        (0.0, {}),
        (0.03, {}),
        (0.0, {"matched": False, "spread": (0.01, 0.04)}),
        (0.3, {"seeds": 3}),
    ],
    ids=["null", "at the margin", "null, not matched and unequal", "large, three seeds"],
)
def test_in_worlds_whose_truth_is_known_false_claims_are_rare_and_intervals_hold_it(
    tmp_path, effect, changes
):
    paths, contrast = worlds(tmp_path, effect, **changes)
    section = StatisticsSection(resamples=100)
    frame = compare(paths, [contrast], section, 0).query("scope == 'pooled'")
    assert len(frame) == WORLDS
    rate = frame["verdict"].value_counts(normalize=True).to_dict()
    false = {0.0: ("helps", "hurts"), 0.03: ("hurts", "equivalent"), 0.3: ("hurts", "equivalent")}[effect]
    assert sum(rate.get(verdict, 0) for verdict in false) <= 0.05 + CHANCE
    covered = frame["low"].le(effect) & frame["high"].ge(effect)
    assert 0.93 - CHANCE <= covered.mean() <= min(0.97 + CHANCE, 1)
    if effect == 0.3:
        assert rate["helps"] > 0.9


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


def test_two_runs_give_equal_frames_and_another_seed_changes_only_the_bootstrap(tmp_path):
    values = draw(np.random.default_rng(0), {"t": 0.7, "c": 0.4, "c1": 0.5})
    paths = [write(tmp_path, model, matrix) for model, matrix in values.items()]
    pairs = [comparison([("t", "c"), ("t", "c1")])]
    frame = compare(paths, pairs, SECTION, 0)
    pd.testing.assert_frame_equal(frame, compare(paths[::-1], pairs, SECTION, 0))
    other = compare(paths, pairs, SECTION, 1)
    seeded = ["bootstrap_low", "bootstrap_high", "seed"]
    assert (frame[seeded] != other[seeded]).all(axis=None)
    pd.testing.assert_frame_equal(frame.drop(columns=seeded), other.drop(columns=seeded))


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
    with pytest.raises(DataError, match=r"c/d\.parquet: .*accuracy"):
        compare(paths, [comparison([("t", "c")])], SECTION, 0)


def test_the_same_results_twice_are_refused(tmp_path):
    path = write(tmp_path, "t", [[1.0]])
    with pytest.raises(DataError, match="few_shot, t and d"):
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


def test_a_verdict_holds_for_other_models_from_five_replicates_on():
    assert [holds_for(n) for n in (1, 4, 5)] == ["these models", "these models", "such models"]


# What is claimed of an effect, and why nothing is.


def experiment(folder, differences, noise=0.0, trials=1, items=1, **changes):
    """Files of a matched experiment with these effects, and its contrast: one group an effect."""
    rng = np.random.default_rng(len(differences))
    pairs, paths = [], []
    for place, difference in enumerate(differences):
        control = rng.uniform(0.3, 0.6) + noise * rng.normal(size=(trials, items))
        pairs.append((f"t{place}", f"c{place}"))
        paths += [write(folder, f"t{place}", control + difference, **changes)]
        paths += [write(folder, f"c{place}", control, **changes)]
    return paths, comparison(pairs, [f"seed {place}" for place in range(len(pairs))])


@pytest.mark.parametrize(
    ("differences", "verdict", "reason"),
    [
        ([0.1, 0.11, 0.09, 0.1, 0.12], "helps", ""),
        ([-0.1, -0.11, -0.09, -0.1, -0.12], "hurts", ""),
        ([0.01, 0.0, -0.01, 0.005, -0.005], "equivalent", ""),
        ([0.009, 0.01, 0.011, 0.012, 0.01], "equivalent", ""),
        ([0.1, -0.1, 0.05, 0.02, -0.06], "undecided", "overlap"),
        ([0.1], "undecided", "too few models"),
        ([0.1] * 5, "undecided", "constant"),
    ],
    ids=["higher", "lower", "the same", "sure but small", "wide", "one group", "no spread"],
)
def test_each_verdict_and_each_reason_against_one(tmp_path, differences, verdict, reason):
    paths, contrast = experiment(tmp_path, differences)
    frame = compare(paths, [contrast], SECTION, 0)
    assert set(frame["verdict"]) == {verdict}
    assert set(frame["reason"]) == {reason}
    assert frame["more_replicates"].notna().all() == (reason in ("overlap", "too few models"))


def test_over_matched_groups_interval_and_tests_are_the_paired_ones_of_scipy_and_statsmodels(tmp_path):
    paths, contrast = experiment(tmp_path, np.random.default_rng(7).normal(0.02, 0.03, size=6), items=1)
    row = one(compare(paths, [contrast], SECTION, 0), scope="pooled")
    t, c = (np.array([read_frame(path)["value"].item() for path in paths[side::2]]) for side in (0, 1))
    peer = stats.ttest_rel(t, c)
    bounds = peer.confidence_interval(0.95)
    assert (row["effect"], row["df"]) == pytest.approx(((t - c).mean(), 5))
    assert (row["low"], row["high"], row["p_value"]) == pytest.approx((bounds.low, bounds.high, peer.pvalue))
    assert row["stderr"] == pytest.approx(stats.sem(t - c))
    assert row["p_equivalence"] == pytest.approx(weightstats.ttost_paired(t, c, -0.03, 0.03)[0])
    at_smallest = weightstats.ttost_paired(t, c, -row["smallest_margin"], row["smallest_margin"])[0]
    assert at_smallest == pytest.approx(0.05)


def test_over_models_that_are_not_matched_they_are_welchs(tmp_path):
    rng = np.random.default_rng(3)
    t, c = rng.normal(0.5, 0.02, size=5), rng.normal(0.48, 0.06, size=9)
    paths = [
        write(tmp_path, f"{s}{i}", [[v] * 4] * 2) for s, vs in (("t", t), ("c", c)) for i, v in enumerate(vs)
    ]
    pairs = [(f"t{i}", f"c{j}") for i in range(5) for j in range(9)]
    row = one(compare(paths, [comparison(pairs)], SECTION, 0), scope="pooled")
    peer = stats.ttest_ind(t, c, equal_var=False)
    bounds = peer.confidence_interval(0.95)
    assert (row["df"], row["p_value"]) == pytest.approx((peer.df, peer.pvalue))
    assert (row["low"], row["high"]) == pytest.approx((bounds.low, bounds.high))
    tost = weightstats.ttost_ind(t, c, -0.03, 0.03, usevar="unequal")[0]
    assert row["p_equivalence"] == pytest.approx(tost)
    assert (row["replicate"], row["replicates"]) == ("models", 5)


@pytest.mark.parametrize("protocol", ["cross_style_probe", "cross_style_retrieval"])
def test_pairs_of_styles_are_fixed_as_datasets_are_and_only_their_items_are_drawn(tmp_path, protocol):
    rng = np.random.default_rng(12)
    t, c = rng.random((2, 6, 40)) + np.linspace(0, 3, 6)[:, None]
    t[0] += 2
    metric = {"cross_style_probe": "accuracy", "cross_style_retrieval": "recall_at_1"}[protocol]
    paths = [write(tmp_path, m, v, protocol=protocol, metric=metric) for m, v in (("t", t), ("c", c))]
    row = one(compare(paths, [comparison([("t", "c")])], SECTION, 0), scope="dataset")
    bounds = stats.ttest_rel(t.mean(axis=0), c.mean(axis=0)).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((bounds.low, bounds.high))
    assert (row["resampled"], row["n_trials"]) == ("items", 6)


READ_OUTS = {"a": "mmv", "b": "mmv", "c": "mmv"}


def test_read_outs_of_one_network_are_one_replicate(tmp_path):
    rng = np.random.default_rng(0)
    values = draw(rng, {"a": 0.8, "b": 0.7, "c": 0.6, "d": 0.5, "x": 0.4, "y": 0.3, "z": 0.2})
    paths = [write(tmp_path, model, matrix) for model, matrix in values.items()]
    pairs = [(one, other) for one in "abcd" for other in "xyz"]
    apart = comparison(pairs)
    row = one(compare(paths, [apart.model_copy(update={"families": READ_OUTS})], SECTION, 0), scope="pooled")
    assert (row["replicate"], row["replicates"]) == ("families", 2)
    assert one(compare(paths, [apart], SECTION, 0), scope="pooled")["replicates"] == 3
    mean = np.mean([values[model].mean() for model in "abc"])
    assert row["treatment"] == pytest.approx((mean + values["d"].mean()) / 2)

    merged = tmp_path / "merged"
    paths = [write(merged, model, values[model]) for model in "dxyz"]
    paths.append(write(merged, "m", np.mean([values[model] for model in "abc"], axis=0)))
    pairs = [(one, other) for one in "dm" for other in "xyz"]
    expected = one(compare(paths, [comparison(pairs)], SECTION, 0), scope="pooled")
    columns = ["effect", "low", "high", "p_value", "df"]
    assert row[columns].tolist() == pytest.approx(expected[columns].tolist())


@pytest.mark.parametrize(
    ("treatments", "replicate", "sizes"), [(10, "matched groups", [10, 10]), (20, "models", [20, 10])]
)
def test_seeds_are_paired_only_where_that_outweighs_the_seeds_it_leaves_out(
    tmp_path, treatments, replicate, sizes
):
    """Seeds have 0.3 of their variance in common: enough for pairs, not for leaving out half of a side."""
    rng = np.random.default_rng(0)
    models = seeds_of(["captions_contrastive", "labels", "simclr", "class_names"], seeds=10)
    models |= seeds_of(["captions_contrastive"], seeds=treatments)
    shared, items = rng.normal(size=treatments), 0.001 * rng.normal(size=(1, 30))
    paths = [
        write(
            tmp_path, name, 0.5 + 0.01 * (np.sqrt(0.3) * shared[seed] + np.sqrt(0.7) * rng.normal()) + items
        )
        for name, (_, seed) in models.items()
    ]
    sides = [
        [name for name in models if models[name][0] == side] for side in ("captions_contrastive", "labels")
    ]
    pairs = [(one, other) for one in sides[0] for other in sides[1]]
    contrast = comparison(pairs).model_copy(
        update={"seeds": {name: seed for name, (_, seed) in models.items()}}
    )
    row = one(compare(paths, [contrast], SECTION, 0, cards=trained_cards(models)), scope="pooled")
    assert row["replicate"] == replicate
    assert row[["n_treatments", "n_controls"]].tolist() == sizes


def test_within_a_matched_group_read_outs_of_one_network_count_once(tmp_path):
    rng = np.random.default_rng(0)
    values = draw(rng, {"a": 0.9, "b": 0.8, "c": 0.5, "d": 0.6, "x": 0.4, "y": 0.3})
    paths = [write(tmp_path, model, matrix) for model, matrix in values.items()]
    pairs, groups = [("a", "x"), ("b", "x"), ("c", "x"), ("d", "y")], ["one", "one", "one", "two"]
    of_one_network = {"families": {"a": "f", "b": "f", "d": "f"}}
    matched = comparison(pairs, groups).model_copy(update=of_one_network)
    row = one(compare(paths, [matched], SECTION, 0), scope="pooled")
    assert (row["replicate"], row["replicates"]) == ("matched groups", 2)
    means = {model: matrix.mean() for model, matrix in values.items()}
    first = ((means["a"] + means["b"]) / 2 + means["c"]) / 2 - means["x"]
    assert row["effect"] == pytest.approx((first + means["d"] - means["y"]) / 2)


def test_a_margin_is_that_of_the_metric_and_else_the_default(tmp_path):
    section = StatisticsSection(resamples=100, margins={"accuracy": 0.2})
    paths, contrast = experiment(tmp_path, [0.1, 0.11, 0.09, 0.1, 0.12])
    more, _ = experiment(tmp_path, [0.1, 0.11, 0.09, 0.1, 0.12], protocol="robustness", metric="robust_area")
    frame = compare(paths + more, [contrast], section, 0).query("scope == 'pooled'").set_index("protocol")
    assert frame["margin"].to_dict() == {"few_shot": 0.2, "robustness": 0.03}
    assert frame["verdict"].to_dict() == {"few_shot": "equivalent", "robustness": "helps"}


@pytest.mark.parametrize(
    ("groups", "replicate", "replicates"),
    [
        (["0", "1", "2"], "matched groups", 3),
        (["same"] * 3, "models", 3),
        (["0", "0", "1"], "matched groups", 2),
    ],
)
def test_replicates_are_matched_groups_where_there_are_several_and_else_models(
    tmp_path, groups, replicate, replicates
):
    paths, contrast = experiment(tmp_path, [0.1, 0.2, 0.3])
    frame = compare(paths, [contrast.model_copy(update={"groups": groups})], SECTION, 0)
    assert set(frame["replicate"]) == {replicate}
    assert set(frame["replicates"]) == {replicates}


# Which rows decide, and how they are corrected.


def two_settings(folder, model, values, dataset="d"):
    """Few-shot rows of one model at one and at five shots, one observation each."""
    row = {"protocol": "few_shot", "dataset": dataset, "mode": "sound", "metric": "accuracy", "seed": 0}
    path = folder / model / f"{dataset}.parquet"
    shots = zip((1, 5), values, strict=True)
    write_rows(
        path, [make_rows(model=model, parameter="shots", setting=s, values=[v], **row) for s, v in shots]
    )
    return path


@pytest.fixture
def three(tmp_path):
    """Files of two protocols of eight pairs of models on two datasets, and three contrasts of them."""
    rng = np.random.default_rng(11)
    paths = []
    for model in (f"{side}{i}" for side in "tuvc" for i in range(5)):
        shift = {"t": 0.05, "u": 0.03, "v": 0.0, "c": 0.0}[model[0]]
        for dataset in "xy":
            value = 0.5 + shift + 0.02 * rng.normal(size=3)
            paths.append(two_settings(tmp_path, model, value[:2], dataset))
            paths.append(
                write(tmp_path, model, [value[2:]], protocol="transfer", dataset=dataset, items=["i"])
            )
    seeds = list("01234")
    contrasts = [
        comparison([(f"{s}{i}", f"c{i}") for i in range(5)], seeds, name=f"{s}-c") for s in ("t", "u", "v")
    ]
    return paths, contrasts


def test_the_mean_over_datasets_decides_at_the_largest_setting(three):
    frame = compare(*three, SECTION, 0)
    chosen = frame[frame["decides"]]
    assert chosen[["contrast", "protocol", "scope", "setting"]].to_numpy().tolist() == [
        [name, *rest]
        for name in ("t-c", "u-c", "v-c")
        for rest in (["few_shot", "pooled", 5.0], ["transfer", "pooled", 0.0])
    ]
    pd.testing.assert_series_equal(frame["decides"], frame["family"] != "", check_names=False)
    assert frame["decides"].dtype == bool


def test_across_styles_the_cell_with_new_concepts_and_style_decides(tmp_path):
    paths = []
    for cell in CELLS:
        found, contrast = experiment(
            tmp_path, [0.1, 0.12, 0.09], protocol="cross_style_probe", dataset=cell, items=4
        )
        paths += found
    frame = compare(paths, [contrast], SECTION, 0)
    assert frame["dataset"].tolist() == [*sorted(CELLS), ""]
    assert frame.loc[frame["decides"], "dataset"].tolist() == [ALL_NEW]


@pytest.mark.parametrize(
    ("columns", "families"),
    [
        (("p_value", "p_adjusted"), {"main": ["t-c"]}),
        (("p_equivalence", "p_equivalence_adjusted"), {"main": ["t-c"]}),
        (("p_value", "p_adjusted"), {}),
        (("p_value", "p_adjusted"), {"one": ["t-c", "v-c"], "two": ["u-c"]}),
    ],
)
def test_each_family_is_corrected_on_its_own_by_bonferroni(three, columns, families):
    section = StatisticsSection(resamples=100, families=families)
    frame = compare(*three, section, 0)
    named = {name: family for family, names in families.items() for name in names}
    rows = frame[frame["decides"]]
    assert rows["family"].tolist() == [named.get(name, REST) for name in rows["contrast"]]
    for _, family in rows.groupby("family"):
        plain, adjusted = (family[column].to_numpy() for column in columns)
        np.testing.assert_allclose(adjusted, multipletests(plain, method="bonferroni")[1])
        assert set(family["comparisons"]) == {len(family)}
    assert frame.loc[~frame["decides"], ["p_adjusted", "p_equivalence_adjusted"]].isna().all(axis=None)


def test_a_row_that_decides_is_judged_by_its_adjusted_p_and_another_by_its_own(three):
    paths, (_, middle, null) = three
    together = compare(paths, [middle, null], SECTION, 0)
    apart = compare(paths, [middle, null], StatisticsSection(families={"its-own": ["u-c"]}), 0)
    key = {"contrast": "u-c", "protocol": "few_shot", "setting": 5, "scope": "pooled"}
    with_others, alone = one(together, **key), one(apart, **key)
    assert with_others["p_value"] == alone["p_value"] <= 0.05
    assert alone["p_adjusted"] <= 0.05 < with_others["p_adjusted"]
    assert [row["verdict"] for row in (with_others, alone)] == ["undecided", "helps"]
    outside = together[~together["decides"] & (together["p_value"] < 0.05)]
    assert set(outside["verdict"]) <= {"helps", "hurts", "equivalent"}
    assert len(outside)


def trained(models):
    """Cards of models that the workflow trained, each on its own objective."""
    training = {"objective": "labels", "images": 1, "images_seen": 1, "flops": 1}
    return {
        name: model_card(name, training=training | {"objective": name[0], "seed": int(name[1:])})
        for name in models
    }


@pytest.mark.parametrize(
    ("replicates", "look"), [(4, "0 of 3"), (5, "1 of 3"), (10, "2 of 3"), (20, "3 of 3")]
)
def test_a_verdict_is_at_the_level_of_its_look(tmp_path, replicates, look):
    differences = 0.05 + 0.002 * np.random.default_rng(0).normal(size=replicates)
    paths, contrast = experiment(tmp_path, differences, noise=0.01, items=20)
    section = StatisticsSection(resamples=100, looks=[5, 10, 20])
    cards = trained(model for pair in contrast.pairs for model in pair)
    row = one(compare(paths, [contrast], section, 0, cards=cards), scope="pooled")
    assert row["look"] == look
    assert row["level"] == pytest.approx(looks.level(replicates, section.looks, 0.05))
    assert row["verdict"] == ("helps" if row["p_adjusted"] <= row["level"] else "undecided")
    # So large a difference is found at any look, but not before the first one.
    assert (row["verdict"] == "helps") == (replicates >= 5)


def test_looks_are_for_encoders_of_which_more_can_be_trained(tmp_path):
    paths, contrast = experiment(tmp_path, [0.1, 0.11, 0.09, 0.1])
    section = StatisticsSection(resamples=100, looks=[5, 10])
    row = one(compare(paths, [contrast], section, 0), scope="pooled")
    assert (row["look"], row["level"], row["verdict"]) == ("", pytest.approx(0.05), "helps")


def test_the_next_look_that_is_enough_is_advised(tmp_path):
    rng = np.random.default_rng(0)
    paths, contrast = experiment(tmp_path, 0.02 * rng.normal(size=5), noise=0.01, items=20)
    section = StatisticsSection(resamples=100, looks=[5, 10, 40], margin=0.03)
    cards = trained(model for pair in contrast.pairs for model in pair)
    row = one(compare(paths, [contrast], section, 0, cards=cards), scope="pooled")
    assert row["verdict"] == "undecided"
    assert row["more_replicates"] in (5, 35)


def test_equivalence_is_corrected_too(tmp_path):
    paths, contrast = experiment(tmp_path, [0.015, 0.03, -0.01, 0.025, -0.02])
    more, _ = experiment(tmp_path, [0.1, -0.1, 0.05, 0.02, -0.06], protocol="transfer")
    for files, expected in ((paths, "equivalent"), (paths + more, "undecided")):
        row = one(compare(files, [contrast], SECTION, 0), protocol="few_shot", scope="pooled")
        assert row["p_equivalence"] <= 0.05
        assert row["verdict"] == expected
    assert row["p_equivalence_adjusted"] > 0.05


def test_the_minimum_detectable_effect_is_found_with_the_power_after_correction(three):
    paths, contrasts = three
    frame = compare(paths, contrasts, SECTION, 0)
    for _, row in frame[frame["decides"]].iterrows():
        effect = row["minimum_detectable"] / (row["stderr"] * np.sqrt(row["df"] + 1))
        found = power.TTestPower().power(effect, row["df"] + 1, 0.05 / 6, df=row["df"])
        assert found == pytest.approx(0.8, abs=0.1)
        closed = stats.t.ppf(1 - 0.05 / 12, row["df"]) + stats.t.ppf(0.8, row["df"])
        assert row["minimum_detectable"] == pytest.approx(closed * row["stderr"])
    single = one(compare(paths, contrasts[:1], SECTION, 0), protocol="transfer", scope="pooled")
    assert single["minimum_detectable"] < one(frame, contrast="t-c", protocol="transfer", scope="pooled")["minimum_detectable"]  # fmt: skip


# What a user can get wrong: a clear line or a reason, and never a row that disappears in silence.


@pytest.mark.parametrize(
    "pairs", [[("t0", "c0")], [("t0", "c0"), ("t0", "c1")], [("t0", "c0"), ("t1", "c0")]]
)
def test_one_model_on_a_side_or_one_seed_is_too_few_models_for_a_verdict(tmp_path, pairs):
    paths, _ = experiment(tmp_path, [0.2, 0.2], noise=0.1, items=80)
    frame = compare(paths, [comparison(pairs, ["seed 0"] * len(pairs))], SECTION, 0)
    assert set(frame["reason"]) == {"too few models"}
    assert set(frame["verdict"]) == {"undecided"}
    assert checked_rows(frame) == 2


def checked_rows(frame):
    """Count the rows, all of which are what the table promises once the audit has added its columns."""
    audit = {"chance": np.nan, "untrained": np.nan, "relative": np.nan, "flags": ""}
    return len(checked(frame.assign(**audit), CONTRASTS))


@pytest.mark.parametrize("matched", [True, False])
@pytest.mark.parametrize("kind", ["copies", "constant metric"])
def test_sides_with_the_same_observations_are_identical_and_no_test(tmp_path, matched, kind):
    rng = np.random.default_rng(0)
    values = [rng.random((3, 30)) if kind == "copies" else np.full((3, 7), 0.3) for _ in range(5)]
    paths = [
        write(tmp_path, f"{side}{i}", values[i], dataset=dataset)
        for side in "tc"
        for i in range(5)
        for dataset in "xy"
    ]
    pairs = [(f"t{i}", f"c{j}") for i in range(5) for j in range(5) if i == j or not matched]
    groups = [pair[0] if matched else "" for pair in pairs]
    names = [f"{side}{i}" for side in "vw" for i in range(3)]
    other = [write(tmp_path, name, rng.random((3, values[0].shape[1])), dataset="x") for name in names]
    real = comparison([(f"v{i}", f"w{i}") for i in range(3)], list("012"), name="real")
    frame = compare(paths + other, [comparison(pairs, groups), real], SECTION, 0)
    rows = frame[(frame["contrast"] == "language") & (frame["protocol"] == "few_shot")]
    assert len(rows) == 3
    assert set(rows["verdict"]) == set(rows["encoders_verdict"]) == {"identical"}
    assert set(rows["reason"]) == {""}
    np.testing.assert_allclose(rows["effect"], 0, atol=1e-12)
    # They are no comparison: the others of the family are not corrected for them.
    assert one(frame, contrast="real", scope="pooled")["comparisons"] == 1
    assert checked_rows(frame) == len(frame)


def test_a_difference_that_never_varies_is_constant(tmp_path):
    paths = [
        write(tmp_path, f"{side}{i}", np.full((3, 7), level))
        for side, level in (("t", 0.5), ("c", 0.3))
        for i in range(5)
    ]
    frame = compare(paths, [comparison([(f"t{i}", f"c{i}") for i in range(5)], list("01234"))], SECTION, 0)
    assert set(frame["reason"]) == {"constant"}
    assert set(frame["verdict"]) == {"undecided"}
    assert frame[["low", "high", "p_value", "p_equivalence", "p_adjusted"]].isna().all(axis=None)


def test_a_contrast_without_results_of_any_pair_is_logged_for_each_protocol(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logger, "propagate", True)  # a step switches it off
    paths, there = experiment(tmp_path, [0.1, 0.2])
    more, _ = experiment(tmp_path, [0.1, 0.2], protocol="transfer")
    absent = comparison([("a", "b"), ("t0", "b")], name="absent")
    with caplog.at_level("WARNING", logger="wordsight"):
        frame = compare(paths + more, [absent, there], SECTION, 0)
    assert set(frame["contrast"]) == {"language"}
    assert [record.message for record in caplog.records] == [
        f"contrast absent: no pair of models has results of {protocol}"
        for protocol in ("few_shot", "transfer")
    ]


def test_a_protocol_that_some_models_lack_is_told_by_the_log_and_the_counts(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logger, "propagate", True)  # a step switches it off
    paths, contrast = experiment(tmp_path, [0.1, 0.12, 0.11])
    more, _ = experiment(tmp_path, [0.1], protocol="transfer")
    with caplog.at_level("WARNING", logger="wordsight"):
        frame = compare(paths + more, [contrast], SECTION, 0).query("scope == 'pooled'").set_index("protocol")
    assert "contrast language: 1 of 3 pairs have results of transfer on d" in caplog.text
    assert frame["replicates"].to_dict() == {"few_shot": 3, "transfer": 1}
    assert frame["reason"].to_dict() == {"few_shot": "", "transfer": "too few models"}


def test_datasets_of_different_models_are_as_uncertain_together_as_they_are_apart(tmp_path):
    paths, contrast = experiment(tmp_path, [0.1, 0.2, 0.35, 0.1])
    paths = [path for path in paths if path.parent.name[1] in "01"]
    paths += [path for path in experiment(tmp_path, [0.1, 0.2, 0.35, 0.1], dataset="e")[0] if path.parent.name[1] in "23"]  # fmt: skip
    frame = compare(paths, [contrast], SECTION, 0)
    x, y, pooled = frame["stderr"]
    assert pooled == pytest.approx(np.hypot(x, y) / 2)
    assert frame["df"].iloc[2] <= 2
    assert frame["replicates"].tolist() == [2, 2, 2]


@pytest.mark.parametrize("value", [float("nan"), None])
def test_a_nan_is_refused_with_its_file(tmp_path, value):
    paths, contrast = experiment(tmp_path, [0.1, 0.2], items=3)
    whole = read_frame(paths[2])
    table = make_rows(
        model="t1", trial=0, seed=0, items=["i000", "i001", "i002"], values=whole["value"].to_numpy(),
        protocol="few_shot", dataset="d", mode="sound", metric="accuracy",
    )  # fmt: skip
    damaged = table.set_column(SCHEMA.names.index("value"), SCHEMA.field("value"), [[0.5, value, 0.5]])
    write_table(paths[2], damaged)
    with pytest.raises(DataError, match=r"few_shot/t1/d\.parquet: accuracy is NaN for item 'i001'"):
        compare(paths, [contrast], SECTION, 0)


def test_names_with_markup_give_the_numbers_that_plain_names_give(tmp_path):
    strange = ['<b>"t"</b>', r"$\alpha_1$ & 50% {#}", "<script>alert(1)<", "~^|`'"]
    matrices = np.random.default_rng(0).random((4, 2, 10))
    frames = []
    for names, contrast, dataset in (
        (["t0", "c0", "t1", "c1"], "c", "d"),
        (strange, "<i>$x_1$</i>", r"\d{}<"),
    ):
        folder = tmp_path / str(len(frames))
        paths = []
        for place, (name, matrix) in enumerate(zip(names, matrices, strict=True)):
            plain = write(folder, f"m{place}", matrix)
            table = make_table(name, dataset, matrix)
            write_rows(plain, table)
            paths.append(plain)
        pairs = [(names[0], names[1]), (names[2], names[3])]
        frames.append(compare(paths, [comparison(pairs, names[::2], name=contrast)], SECTION, 0))
    assert set(frames[1]["contrast"]) == {"<i>$x_1$</i>"}
    assert frames[1]["dataset"].tolist() == [r"\d{}<", ""]
    exact = ["effect", "low", "high", "p_value", "p_adjusted", "verdict", "reason", "replicates"]
    pd.testing.assert_frame_equal(frames[0][exact], frames[1][exact])


def make_table(model, dataset, matrix):
    """Rows of a model, whatever its name."""
    row = {"protocol": "few_shot", "mode": "sound", "metric": "accuracy", "seed": 0}
    items = [f"i{place}" for place in range(matrix.shape[1])]
    return [
        make_rows(model=model, dataset=dataset, trial=trial, items=items, values=values, **row)
        for trial, values in enumerate(matrix)
    ]


@pytest.mark.slow
def test_two_hundred_models_are_compared(tmp_path):
    rng = np.random.default_rng(5)
    values = {side: 0.5 + shift + 0.02 * rng.normal(size=100) for side, shift in (("t", 0.02), ("c", 0.0))}
    paths = [
        write(tmp_path, f"{side}{i}", [[value] * 3])
        for side in values
        for i, value in enumerate(values[side])
    ]
    pairs = [(f"t{i}", f"c{j}") for i in range(100) for j in range(100)]
    row = one(compare(paths, [comparison(pairs)], SECTION, 0), scope="pooled")
    assert row[["n_pairs", "n_treatments", "n_controls", "replicates"]].tolist() == [10_000, 100, 100, 100]
    assert row["p_value"] == pytest.approx(stats.ttest_ind(values["t"], values["c"], equal_var=False).pvalue)
