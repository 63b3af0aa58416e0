"""Files are whole or not there, and refused when they are something else."""

import os
import re
import subprocess

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from full_disk import full_disk
from wordsight.errors import DataError
from wordsight.files import disk, feature_sets, parquet, unfinished
from wordsight.protocols import rows
from wordsight.seeds import derive_seed


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "card.json"
    disk.write_text(path, "old")

    def fail_half_way():
        with disk.atomic(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["card.json"]


def test_features_survive_the_disk(tmp_path):
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    features = feature_sets.Features(values, np.array([1, 0]), ["b", "ä"], {"model": "m"})
    feature_sets.write_features(tmp_path / "f.safetensors", features)
    again = feature_sets.read_features(tmp_path / "f.safetensors")
    np.testing.assert_array_equal(again.values, values)
    np.testing.assert_array_equal(again.labels, [1, 0])
    assert (again.ids, again.metadata) == (["b", "ä"], {"model": "m"})


@pytest.mark.parametrize("content", [b"", b"<html>login</html>", b"\x00" * 64])
@pytest.mark.parametrize("reader", [feature_sets.read_features, parquet.read_table, disk.read_json])
def test_a_file_of_another_kind_is_named(tmp_path, content, reader):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{path}: is not ") as error:
        reader(path)
    assert "\n" not in str(error.value)


def test_equal_tables_are_equal_bytes(tmp_path):
    table = pa.table({"a": [1, 2], "b": ["x", "y"]})
    for name in "12":
        parquet.write_table(tmp_path / name, table)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    assert parquet.read_table(tmp_path / "1", ["b"]).to_pydict() == {"b": ["x", "y"]}


ROW = {"protocol": "few_shot", "model": "m", "dataset": "d", "mode": "sound", "metric": "accuracy", "seed": 3}


def test_rows_have_one_observation_each():
    table = rows.make_rows(
        **ROW, values=np.array([1.0, 0.0]), items=["a", "b"], trial=2, parameter="shots", setting=5
    )
    assert table.schema == rows.SCHEMA
    assert table.to_pylist()[1] == {
        **ROW,
        "parameter": "shots",
        "setting": 5.0,
        "trial": 2,
        "item": "b",
        "value": 0.0,
    }
    assert rows.make_rows(**ROW, values=[0.5]).to_pylist()[0]["item"] == ""


def test_a_nan_is_refused_with_its_item():
    with pytest.raises(DataError, match="few_shot of m on d: accuracy is NaN for item b"):
        rows.make_rows(**ROW, values=np.array([1.0, np.nan]), items=["a", "b"])


def test_seeds_depend_on_every_name():
    seeds = {
        derive_seed(0),
        derive_seed(1),
        derive_seed(0, "a"),
        derive_seed(0, "a", 1),
        derive_seed(0, "a1"),
    }
    assert len(seeds) == 5
    assert derive_seed(0, "a", 1) == derive_seed(0, "a", 1) < 2**32


WRITERS = {
    "text": lambda path: disk.write_text(path, "x" * 9000),
    "table": lambda path: parquet.write_frame(
        path, pd.DataFrame({"x": np.random.default_rng(0).normal(size=9000)})
    ),
    "features": lambda path: feature_sets.write_features(
        path, feature_sets.Features(np.zeros((9000, 1), np.float32), np.zeros(9000, np.int64), ["i"] * 9000)
    ),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_disk_that_is_full_is_one_line_with_the_file_and_leaves_nothing(tmp_path, kind):
    path = tmp_path / "results" / kind
    with pytest.raises(DataError, match=f"cannot write .*results/{kind}: "), full_disk(1000):
        WRITERS[kind](path)
    assert not list(path.parent.iterdir())


def test_a_file_where_a_folder_belongs_is_named(tmp_path):
    (tmp_path / "results").write_text("in the way")
    with pytest.raises(DataError, match=r"cannot write .*/results: file exists"):
        disk.write_text(tmp_path / "results" / "card.json", "x")


# What several processes write


def test_nobody_takes_away_what_another_process_is_about_to_finish(tmp_path):
    path = tmp_path / "card.json"
    with disk.atomic(path) as one, disk.atomic(path) as other:
        one.write_text("one")
        other.write_text("other")
        assert one != other
    assert path.read_text() == "one"
    assert [file.name for file in tmp_path.iterdir()] == ["card.json"]


def test_what_a_killed_process_left_goes_with_the_next_write_and_no_more(tmp_path):
    dead = subprocess.Popen(["true"])
    dead.wait()
    ours = f"-{os.getpid()}-"
    name = unfinished.name_for(tmp_path / "card.json").name
    left = {
        name.replace(ours, f"-{dead.pid}-"): False,
        name.replace(ours, "-1-"): True,  # of a process that is alive
        re.sub(r"\.\w{8}-", ".ffffffff-", name).replace(ours, f"-{dead.pid}-"): True,  # of another machine
        name.replace("card", "other").replace(ours, f"-{dead.pid}-"): True,  # of another file
        ".card.json.notes.partial": True,
    }
    for file in left:
        (tmp_path / file).write_text("half")
    disk.write_text(tmp_path / "card.json", "whole")
    assert {file: (tmp_path / file).exists() for file in left} == left
