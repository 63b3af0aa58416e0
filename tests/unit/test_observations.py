"""Rows become matrices of trials by items, whatever their order; tables that are not crossed are refused."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from wordsight.errors import DataError
from wordsight.files.parquet import write_table
from wordsight.protocols.rows import SCHEMA, make_rows, write_rows
from wordsight.statistics.observations import read_observations, read_origin

COMMON = {"protocol": "few_shot", "model": "m", "dataset": "d", "mode": "sound", "seed": 3}


def table(values, **changes):
    row = {**COMMON, "metric": "accuracy", "items": [f"i{i}" for i in range(len(values))], **changes}
    return make_rows(values=values, **row)


def write(path, *tables):
    write_rows(path, list(tables))
    return path


def test_the_origin_is_read_from_the_rows(tmp_path):
    path = write(tmp_path / "rows.parquet", table([1.0]))
    origin = read_origin(path)
    assert (origin.protocol, origin.model, origin.dataset, origin.mode) == ("few_shot", "m", "d", "sound")
    assert origin.path == path


def test_cells_are_sorted_and_their_matrices_are_trials_by_items(tmp_path):
    path = write(
        tmp_path / "rows.parquet",
        table([5.0, 6.0], trial=1, parameter="shots", setting=5),
        table([3.0, 4.0], trial=0, parameter="shots", setting=5),
        table([1.0, 2.0], trial=0, parameter="shots", setting=1),
        table([0.5], metric="nmi", items=None, trial=1, seed=9),
        table([0.25], metric="nmi", items=None, trial=0, seed=8),
    )
    one, five, whole = read_observations(path)
    assert (one.metric, one.parameter, one.setting) == ("accuracy", "shots", 1)
    assert one.matrix.tolist() == [[1, 2]]
    assert five.matrix.tolist() == [[3, 4], [5, 6]]
    assert (five.items.tolist(), five.trials.tolist(), five.seeds.tolist()) == (["i0", "i1"], [0, 1], [3, 3])
    assert (whole.metric, whole.items.tolist(), whole.matrix.tolist()) == ("nmi", [], [[0.25], [0.5]])
    assert whole.seeds.tolist() == [8, 9]


def test_the_order_of_rows_and_the_size_of_row_groups_change_nothing(tmp_path):
    rng = np.random.default_rng(0)
    tables = [
        table(rng.random(7), trial=trial, metric=metric, setting=setting)
        for trial in range(3)
        for metric in ("accuracy", "robust_area")
        for setting in (0.1, 0.2)
    ]
    plain = read_observations(write(tmp_path / "plain.parquet", *tables))
    shuffled = pa.concat_tables(tables).take(pa.array(rng.permutation(7 * 12)))
    write_table(tmp_path / "shuffled.parquet", shuffled, row_group_size=10)
    for ours, theirs in zip(plain, read_observations(tmp_path / "shuffled.parquet"), strict=True):
        assert (ours.metric, ours.setting) == (theirs.metric, theirs.setting)
        np.testing.assert_array_equal(ours.matrix, theirs.matrix)
        np.testing.assert_array_equal(ours.items, theirs.items)


def test_cells_agree_with_a_pivot_of_pandas(tmp_path):
    rng = np.random.default_rng(0)
    tables = [table(rng.random(9), trial=trial, setting=setting) for trial in range(4) for setting in (1, 2)]
    frame = pa.concat_tables(tables).to_pandas()
    for observed in read_observations(write(tmp_path / "rows.parquet", *tables)):
        part = frame[frame["setting"] == observed.setting]
        pivot = pd.pivot_table(part, index="trial", columns="item", values="value")
        np.testing.assert_array_equal(observed.matrix, pivot)
        assert observed.items.tolist() == pivot.columns.tolist()


def test_only_the_wanted_metrics_are_read(tmp_path):
    path = write(tmp_path / "rows.parquet", table([1.0]), table([2.0], metric="robust_area"))
    assert [observed.metric for observed in read_observations(path, {"robust_area"})] == ["robust_area"]
    assert read_observations(path, {"nmi"}) == []


def test_a_table_without_rows_has_no_cells_and_no_origin(tmp_path):
    write_table(tmp_path / "rows.parquet", SCHEMA.empty_table())
    assert read_observations(tmp_path / "rows.parquet") == []
    with pytest.raises(DataError, match=r"rows\.parquet: the table is empty"):
        read_origin(tmp_path / "rows.parquet")


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ([table([1.0, 2.0]), table([1.0], trial=1)], "'i1' in trial 1 occurs 0 times"),
        ([table([1.0]), table([1.0])], "'i0' in trial 0 occurs 2 times"),
        ([table([1.0, 2.0], items=["", "a"])], "whole trials, found both"),
    ],
)
def test_a_table_that_is_not_crossed_is_refused_with_file_metric_and_item(tmp_path, tables, message):
    path = write(tmp_path / "rows.parquet", *tables)
    with pytest.raises(DataError, match=rf"rows\.parquet: accuracy: .*{message}"):
        read_observations(path)


def test_a_nan_is_refused_with_its_item(tmp_path):
    values = pa.array([1.0, float("nan")])
    damaged = table([1.0, 2.0]).set_column(SCHEMA.names.index("value"), "value", values)
    write_table(tmp_path / "rows.parquet", damaged)
    with pytest.raises(DataError, match=r"rows\.parquet: accuracy is NaN for item 'i1'"):
        read_observations(tmp_path / "rows.parquet")


@pytest.mark.parametrize("reader", [read_origin, read_observations])
def test_files_of_another_kind_are_named(tmp_path, reader):
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(DataError, match=r"text\.parquet: is not a Parquet table"):
        reader(tmp_path / "text.parquet")
    with pytest.raises(DataError, match=r"absent\.parquet: is not a Parquet table"):
        reader(tmp_path / "absent.parquet")
    write_table(tmp_path / "other.parquet", table([1.0]).drop_columns("trial"))
    with pytest.raises(DataError, match=r"other\.parquet: the column 'trial' is missing"):
        reader(tmp_path / "other.parquet")
