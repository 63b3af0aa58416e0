"""Observations of one protocol, model and dataset, as matrices of trials by items."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wordsight.errors import DataError
from wordsight.protocols.rows import SCHEMA

COLUMNS = ["metric", "parameter", "setting", "trial", "item", "seed", "value"]
Clusters = Mapping[str, str]  # of each item that belongs to one
STRINGS = [field.name for field in SCHEMA if field.type == pa.string()]


@dataclass(frozen=True)
class Origin:
    """A file of observations, with the protocol, model, dataset and mode that it names."""

    path: Path
    protocol: str
    model: str
    dataset: str
    mode: str


@dataclass(frozen=True)
class Observations:
    """Observations of one metric at one setting.

    Attributes
    ----------
    items : sorted item ids, of shape (n,); empty for a metric of the whole trial
    trials, seeds : int64 arrays of shape (t,), sorted by trial
    matrix : float64 array of shape (t, n), or (t, 1) without items
    """

    metric: str
    parameter: str
    setting: float
    items: np.ndarray
    trials: np.ndarray
    seeds: np.ndarray
    matrix: np.ndarray


def read_origin(path: Path | str) -> Origin:
    """Read protocol, model, dataset and mode from the first row of a file.

    Raises
    ------
    DataError
        When the file is not a table of rows, or is empty.
    """
    names = ["protocol", "model", "dataset", "mode"]
    batch = next(_batches(Path(path), names, batch_size=1), None)
    if batch is None:
        raise DataError(f"{path}: the table is empty")
    return Origin(Path(path), *(batch.column(name)[0].as_py() for name in names))


def read_observations(path: Path | str, metrics: Collection[str] | None = None) -> list[Observations]:
    """Read a file's observations, of every metric or of ``metrics``, sorted by metric, parameter and setting.

    Only the columns in use are decoded, and rows of other metrics are dropped batch by batch.

    Raises
    ------
    DataError
        When a value is NaN, an item does not occur exactly once in each trial, or a metric has rows both for
        items and for whole trials. The error names file, metric and, where there is one, item.
    """
    kept = [_only(batch, metrics) for batch in _batches(Path(path), COLUMNS)]
    kept = [batch for batch in kept if len(batch)]
    if not kept:
        return []
    table = pa.Table.from_batches(kept).unify_dictionaries().combine_chunks()
    metric, parameter, item = (_codes(table, name) for name in ("metric", "parameter", "item"))
    setting, trial, seed, value = (table[name].to_numpy() for name in ("setting", "trial", "seed", "value"))
    settings, place = np.unique(setting, return_inverse=True)
    keys = (metric[1] * len(parameter[0]) + parameter[1]) * len(settings) + place
    order = np.argsort(keys, kind="stable")
    found = []
    for part in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
        names = (metric[0][metric[1][part[0]]], parameter[0][parameter[1][part[0]]], float(setting[part[0]]))
        used, items = np.unique(item[1][part], return_inverse=True)
        found.append(
            _observations(Path(path), names, (item[0][used], items), trial[part], seed[part], value[part])
        )
    return sorted(found, key=lambda observed: (observed.metric, observed.parameter, observed.setting))


def drawn(observed: Observations, fixed_trials: bool) -> np.ndarray:
    """Observations over what a repetition would draw anew: trials and items, or items alone.

    Returns
    -------
    float64 array of shape (t, n), or (1, n), the mean over trials, where trials are fixed
    """
    return observed.matrix.mean(axis=0, keepdims=True) if fixed_trials else observed.matrix


def clustered(values: np.ndarray, items: Iterable[str], clusters: Clusters) -> np.ndarray:
    """Put one number in the place of the items of each cluster, so that a cluster counts once.

    The mean over clusters is that over items, and the variance between them is that of the sums over the
    items of a cluster of what they are above or below the mean. So the variance of the mean is the
    cluster-robust one (CR0) with the factor G / (G - 1) of G clusters, each in proportion to its size.

    Parameters
    ----------
    values : array of shape (..., n)
    items : their ids
    clusters : of ids; an item that has none is a cluster of its own

    Returns
    -------
    array of shape (..., clusters)
    """
    if not clusters:
        return values
    items = list(items)
    names = [("cluster", clusters[item]) if clusters.get(item) else ("item", item) for item in items]
    place = {name: column for column, name in enumerate(dict.fromkeys(names))}
    member = np.zeros((len(items), len(place)))
    member[np.arange(len(items)), [place[name] for name in names]] = len(place) / len(items)
    mean = values.mean(axis=-1, keepdims=True)
    return mean + (values - mean) @ member


def _batches(path: Path, columns: list[str], batch_size: int = 65_536) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(path, read_dictionary=STRINGS) as file:
            missing = [name for name in SCHEMA.names if name not in file.schema_arrow.names]
            if missing:
                raise DataError(
                    f"{path}: the column {missing[0]!r} is missing; is it a table that a protocol wrote?"
                )
            yield from file.iter_batches(batch_size, columns=columns)
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"{path}: is not a Parquet table, or is damaged ({str(error).splitlines()[0]})"
        ) from None


def _only(batch: pa.RecordBatch, metrics: Collection[str] | None) -> pa.RecordBatch:
    if metrics is None:
        return batch
    return batch.filter(pc.is_in(batch.column("metric").cast(pa.string()), pa.array(sorted(metrics))))


def _codes(table: pa.Table, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Sorted values of a column of strings, and the place of each row's value among them."""
    column = table[name].combine_chunks()
    column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    values, place = np.unique(np.asarray(column.dictionary.to_pylist(), dtype=object), return_inverse=True)
    return values, place[column.indices.to_numpy()]


