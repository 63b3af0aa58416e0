"""Tables are held against their schemas: what does not fit is named in one line, and the descriptor tells the rest."""

import json

import numpy as np
import pandas as pd
import pytest

from hand_made import contrasts, effect, objective_means, results, sensitivity, trained_results
from wordsight.errors import DataError
from wordsight.files.disk import write_json
from wordsight.files.hashing import sha256
from wordsight.tables.citation import read_citation
from wordsight.tables.csv import read_csv, write_csv
from wordsight.tables.schemas import CONTRASTS, OBJECTIVES, RESULTS, SCHEMAS, SENSITIVITY, checked, descriptor

ROW = "contrast 'language', protocol 'transfer', mode 'sound', metric 'accuracy', parameter '', setting 0.0"
POOLED = f"({ROW}, scope 'pooled', dataset '')"


def frames():
    return {
        "results": trained_results(),
        "objectives": objective_means(trained_results()),
        "contrasts": contrasts(),
        "sensitivity": pd.DataFrame([sensitivity(), sensitivity("leave one model out", "first")]),
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


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"verdict": "higher"}, "verdict: expected one of 'helps', 'hurts', 'equivalent', 'undecided', not 'higher'"),
        ({"effect": float("nan")}, "effect: expected a number, not an empty cell"),
        ({"p_value": 1.5}, "p_value: expected a number from 0 to 1, not 1.5"),
        ({"stderr": -0.1}, "stderr: expected a number of at least 0, not -0.1"),
        ({"n_items": 0}, "n_items: expected a whole number of at least 1, not 0"),
        ({"interval": ""}, "interval: expected a text that is not empty, not ''"),
        ({"low": 0.25}, "expected low of at most effect"),
        ({"high": 0.15}, "expected effect of at most high"),
        ({"bootstrap_low": 0.4}, "expected bootstrap_low of at most bootstrap_high"),
        ({"control": 0.4}, "expected effect to be treatment minus control"),
        ({"reason": "overlap"}, "expected a reason where the verdict is undecided, and only there"),
        ({"family": ""}, "expected no p_adjusted without a family"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_with_its_row(changes, words):
    with pytest.raises(DataError) as caught:
        checked(contrasts(effect(dataset="shapes"), effect(**changes)), CONTRASTS)
    assert str(caught.value) == f"contrasts.csv: {words} {POOLED}"


@pytest.mark.parametrize(
    ("schema", "frame", "words"),
    [
        (CONTRASTS, contrasts(effect(dataset="shapes", scope="pooled")), "expected a dataset, and none when pooled"),
        (CONTRASTS, contrasts(effect(flags="ceiling; odd")), "expected flags among 'few replicates', 'ceiling'"),
        (SENSITIVITY, pd.DataFrame([sensitivity(left_out="x")]), "expected left_out where one is left out"),
        (SENSITIVITY, pd.DataFrame([sensitivity(heterogeneity=2)]), "heterogeneity: expected a number from 0 to 1"),
        (OBJECTIVES, objective_means(trained_results()).assign(learned=9), "expected learned of at most seeds"),
        (RESULTS, results().assign(training_seed=1), "training_seed where there is an objective"),
        (RESULTS, pd.concat([results(), results().iloc[:1]]), "expected one row of protocol 'clustering'"),
        (RESULTS, results().assign(model=None), "results.csv: model: expected text, but it holds object"),
        (RESULTS, results().assign(n=1.5), "results.csv: n: expected whole numbers, but it holds float64"),
        (RESULTS, results().assign(value="much"), "results.csv: value: expected numbers, but it holds str"),
        (RESULTS, results().assign(robust=0), "results.csv: robust: expected True or False, but it holds int64"),
        (RESULTS, results().drop(columns="unit"), "results.csv: expected a column 'unit'"),
        (RESULTS, results().assign(more=1), "results.csv: expected no column 'more'"),
    ],
)  # fmt: skip
def test_a_table_that_is_wrong_as_a_whole_or_in_several_columns_is_refused_in_one_line(schema, frame, words):
    if "training_seed" in frame:
        frame = frame.astype({"training_seed": "Int64"})
    with pytest.raises(DataError) as caught:
        checked(frame, schema)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


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
    write_json(tmp_path / "datapackage.json", descriptor(tmp_path, read_citation()))
    return tmp_path


def test_the_descriptor_tells_every_table_with_its_digest_and_is_the_same_for_the_same_tables(package):
    text = (package / "datapackage.json").read_bytes()
    write_json(package / "again.json", descriptor(package, read_citation()))
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


def test_the_tables_are_what_the_descriptor_says(package):
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
    contrasts_of = descriptor(package, read_citation())["resources"][2]["schema"]
    fields = {field["name"]: field for field in contrasts_of["fields"]}
    assert fields["p_value"]["unit"] == "of 1"
    assert fields["p_value"]["constraints"] == {"minimum": 0, "maximum": 1}
    assert fields["n_items"]["constraints"] == {"minimum": 1, "required": True}
    assert fields["interval"]["constraints"] == {"minLength": 1}
    assert "constraints" not in fields["flags"]
    assert contrasts_of["primaryKey"][-1] == "dataset"
