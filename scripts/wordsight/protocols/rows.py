"""The rows that every protocol writes: one observation each, of one item or of one trial, never a mean."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

from wordsight.errors import DataError
from wordsight.files.parquet import write_table

# One name per column; :mod:`wordsight.catalogue.observed` has their meanings.
SCHEMA = pa.schema(
    [
        ("protocol", pa.string()),
        ("model", pa.string()),
        ("dataset", pa.string()),
        ("mode", pa.string()),  # sound or paper
        ("metric", pa.string()),
        ("parameter", pa.string()),  # what varies inside the protocol: shots, epsilon; empty: nothing
        ("setting", pa.float64()),  # the parameter's value; 0 when nothing varies
        ("trial", pa.int64()),  # index of the draw or seed; the same draw for every model
        ("item", pa.string()),  # item id; empty when the observation is of the whole trial
        ("seed", pa.int64()),
        ("value", pa.float64()),
    ]
)


def make_rows(
    *,
    protocol: str,
    model: str,
    dataset: str,
    mode: str,
    metric: str,
    seed: int,
    values: np.ndarray | Iterable[float],
    trial: int = 0,
    items: list[str] | None = None,
    parameter: str = "",
    setting: float = 0.0,
) -> pa.Table:
    """Rows of one metric for one trial.

    Parameters
    ----------
    values : array of shape (n,)
        One observation per item, or a single one of the whole trial when ``items`` is None.
    items : n item ids, optional

    Raises
    ------
    DataError
        When a value is NaN; it names protocol, model, dataset, metric and item.
    """
    values = np.asarray(list(values) if not isinstance(values, np.ndarray) else values, dtype=np.float64)
    items = [""] * len(values) if items is None else items
    if np.isnan(values).any():
        item = items[int(np.isnan(values).argmax())]
        raise DataError(
            f"{protocol} of {model} on {dataset}: {metric} is NaN{f' for item {item}' if item else ''}"
        )
    constants = {
        "protocol": protocol,
        "model": model,
        "dataset": dataset,
        "mode": mode,
        "metric": metric,
        "parameter": parameter,
        "setting": float(setting),
        "trial": trial,
        "seed": seed,
    }
    columns = {"item": pa.array(items, pa.string()), "value": pa.array(values)}
    columns |= {
        name: pa.array([value] * len(values), SCHEMA.field(name).type) for name, value in constants.items()
    }
    return pa.Table.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def of_dataset(tables: list[pa.Table], dataset: str) -> list[pa.Table]:
    """Tables of ``dataset``, out of tables that are each of one dataset or cell."""
    return [table for table in tables if table["dataset"][0].as_py() == dataset]


def write_rows(path: Path | str, tables: list[pa.Table]) -> None:
    """Write the rows of one protocol, model and dataset."""
    write_table(path, pa.concat_tables(tables))
