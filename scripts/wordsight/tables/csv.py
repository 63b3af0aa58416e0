"""Writes the tables that people read as CSV files, and reads them back."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from wordsight.errors import DataError
from wordsight.files.disk import write_text
from wordsight.tables.schema import checked
from wordsight.tables.schemas import SCHEMAS, columns_of, may_be_missing


def write_tables(frames: Mapping[str, pd.DataFrame], paths: Mapping[str, Path | str]) -> None:
    """Write tables, by name, after all of them were checked against their schemas.

    Raises
    ------
    DataError
        As :func:`wordsight.tables.schema.checked`; then no table is written.
    """
    tables = {name: checked(frame, SCHEMAS[name]) for name, frame in frames.items()}
    for name, table in tables.items():
        write_csv(paths[name], table)


def write_csv(path: Path | str, frame: pd.DataFrame) -> None:
    """Write a table as UTF-8 CSV with six significant digits, so that equal tables give equal bytes."""
    write_text(path, frame.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def read_csv(path: Path | str) -> pd.DataFrame:
    """Read a table that :func:`write_csv` wrote; raises :class:`DataError` if the file can't be read."""
    counts = may_be_missing("count")
    try:
        return pd.read_csv(
            path,
            # Text stays as written, since a model may be called `null` and a dataset `01`. Truth values get
            # their type even in a table without rows, so that they can select rows.
            dtype=dict.fromkeys(columns_of("text"), str)
            | dict.fromkeys(columns_of("truth"), bool)
            | dict.fromkeys(counts, "Int64"),
            keep_default_na=False,
            na_values={name: [""] for name in counts | may_be_missing("number")},
        )
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as a table ({error})") from None
