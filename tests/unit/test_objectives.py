"""Means of objectives are those of their seeds, and their intervals count what varies, once it does."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from measures import MEASURES
from wordsight.catalogue.cells import CELLS
from wordsight.config.statistics import StatisticsSection
from wordsight.errors import DataError
from wordsight.files.parquet import read_frame, write_frame
from wordsight.protocols.rows import make_rows, write_rows
from wordsight.statistics import group_means
from wordsight.statistics.comparison import Comparison
from wordsight.statistics.effects import INTERVAL, compare
from wordsight.statistics.group_means import COLUMNS
from wordsight.statistics.paired_effects import Material
from wordsight.tables.joined import objectives_table
from wordsight.tables.schema import checked
from wordsight.tables.schemas import OBJECTIVES

SECTION = StatisticsSection()
describe = partial(group_means.describe, measures=MEASURES, clusters={})
GROUPS = {"own": "own", **{f"simclr-{seed}": "simclr" for seed in range(4)}, "labels-0": "labels"}


def write(folder, model, matrix, **changes):
    """Rows of one model with an observation of each item in each trial: ``matrix`` is trials by items."""
    row = {"protocol": "transfer", "dataset": "d", "mode": "sound", "metric": "accuracy", "seed": 0} | changes
    matrix = np.atleast_2d(matrix)
    items = [f"i{item:03}" for item in range(matrix.shape[1])]
    path = folder / row["protocol"] / model / f"{row['dataset']}.parquet"
    write_rows(
        path,
        [
            make_rows(model=model, trial=t, items=items, values=values, **row)
            for t, values in enumerate(matrix)
        ],
    )
    return path


def only(frame, scope="dataset"):
    found = frame[frame["scope"] == scope]
    assert len(found) == 1
    return found.iloc[0]


def by_dataset(frame):
    return frame[frame["scope"] == "dataset"]


def width(row):
    return row["high"] - row["low"]


def test_the_value_is_the_mean_over_seeds_trials_and_items_and_the_counts_say_of_what(tmp_path):
    values = np.random.default_rng(0).random((4, 3, 50))
    paths = [write(tmp_path, f"simclr-{seed}", matrix) for seed, matrix in enumerate(values)]
    frame = describe(paths, GROUPS, SECTION, 7)
    assert list(frame.columns) == COLUMNS
    row = only(frame)
    assert row["value"] == pytest.approx(values.mean())
    assert row["low"] < row["value"] < row["high"]
    assert row[["group", "seeds", "n_trials", "n_items", "seed"]].tolist() == ["simclr", 4, 3, 50, 7]
    assert row[["resampled", "holds_for"]].tolist() == ["seeds, trials, items", "these models"]


def test_the_interval_over_seeds_alone_is_students(tmp_path):
    seeds = np.random.default_rng(1).normal(0.5, 0.1, size=12)
    groups = {f"m{seed}": "m" for seed in range(12)}
    paths = [write(tmp_path, f"m{seed}", [[value] * 5] * 2) for seed, value in enumerate(seeds)]
    row = only(describe(paths, groups, SECTION, 0))
    expected = stats.t.interval(0.95, 11, seeds.mean(), stats.sem(seeds))
    assert (row["low"], row["high"]) == pytest.approx(expected)
    assert row["holds_for"] == "such models"


def test_the_interval_over_items_alone_is_students_at_the_confidence_of_the_configuration(tmp_path):
    items = np.random.default_rng(6).normal(size=30)
    row = only(describe([write(tmp_path, "own", items)], GROUPS, StatisticsSection(confidence=0.8), 0))
    expected = stats.t.interval(0.8, 29, items.mean(), stats.sem(items))
    assert (row["low"], row["high"]) == pytest.approx(expected)
    assert (row["confidence"], row["interval"]) == (0.8, INTERVAL)


def test_more_seeds_do_not_make_up_for_items_that_are_the_same_for_all(tmp_path):
    items = np.random.default_rng(2).normal(size=100)
    paths = [write(tmp_path, f"simclr-{seed}", items) for seed in range(4)]
    row = only(describe(paths, GROUPS, SECTION, 0))
    assert width(row) == pytest.approx(2 * 1.96 * items.std(ddof=1) / 10, rel=0.1)


def test_images_of_one_concept_count_once(tmp_path):
    concepts = np.random.default_rng(7).normal(size=20)
    alone = only(describe([write(tmp_path / "alone", "own", concepts)], GROUPS, SECTION, 0))
    copies = [write(tmp_path / "copies", "own", np.repeat(concepts, 5))]
    clusters = {"d": {f"i{item:03}": f"concept {item // 5}" for item in range(100)}}
    together = only(describe(copies, GROUPS, SECTION, 0, clusters=clusters))
    assert (together["low"], together["high"]) == pytest.approx((alone["low"], alone["high"]))
    assert together["n_items"] == 100
    assert width(only(describe(copies, GROUPS, SECTION, 0))) < width(together) / 2


def test_a_single_seed_is_not_resampled_and_a_single_observation_has_no_interval(tmp_path):
    paths = [write(tmp_path, "labels-0", [[0.0, 1.0]]), write(tmp_path, "own", [[0.5]])]
    own, labels = by_dataset(describe(paths, GROUPS, SECTION, 0)).to_dict("records")
    assert (labels["resampled"], labels["seeds"]) == ("items", 1)
    assert (own["resampled"], own["value"]) == ("", 0.5)
    assert np.isnan([own["low"], own["high"]]).all()


def test_the_means_of_two_objectives_differ_by_the_effect_of_their_contrast(tmp_path):
    rng = np.random.default_rng(3)
    names = [name for name in GROUPS if name != "own"]
    paths = [write(tmp_path, name, rng.random((2, 30))) for name in names]
    value = by_dataset(describe(paths, GROUPS, SECTION, 0)).set_index("group")["value"]
    pairs = [("labels-0", name) for name in names if name != "labels-0"]
    contrast = Comparison(name="c", pairs=pairs, groups=[""] * len(pairs))
    frame, _ = compare(paths, [contrast], Material(SECTION, 0, MEASURES))
    effect = frame.iloc[0]["effect"]
    assert value["labels"] - value["simclr"] == pytest.approx(effect)


def test_equal_models_have_equal_intervals(tmp_path):
    values = np.random.default_rng(4).random((3, 40))
    paths = [write(tmp_path, name, values) for name in ("own", "labels-0")]
    own, labels = by_dataset(describe(paths, GROUPS, SECTION, 0)).to_dict("records")
    assert (own["low"], own["high"]) == (labels["low"], labels["high"])


def test_rows_come_by_protocol_dataset_setting_and_group_whatever_the_order_of_files(tmp_path):
    rng = np.random.default_rng(5)
    paths = [
        write(tmp_path, model, rng.random((2, 20)), protocol=protocol, dataset=dataset)
        for protocol in ("transfer", "clustering")
        for dataset in ("y", "x")
        for model in ("labels-0", "simclr-1", "simclr-0", "own")
    ]
    frame = describe(paths, GROUPS, SECTION, 0)
    pd.testing.assert_frame_equal(frame, describe(paths[::-1], GROUPS, SECTION, 0))
    expected = [
        [p, d, g] for p in ("clustering", "transfer") for d in "xy" for g in ("own", "simclr", "labels")
    ]
    shown = by_dataset(frame)[["protocol", "dataset", "group"]]
    assert shown.to_numpy().tolist() == expected
    write_frame(tmp_path / "one.parquet", frame)
    write_frame(tmp_path / "two.parquet", describe(paths, GROUPS, SECTION, 0))
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_nothing_is_drawn_so_that_another_seed_changes_its_own_column_alone(tmp_path):
    paths = [
        write(tmp_path, f"simclr-{seed}", np.random.default_rng(seed).random((2, 20))) for seed in (0, 1)
    ]
    zero, one = (describe(paths, GROUPS, SECTION, seed) for seed in (0, 1))
    pd.testing.assert_frame_equal(zero.assign(seed=1), one)


# Means over datasets


def test_over_datasets_a_seed_is_one_draw_and_few_seeds_have_students_interval(tmp_path):
    seeds = np.random.default_rng(7).normal(0.5, 0.1, size=(4, 2))
    paths = [
        write(tmp_path, f"simclr-{seed}", [[value] * 5] * 2, dataset=dataset)
        for seed, values in enumerate(seeds)
        for dataset, value in zip("xy", values, strict=True)
    ]
    row = only(describe(paths, GROUPS, SECTION, 0), "pooled")
    means = seeds.mean(axis=1)
    assert row["value"] == pytest.approx(means.mean())
    assert (row["low"], row["high"]) == pytest.approx(
        stats.t.interval(0.95, 3, means.mean(), stats.sem(means))
    )
    assert row[["dataset", "seeds", "n_datasets", "n_items"]].tolist() == ["", 4, 2, 10]


def test_over_datasets_the_items_of_a_single_model_are_independent_draws(tmp_path):
    items = np.random.default_rng(8).normal(size=(2, 400))
    paths = [
        write(tmp_path, "own", values, dataset=dataset) for dataset, values in zip("xy", items, strict=True)
    ]
    row = only(describe(paths, GROUPS, SECTION, 0), "pooled")
    error = np.sqrt((items.var(axis=1, ddof=1) / 400).sum()) / 2
    assert (row["low"], row["high"]) == pytest.approx(
        (items.mean() - 1.963 * error, items.mean() + 1.963 * error), rel=1e-3
    )


def test_the_mean_is_over_the_datasets_that_all_groups_share_and_never_over_cells(tmp_path):
    rng = np.random.default_rng(9)
    shares = {"own": ["x", "y"], "labels-0": ["y", "z"]}
    paths = [
        write(tmp_path, model, rng.random(20), dataset=name)
        for model, names in shares.items()
        for name in names
    ]
    paths += [
        write(tmp_path, "own", rng.random(20), protocol="cross_style_probe", dataset=cell) for cell in CELLS
    ]
    frame = describe(paths, GROUPS, SECTION, 0)
    pooled = frame[frame["scope"] == "pooled"]
    assert pooled[["protocol", "group", "n_datasets"]].to_numpy().tolist() == [
        ["transfer", "own", 1],
        ["transfer", "labels", 1],
    ]
    on_y = frame[frame["dataset"] == "y"]
    assert pooled["value"].tolist() == pytest.approx(on_y["value"].tolist())
    assert pooled["low"].tolist() == pytest.approx(on_y["low"].tolist())


# What is described


def test_the_curves_of_a_protocol_are_described_at_each_setting_beside_its_primary_metric(tmp_path):
    rows = {"protocol": "corruptions", "model": "own", "dataset": "d", "mode": "sound", "seed": 0}
    rows |= {"values": [1.0, 0.0, 1.0], "items": ["a", "b", "c"]}
    write_rows(
        tmp_path / "own.parquet",
        [
            make_rows(metric="corrupted_accuracy", **rows),
            *(make_rows(metric="accuracy", parameter="severity", setting=s, **rows) for s in (0, 1)),
            make_rows(metric="accuracy", parameter="fog", setting=1, **rows),
        ],
    )
    frame = by_dataset(describe([tmp_path / "own.parquet"], GROUPS, SECTION, 0))
    assert frame[["metric", "parameter", "setting"]].to_numpy().tolist() == [
        ["accuracy", "severity", 0],
        ["accuracy", "severity", 1],
        ["corrupted_accuracy", "", 0],
    ]
    expected = stats.t.interval(0.95, 2, 2 / 3, stats.sem([1, 0, 1]))
    assert frame[["low", "high"]].to_numpy() == pytest.approx(np.array([expected] * 3))


def test_no_other_metric_is_described(tmp_path):
    path = write(tmp_path, "own", [[1.0, 0.0]])
    rows = {"protocol": "transfer", "model": "own", "dataset": "d", "mode": "sound", "seed": 0}
    both = [make_rows(metric=m, values=[1.0, 0.0], items=["a", "b"], **rows) for m in ("accuracy", "nmi")]
    write_rows(path, both)
    assert only(describe([path], GROUPS, SECTION, 0))["metric"] == "accuracy"


def test_each_setting_has_its_row(tmp_path):
    rows = {"protocol": "few_shot", "model": "own", "dataset": "d", "mode": "sound", "metric": "accuracy"}
    tables = [
        make_rows(seed=0, parameter="shots", setting=shots, values=[shots, 0.0], items=["a", "b"], **rows)
        for shots in (5, 1)
    ]
    write_rows(tmp_path / "own.parquet", tables)
    frame = by_dataset(describe([tmp_path / "own.parquet"], GROUPS, SECTION, 0))
    assert frame[["setting", "value"]].to_numpy().tolist() == [[1, 0.5], [5, 2.5]]


def test_an_empty_list_of_files_gives_a_table_of_columns_only(tmp_path):
    write_frame(tmp_path / "objectives.parquet", describe([], GROUPS, SECTION, 0))
    again = read_frame(tmp_path / "objectives.parquet")
    assert list(again.columns) == COLUMNS
    assert again.empty


def test_a_model_without_a_group_and_a_file_given_twice_are_named(tmp_path):
    path = write(tmp_path, "stranger", [[1.0]])
    with pytest.raises(DataError, match=r"stranger/d\.parquet: .* 'stranger' is not in the configuration"):
        describe([path], GROUPS, SECTION, 0)
    path = write(tmp_path, "own", [[1.0]])
    with pytest.raises(DataError, match=r"another file .* transfer, own and d"):
        describe([path, path], GROUPS, SECTION, 0)


def test_seeds_that_were_measured_on_other_items_are_refused(tmp_path):
    paths = [write(tmp_path, "simclr-0", [[1.0, 0.0]]), write(tmp_path, "simclr-1", [[1.0]])]
    with pytest.raises(DataError, match="expected the same items in both"):
        describe(paths, GROUPS, SECTION, 0)


def test_equal_seeds_have_no_interval(tmp_path):
    paths = [write(tmp_path, f"simclr-{seed}", np.full((3, 7), 0.3)) for seed in range(4)]
    row = only(describe(paths, GROUPS, SECTION, 0))
    assert np.isnan([row["low"], row["high"]]).all()


def test_the_table_fits_its_schema(tmp_path):
    paths = [write(tmp_path, name, np.random.default_rng(0).random((2, 20))) for name in GROUPS]
    table = checked(objectives_table(describe(paths, GROUPS, SECTION, 0), {}), OBJECTIVES)
    assert table["group"].tolist() == ["own", "simclr", "labels"] * 2


def test_every_column_of_the_table_is_documented_in_order():
    text = (Path(__file__).resolve().parents[2] / "docs/results.md").read_text(encoding="utf-8")
    section = text.partition("\n## objectives.csv")[2].partition("\n## ")[0]
    documented = re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)
    assert documented == list(objectives_table(describe([], GROUPS, SECTION, 0), {}).columns)
