r"""Retrieval across styles: find the same concept among drawings of another style, without labels.

With unit features :math:`\hat x` of n concepts in the styles a and b, the query of concept i is right when

.. math:: i = \arg\max_j \langle \hat x_i^a, \hat x_j^b \rangle.

In each cell of seen and unseen concepts and styles (:mod:`wordsight.protocols.crossing`), a trial is an
ordered pair of styles: two seen ones, or a seen and an unseen one. Each pair occurs in both orders. The
galleries of all cells have the same number n of concepts, so that chance is 1 / n everywhere.
"""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from wordsight.catalogue.cells import CELLS, Cell
from wordsight.datasets.reading import Split
from wordsight.errors import DataError
from wordsight.files.feature_sets import Features
from wordsight.protocols.crossing import Crossing, cross
from wordsight.protocols.task import Task
from wordsight.seeds import derive_seed

SCORE_BYTES = 64 * 2**20  # of scores that are in memory at once

if TYPE_CHECKING:
    from wordsight.catalogue.protocols.record import NoParameters


def evaluate(
    task: Task, section: "NoParameters", *, train: Features, test: Features, splits: tuple[Split, Split]
) -> list[pa.Table]:
    """Look for every concept of a cell's gallery in another style.

    Parameters
    ----------
    task : what is measured; the rows have the name of a cell as their dataset
    section : empty
    train, test : features (n, d) of the two splits
    splits : the two splits, with the concepts and styles of their items

    Returns
    -------
    list of pyarrow.Table
        For each cell, the item-level metric ``recall_at_1`` (1 found, 0 not), in which an item is a concept,
        and once ``chance``.

    Raises
    ------
    DataError
        Splits or features that can't be crossed (:func:`wordsight.protocols.crossing.cross`), or fewer than
        two seen or unseen concepts.
    """
    where, rows = task.where, task.rows
    crossing = cross(splits, (train, test), where)
    galleries = draw_galleries(crossing, (task.seed, task.dataset), where)
    unit = crossing.unit_drawings(where)
    tables = []
    for name, cell in CELLS.items():
        gallery = galleries[cell.seen_concepts]
        observe = partial(rows, dataset=name, metric="recall_at_1", items=crossing.names(gallery))
        tables.append(rows(dataset=name, metric="chance", values=[1 / len(gallery)]))
        for trial, (queried, searched) in enumerate(_directions(crossing, cell)):
            found = most_similar(unit[queried][gallery], unit[searched][gallery])
            tables.append(observe(values=found == np.arange(len(gallery)), trial=trial))
    return tables


def _directions(crossing: Crossing, cell: Cell) -> list[tuple[str, str]]:
    """Styles of the query and of the gallery: every pair of a cell in both orders."""
    directions = crossing.directions(seen_style=cell.seen_style)
    if cell.seen_style:
        return directions
    return directions + [(unseen, seen) for seen, unseen in directions]


def draw_galleries(crossing: Crossing, stream: tuple[int, str], where: str) -> dict[bool, np.ndarray]:
    """Places of as many seen as unseen concepts: all of the smaller group, and a draw from the larger.

    Parameters
    ----------
    stream : seed and dataset; the draw depends on nothing else
    where : start of messages

    Raises
    ------
    DataError
        When there are fewer than two of one kind.
    """
    seed, dataset = stream
    kinds = {kind: np.flatnonzero(crossing.seen == kind) for kind in (True, False)}
    size = min(map(len, kinds.values()))
    if size < 2:
        raise DataError(
            f"{where}: expected at least 2 seen and 2 unseen concepts that are drawn in every style, "
            f"but there are {len(kinds[True])} and {len(kinds[False])}"
        )
    rng = np.random.default_rng(derive_seed(seed, "cross_style_retrieval", dataset, "gallery"))
    return {kind: np.sort(rng.permutation(places)[:size]) for kind, places in kinds.items()}


def most_similar(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Row (n,) of ``gallery`` (m, d) with the largest dot product to each of ``queries`` (n, d)."""
    block = max(1, SCORE_BYTES // (len(gallery) * gallery.itemsize))
    parts = [queries[start : start + block] for start in range(0, len(queries), block)]
    return np.concatenate([(part @ gallery.T).argmax(axis=1) for part in parts])
