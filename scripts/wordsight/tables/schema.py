"""What a table is: its columns and their allowed values, how it is checked, and its descriptor."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from pandas.api import types

from wordsight.errors import DataError
from wordsight.files.hashing import sha256

if TYPE_CHECKING:
    import pandera.pandas as pa

Kind = Literal["text", "number", "count", "truth"]
# For each kind: its name in a Frictionless field, its name in an error, and whether a pandas column has it.
FIELD_TYPES: dict[Kind, str] = {
    "text": "string",
    "number": "number",
    "count": "integer",
    "truth": "boolean",
}
WORDS: dict[Kind, str] = {
    "text": "text",
    "number": "numbers",
    "count": "whole numbers",
    "truth": "True or False",
}
IS_KIND: dict[Kind, Callable[[pd.Series], bool]] = {
    "text": lambda column: bool(column.map(lambda value: isinstance(value, str)).all()),
    "number": types.is_numeric_dtype,
    "count": types.is_integer_dtype,
    "truth": types.is_bool_dtype,
}


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    unit : empty for text and for plain numbers
    choices : the allowed texts; any text when empty
    low, high : smallest and largest allowed number
    missing : whether a cell may be empty
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    low: float = -inf
    high: float = inf
    missing: bool = False

    @property
    def expected(self) -> str:
        """Words for what a single value must be.

        >>> Column("p", "number", "", low=0, high=1).expected
        'a number from 0 to 1'
        """
        if self.choices:
            return f"one of {', '.join(map(repr, self.choices))}"
        if self.kind == "text":
            return "a text that is not empty"
        name = {"number": "a number", "count": "a whole number", "truth": "True or False"}[self.kind]
        ends = (np.isfinite(self.low), np.isfinite(self.high))
        span = {
            (True, True): f" from {self.low:g} to {self.high:g}",
            (True, False): f" of at least {self.low:g}",
            (False, True): f" of at most {self.high:g}",
        }
        return name + span.get(ends, "")


@dataclass(frozen=True)
class Rule:
    """A condition on several columns of a row.

    Attributes
    ----------
    expected : the condition in words, which follow "expected" in an error
    holds : for each row, whether it meets the condition
    """

    expected: str
    holds: Callable[[pd.DataFrame], pd.Series]


@dataclass(frozen=True)
class Schema:
    """A table: its columns in order, the columns that identify a row, and conditions on several columns."""

    name: str
    title: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    rules: tuple[Rule, ...] = ()

    @property
    def file(self) -> str:
        """Name of its file."""
        return f"{self.name}.csv"

    @property
    def names(self) -> list[str]:
        """Names of its columns, in order."""
        return [column.name for column in self.columns]


def text(name: str, meaning: str, choices: tuple[str, ...] = (), *, missing: bool = False) -> Column:
    """Column of text."""
    return Column(name, "text", meaning, choices=choices, missing=missing)


def number(
    name: str, unit: str, meaning: str, low: float = -inf, high: float = inf, *, missing: bool = False
) -> Column:
    """Column of numbers."""
    return Column(name, "number", meaning, unit, low=low, high=high, missing=missing)


def count(name: str, unit: str, meaning: str, low: float = 1, *, missing: bool = False) -> Column:
    """Column of whole numbers."""
    return Column(name, "count", meaning, unit, low=low, missing=missing)


def truth(name: str, meaning: str) -> Column:
    """Column of ``True`` and ``False``."""
    return Column(name, "truth", meaning)


def ordered(low: str, high: str) -> Rule:
    """Rule that ``low`` is at most ``high``, where both are known."""
    return Rule(f"{low} to be at most {high}", lambda rows: ~(rows[low] > rows[high]))


def checked(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Check a table and put its columns in order.

    Raises
    ------
    DataError
        At the first violation. The error names table, column, row, what was expected and what was found.
    """
    import pandera.pandas as pa  # takes half a second, and only the step that writes the tables needs it

    absent = [name for name in schema.names if name not in frame]
    unknown = [name for name in frame if name not in schema.names]
    if absent or unknown:
        wrong = f"the column {absent[0]!r} is missing" if absent else f"unknown column {unknown[0]!r}"
        raise DataError(f"{schema.file}: {wrong}")
    frame = frame[schema.names].reset_index(drop=True)
    if len(frame):  # the columns of an empty table have no type
        try:
            as_pandera(schema).validate(frame, lazy=True)
        except pa.errors.SchemaErrors as error:
            raise DataError(_first(error.failure_cases, frame, schema)) from None
    return frame


