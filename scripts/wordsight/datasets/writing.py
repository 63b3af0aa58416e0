"""Writing the files of a prepared dataset: whole or not at all, with one row group in memory."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from wordsight.datasets.card import SCHEMA
from wordsight.errors import DataError
from wordsight.files import unfinished
from wordsight.files.disk import cannot_write

ROW_GROUP = 256
ROW_GROUP_BYTES = 64 << 20  # Groups of large photographs have fewer rows, because a group is held in memory.


@contextmanager
def replacing(directory: Path) -> Iterator[Path]:
    """Folder to write to; if the block succeeds, its files move to ``directory``, the card last."""
    folder = unfinished.name_for(directory)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        unfinished.remove_abandoned(directory)
        folder.mkdir()
        yield folder
        directory.mkdir(exist_ok=True)
        (directory / "card.json").unlink(missing_ok=True)
        for file in ("train.parquet", "test.parquet", "card.json"):
            (folder / file).replace(directory / file)
    except OSError as error:
        raise DataError(cannot_write(directory, error)) from None
    finally:
        unfinished.remove(folder)


def write_split(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows of the columns of a split, of which one group is in memory at a time."""
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for group in _row_groups(rows):
            writer.write_table(pa.Table.from_pylist(group, SCHEMA))


def _row_groups(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        group.append(row)
        size += len(row["image"])
        if len(group) == ROW_GROUP or size >= ROW_GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group
