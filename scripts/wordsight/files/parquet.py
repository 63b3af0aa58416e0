"""Tables in Parquet files."""

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from wordsight.errors import DataError
from wordsight.files.disk import atomic

if TYPE_CHECKING:
    import pandas as pd


def write_table(path: Path | str, table: pa.Table, row_group_size: int = 65_536) -> None:
    """Write a Parquet table, compressed with zstd."""
    with atomic(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", row_group_size=row_group_size)


def read_table(path: Path | str, columns: list[str] | None = None) -> pa.Table:
    """Read a Parquet table; raises :class:`DataError` if the file is missing or not such a table."""
    try:
        return pq.ParquetFile(path).read(columns=columns)
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"{path}: is not a Parquet table, or is damaged ({str(error).splitlines()[0]})"
        ) from None


def write_frame(path: Path | str, frame: "pd.DataFrame") -> None:
    """Write a data frame as a Parquet table; its index is not kept."""
    write_table(path, pa.Table.from_pandas(frame, preserve_index=False))


def read_frame(path: Path | str) -> "pd.DataFrame":
    """Read a Parquet table as a data frame; raises as :func:`read_table`."""
    return read_table(path).to_pandas()
