"""Tables are checked against their schemas; an error is one line; the descriptor describes every table."""

import json

import numpy as np
import pandas as pd
import pytest

import snapshots
from hand_made import (
    contrasts,
    effect,
    objective_means,
    plan_row,
    recall_row,
    results,
    sensitivity,
    trained_results,
)
from wordsight.config.contrasts import Conclusion
from wordsight.config.statistics import StatisticsSection
from wordsight.errors import DataError
from wordsight.files.disk import write_json
from wordsight.files.hashing import sha256
from wordsight.statistics.conclusions import conclude
from wordsight.tables.citation import read_citation
from wordsight.tables.csv import read_csv, write_csv
from wordsight.tables.schema import checked, descriptor
from wordsight.tables.schemas import CONTRASTS, OBJECTIVES, RESULTS, SCHEMAS, SENSITIVITY

ROW = "contrast 'language', protocol 'transfer', mode 'sound', metric 'accuracy', parameter '', setting 0.0"
POOLED = f"({ROW}, scope 'pooled', dataset '')"


def frames():
    return {
        "results": trained_results(),
        "objectives": objective_means(trained_results()),
        "contrasts": contrasts(),
        "sensitivity": pd.DataFrame([sensitivity(), sensitivity("leave one model out", "first")]),
        "conclusions": conclude(
            contrasts(), {"meaning": Conclusion(helps=["language"])}, StatisticsSection()
        ),
        "plan": pd.DataFrame([plan_row()]),
        "recall": pd.DataFrame([recall_row(), recall_row(label=1, n=1, stderr=float("nan"))]),
    }


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_table_that_fits_passes_and_still_fits_when_it_is_read_back(name, tmp_path):
    schema = SCHEMAS[name]
    given = frames()[name]
    table = checked(given[given.columns[::-1]], schema)
    assert list(table.columns) == schema.names
    write_csv(tmp_path / schema.file, table)
    pd.testing.assert_frame_equal(
        checked(read_csv(tmp_path / schema.file), schema), table, rtol=1e-5, check_dtype=False
    )


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_a_table_without_a_row_passes(schema):
    assert checked(pd.DataFrame(columns=schema.names), schema).empty


# A row that does not fit: its change, and what the error names beside the row.
ROWS = {
    "a text of no choice": ({"verdict": "higher"}, "verdict"),
    "an empty cell": ({"effect": float("nan")}, "effect"),
    "above its range": ({"p_value": 1.5}, "p_value"),
    "below its range": ({"stderr": -0.1}, "stderr"),
    "too small a count": ({"n_items": 0}, "n_items"),
    "an empty text": ({"interval": ""}, "interval"),
    "low above the effect": ({"low": 0.25}, "low"),
    "high below the effect": ({"high": 0.15}, "high"),
    "bootstrap ends in the wrong order": ({"bootstrap_low": 0.4}, "bootstrap_low"),
    "an effect that is no difference": ({"control": 0.4}, "control"),
    "a reason for a verdict": ({"reason": "overlap"}, "reason"),
    "deciding without a family": ({"family": "", "decides": True}, "family"),
    "a correction where nothing is decided": ({"family": "", "p_adjusted": 0.1}, "p_adjusted"),
}
# A table that does not fit: its schema, and what the error names.
TABLES = {
    "a pooled row of a dataset": (CONTRASTS, contrasts(effect(dataset="shapes", scope="pooled")), "dataset"),
    "an unknown flag": (CONTRASTS, contrasts(effect(flags="ceiling; odd")), "flags"),
    "left out of nothing": (SENSITIVITY, pd.DataFrame([sensitivity(left_out="x")]), "left_out"),
    "above its range": (SENSITIVITY, pd.DataFrame([sensitivity(heterogeneity=2)]), "heterogeneity"),
    "more learned than trained": (
        OBJECTIVES,
        objective_means(trained_results()).assign(learned=9),
        "learned",
    ),
    "a seed without an objective": (RESULTS, results().assign(training_seed=1), "training_seed"),
    "a row twice": (RESULTS, pd.concat([results(), results().iloc[:1]]), "clustering"),
    "no text": (RESULTS, results().assign(model=None), "model"),
    "no whole numbers": (RESULTS, results().assign(n=1.5), "n: "),
    "no numbers": (RESULTS, results().assign(value="much"), "value"),
    "neither true nor false": (RESULTS, results().assign(robust=0), "robust"),
    "a column too few": (RESULTS, results().drop(columns="unit"), "'unit'"),
    "a column too many": (RESULTS, results().assign(more=1), "'more'"),
}