def as_pandera(schema: Schema) -> "pa.DataFrameSchema":
    """The same schema for pandera."""
    import pandera.pandas as pa

    columns = {
        column.name: pa.Column(
            checks=[
                pa.Check(IS_KIND[column.kind], error=WORDS[column.kind], ignore_na=False),
                pa.Check(_allowed(column), error=column.expected),
            ],
            nullable=column.missing and column.kind != "text",
            description=column.meaning,
            metadata={"unit": column.unit},
        )
        for column in schema.columns
    }
    rules = [pa.Check(rule.holds, error=rule.expected, ignore_na=False) for rule in schema.rules]
    return pa.DataFrameSchema(columns, checks=rules, unique=list(schema.key), strict=True, ordered=True)


def _allowed(column: Column) -> Callable[[pd.Series], pd.Series]:
    """Check that each cell has an allowed value; another check finds cells of the wrong kind."""

    def allowed(cells: pd.Series) -> pd.Series:
        if column.choices:
            return cells.isin(column.choices)
        if column.kind == "text":
            return (cells != "") | column.missing
        if not types.is_numeric_dtype(cells):
            return pd.Series(True, cells.index)
        return (cells >= column.low) & (cells <= column.high)

    return allowed


def _first(cases: pd.DataFrame, frame: pd.DataFrame, schema: Schema) -> str:
    """Error message for the first violation: by a whole column, else by a cell, else by a row."""

    def order(case: Mapping[Hashable, Any]) -> tuple[bool, bool, float, int]:
        whole = pd.isna(case["index"])
        return (
            case["schema_context"] != "Column",
            not whole,
            0 if whole else case["index"],
            place[case["column"]],
        )

    place = {name: index for index, name in enumerate(schema.names)}
    case = min(cases.to_dict("records"), key=order)
    column = schema.columns[place[case["column"]]]
    if pd.isna(case["index"]):
        return (
            f"{schema.file}: {column.name}: expected {case['check']}, but it holds {frame[column.name].dtype}"
        )
    row = frame.iloc[int(case["index"])]
    where = ", ".join(f"{name} {_shown(row[name])}" for name in schema.key)
    if case["check"] == "multiple_fields_uniqueness":
        return f"{schema.file}: several rows of {where}, expected one"
    if case["schema_context"] != "Column":
        return f"{schema.file}: expected {case['check']} ({where})"
    return (
        f"{schema.file}: {column.name}: expected {column.expected}, not {_shown(row[column.name])} ({where})"
    )


def _shown(value: Any) -> str:
    if pd.isna(value):
        return "an empty cell"
    return repr(value) if isinstance(value, str) else str(value)


def descriptor(schemas: Iterable[Schema], folder: Path | str, citation: Mapping[str, Any]) -> dict[str, Any]:
    """Frictionless Data Package of the tables in a folder, https://datapackage.org/standard/data-package/.

    Parameters
    ----------
    citation : values of ``CITATION.cff``

    Returns
    -------
    dict
        Values of ``datapackage.json``; the same for the same tables.
    """
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": f"{citation['title']}-results",
        "title": f"Results of {citation['title']}",
        "description": citation["abstract"].strip(),
        "version": str(citation["version"]),
        "licenses": [{"name": citation["license"]}],
        "resources": [_resource(Path(folder), schema) for schema in schemas],
    }


def _resource(folder: Path, schema: Schema) -> dict[str, Any]:
    path = folder / schema.file
    return {
        "name": schema.name,
        "type": "table",
        "path": schema.file,
        "title": schema.title,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": path.stat().st_size,
        "hash": f"sha256:{sha256(path)}",
        "schema": {
            "fields": [_field(column) for column in schema.columns],
            "missingValues": [""],
            "primaryKey": list(schema.key),
        },
    }


def _field(column: Column) -> dict[str, Any]:
    """Field of a table's schema; in text an empty cell is a value, elsewhere it is missing."""
    limits = {"minimum": column.low, "maximum": column.high}
    constraints: dict[str, Any] = {name: limit for name, limit in limits.items() if np.isfinite(limit)}
    if column.kind == "text":
        constraints |= {"enum": list(column.choices)} if column.choices else {}
        constraints |= {} if column.missing or column.choices else {"minLength": 1}
    elif not column.missing:
        constraints |= {"required": True}
    return {
        "name": column.name,
        "type": FIELD_TYPES[column.kind],
        "description": column.meaning,
        **({"unit": column.unit} if column.unit else {}),
        **({"missingValues": []} if column.kind == "text" else {}),
        **({"constraints": constraints} if constraints else {}),
    }