def _observations(
    path: Path,
    names: tuple[str, str, float],
    items: tuple[np.ndarray, np.ndarray],
    trial: np.ndarray,
    seed: np.ndarray,
    value: np.ndarray,
) -> Observations:
    ids, column = items
    if np.isnan(value).any():
        raise DataError(f"{path}: {names[0]} is NaN for item {ids[column[np.isnan(value).argmax()]]!r}")
    trials, first, row = np.unique(trial, return_index=True, return_inverse=True)
    place = row * len(ids) + column
    counts = np.bincount(place, minlength=len(trials) * len(ids))
    if (counts != 1).any():
        odd = int((counts != 1).argmax())
        where = f"item {ids[odd % len(ids)]!r} in trial {trials[odd // len(ids)]}"
        raise DataError(
            f"{path}: {names[0]}: expected every item once in every trial, "
            f"but {where} occurs {counts[odd]} times"
        )
    if "" in ids and len(ids) > 1:
        raise DataError(f"{path}: {names[0]}: expected rows either for items or for whole trials, found both")
    matrix = np.empty(len(trials) * len(ids))
    matrix[place] = value
    known = ids if "" not in ids else ids[:0]
    return Observations(
        *names, items=known, trials=trials, seeds=seed[first], matrix=matrix.reshape(len(trials), len(ids))
    )


def agreeing(
    origins: list[Origin], metric: str, read: Callable[[Origin], list[Observations]]
) -> list[list[Observations]]:
    """Observations of all models at each setting, which agree in items and draws.

    Parameters
    ----------
    read : gives the observations of the metric in a file
    """
    reference = origins[0]
    first = read(reference)
    if not first:
        raise DataError(f"{reference.path}: has no rows of {metric}")
    columns = [first]
    for origin in origins[1:]:
        observed = read(origin)
        both = f"{reference.path} and {origin.path}: {metric}: expected the same"
        if origin.mode != reference.mode:
            raise DataError(f"{both} mode, but they are {reference.mode} and {origin.mode}")
        if [(c.parameter, c.setting) for c in observed] != [(c.parameter, c.setting) for c in first]:
            raise DataError(f"{both} settings in both")
        for ours, theirs in zip(first, observed, strict=True):
            if not np.array_equal(ours.items, theirs.items):
                raise DataError(f"{both} items in both")
            if not (np.array_equal(ours.trials, theirs.trials) and np.array_equal(ours.seeds, theirs.seeds)):
                raise DataError(f"{both} draws (trial and seed) in both")
        columns.append(observed)
    return [list(group) for group in zip(*columns, strict=True)]
