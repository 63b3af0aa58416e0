"""What is generated of the documentation is what the code says, and lands in its place."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from wordsight.catalogue import display, observed
from wordsight.catalogue.objectives import OBJECTIVES
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.catalogue.section import Count, Section
from wordsight.errors import DataError
from wordsight.protocols.rows import SCHEMA
from wordsight.tables.schemas import SCHEMAS
from wordsight.workflow import documentation, keys, markdown

ROOT = Path(__file__).resolve().parents[2]
FILES = documentation.files()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_generated_is_up_to_date(path):
    assert path.read_text(encoding="utf-8") == FILES[path], (
        f"{path.name} differs from the code: run `make lock`"
    )


def cells(table):
    """Cells of the rows of tables, by the name in the first one."""
    lines = [line.strip("|").split(" | ") for line in table.splitlines() if line.startswith("| `")]
    return {first.strip(" `"): [cell.strip() for cell in others] for first, *others in lines}


def test_every_column_metric_flag_cell_protocol_and_objective_has_a_row():
    parts = documentation.results()
    for schema in SCHEMAS.values():
        assert list(cells(parts[schema.file])) == schema.names
    assert list(cells(parts["rows"])) == SCHEMA.names == list(observed.COLUMNS)
    assert set(cells(parts["metrics"])) == set(display.METRICS)
    assert tuple(cells(parts["flags"])) == tuple(display.FLAGS)
    assert tuple(cells(parts["cells"])) == tuple(display.CELLS)
    protocols = documentation.protocols()
    assert all(f"| `{name}` | {record.question} |" in protocols for name, record in PROTOCOLS.items())
    assert list(cells(documentation.objectives())) == list(OBJECTIVES)


class Budget(Section):
    """What may be spent."""

    steps: Count = Field(description="Steps.")
    rate: Annotated[float, Field(ge=0, lt=1)] = Field(default=0.1, description="Rate,\nin a line | of two.")


class Example(Section):
    """Keys of every kind."""

    title: str | None = Field(default=None, description="Title.")
    kind: Literal["a", "b"] = Field(default="b", description="Kind.")
    sizes: list[Count] | Count = Field(default=[1, 2], description="Sizes.")
    mean: tuple[float, float] = Field(description="Mean.")
    budget: Budget = Field(description="Budget.")
    others: dict[str, Budget] = Field(default={}, description="Others.")


def test_keys_have_their_values_defaults_and_those_of_the_sections_below():
    schema = Example.model_json_schema()
    rows = [tuple(row) for row in keys.Keys(schema).rows(keys.keys_of(schema))]
    assert rows == [
        ("`mean`", "list of 2 numbers", "required", "Mean."),
        ("`budget`", "keys below", "required", "Budget."),
        ("`budget.steps`", "whole number from 1", "required", "Steps."),
        ("`budget.rate`", "number from 0 and below 1", "`0.1`", "Rate,\nin a line | of two."),
        ("`title`", "text", "none", "Title."),
        ("`kind`", "`a` or `b`", "`b`", "Kind."),
        ("`sizes`", "list of whole numbers from 1 or whole number from 1", "`[1, 2]`", "Sizes."),
        ("`others`", "keys below for each name", "none", "Others."),
        ("`others.<name>.steps`", "whole number from 1", "required", "Steps."),
        ("`others.<name>.rate`", "number from 0 and below 1", "`0.1`", "Rate,\nin a line | of two."),
    ]
    lines = markdown.table(keys.Row._fields, rows).splitlines()
    assert len(lines) == len(rows) + 2
    assert {line.replace(r"\|", "").count("|") for line in lines} == {5}


def test_a_key_is_shared_when_most_sections_have_it_in_one_way_and_listed_where_they_have_not():
    def section(**names):
        return {"properties": {name: {"default": default} for name, default in names.items()}}

    one, two, three = section(a=1, b=1, c=1), section(a=1, b=2, d=1), section(a=1, b=2)
    common = keys.shared([one, two, three])
    assert {name: key["default"] for name, key in common.items()} == {"a": 1, "b": 2}
    assert [set(keys.own(part, common)) for part in (one, two, three)] == [{"b", "c"}, {"d"}, set()]


TEXT = (
    "By hand.\n<!-- generated: a -->\nold\n<!-- end -->\nIn between.\n<!-- generated: b -->\n<!-- end -->\n"
)


def test_parts_take_their_places_and_stay_there():
    once = documentation.filled(TEXT, {"a": "A \\1\n", "b": "B\n"}, "x.md")
    assert once == (
        "By hand.\n<!-- generated: a -->\n\nA \\1\n\n<!-- end -->\n"
        "In between.\n<!-- generated: b -->\n\nB\n\n<!-- end -->\n"
    )
    assert documentation.filled(once, {"a": "A \\1\n", "b": "B\n"}, "x.md") == once


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (TEXT.replace("<!-- generated: b -->\n", ""), "b"),
        (TEXT.replace("old\n<!-- end -->\n", ""), "b"),
        (TEXT.removesuffix("<!-- end -->\n"), "b"),
        (TEXT + TEXT, "a"),
        (TEXT + "<!-- generated: c -->\n<!-- end -->\n", "c"),
    ],
    ids=["no beginning", "no end", "no last end", "twice", "unknown"],
)
def test_a_part_without_its_place_is_an_error_that_names_it(text, part):
    with pytest.raises(DataError, match=rf"^x\.md: .*'{part}'"):
        documentation.filled(text, {"a": "A", "b": "B"}, "x.md")


@pytest.fixture
def copy(tmp_path):
    for folder in ("scripts/wordsight", "config", "docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "uv.lock", tmp_path)
    return tmp_path


def run(project):
    command = [sys.executable, "-m", "wordsight.workflow.documentation"]
    return subprocess.run(
        command, cwd=project, env={"PYTHONPATH": "scripts"}, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_an_edit_of_the_code_reaches_all_documents_or_none(copy):
    record = copy / "scripts/wordsight/catalogue/protocols/few_shot.py"
    record.write_text(record.read_text(encoding="utf-8").replace("Draws of those images", "Draws | of them"))
    method = copy / "docs/method.md"
    whole = method.read_text(encoding="utf-8")
    method.write_text(whole.replace("<!-- generated: protocols -->\n", ""), encoding="utf-8")
    before = (copy / "config/README.md").read_bytes(), (copy / "config/schema.json").read_bytes()
    done = run(copy)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("wordsight: error: docs/method.md: ")
    assert ((copy / "config/README.md").read_bytes(), (copy / "config/schema.json").read_bytes()) == before

    method.write_text(whole, encoding="utf-8")
    done = run(copy)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert r"Draws \| of them" in (copy / "config/README.md").read_text(encoding="utf-8")
    schema = json.loads((copy / "config/schema.json").read_text(encoding="utf-8"))
    assert "Draws | of them" in schema["$defs"]["FewShotSection"]["properties"]["trials"]["description"]
    assert method.read_text(encoding="utf-8") == whole
