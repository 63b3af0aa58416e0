"""A table of the page, with links from its numbers to rows of ``results.csv``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from wordsight.statistics.records import Row

Kind = TypeVar("Kind")
Link = tuple[int, int]  # row and column of a cell

# Titles of the text columns in tables with fixed titles.
TEXT = {
    *("dataset", "origin", "licence", "protocol", "verdict", "remarks", "objective", "language"),
    *("own measure", "model", "architecture", "group", "training", "training data", "preprocessing"),
    *("SHA-256 of the source", "SHA-256 of the weights", "because"),
}


@dataclass(frozen=True)
class Table:
    """A table with a row header in its first column.

    Attributes
    ----------
    numeric : indices of the columns that hold numbers
    links : for a cell, the query that finds the rows of ``results.csv`` it was computed from
    """

    caption: str
    columns: list[str]
    rows: list[list[str]]
    numeric: set[int] = field(default_factory=set)
    links: dict[Link, str] = field(default_factory=dict)


def tabulated(
    caption: str,
    columns: Mapping[str, Callable[[Kind], str]],
    rows: Sequence[Kind],
    links: Mapping[Link, str] | None = None,
) -> Table:
    """Table with one row for each entry of ``rows``; each column has a function that writes its cell."""
    body = [[write(row) for write in columns.values()] for row in rows]
    numeric = {place for place, title in enumerate(columns) if title not in TEXT}
    return Table(caption, [*columns], body, numeric, dict(links or {}))


def query(**wanted: Any) -> str:
    """Query that selects rows of ``results.csv`` by the values of columns; a list allows any of its values.

    >>> query(protocol="few_shot", setting=5.0, dataset=["digits", "faces"])
    'protocol=few_shot&setting=5&dataset=digits&dataset=faces'
    """
    values = {key: f"{value:g}" if isinstance(value, float) else value for key, value in wanted.items()}
    return urlencode(values, doseq=True, quote_via=quote)


def behind(row: Row, dataset: str | list[str], **wanted: str) -> str:
    """Query for the rows of ``results.csv`` that one number was computed from."""
    setting = {"setting": row.setting} if row.parameter else {}
    return query(**wanted, protocol=row.protocol, metric=row.metric, dataset=dataset, **setting)
