"""Files on disk: whole or not there, and refused when their bytes are not the ones that were recorded."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from wordsight.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


@contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Path to write to; it becomes ``path`` when the block succeeds and vanishes when it fails.

    Raises
    ------
    DataError
        When the file system refuses: it names ``path``.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except (OSError, SafetensorError) as error:  # the latter is how safetensors says that a disk is full
        raise DataError(f"{path}: expected a place to write to ({error})") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def sha256(path: Path | str) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_text(path: Path | str, text: str) -> None:
    """Write ``text`` as UTF-8."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path | str, value: Any) -> None:
    """Write JSON with sorted keys, so that equal values are equal bytes."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: Path | str) -> Any:
    """Read JSON; :class:`DataError` names a file that is none."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: expected a JSON file ({error.strerror})") from None
    except ValueError as error:
        raise DataError(f"{path}: expected a JSON file ({error})") from None


def read_cards(paths: Iterable[Path | str]) -> dict[str, dict[str, Any]]:
    """Cards of models or datasets by name, in the order of the files."""
    return {card["name"]: card for card in map(read_json, paths)}


def write_table(path: Path | str, table: pa.Table, row_group_size: int = 65_536) -> None:
    """Write a Parquet table, compressed with zstd."""
    with atomic(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", row_group_size=row_group_size)


def read_table(path: Path | str, columns: list[str] | None = None) -> pa.Table:
    """Read a Parquet table; :class:`DataError` names a file that is none."""
    try:
        return pq.ParquetFile(path).read(columns=columns)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: expected a Parquet table ({str(error).splitlines()[0]})") from None


def write_frame(path: Path | str, frame: "pd.DataFrame") -> None:
    """Write a data frame as a Parquet table; its index is not kept."""
    write_table(path, pa.Table.from_pandas(frame, preserve_index=False))


def read_frame(path: Path | str) -> "pd.DataFrame":
    """Read what :func:`write_frame` wrote."""
    return read_table(path).to_pandas()


@dataclass(frozen=True)
class Features:
    """Features of the items of one split, in the order of the dataset.

    Attributes
    ----------
    values : float32 array of shape (n, d)
    labels : int64 array of shape (n,), indices into the dataset's classes
    ids : n item ids
    metadata : what the file says of itself (model, dataset, split, provenance digest, speed, memory)
    """

    values: np.ndarray
    labels: np.ndarray
    ids: list[str]
    metadata: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)


def write_features(path: Path | str, features: Features) -> None:
    """Write features, labels, ids and metadata as one safetensors file."""
    tensors: dict[str, np.ndarray] = {
        "features": np.ascontiguousarray(features.values, dtype=np.float32),
        "labels": np.ascontiguousarray(features.labels, dtype=np.int64),
    }
    with atomic(path) as temporary:
        save_file(tensors, temporary, metadata={**features.metadata, "ids": json.dumps(features.ids)})


def read_features(path: Path | str) -> Features:
    """Read what :func:`write_features` wrote; :class:`DataError` names a file that is something else."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
            ids = json.loads(metadata.pop("ids"))
            return Features(file.get_tensor("features"), file.get_tensor("labels"), ids, metadata)
    except (OSError, SafetensorError, KeyError) as error:
        raise DataError(f"{path}: expected a safetensors file of features ({error})") from None