def refused(frame, schema):
    if "training_seed" in frame:
        frame = frame.astype({"training_seed": "Int64"})
    with pytest.raises(DataError) as caught:
        checked(frame, schema)
    return str(caught.value)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_that_does_not_fit_is_named_with_its_table_and_column(name):
    changes, column = ROWS[name]
    error = refused(contrasts(effect(dataset="shapes"), effect(**changes)), CONTRASTS)
    assert error.startswith("contrasts.csv: ")
    assert error.endswith(POOLED)
    assert column in error.removesuffix(POOLED)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_does_not_fit_is_named_with_what_is_wrong_in_one_line(name):
    schema, frame, named = TABLES[name]
    error = refused(frame, schema)
    assert error.startswith(f"{schema.file}: ")
    assert named in error
    assert "\n" not in error


def test_the_words_of_the_errors():
    said = {name: refused(contrasts(effect(**changes)), CONTRASTS) for name, (changes, _) in ROWS.items()}
    tables = {f"{name}, {schema.file}": refused(frame, schema) for name, (schema, frame, _) in TABLES.items()}
    snapshots.check("table_errors", snapshots.listed(said | tables))


def test_a_column_has_one_kind_in_all_tables():
    kinds = {}
    for schema in SCHEMAS.values():
        for column in schema.columns:
            assert kinds.setdefault(column.name, column.kind) == column.kind
        assert set(schema.key) <= set(schema.names)


@pytest.fixture
def package(tmp_path):
    for name, frame in frames().items():
        write_csv(tmp_path / SCHEMAS[name].file, checked(frame, SCHEMAS[name]))
    write_json(tmp_path / "datapackage.json", descriptor(SCHEMAS.values(), tmp_path, read_citation()))
    return tmp_path


def test_the_descriptor_tells_every_table_with_its_digest_and_is_the_same_for_the_same_tables(package):
    text = (package / "datapackage.json").read_bytes()
    write_json(package / "again.json", descriptor(SCHEMAS.values(), package, read_citation()))
    assert (package / "again.json").read_bytes() == text
    told = json.loads(text)
    assert (told["version"], told["licenses"]) == ("0.1.0", [{"name": "Apache-2.0"}])
    assert {resource["path"] for resource in told["resources"]} == {s.file for s in SCHEMAS.values()}
    for resource in told["resources"]:
        assert resource["hash"] == f"sha256:{sha256(package / resource['path'])}"
        assert resource["bytes"] == (package / resource["path"]).stat().st_size


READERS = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": {"True": True, "False": False}.__getitem__,
}


def test_the_tables_match_the_descriptor(package):
    for resource in json.loads((package / "datapackage.json").read_text(encoding="utf-8"))["resources"]:
        schema = resource["schema"]
        raw = pd.read_csv(package / resource["path"], dtype=str, keep_default_na=False)
        assert list(raw.columns) == [field["name"] for field in schema["fields"]]
        assert not raw.duplicated(schema["primaryKey"]).any()
        for field in schema["fields"]:
            cells = raw[field["name"]]
            limits = field.get("constraints", {})
            missing = cells.isin(field.get("missingValues", schema["missingValues"]))
            assert not (limits.get("required") and missing.any())
            values = [READERS[field["type"]](cell) for cell in cells[~missing]]
            if field["type"] in ("integer", "number") and values:
                assert min(values) >= limits.get("minimum", -np.inf)
                assert max(values) <= limits.get("maximum", np.inf)
            assert "enum" not in limits or set(values) <= set(limits["enum"])
            assert len(field["description"]) > 3


def test_units_and_ranges_of_the_descriptor_are_those_of_the_columns(package):
    contrasts_of = descriptor(SCHEMAS.values(), package, read_citation())["resources"][2]["schema"]
    fields = {field["name"]: field for field in contrasts_of["fields"]}
    assert fields["p_value"]["unit"] == "of 1"
    assert fields["p_value"]["constraints"] == {"minimum": 0, "maximum": 1}
    assert fields["n_items"]["constraints"] == {"minimum": 1, "required": True}
    assert fields["interval"]["constraints"] == {"minLength": 1}
    assert "constraints" not in fields["flags"]
    assert contrasts_of["primaryKey"][-1] == "dataset"
