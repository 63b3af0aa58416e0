"""A table of the page, and the rows of ``results.csv`` that its numbers lead to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from wordsight.statistics.records import Row

Kind = TypeVar("Kind")
Link = tuple[int, int]  # row and column of a cell

# Titles of columns of text in tables whose titles are always the same.
TEXT = {
    *("dataset", "origin", "licence", "protocol", "verdict", "remarks", "objective", "language"),
    *("own measure", "model", "architecture", "group", "training", "training data", "preprocessing"),
    *("SHA-256 of the source", "SHA-256 of the weights"),
}


@dataclass(frozen=True)
class Table:
    """A table with a row header in its first column.

    Attributes
    ----------
    numeric : places of the columns of numbers
    links : for a cell, the query of the rows of ``results.csv`` behind it
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
    """Table of a row an entry; each column says what it writes of an entry."""
    body = [[write(row) for write in columns.values()] for row in rows]
    numeric = {place for place, title in enumerate(columns) if title not in TEXT}
    return Table(caption, [*columns], body, numeric, dict(links or {}))


def query(**wanted: Any) -> str:
    """Query of rows of ``results.csv``: a column and the value, or one of the values, that it must have.

    >>> query(protocol="few_shot", setting=5.0, dataset=["digits", "faces"])
    'protocol=few_shot&setting=5&dataset=digits&dataset=faces'
    """
    values = {key: f"{value:g}" if isinstance(value, float) else value for key, value in wanted.items()}
    return urlencode(values, doseq=True, quote_via=quote)


def behind(row: Row, dataset: str | list[str], **wanted: str) -> str:
    """Query of the rows of ``results.csv`` that one number is made of."""
    setting = {"setting": row.setting} if row.parameter else {}
    return query(**wanted, protocol=row.protocol, metric=row.metric, dataset=dataset, **setting)
